//! What servers refuse before a handler sees it, and what the client learns of it.

use callsheet::codec::Json;
use callsheet::{Client, Code, Progress, Streaming};

use crate::rules::v1::{ShelvesClient, ShelvesServer};
use crate::rules::{Basket, Kind, Line};
use crate::shelf::{Shelf, basket, line, offer, registry, secret, served};

#[tokio::test(start_paused = true)]
async fn a_bad_request_is_told_by_field_and_reaches_no_handler() {
    let (shelf, shelves, server) = served().await;
    let bad = Basket {
        lines: vec![line("a"), line("b"), line("c"), line("")],
        count: 0,
        ..basket()
    };
    let error = shelves.check(Some(bad)).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert_eq!(
        error.message(),
        "the request breaks rules of its contract: basket.count: must lie in 1..=100, is 0; \
         basket.lines[3].sku: must have 1 to 4 characters, has 0"
    );
    let violations = error.violations().unwrap();
    let fields: Vec<_> = violations
        .iter()
        .map(|it| (it.field(), it.rule()))
        .collect();
    assert_eq!(
        fields,
        [("basket.count", "range"), ("basket.lines[3].sku", "len")]
    );
    assert_eq!(
        &*error.status().detail().unwrap().type_name,
        "google.rpc.BadRequest"
    );
    // Another instance would say the same.
    assert_eq!(error.status().progress(), Progress::MaybeRun);
    assert_eq!(error.status().attempts(), 1);
    assert_eq!(shelf.taken(), 0);

    shelves.check(Some(basket())).await.unwrap();
    shelves.check(None).await.unwrap();
    assert_eq!(shelf.taken(), 2);
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn argument_lists_have_rules() {
    let (shelf, shelves, server) = served().await;
    let error = shelves
        .find("name".into(), "12345".into(), 0)
        .await
        .unwrap_err();
    let violations = error.violations().unwrap();
    assert_eq!(
        violations.to_string(),
        "name: must have 1 to 3 characters, has 4; pin: must have exactly 4 characters; \
         kind: must be one of RETAIL, WHOLESALE, is 0"
    );
    assert_eq!(shelf.taken(), 0);
    shelves
        .find("a".into(), "1234".into(), Kind::Retail)
        .await
        .unwrap();
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn each_request_of_a_stream_is_validated() {
    let (shelf, shelves, server) = served().await;
    let error = shelves
        .pour([line("a"), line(""), line("b")])
        .await
        .unwrap_err();
    assert_eq!(
        error.violations().unwrap().to_string(),
        "sku: must have 1 to 4 characters, has 0"
    );
    assert_eq!(shelf.taken(), 1);

    let (sender, requests) = Streaming::channel(1);
    let mut replies = shelves.mix(requests).await.unwrap();
    sender.send(line("a")).await.unwrap();
    assert_eq!(replies.next().await.unwrap().unwrap(), line("a"));
    sender.send(line("12345")).await.unwrap();
    let error = replies.next().await.unwrap().unwrap_err();
    assert_eq!(
        error.violations().unwrap().iter().next().unwrap().field(),
        "sku"
    );
    assert!(replies.next().await.is_none());
    assert_eq!(shelf.taken(), 2);
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn server_streams_and_methods_without_reply_validate_too() {
    let (shelf, shelves, server) = served().await;
    let Err(error) = shelves.list(line("")).await else {
        panic!("nothing is to be listed");
    };
    assert!(error.violations().is_some() && error.typed().is_none());
    let error = shelves.forget(line("")).await.unwrap_err();
    assert!(error.violations().is_some() && error.typed().is_none());
    assert_eq!(shelf.taken(), 0);
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_bad_one_way_request_is_dropped_without_a_word() {
    let (shelf, shelves, server) = served().await;
    shelves.note(line("")).await.unwrap();
    shelves.note(line("a")).await.unwrap();
    shelf.begun(1).await;
    assert_eq!(shelf.taken(), 1);
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn rules_hold_in_every_codec() {
    let registry = registry().await;
    let server = offer(&registry, ShelvesServer::new(Shelf::new())).await;
    let client = Client::builder().registry(&registry).codec(&Json).build();
    let shelves = ShelvesClient::new(&client);
    let error = shelves.check(Some(Basket::default())).await.unwrap_err();
    assert_eq!(error.violations().unwrap().iter().count(), 11);
    shelves.check(Some(basket())).await.unwrap();
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_hostile_request_makes_a_small_status() {
    let (_, shelves, server) = served().await;
    let bad = Basket {
        lines: (0..100_000).map(|at| line(&format!("kind {at}"))).collect(),
        ..basket()
    };
    let error = shelves.check(Some(bad)).await.unwrap_err();
    let violations = error.violations().unwrap();
    assert_eq!(
        violations.iter().count() as u64 + violations.omitted(),
        100_000
    );
    assert!(
        error.message().len() < 4 * 1024,
        "{}",
        error.message().len()
    );
    assert!(error.message().ends_with("are told)"), "{error}");
    assert!(error.status().detail().unwrap().value.len() < 5 * 1024);
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_first_gets_the_same_answer() {
    use callsheet::{Error, Validate as _};

    fn asked(request: &Line) -> Result<(), Error> {
        request.validate()?;
        Ok(())
    }
    let (_, shelves, server) = served().await;
    let here = asked(&line("")).unwrap_err();
    let Err(there) = shelves.list(line("")).await else {
        panic!("nothing is to be listed");
    };
    assert_eq!(here.violations(), there.violations());
    assert_eq!(here.message(), there.message());
    shelves.put(secret()).await.unwrap();
    server.shutdown().await;
}
