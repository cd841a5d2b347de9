//! Consumers that are slower than their producers.

use callsheet_tests::rpc::shop::orders::{Note, WatchOrders};

use crate::keeper::{Keeper, orders};

const MIB: usize = 1 << 20;

#[tokio::test]
async fn a_gibibyte_that_nobody_reads_stays_with_its_producer_and_holds_up_nobody() {
    let (server, registry) = Keeper::serve("a").await;
    let orders = orders(&registry).await;
    orders.get(1).await.unwrap();
    let before = server.memory();
    let wish = Note {
        text: format!("1024 {MIB}"),
    };
    let mut notes = orders.chat([wish]).await.unwrap();
    notes.next().await.unwrap().unwrap();
    for id in 1..1_000 {
        assert_eq!(orders.get(id).await.unwrap().id, id);
        let grown = server.memory().saturating_sub(before);
        assert!(grown < 32 * MIB, "{grown} bytes more");
    }
    let mut read = 1;
    while let Some(note) = notes.next().await {
        assert_eq!(note.unwrap().text.len(), MIB);
        read += 1;
    }
    assert_eq!(read, 1024);
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 32 * MIB, "{grown} bytes more");
}

#[tokio::test]
async fn endless_streams_that_nobody_reads_cost_a_server_little_and_end_with_their_client() {
    let (mut server, registry) = Keeper::serve("a").await;
    let orders = orders(&registry).await;
    let before = server.memory();
    let mut streams = Vec::new();
    for _ in 0..100 {
        streams.push(orders.watch(WatchOrders::default()).await.unwrap());
    }
    for id in 1..1_000 {
        assert_eq!(orders.get(id).await.unwrap().id, id);
    }
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 64 * MIB, "{grown} bytes more");
    assert_eq!(streams[0].next().await.unwrap().unwrap().order, 0);
    drop(streams);
    for _ in 0..100 {
        server.line_with("watch ends").await;
    }
}
