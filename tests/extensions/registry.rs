//! A registry of a third party: a store of keys, each of which runs out unless it is written again, as many a system offers it
//! over a network; and what makes a registry of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use callsheet::registry::{
    BoxFuture, Entry, Error, ErrorKind, Feeds, Freshness, Handle, Instance, InvalidRecord, Lease,
    Listing, Override, Registrar, Registry, Snapshot, Terms, Tombstone, Watch, override_key,
};
use callsheet::testing::{Cluster, registry::conformance};
use callsheet::{Client, Server};
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersServer};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::shop::shop;

/// How long a record stands that nobody renews.
const RECORD: Duration = Duration::from_secs(3);

/// How long a tombstone stands: until every watcher has seen it.
const TOMBSTONE: Duration = Duration::from_secs(60);

/// How late a watcher may learn that time has run out for somebody.
const LOOK: Duration = Duration::from_millis(250);

/// By service and key within it: the JSON, and until when it stands; for ever without a time.
type Entries = BTreeMap<(String, String), (Vec<u8>, Option<Instant>)>;

/// The store. It knows of keys and time, and nothing of instances.
#[derive(Default)]
struct Store {
    entries: Mutex<Entries>,
    /// Somebody has pulled the plug.
    away: AtomicBool,
    changes: watch::Sender<()>,
}

impl Store {
    /// Looks at what stands there, and may change it, in one step.
    fn with<T>(&self, look: impl FnOnce(&mut Entries) -> T) -> Result<T, Error> {
        if self.away.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Unavailable, ADDRESS, "it is away"));
        }
        let now = Instant::now();
        let mut entries = self.entries.lock().unwrap();
        entries.retain(|_, (_, until)| until.is_none_or(|until| now < until));
        Ok(look(&mut entries))
    }

    /// Changes what stands there, and wakes who watches.
    fn change(&self, change: impl FnOnce(&mut Entries)) -> Result<(), Error> {
        self.with(change)?;
        self.changes.send_replace(());
        Ok(())
    }

    fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
        self.changes.send_replace(());
    }
}

const ADDRESS: &str = "store:";

/// The registry that is made of the store: what a crate of a third party has.
struct Stored {
    store: Arc<Store>,
    feeds: Arc<Feeds>,
}

impl Stored {
    /// Opens it. A task keeps all its views, and ends with it.
    fn open(store: &Arc<Store>) -> Handle {
        let feeds = Arc::new(Feeds::default());
        tokio::spawn({
            let (store, feeds) = (Arc::clone(store), Arc::downgrade(&feeds));
            let mut changes = store.changes.subscribe();
            async move {
                while let Some(feeds) = feeds.upgrade() {
                    for (service, feed) in feeds.watched() {
                        match store.with(|entries| listing(entries, &service)) {
                            Ok(listing) => feed.publish(listing),
                            Err(error) => feed.fail(error),
                        }
                    }
                    drop(feeds);
                    // A word, or the time after which somebody may have run out.
                    drop(timeout(LOOK, changes.changed()).await);
                }
            }
        });
        let store = Arc::clone(store);
        Handle::new(Self { store, feeds })
    }
}

/// All that is said of a service. Whoever wrote it: `read` checks it, and counts what it cannot believe.
fn listing(entries: &Entries, service: &str) -> Listing {
    let mut listing = Listing::default();
    for ((of, key), (json, _)) in entries {
        if of == service {
            listing.read(service, key, json);
        }
    }
    listing
}

/// An entry as it stands in the store.
fn written(entry: &Entry) -> Result<((String, String), Vec<u8>), Error> {
    let refused = |error: InvalidRecord| Error::new(ErrorKind::Record, ADDRESS, error.to_string());
    let json = entry.to_json().map_err(refused)?;
    Ok(((entry.service().to_owned(), entry.key()), json))
}

impl Registry for Stored {
    fn address(&self) -> &str {
        ADDRESS
    }

    fn register(&self, records: Vec<Instance>) -> Result<Lease, Error> {
        let registrar = Registration(Arc::clone(&self.store));
        let terms = Terms {
            period: RECORD / 3,
            seed: records.len() as u64,
        };
        Lease::keep(ADDRESS, registrar, records, terms)
    }

    fn watch(&self, service: &str) -> Watch {
        let watch = self.feeds.watch(service);
        // The task is to look at once.
        self.store.changes.send_replace(());
        watch
    }

    fn services(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        let services = self.store.with(|entries| {
            let mut services: Vec<_> = entries.keys().map(|(of, _)| of.clone()).collect();
            services.dedup();
            services.retain(|service| !listing(entries, service).instances.is_empty());
            services
        });
        Box::pin(async { services })
    }

    fn steer(&self, order: Override) -> BoxFuture<'_, Result<(), Error>> {
        let empty = order.is_empty();
        let done = written(&Entry::Override(order)).and_then(|(key, json)| {
            self.store.change(|entries| {
                if empty {
                    entries.remove(&key);
                } else {
                    entries.insert(key, (json, None));
                }
                // Those whose instance is gone go, too.
                let there: BTreeSet<_> = entries.keys().cloned().collect();
                entries.retain(|(service, key), _| {
                    let of = key.strip_suffix('~').unwrap_or(key);
                    there.contains(&(service.clone(), of.to_owned()))
                });
            })
        });
        Box::pin(async { done })
    }
}

/// What `Lease::keep` is told about this kind of registry. When to do what, and what to do after a failure, it knows itself.
struct Registration(Arc<Store>);

impl Registrar for Registration {
    async fn publish(&mut self, records: &[Instance]) -> Result<(), Error> {
        let entries = records.iter().cloned().map(Entry::Listed);
        let written: Vec<_> = entries
            .map(|entry| written(&entry))
            .collect::<Result<_, _>>()?;
        let until = Some(Instant::now() + RECORD);
        self.0.change(|entries| {
            for (key, json) in written {
                entries.insert(key, (json, until));
            }
        })
    }

    /// Writing it again puts right whatever somebody else did to it, so there is nothing left for an audit.
    async fn renew(&mut self, records: &[Instance]) -> Result<(), Error> {
        self.publish(records).await
    }

    async fn withdraw(&mut self, records: &[Instance]) -> Result<(), Error> {
        let now = unix_ms();
        let left = records.iter().map(|gone| {
            let tombstone = Tombstone::new(&gone.id, &gone.service, now);
            written(&Entry::Left(tombstone))
        });
        let left: Vec<_> = left.collect::<Result<_, _>>()?;
        let until = Some(Instant::now() + TOMBSTONE);
        self.0.change(|entries| {
            for ((service, id), json) in left {
                entries.remove(&(service.clone(), override_key(&id)));
                entries.insert((service, id), (json, until));
            }
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it is shown to people, and nothing is decided by it"
)]
fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

const SERVICE: &str = "shop.orders.Orders";

/// Who answers some calls.
async fn answering(orders: &OrdersClient) -> BTreeSet<String> {
    let mut servers = BTreeSet::new();
    for _ in 0..40 {
        servers.extend(orders.report().await.unwrap().servers);
    }
    servers
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[tokio::test]
async fn a_registry_of_ones_own_keeps_every_promise() {
    let store = Arc::<Store>::default();
    conformance(move || {
        let handle = Stored::open(&store);
        async { handle }
    })
    .await;
}

#[tokio::test]
async fn servers_are_found_change_their_weight_are_drained_and_leave() {
    let store = Arc::<Store>::default();
    let registry = Stored::open(&store);
    let start = async |name: &str| {
        let server = Server::bind("127.0.0.1:0")
            .add(OrdersServer::new(shop(name)))
            .tag("name", name)
            .register(&registry)
            .start()
            .await
            .unwrap();
        server.listed().await;
        server
    };
    let (ada, bob) = (start("ada").await, start("bob").await);

    // As another process would.
    let client = Client::builder().registry(&Stored::open(&store)).build();
    let orders = OrdersClient::new(&client);
    let mut view = client.watch(SERVICE);
    let both = view.seen(|now| now.instances().len() == 2).await;
    assert_eq!(answering(&orders).await, set(["ada", "bob"]));

    ada.update(|record| record.weight = 0).unwrap();
    let idle = |now: &Snapshot| now.instances().iter().any(|one| one.weight == 0);
    view.seen(idle).await;
    assert_eq!(answering(&orders).await, set(["bob"]));

    let [bobs] = &both
        .instances()
        .iter()
        .filter(|one| one.tags["name"] == "bob")
        .collect::<Vec<_>>()[..]
    else {
        panic!("{both:?}")
    };
    let mut order = Override::new(&bobs.id, SERVICE);
    order.drain = true;
    registry.steer(order).await.unwrap();
    view.seen(|now| now.drained().len() == 1).await;
    assert_eq!(answering(&orders).await, set(["ada"]));
    registry
        .steer(Override::new(&bobs.id, SERVICE))
        .await
        .unwrap();
    view.seen(|now| now.drained().is_empty()).await;
    assert_eq!(answering(&orders).await, set(["bob"]));

    bob.shutdown().await;
    let left = view.seen(|now| now.has_left(&bobs.id)).await;
    assert_eq!(left.instances().len(), 1);
    assert_eq!(answering(&orders).await, set(["ada"]));
    ada.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn who_dies_runs_out_and_while_the_registry_is_away_no_call_is_lost() {
    let store = Arc::<Store>::default();
    let registry = Stored::open(&store);
    let cluster = Cluster::new(|name| OrdersServer::new(shop(name)))
        .registry_of(&registry)
        .start(3)
        .await
        .unwrap();
    let client = cluster.client();
    let orders = OrdersClient::new(&client);
    let mut view = client.watch(SERVICE);
    let all = view.seen(|now| now.instances().len() == 3).await;
    assert_eq!(answering(&orders).await, set(["0", "1", "2"]));

    cluster.kill(0);
    assert_eq!(answering(&orders).await, set(["1", "2"]));
    let killed = Instant::now();
    let gone = view.seen(|now| now.instances().len() == 2).await;
    assert!(killed.elapsed() <= RECORD + LOOK, "{:?}", killed.elapsed());
    let changes = gone.changes_since(&all);
    assert_eq!(
        (changes.lost.len(), changes.left.len()),
        (1, 0),
        "{changes:?}"
    );

    store.set_away(true);
    let blind = |now: &Snapshot| matches!(now.freshness(), Freshness::Stale(_));
    let stale = view.seen(blind).await;
    assert_eq!(stale.instances().len(), 2, "what it said last is kept");
    // Long enough for every record to run out.
    for _ in 0..10 {
        tokio::time::sleep(RECORD).await;
        assert_eq!(answering(&orders).await, set(["1", "2"]));
    }
    store.set_away(false);
    cluster.restart(0).await.unwrap();
    let back = |now: &Snapshot| now.instances().len() == 3;
    view.seen(back).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(answering(&orders).await, set(["0", "1", "2"]));
}
