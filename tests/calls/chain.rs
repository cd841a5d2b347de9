//! What a call inherits on its way through several processes.

use callsheet_tests::rpc::shop::orders::{Item, PlaceOrder};

use crate::keeper::{Keeper, orders};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

#[tokio::test]
async fn deadline_trace_and_baggage_reach_the_third_process() {
    let (_last, behind) = Keeper::serve("last").await;
    let mut middle = Keeper::start(&["serve", "middle", "none", "127.0.0.1:0", &behind]);
    let middle_registry = format!("static:{}", middle.address().await);
    let mut front = Keeper::start(&["serve", "front", "none", "127.0.0.1:0", &middle_registry]);
    let registry = format!("static:{}", front.address().await);

    let wish = PlaceOrder {
        customer: "ada".into(),
        items: vec![Item {
            sku: "kettle".into(),
            amount: 1,
            ..Item::default()
        }],
    };
    let order = orders(&registry)
        .await
        .place(wish)
        .timeout(std::time::Duration::from_secs(40))
        .metadata("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01"))
        .metadata("baggage", "tenant=blue")
        .await
        .unwrap();
    assert_eq!(order.customer, "last");
    assert_eq!(order.labels["trace"], TRACE);
    assert_eq!(order.labels["baggage"], "tenant=blue");
    let left: u64 = order.labels["left"].parse().unwrap();
    // Each process lets its own call run without a limit; the contract's would be 800 ms.
    assert!(left > 800 && left < 40_000, "{left} ms");
}
