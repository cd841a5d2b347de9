//! A source of configuration of a third party: documents that stand elsewhere than the instances do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callsheet::registry::{
    BoxFuture, Document, DocumentFeeds, DocumentWatch, Documents, Error, Expected, Handle,
    Instance, Lease, Override, Registry, Revision, Watch, check_document, conflict,
};
use callsheet::testing::{Cluster, Fault, registry::documents};
use callsheet::{Code, DocumentState, Origin};
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersServer};
use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::shop::shop;

/// What stands in the shelf, by name: the text, and how often it was written.
#[derive(Default)]
struct Shelf {
    texts: Mutex<BTreeMap<String, Document>>,
    written: Mutex<u64>,
    feeds: DocumentFeeds,
}

impl Shelf {
    fn change(
        &self,
        name: &str,
        text: Option<&str>,
        expected: &Expected,
    ) -> Result<Revision, Error> {
        check_document(ADDRESS, name, text.unwrap_or_default())?;
        let mut texts = self.texts.lock().unwrap();
        if !expected.admits(texts.get(name).map(|document| &document.revision)) {
            return Err(conflict(ADDRESS, name));
        }
        let mut written = self.written.lock().unwrap();
        *written += 1;
        let revision = Revision::new(written.to_string());
        match text {
            Some(text) => {
                let (text, revision) = (text.to_owned(), revision.clone());
                texts.insert(name.to_owned(), Document { text, revision });
            }
            None => drop(texts.remove(name)),
        }
        if let Some(feed) = self.feeds.of(name) {
            feed.publish(texts.get(name).cloned());
        }
        Ok(revision)
    }
}

impl Documents for Shelf {
    fn get(&self, name: &str) -> BoxFuture<'_, Result<Option<Document>, Error>> {
        let found = self.texts.lock().unwrap().get(name).cloned();
        Box::pin(async { Ok(found) })
    }

    fn put(
        &self,
        name: &str,
        text: &str,
        expected: Expected,
    ) -> BoxFuture<'_, Result<Revision, Error>> {
        let written = self.change(name, Some(text), &expected);
        Box::pin(async { written })
    }

    fn remove(&self, name: &str, expected: Expected) -> BoxFuture<'_, Result<(), Error>> {
        let removed = self.change(name, None, &expected).map(drop);
        Box::pin(async { removed })
    }

    fn names(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        let names = self.texts.lock().unwrap().keys().cloned().collect();
        Box::pin(async { Ok(names) })
    }

    fn watch(&self, name: &str) -> DocumentWatch {
        let texts = self.texts.lock().unwrap();
        let watch = self.feeds.watch(name);
        if let Some(feed) = self.feeds.of(name) {
            feed.publish(texts.get(name).cloned());
        }
        watch
    }
}

const ADDRESS: &str = "shelf:";

/// Instances from one place, documents from another.
#[derive(Clone)]
struct Beside {
    instances: Handle,
    shelf: Arc<Shelf>,
}

impl Registry for Beside {
    fn address(&self) -> &str {
        ADDRESS
    }

    fn register(&self, records: Vec<Instance>) -> Result<Lease, Error> {
        self.instances.register(records)
    }

    fn watch(&self, service: &str) -> Watch {
        self.instances.watch(service)
    }

    fn services(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        self.instances.services()
    }

    fn steer(&self, order: Override) -> BoxFuture<'_, Result<(), Error>> {
        self.instances.steer(order)
    }

    fn documents(&self) -> Option<&dyn Documents> {
        Some(&*self.shelf)
    }
}

fn beside() -> Handle {
    Handle::new(Beside {
        instances: Handle::new(callsheet::registry::Memory::new()),
        shelf: Arc::default(),
    })
}

#[tokio::test(start_paused = true)]
async fn documents_of_ones_own_keep_every_promise() {
    let registry = beside();
    documents::every_fact(&registry, &registry).await;
}

const SERVICE: &str = "shop.orders.Orders";

/// Writes a document, and waits for as long as it may take to be in force.
async fn write(documents: &dyn Documents, text: &str) {
    let written = documents.put(SERVICE, text, Expected::Any);
    written.await.unwrap();
    sleep(Duration::from_secs(1)).await;
}

/// Calls `report` once per 10 ms until it is told to stop, and gives how many calls there were. None may fail.
fn keep_calling(orders: &OrdersClient) -> (oneshot::Sender<()>, JoinHandle<usize>) {
    let orders = orders.clone();
    let (stop, mut stopped) = oneshot::channel();
    let calls = tokio::spawn(async move {
        for calls in 0.. {
            if !matches!(stopped.try_recv(), Err(TryRecvError::Empty)) {
                return calls;
            }
            orders.report().await.unwrap();
            sleep(Duration::from_millis(10)).await;
        }
        unreachable!("it counts for ever")
    });
    (stop, calls)
}

#[tokio::test(start_paused = true)]
async fn documents_of_ones_own_steer_clients_and_servers_that_run() {
    let registry = beside();
    let cluster = Cluster::new(|name| OrdersServer::new(shop(name)))
        .registry_of(&registry)
        .start(2)
        .await
        .unwrap();
    let client = cluster.client();
    let orders = OrdersClient::new(&client);
    let slow = Fault::latency(Duration::from_millis(200)).method("get");
    cluster.faults().add(slow);
    let documents = registry.documents().unwrap();
    let (stop, calls) = keep_calling(&orders);
    assert_eq!(orders.get(7).await.unwrap().id, 7);

    // The client: it waits for less long, and answers by itself in the end.
    write(
        documents,
        "[method.get]\ntimeout = '100ms'\nretry = { attempts = 0 }",
    )
    .await;
    let began = Instant::now();
    let error = orders.get(7).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded, "{error}");
    assert_eq!(began.elapsed(), Duration::from_millis(100));
    let fallback = r#"
        [method.get]
        timeout = '100ms'
        [method.get.fallback]
        reply = '{"id": "9", "customer": "nobody"}'
    "#;
    write(documents, fallback).await;
    let reply = orders.get(7).reply().await.unwrap();
    assert_eq!((reply.message.id, reply.origin), (9, Origin::Settings));

    // The servers: each serves one call at a time, and nobody waits for it.
    let limit = "[method.get]\nretry = { attempts = 0 }\nlimit = { calls = 1, queue_calls = 0 }";
    write(documents, limit).await;
    let calls_at_once: Vec<_> = (0..5).map(|id| orders.get(id).start()).collect();
    let mut turned_away = 0;
    for call in calls_at_once {
        turned_away += usize::from(
            call.await
                .is_err_and(|error| error.status().is_overloaded()),
        );
    }
    assert!(
        turned_away >= 3,
        "{turned_away}: two servers, one call each"
    );

    // What is no document changes nothing, and what is taken away is gone.
    write(documents, "[method.get]\ntimeout = 'soon'").await;
    let state = &client.documents()[0].1[1];
    assert_eq!((state.applied, state.refused), (3, 1), "{state:?}");
    documents.remove(SERVICE, Expected::Any).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let calls_at_once: Vec<_> = (0..5).map(|id| orders.get(id).start()).collect();
    for call in calls_at_once {
        call.await.unwrap();
    }

    stop.send(()).unwrap();
    let calls = calls.await.unwrap();
    assert!(calls > 400, "{calls} calls went well all the while");
}

#[tokio::test(start_paused = true)]
async fn documents_may_come_from_elsewhere_without_a_registry_around_them() {
    let shelf = beside();
    let elsewhere = shelf.clone();
    let cluster = Cluster::new(|name| OrdersServer::new(shop(name)))
        .configure(move |_, server| server.documents(&elsewhere))
        .start(1)
        .await
        .unwrap();
    let client = cluster.client_with(|builder| builder.documents(&shelf));
    let orders = OrdersClient::new(&client);
    assert_eq!(orders.get(7).await.unwrap().id, 7);
    let documents = shelf.documents().unwrap();
    write(
        documents,
        "[method.get]\nfallback = { mode = 'force', reply = '{\"id\": \"9\"}' }",
    )
    .await;
    assert_eq!(orders.get(7).await.unwrap().id, 9);
    let applied = |(service, [_, own]): &(&str, [DocumentState; 2])| {
        (*service == SERVICE).then_some(own.applied)
    };
    assert_eq!(client.documents().iter().find_map(applied), Some(1));
    let of_server = cluster.with(0, |running| running.unwrap().documents());
    assert_eq!(of_server.iter().find_map(applied), Some(1));
}
