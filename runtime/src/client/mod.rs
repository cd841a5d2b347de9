//! The client: finds instances of a service, keeps connections to them, and calls.
//!
//! ```text
//! Call ──▶ Channel ──▶ View ──▶ Table ──▶ Endpoint ──▶ Link
//! (what)   (service,   (live    (who may  (a server,   (a
//!          group,       list)    answer    its          connection)
//!          releases)             whom?)    connections)
//! ```

mod attempt;
mod background;
mod belief;
mod call;
mod chance;
mod channel;
mod cluster;
mod depart;
mod endpoint;
mod failback;
mod fallback;
mod filtered;
mod follow;
mod group;
mod hedge;
mod journey;
mod ledger;
mod merged;
mod notice;
mod origin;
mod plan;
mod pool;
mod reply;
mod retry;
mod roster;
mod sample;
mod saving;
mod stack;
mod stale;
mod steering;
mod table;
mod tables;
mod ticket;
mod treated;
mod view;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::{Handle, Runtime};
use tokio::time::Instant;

use crate::balance::{Balancer, Ramp, WARM_UP};
use crate::codec::{Codec, Protobuf};
use crate::conn;
use crate::contract::Balance;
use crate::filter::{Filter, Filters};
use crate::governance::{BreakerPolicy, Layer, Place, Settings, Treatment};
use crate::link;
use crate::observe::{Note, Observer, Sample, Source};
use crate::random::Random;
use crate::registry;
use crate::resilience::{Breakers, Retries};
use crate::transport::{Address, Transport};

pub use background::Started;
pub use call::Call;
pub use channel::Channel;
pub use group::{Group, Merge};
pub use merged::MergedCall;
pub use notice::ClientNotice;
pub use origin::{Origin, Reply};

pub(crate) use plan::Plan;
pub(crate) use reply::{Form, Received, Requests};

use crate::steering::Steering;
use endpoint::Endpoint;
use failback::Failback;
use ledger::Ledger;
use notice::Listener;
use pool::Pool;
use stale::Stale;
use view::View;

/// Connections per server unless told otherwise: the second is opened only under load, and lets another core help.
const CONNECTIONS_PER_SERVER: usize = 2;

/// Calls services. Cheap to clone; all clones and all generated clients made from them share connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    registry: registry::Handle,
    pool: Pool,
    views: Mutex<HashMap<Box<str>, Arc<View>>>,
    ledgers: Mutex<HashMap<&'static str, Arc<Ledger>>>,
    /// Where governance documents are, if not in the registry.
    documents: Option<registry::Handle>,
    steerings: Mutex<HashMap<&'static str, Arc<Steering>>>,
    codec: &'static dyn Codec,
    /// What the program says of calls of all services.
    code: Vec<Layer>,
    filters: Filters,
    retries: Option<Arc<dyn Retries>>,
    balancer: Option<Arc<dyn Balancer>>,
    /// Decides whatever is left to chance.
    chance: Arc<Random>,
    /// Decides which instance it prefers where any will do (strategy `available`).
    preference: u64,
    ramp: Ramp,
    zone: Option<Box<str>>,
    /// The moment that balancers count from.
    epoch: Instant,
    listener: Listener,
    /// What the listener was told of, where it is told once.
    told: Mutex<HashSet<&'static str>>,
    /// The last good answers, where fallbacks want them.
    stale: Stale,
    /// Calls that failed and are repeated.
    failback: Failback,
    observer: Observer,
    /// The services that stubs were made for, to be shown.
    #[cfg(feature = "admin")]
    called: Mutex<
        std::collections::BTreeMap<&'static str, &'static crate::contract::ServiceDescriptor>,
    >,
    /// Where views are saved.
    store: Option<registry::SavedViews>,
    runtime: Handle,
    /// The runtime where the program brought none.
    own_runtime: Option<Runtime>,
}

impl Client {
    /// Settings for a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder {
            registry: None,
            documents: None,
            per_server: CONNECTIONS_PER_SERVER,
            link: link::Config::default(),
            codec: &Protobuf,
            code: Vec::new(),
            filters: Filters::default(),
            retries: None,
            balancer: None,
            warm_up: WARM_UP,
            zone: None,
            listener: Listener::nobody(),
            observer: Observer::new(),
            snapshots: None,
            seed: None,
            runtime: None,
        }
    }

    /// What it believes of the instances of `service`, live: what the registry says, and what it makes of that
    /// ([`Snapshot::unlisted`](registry::Snapshot::unlisted), [`Freshness::Stored`](registry::Freshness::Stored)). Calls
    /// are routed by this.
    pub fn watch(&self, service: &str) -> registry::Watch {
        self.view(service).watch()
    }

    /// How the circuit breakers of all services stand that were called, by service and group.
    pub fn breakers(&self) -> Vec<Breakers> {
        let views = self.0.views.lock().unwrap_or_else(PoisonError::into_inner);
        let views: Vec<_> = views.values().cloned().collect();
        let now = Instant::now();
        let mut all: Vec<_> = views.iter().flat_map(|view| view.breakers(now)).collect();
        all.sort_by(|one, two| (&one.service, &one.group).cmp(&(&two.service, &two.group)));
        all
    }

    /// How many calls wait to be repeated in the background, or are being repeated (strategy `failback`).
    pub fn failback_waiting(&self) -> usize {
        self.0.failback.len()
    }

    /// Waits until no call waits to be repeated. What still waits when the last clone of the client goes is lost, and the
    /// listener of [`ClientBuilder::on_notice`] is told how much that is.
    pub async fn failback_settled(&self) {
        self.0.failback.settled().await;
    }

    /// Who is told of its calls.
    pub fn observer(&self) -> &Observer {
        &self.0.observer
    }

    /// What it is like now: what it believes of services, and the servers that it deals with.
    pub fn sample(&self) -> Sample {
        self.0.sample()
    }

    /// What is seen of it from outside, as long as there is a client.
    #[cfg(feature = "admin")]
    pub(crate) fn standing(&self) -> Weak<dyn Source> {
        let standing: Weak<Inner> = Arc::downgrade(&self.0);
        standing
    }

    /// The runtime that drives its connections.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.0.runtime
    }

    pub(crate) fn codec(&self) -> &'static dyn Codec {
        self.0.codec
    }

    /// Who decides what is tried again, where the program brought somebody.
    fn retries(&self) -> Option<&dyn Retries> {
        self.0.retries.as_deref()
    }

    /// The moment that balancers count from.
    fn epoch(&self) -> Instant {
        self.0.epoch
    }

    /// The time, since that moment.
    fn now(&self) -> Duration {
        self.since_epoch(Instant::now())
    }

    /// A time, since that moment.
    fn since_epoch(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.epoch())
    }

    /// Tells the listener something that it hears once for each `key`.
    fn tell_once(&self, key: &'static str, notice: impl FnOnce() -> ClientNotice) {
        let news = {
            let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.insert(key)
        };
        if news {
            self.0.listener.tell(notice);
        }
    }

    /// How the shares of new instances grow.
    fn ramp(&self) -> Ramp {
        self.0.ramp
    }

    /// The registry that finds its servers, as errors name it.
    fn registry_address(&self) -> &str {
        self.0.registry.address()
    }

    fn endpoint(&self, address: &Address) -> Arc<Endpoint> {
        self.0.pool.endpoint(address)
    }

    /// The live list of a service's instances.
    fn view(&self, service: &str) -> Arc<View> {
        let mut views = self.0.views.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(view) = views.get(service) {
            return Arc::clone(view);
        }
        let view = Arc::new(View::new(service, self));
        views.insert(service.into(), Arc::clone(&view));
        view
    }

    /// What calls of a service cost, and how its servers take them.
    fn ledger(&self, service: &'static str) -> Arc<Ledger> {
        let ledgers = self.0.ledgers.lock();
        let mut ledgers = ledgers.unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Ledger::new(Instant::now(), self.chance().bits()));
        Arc::clone(ledgers.entry(service).or_insert_with(new))
    }
}

impl Inner {
    /// What circuit breakers of a service judge by: one instance answers the calls of all methods, so what is said of
    /// single methods or by single stubs has no part in it.
    fn breaker_policy(&self, service: &str) -> BreakerPolicy {
        let documents = self.said_of_all(service);
        Treatment::of(self.code.iter().chain(&documents)).breaker
    }

    /// Lets the circuit breakers of a service judge by what is said now.
    fn judge_anew(&self, service: &str) {
        let policy = self.breaker_policy(service);
        let views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        let view = views.get(service).cloned();
        drop(views);
        if let Some(view) = view {
            view.set_breaker_policy(&policy, Instant::now());
        }
    }

    /// How many retries the budget of a service has left, if calls of it were made.
    fn retries_left(&self, service: &str) -> Option<u32> {
        let ledgers = self.ledgers.lock();
        let ledgers = ledgers.unwrap_or_else(PoisonError::into_inner);
        ledgers.get(service).map(|ledger| ledger.retries_left())
    }

    /// Lets go of the servers that no service lists any more.
    fn forget_the_gone(&self) {
        let views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let lists: Vec<_> = views.values().map(|view| view.members(now)).collect();
        let members = lists.iter().flat_map(|members| members.iter());
        let wanted: HashSet<_> = members.filter_map(|one| one.address.as_ref()).collect();
        self.pool.retain(|address| wanted.contains(address));
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.failback.abandon(&self.listener);
        if let Some(runtime) = self.own_runtime.take() {
            // The last clone may go on a thread that must not block.
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("registry", &self.0.registry)
            .field("codec", &self.0.codec)
            .finish_non_exhaustive()
    }
}

/// Settings of a [`Client`].
#[must_use = "nothing is connected before `build`"]
pub struct ClientBuilder {
    registry: Option<registry::Handle>,
    documents: Option<registry::Handle>,
    per_server: usize,
    link: link::Config,
    codec: &'static dyn Codec,
    code: Vec<Layer>,
    filters: Filters,
    retries: Option<Arc<dyn Retries>>,
    balancer: Option<Arc<dyn Balancer>>,
    warm_up: Duration,
    zone: Option<Box<str>>,
    listener: Listener,
    observer: Observer,
    snapshots: Option<PathBuf>,
    seed: Option<u64>,
    runtime: Option<Handle>,
}

impl ClientBuilder {
    /// Finds servers in this registry.
    pub fn registry(mut self, registry: &registry::Handle) -> Self {
        self.registry = Some(registry.clone());
        self
    }

    /// Obeys the governance documents of this registry; unless set, of the one that finds servers, where it keeps documents. A
    /// `file:` registry is a directory of them.
    pub fn documents(mut self, registry: &registry::Handle) -> Self {
        self.documents = Some(registry.clone());
        self
    }

    /// Keeps up to this many connections to each server, 1 at least; 2 unless set. Further ones are opened when those
    /// that are up are busy.
    pub fn connections_per_server(mut self, number: usize) -> Self {
        self.per_server = number.max(1);
        self
    }

    /// Gives up a connection that has not come about within this; 3 s unless set.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.link.connect_timeout = limit;
        self
    }

    /// Has all calls go through this [filter](crate::filter): inside those that were added before, and outside those of a
    /// [channel](Channel::with_filter).
    pub fn filter(mut self, filter: impl Filter) -> Self {
        self.filters = self.filters.with(filter);
        self
    }

    /// Has `retries` decide which failures are followed by another try, on top of what contract, code and documents say.
    pub fn retries(mut self, retries: impl Retries) -> Self {
        self.retries = Some(Arc::new(retries));
        self
    }

    /// Connects by this transport to addresses of its scheme.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.link.transports = self.link.transports.with(transport);
        self
    }

    /// Bounds what servers can make this client hold, and announces it to them.
    pub fn limits(mut self, limits: conn::Limits) -> Self {
        self.link.connection.limits = limits;
        self
    }

    /// When connections ask for a sign of life, and how long they wait for one.
    pub fn keepalive(mut self, keepalive: conn::Keepalive) -> Self {
        self.link.connection.keepalive = keepalive;
        self
    }

    /// The time limit of every call that sets none itself; unless set, the contract's counts, or else 5 s for calls with
    /// one reply.
    pub fn timeout(self, limit: Duration) -> Self {
        self.says("ClientBuilder::timeout", Settings::new().timeout(limit))
    }

    /// How calls are treated, whatever the contract says; what it leaves out is left to the contract and to what was set
    /// before. A stub's own settings ([`Channel::with_settings`]) come before these.
    pub fn settings(self, settings: Settings) -> Self {
        self.says("ClientBuilder::settings", settings)
    }

    fn says(mut self, setting: &'static str, settings: Settings) -> Self {
        self.code.push(Layer::new(Place::Code(setting), settings));
        self
    }

    /// Writes and reads messages this way; protobuf unless set.
    pub fn codec(mut self, codec: &'static dyn Codec) -> Self {
        self.codec = codec;
        self
    }

    /// Chooses among instances this way, whatever the contract says; unless set, the contract's choice counts, or else
    /// P2C by latency.
    ///
    /// The field of [`Balance::ConsistentHash`] is looked for in every request; one that lacks it has its default.
    pub fn balance(mut self, balance: Balance) -> Self {
        self.balancer = None;
        self.says("ClientBuilder::balance", Settings::new().balance(balance))
    }

    /// Chooses among instances by a balancer of one's own, whatever the contract says. It is told the hash of the field
    /// that the contract names in `@balance(consistent_hash(…))`.
    pub fn balancer(mut self, balancer: Arc<dyn Balancer>) -> Self {
        self.balancer = Some(balancer);
        self
    }

    /// Lets an instance that comes while others are there take a tenth of its share at first, growing to all of it within
    /// this time; 10 s unless set. With [`Duration::ZERO`] it takes all of it at once. By this client's clock: since it saw
    /// the instance first.
    pub fn warm_up(mut self, within: Duration) -> Self {
        self.warm_up = within;
        self
    }

    /// Keeps calls in this zone as long as enough of its instances can take them: while 100 of 140 parts of their weight are
    /// usable all calls stay, below that a part of the calls goes to the instances elsewhere, and all of them where nobody
    /// is left in the zone. Unless set, or if empty, zones make no difference.
    ///
    /// Calls that are tied to an instance by consistent hashing go to it wherever it is.
    pub fn zone(mut self, zone: impl Into<String>) -> Self {
        let zone = zone.into();
        self.zone = (!zone.is_empty()).then(|| zone.into());
        self
    }

    /// Saves what the registry says of each service in a file of this directory, and calls by that where the registry has
    /// not answered by the first call: a client that starts while its registry is down finds its servers.
    ///
    /// The directory is made when it is needed, for this user alone; every registry needs one of its own, the clients of one
    /// registry may share it. Whoever may write there can send calls anywhere.
    pub fn snapshots(mut self, directory: impl Into<PathBuf>) -> Self {
        self.snapshots = Some(directory.into());
        self
    }

    /// Tells `listener` of what goes wrong around calls and fails none. It is called from the client's tasks: it should
    /// write a line and return.
    pub fn on_notice(mut self, listener: impl Fn(&ClientNotice) + Send + Sync + 'static) -> Self {
        self.listener = Listener::new(listener);
        self
    }

    /// Tells `observer` of every call: for metrics, traces and logs. Unless set, nobody is told.
    pub fn observer(mut self, observer: &Observer) -> Self {
        self.observer = observer.clone();
        self
    }

    /// Drives the connections on this runtime; unless set, on the one that [`ClientBuilder::build`] is called in, or on
    /// one of its own where there is none.
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// The client. Nothing is connected before the first call.
    ///
    /// # Panics
    /// Without a [registry](Self::registry), and where the program has no runtime and the system gives no thread for one.
    pub fn build(self) -> Client {
        let registry = self
            .registry
            .expect("a client needs a registry to find servers: call ClientBuilder::registry");
        let runtime = self.runtime.or_else(|| Handle::try_current().ok());
        let (runtime, own_runtime) = if let Some(runtime) = runtime {
            (runtime, None)
        } else {
            let own = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("callsheet-client")
                .enable_all()
                .build()
                .expect("the system gives a thread for the client's runtime");
            (own.handle().clone(), Some(own))
        };
        let epoch = Instant::now();
        let settings = pool::Settings {
            per_server: self.per_server,
            link: link::Config {
                epoch: epoch.into_std(),
                ..self.link
            },
            awaited: Arc::default(),
        };
        let chance = chance::of(self.seed, &self.observer);
        let store = self
            .snapshots
            .map(|directory| registry::SavedViews::new(&directory, registry.address()));
        let observer = self.observer.clone();
        let listener = self.listener.after(move |notice: &ClientNotice| {
            if let ClientNotice::Document(news) = notice {
                news.note(&observer);
                return;
            }
            let state = match notice {
                ClientNotice::BreakerOpened { .. } => Some("open"),
                ClientNotice::BreakerClosed { .. } => Some("closed"),
                _ => None,
            };
            if let Some(state) = state {
                observer.note(&Note::Breaker { state });
            }
            observer.note(&Note::Told(notice));
        });
        let client = Client(Arc::new(Inner {
            pool: Pool::new(settings, runtime.clone(), Arc::clone(&chance)),
            registry,
            views: Mutex::default(),
            ledgers: Mutex::default(),
            documents: self.documents,
            steerings: Mutex::default(),
            codec: self.codec,
            code: self.code,
            filters: self.filters,
            retries: self.retries,
            balancer: self.balancer,
            preference: chance.bits(),
            chance,
            ramp: Ramp::new(self.warm_up),
            zone: self.zone,
            epoch,
            told: Mutex::default(),
            stale: Stale::default(),
            failback: Failback::default(),
            listener,
            observer: self.observer,
            #[cfg(feature = "admin")]
            called: Mutex::default(),
            store,
            runtime,
            own_runtime,
        }));
        let source: Weak<Inner> = Arc::downgrade(&client.0);
        client.0.observer.watch_over(source, &client.0.runtime);
        client
    }
}
