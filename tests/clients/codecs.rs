//! The same contract in other encodings: JSON, and one that the test brings along.

use bytes::Bytes;
use callsheet::codec::{Codec, CodecError, Json, Shape};
use callsheet::{Client, Code, Progress, Rope, Server};
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersGetError, OrdersServer};
use callsheet_tests::rpc::shop::orders::{Order, WatchOrders};

use crate::shop::{Shop, order, registry, serve, wish};

/// Every byte turned round.
struct Inverted;

impl Codec for Inverted {
    fn name(&self) -> &'static str {
        "inverted"
    }

    fn encode(&self, _: Shape, protobuf: Rope) -> Result<Rope, CodecError> {
        let bytes = protobuf.into_bytes();
        Ok(bytes.iter().map(|byte| !byte).collect::<Bytes>().into())
    }

    fn decode(&self, _: Shape, body: Bytes) -> Result<Bytes, CodecError> {
        Ok(body.iter().map(|byte| !byte).collect())
    }
}

fn client(registry: &callsheet::registry::Handle, codec: &'static dyn Codec) -> OrdersClient {
    OrdersClient::new(&Client::builder().registry(registry).codec(codec).build())
}

async fn everything_works(orders: &OrdersClient) {
    let wish = wish("ada \u{1f980}", 1);
    let placed = orders.place(wish).metadata("tenant", "blue").await.unwrap();
    assert_eq!(placed.customer, "ada \u{1f980}");
    assert_eq!(placed.note.as_deref(), Some("blue"));
    assert_eq!(orders.get(u64::MAX).await.unwrap().id, u64::MAX);
    let error = orders.get(404).await.unwrap_err();
    assert!(
        matches!(error.typed(), Some(OrdersGetError::OrderNotFound(missing)) if missing.id == 404)
    );
    let watch = WatchOrders {
        limit: 3,
        ..WatchOrders::default()
    };
    let events = orders.watch(watch).await.unwrap().collect().await.unwrap();
    assert_eq!(events.len(), 3);
    let order = Order {
        token: vec![0, 255].into(),
        ..order(5)
    };
    let summary = orders.upload(vec![order; 4]).await.unwrap();
    assert_eq!((summary.orders, summary.items), (4, 20));
}

#[tokio::test(start_paused = true)]
async fn all_kinds_of_calls_work_in_json() {
    let registry = registry().await;
    let server = serve(&registry, &Shop::new("a").0).await;
    everything_works(&client(&registry, &Json)).await;
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_codec_of_one_s_own_serves_whoever_asks_for_it() {
    let registry = registry().await;
    let server = Server::bind("memory:clients-codec")
        .add(OrdersServer::new(Shop::new("a").0))
        .codec(&Inverted)
        .register(&registry)
        .start()
        .await
        .unwrap();
    everything_works(&client(&registry, &Inverted)).await;
    everything_works(&client(&registry, &Json)).await;
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_codec_that_the_server_lacks_fails_with_those_it_has() {
    let registry = registry().await;
    let server = serve(&registry, &Shop::new("a").0).await;
    let error = client(&registry, &Inverted).get(7).await.unwrap_err();
    assert_eq!(error.code(), Code::Unimplemented);
    assert_eq!(error.status().progress(), Progress::NotStarted);
    assert_eq!(
        error.message(),
        "no codec `inverted` here; there is protobuf, json"
    );
    server.shutdown().await;
}
