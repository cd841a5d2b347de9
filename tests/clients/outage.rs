//! Registries that are down, forgetful or slow: what it costs the calls of a client that starts meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use callsheet::registry::{
    BoxFuture, Error, ErrorKind, Feeds, Freshness, Handle, Instance, Lease, Listing, Registry,
    Watch,
};
use callsheet::{Client, Code};
use callsheet_tests::rpc::shop::orders::v1::OrdersClient;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::shop::{Shop, registry, serve};

const SERVICE: &str = "shop.orders.Orders";

/// A registry that says what the test wants.
#[derive(Clone, Default)]
struct Told(Arc<Feeds>);

impl Told {
    fn says(&self, instances: Vec<Arc<Instance>>) {
        let mut listing = Listing::default();
        listing.instances = instances;
        self.0.of(SERVICE).unwrap().publish(listing);
    }

    fn fails(&self) {
        let error = Error::new(ErrorKind::Unavailable, self.address(), "connection refused");
        self.0.of(SERVICE).unwrap().fail(error);
    }

    /// A client whose views are saved in `folder`, and what it has to say.
    fn client(&self, folder: &Path) -> (Client, mpsc::UnboundedReceiver<String>) {
        let (notices, told) = mpsc::unbounded_channel();
        let client = Client::builder()
            .registry(&Handle::new(self.clone()))
            .snapshots(folder.join("views"))
            .on_notice(move |notice| drop(notices.send(notice.to_string())))
            .build();
        (client, told)
    }

    /// A client that has heard of `instances` and saved them.
    async fn has_saved(instances: Vec<Arc<Instance>>, folder: &Path) {
        let told = Self::default();
        let (client, _) = told.client(folder);
        client.watch(SERVICE);
        told.says(instances);
        while !folder.join("views/shop.orders.Orders.json").exists() {
            sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Registry for Told {
    fn address(&self) -> &'static str {
        "told:"
    }

    fn register(&self, _: Vec<Instance>) -> Result<Lease, Error> {
        let kind = ErrorKind::Unsupported;
        Err(Error::new(kind, self.address(), "the test speaks for it"))
    }

    fn watch(&self, service: &str) -> Watch {
        self.0.watch(service)
    }

    fn services(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// What another registry lists.
async fn instances_of(registry: &Handle) -> Vec<Arc<Instance>> {
    let answered = registry.watch(SERVICE).answered().await;
    answered.instances().to_vec()
}

#[tokio::test(start_paused = true)]
async fn a_client_that_starts_while_its_registry_is_down_calls_by_what_was_saved() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = registry().await;
    let server = serve(&elsewhere, &Shop::new("a").0).await;
    let mut known = instances_of(&elsewhere).await;
    let mut dead = Instance::new("dead", SERVICE);
    dead.addresses = vec!["memory:nobody-listens-here".into()];
    known.push(Arc::new(dead));
    Told::has_saved(known.clone(), folder.path()).await;

    for silent in [true, false] {
        let told = Told::default();
        let (client, mut notices) = told.client(folder.path());
        let orders = OrdersClient::new(&client);
        if !silent {
            told.fails();
        }
        let started = Instant::now();
        for _ in 0..20 {
            orders.report().await.unwrap();
        }
        assert!(started.elapsed() < Duration::from_secs(1));
        let view = client.watch(SERVICE).borrow();
        assert!(matches!(view.freshness(), Freshness::Stored(error) if error.is_some() != silent));
        assert_eq!(
            notices.recv().await.unwrap(),
            "the registry does not answer: the 2 instances of shop.orders.Orders that were saved are used"
        );

        // It comes back without its data, then with it.
        told.says(Vec::new());
        let mut watch = client.watch(SERVICE);
        let kept = watch
            .seen(|now| now.unlisted().len() == 1 && now.instances().len() == 1)
            .await;
        assert!(matches!(kept.freshness(), Freshness::Current));
        orders.report().await.unwrap();
        told.says(known[..1].to_vec());
        watch.seen(|now| now.unlisted().is_empty()).await;
        orders.report().await.unwrap();
    }
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_saved_is_not_asked_for_where_the_registry_answers() {
    let folder = tempfile::tempdir().unwrap();
    let (elsewhere, here) = (registry().await, registry().await);
    let old = serve(&elsewhere, &Shop::new("old").0).await;
    let new = serve(&here, &Shop::new("new").0).await;
    Told::has_saved(instances_of(&elsewhere).await, folder.path()).await;
    let told = Told::default();
    let (client, _) = told.client(folder.path());
    let orders = OrdersClient::new(&client);
    told.says(instances_of(&here).await);
    for _ in 0..20 {
        assert_eq!(orders.report().await.unwrap().servers, ["new"]);
    }
    old.shutdown().await;
    new.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_spoilt_file_is_told_of_and_harms_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("views/shop.orders.Orders.json");
    let elsewhere = registry().await;
    let server = serve(&elsewhere, &Shop::new("a").0).await;
    Told::has_saved(instances_of(&elsewhere).await, folder.path()).await;
    let text = std::fs::read(&path).unwrap();
    std::fs::write(&path, &text[..text.len() / 2]).unwrap();

    let told = Told::default();
    let (client, mut notices) = told.client(folder.path());
    let orders = OrdersClient::new(&client);
    told.fails();
    let error = orders.report().await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    let notice = notices.recv().await.unwrap();
    assert!(
        notice.contains("shop.orders.Orders.json: no saved view: EOF"),
        "{notice}"
    );
    told.says(instances_of(&elsewhere).await);
    let mut view = client.watch(SERVICE);
    view.seen(|now| !now.instances().is_empty()).await;
    orders.report().await.unwrap();
    server.shutdown().await;
}
