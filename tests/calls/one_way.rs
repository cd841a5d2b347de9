//! Calls whose caller may be gone before they are handled.

use crate::keeper::{Keeper, orders};

#[tokio::test]
async fn a_process_that_sends_one_and_ends_has_sent_it() {
    let (mut server, registry) = Keeper::serve("a").await;
    for actor in ["ada", "grace"] {
        let mut caller = Keeper::start(&["audit", &registry, actor]);
        caller.ends().await;
        server.line_with("audit begins").await;
        orders(&registry).await.report().await.unwrap();
        server.line_with(&format!("audited {actor}")).await;
    }
}
