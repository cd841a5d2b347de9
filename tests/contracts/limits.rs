//! `@limit`: how many calls of a method a server runs at once.

use callsheet::{Call, Code, Error, Progress};

use crate::rules::Free;
use crate::rules::v1::ShelvesServer;
use crate::shelf::{Shelf, client, offer, registry, served};

fn free(text: &str) -> Free {
    Free { text: text.into() }
}

/// The error of a call that no instance has room for. The client asks each instance more than once.
async fn refused<T>(call: Call<T>) -> Error {
    match call.await {
        Ok(_) => panic!("there is no room"),
        Err(error) => error,
    }
}

#[tokio::test(start_paused = true)]
async fn one_call_too_many_is_refused_and_the_next_one_runs() {
    let (shelf, shelves, server) = served().await;
    let first = shelves.slow(free("1")).start();
    let second = shelves.slow(free("2")).start();
    shelf.begun(2).await;
    let error = refused(shelves.slow(free("3"))).await;
    assert_eq!(error.code(), Code::ResourceExhausted);
    let told = error.message();
    let limit = "rules.v1.Shelves/slow has 2 calls running here, which is its limit";
    assert!(told.starts_with(limit), "{told}");
    assert!(told.ends_with("(see limit.calls)"), "{told}");
    assert_eq!(error.status().progress(), Progress::NotStarted);
    assert!(error.status().is_overloaded());
    // Other methods have room.
    shelves.kinds(0).await.unwrap();

    shelf.gate.add_permits(1);
    let third = shelves.slow(free("4"));
    shelf.gate.add_permits(2);
    assert_eq!(first.await.unwrap().text, "1");
    assert_eq!(third.await.unwrap().text, "4");
    assert_eq!(second.await.unwrap().text, "2");
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_cancelled_or_panic_make_room() {
    let (shelf, shelves, server) = served().await;
    for _ in 0..3 {
        let panics = shelves.slow(free("panic")).start();
        shelf.begun(1).await;
        let dropped = shelves.slow(free("")).start();
        shelf.begun(1).await;
        drop(dropped);
        shelf.gate.add_permits(1);
        assert_eq!(panics.await.unwrap_err().code(), Code::Internal);
    }
    shelf.gate.add_permits(1);
    assert_eq!(shelves.slow(free("last")).await.unwrap().text, "last");
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_counts_until_its_last_message() {
    let (shelf, shelves, server) = served().await;
    let mut replies = shelves.drip(free("drop")).await.unwrap();
    shelf.begun(1).await;
    let error = refused(shelves.drip(free(""))).await;
    assert_eq!(error.code(), Code::ResourceExhausted);
    shelf.gate.add_permits(1);
    assert_eq!(replies.next().await.unwrap().unwrap().text, "drop");
    assert!(replies.next().await.is_none());

    let abandoned = shelves.drip(free("")).await.unwrap();
    shelf.begun(1).await;
    drop(abandoned);
    shelf.gate.add_permits(2);
    let replies = shelves.drip(free("again")).await.unwrap();
    assert_eq!(replies.collect().await.unwrap(), [free("again")]);
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_one_way_call_too_many_is_dropped() {
    let (shelf, shelves, server) = served().await;
    shelves.drop_by(free("")).await.unwrap();
    shelf.begun(1).await;
    shelves.drop_by(free("")).await.unwrap();
    // Behind it on the same connection.
    shelves.kinds(0).await.unwrap();
    assert_eq!(shelf.taken(), 1);
    shelf.gate.add_permits(1);
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_moves_on_to_an_instance_with_room() {
    let registry = registry().await;
    let (one, other) = (Shelf::new(), Shelf::new());
    let servers = [
        offer(&registry, ShelvesServer::new(one.clone())).await,
        offer(&registry, ShelvesServer::new(other.clone())).await,
    ];
    let shelves = client(&registry);
    let calls: Vec<_> = (0..4).map(|_| shelves.slow(free("")).start()).collect();
    one.begun(2).await;
    other.begun(2).await;
    let error = refused(shelves.slow(free(""))).await;
    assert_eq!(error.code(), Code::ResourceExhausted);
    one.gate.add_permits(2);
    other.gate.add_permits(2);
    for call in calls {
        call.await.unwrap();
    }
    for server in servers {
        server.shutdown().await;
    }
}
