//! Errors of the contract: on streams, without replies, by type.

use callsheet::{Code, Streaming};

use crate::rules::refused;
use crate::rules::v1::{ShelvesForgetError, ShelvesListError, ShelvesMixError};
use crate::shelf::{line, served};

#[tokio::test(start_paused = true)]
async fn a_method_without_reply_throws() {
    let (_, shelves, server) = served().await;
    let error = shelves.forget(line("full")).await.unwrap_err();
    let Some(ShelvesForgetError::Refused(thrown)) = error.typed() else {
        panic!("{error}");
    };
    assert_eq!(
        (&*thrown.why, thrown.kind()),
        ("never", refused::Kind::Full)
    );
    let detail = error.status().detail().unwrap();
    assert_eq!(&*detail.type_name, "rules.Refused");
    let error = shelves.forget(line("shut")).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(matches!(error.typed(), Some(ShelvesForgetError::Closed(it)) if it.until == "noon"));
    shelves.forget(line("a")).await.unwrap();
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_throws_before_its_first_message_and_behind_its_last() {
    let (_, shelves, server) = served().await;
    let Err(error) = shelves.list(line("full")).await else {
        panic!("nothing is to be listed");
    };
    assert!(matches!(error.typed(), Some(ShelvesListError::Refused(it)) if it.pin == "sesame"));

    for (sku, code) in [
        ("full", Code::FailedPrecondition),
        ("shut", Code::Unavailable),
    ] {
        let (sender, requests) = Streaming::channel(2);
        sender.send(line(sku)).await.unwrap();
        let mut replies = shelves.mix(requests).await.unwrap();
        assert_eq!(replies.next().await.unwrap().unwrap(), line(sku));
        let error = replies.next().await.unwrap().unwrap_err();
        assert_eq!(error.code(), code);
        let refused = matches!(error.typed(), Some(ShelvesMixError::Refused(_)));
        let closed = matches!(error.typed(), Some(ShelvesMixError::Closed(_)));
        assert_eq!((refused, closed), (sku == "full", sku == "shut"));
        assert!(replies.next().await.is_none());
    }
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_of_another_method_sees_the_status() {
    let (_, shelves, server) = served().await;
    let error = shelves.forget(line("shut")).await.unwrap_err();
    // `list` throws no `Closed`.
    let cast = error.cast::<ShelvesListError>();
    assert!(cast.typed().is_none());
    assert_eq!(cast.code(), Code::Unavailable);
    assert!(matches!(
        cast.cast().typed(),
        Some(ShelvesForgetError::Closed(_))
    ));
    server.shutdown().await;
}
