//! A source of configuration of a third party: documents that stand elsewhere than the instances do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use callsheet::registry::{
    BoxFuture, Document, DocumentFeeds, DocumentWatch, Documents, Error, Expected, Handle,
    Instance, Lease, Override, Registry, Revision, Watch, check_document, conflict,
};
use callsheet::testing::{Cluster, registry::documents};
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersServer};

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

#[tokio::test]
async fn documents_of_ones_own_keep_every_promise() {
    let registry = beside();
    documents::every_fact(&registry, &registry).await;
}

#[tokio::test(start_paused = true)]
async fn calls_find_their_servers_in_a_registry_that_has_documents_from_elsewhere() {
    let cluster = Cluster::new(|name| OrdersServer::new(shop(name)))
        .registry_of(&beside())
        .start(2)
        .await
        .unwrap();
    let documents = cluster.registry().documents().unwrap();
    let put = documents.put("shop.orders.Orders", "", Expected::Absent);
    put.await.unwrap();
    let orders = OrdersClient::new(&cluster.client());
    assert_eq!(orders.get(7).await.unwrap().id, 7);
}
