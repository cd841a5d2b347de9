//! A server: several services, groups and releases behind one or more addresses.
//!
//! ```text
//!   bind ──► register ──► serve ──shutdown──► deregister ──► let it spread ──► GOAWAY ──► drain ──► report
//!                                                 └──────────── limit, or asked again ──► cancel ──────▲
//! ```

mod connections;
mod dispatch;
mod error;
mod notice;
mod registration;
mod report;
mod running;
mod standing;
mod steering;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::codec::{self, Codec};
use crate::conn::{self, Keepalive, Limits};
use crate::filter::{Filter, Filters};
use crate::governance::Settings;
use crate::observe::{Note, Observer};
use crate::registry;
use crate::service::{Offer, Router};
use crate::transport::{Address, ParseAddressError, Transport, Transports};
use connections::Connections;
use dispatch::Dispatcher;
use registration::Place;
use standing::Standing;
use steering::Steerings;

pub use crate::link::Traffic;
pub use crate::service::{Occupancy, Refusal};
pub use error::StartError;
pub use notice::Notice;
pub use report::{Ending, Report};
pub use running::Running;

/// Time for a shutdown, most of it for calls in flight: twice a unary call's default deadline.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// Time for the clients to hear from the registry that the server leaves: watches tell within a few tens of
/// milliseconds, and who has not heard is told by GOAWAY.
const PROPAGATION: Duration = Duration::from_millis(200);

/// Connections at once. Idle they cost a few KiB each.
const MAX_CONNECTIONS: usize = 10_000;

/// A server that is being set up.
///
/// ```
/// # async fn example(orders: callsheet::Offer) -> Result<(), callsheet::server::StartError> {
/// let report = callsheet::Server::bind("127.0.0.1:0")
///     .add(orders)
///     .serve_until(callsheet::shutdown_signal())
///     .await?;
/// println!("{report}");
/// if report.stuck > 0 {
///     // Handlers that block their threads would be waited for.
///     std::process::exit(1);
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a server serves once it is started"]
pub struct Server {
    binds: Vec<String>,
    advertised: Vec<String>,
    offers: Vec<Offer>,
    registries: Vec<registry::Handle>,
    documents: Option<registry::Handle>,
    zone: Option<String>,
    tags: BTreeMap<String, String>,
    codecs: Vec<&'static dyn Codec>,
    connection: conn::Config,
    max_connections: usize,
    drain_limit: Duration,
    propagation: Duration,
    listener: notice::Listener,
    settings: Option<Arc<Settings>>,
    transports: Transports,
    filters: Filters,
    observer: Observer,
}

impl Server {
    /// A server that listens on `address`: `127.0.0.1:7000`, `unix:/run/orders.sock`, `memory:orders`. Port 0 is any
    /// free one; [`Running::addresses`] tells which.
    pub fn bind(address: impl Into<String>) -> Self {
        Self {
            binds: vec![address.into()],
            advertised: Vec::new(),
            offers: Vec::new(),
            registries: Vec::new(),
            documents: None,
            zone: None,
            tags: BTreeMap::new(),
            codecs: codec::BUILT_IN.to_vec(),
            connection: conn::Config::default(),
            max_connections: MAX_CONNECTIONS,
            drain_limit: DRAIN_LIMIT,
            propagation: PROPAGATION,
            listener: notice::Listener::nobody(),
            settings: None,
            transports: Transports::default(),
            filters: Filters::default(),
            observer: Observer::new(),
        }
    }

    /// Listens on this address too.
    pub fn and_bind(mut self, address: impl Into<String>) -> Self {
        self.binds.push(address.into());
        self
    }

    /// Serves a service as well: what generated `…Server` types become.
    #[expect(
        clippy::should_implement_trait,
        reason = "nobody adds with an operator here, and the word is the right one"
    )]
    pub fn add(mut self, offer: impl Into<Offer>) -> Self {
        self.offers.push(offer.into());
        self
    }

    /// Lists everything that is served in this registry, for as long as it is served.
    pub fn register(mut self, registry: &registry::Handle) -> Self {
        self.registries.push(registry.clone());
        self
    }

    /// Obeys the governance documents of this registry; unless set, of the first one that it is [registered](Self::register)
    /// in and that keeps documents. A `file:` registry is a directory of them.
    pub fn documents(mut self, registry: &registry::Handle) -> Self {
        self.documents = Some(registry.clone());
        self
    }

    /// Where it runs, for all that is offered and says nothing else itself: clients prefer their own zone.
    pub fn zone(mut self, zone: impl Into<String>) -> Self {
        self.zone = Some(zone.into());
        self
    }

    /// Something that rules may route by, for all that is offered; an offer's own tag of that key comes before it.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    /// Lists this address in the registries in the place of those that are bound: how clients reach the server from
    /// where they are. Called again, it adds another.
    pub fn advertise(mut self, address: impl Into<String>) -> Self {
        self.advertised.push(address.into());
        self
    }

    /// Speaks this codec besides those that are built in.
    pub fn codec(mut self, codec: &'static dyn Codec) -> Self {
        self.codecs.push(codec);
        self
    }

    /// Has all calls go through this [filter](crate::filter): inside those that were added before, and outside those of an
    /// [offer](Offer::filter).
    pub fn filter(mut self, filter: impl Filter) -> Self {
        self.filters = self.filters.with(filter);
        self
    }

    /// Listens by this transport on addresses of its scheme.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transports = self.transports.with(transport);
        self
    }

    /// What each connection may make the server hold or do.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.connection.limits = limits;
        self
    }

    /// When silent clients are asked for a sign of life.
    pub fn keepalive(mut self, keepalive: Keepalive) -> Self {
        self.connection.keepalive = keepalive;
        self
    }

    /// The most connections at once; further ones are closed at once. 10 000 unless set.
    pub fn max_connections(mut self, limit: usize) -> Self {
        self.max_connections = limit;
        self
    }

    /// How long a shutdown may take in all: telling the registries, letting that spread, and the calls in flight. What is
    /// under way then is cancelled, and the shutdown has ended a moment later, whatever registries, peers and handlers do.
    /// 10 s unless set.
    pub fn drain_limit(mut self, limit: Duration) -> Self {
        self.drain_limit = limit;
        self
    }

    /// How long a server goes on as ever after its registries were told that it leaves, so that clients hear of it. 200 ms
    /// unless set, and half of what is left of the limit at most; without registries there is no wait.
    pub fn propagation(mut self, wait: Duration) -> Self {
        self.propagation = wait;
        self
    }

    /// How calls are treated here: what the program says of all methods of all that is offered, in the place of what it said
    /// before. An offer may say otherwise, and documents have the last word.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = Some(Arc::new(settings));
        self
    }

    /// Calls `listener` with what goes wrong and no caller can be told. It is called on the tasks of connections, so
    /// it must not block.
    pub fn on_notice(mut self, listener: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        self.listener = notice::Listener::new(listener);
        self
    }

    /// Tells `observer` of every call: for metrics, traces and logs. Unless set, nobody is told.
    pub fn observer(mut self, observer: &Observer) -> Self {
        self.observer = observer.clone();
        self
    }

    /// Binds, registers and serves, in the background.
    ///
    /// Returns once clients can connect. A registry that does not answer holds nothing up for long: the registration
    /// goes on being tried.
    ///
    /// # Errors
    /// [`StartError`]
    pub async fn start(self) -> Result<Running, StartError> {
        let parse = |texts: &[String]| -> Result<Vec<_>, ParseAddressError> {
            let texts = texts.iter();
            texts.map(|text| self.transports.parse(text)).collect()
        };
        let addresses = parse(&self.binds).map_err(StartError::Address)?;
        let advertised: Result<Vec<Address>, _> =
            self.advertised.iter().map(|text| text.parse()).collect();
        let advertised = advertised.map_err(StartError::Address)?;
        if let Some(objection) = self.offers.iter().find_map(Offer::objection) {
            return Err(StartError::Offer(objection));
        }
        let router = Router::new(self.offers, self.settings.as_ref(), &self.filters)?;
        let mut listeners = Vec::new();
        for address in addresses {
            match self.transports.bind(&address).await {
                Ok(listener) => listeners.push(listener),
                Err(source) => return Err(StartError::Bind { address, source }),
            }
        }
        let bound: Vec<Address> = listeners
            .iter()
            .map(|listener| listener.address().clone())
            .collect();
        let instances = if self.registries.is_empty() {
            Vec::new()
        } else {
            let place = Place {
                bound: &bound,
                advertised: &advertised,
                zone: self.zone,
                tags: self.tags,
            };
            registration::instances(router.offers(), &place)?
        };
        let admission = Arc::clone(router.admission());
        let observer = self.observer.clone();
        let listener = self.listener.after(move |notice| match notice {
            Notice::Document(news) => news.note(&observer),
            other => observer.note(&Note::Told(other)),
        });
        let documents = match &self.documents {
            Some(registry) => std::slice::from_ref(registry),
            None => &self.registries,
        };
        let steerings = Steerings::start(documents, router.offers(), &admission, &listener);
        let dispatch = Arc::new(Dispatcher {
            router,
            codecs: self.codecs,
            listener: listener.clone(),
            observer: self.observer.clone(),
        });
        let offered = standing::offered(dispatch.router.offers());
        let connections = Arc::new(Connections::new(
            dispatch,
            self.connection,
            self.max_connections,
        ));
        let standing = Standing::new(&bound, offered, &connections, &admission);
        let source: Weak<Standing> = Arc::downgrade(&standing);
        self.observer.watch_over(source, &Handle::current());
        let mut running = Running {
            standing,
            observer: self.observer,
            addresses: bound,
            accepting: listeners
                .into_iter()
                .map(|listener| tokio::spawn(Arc::clone(&connections).accept(listener)))
                .collect(),
            connections,
            registries: self.registries,
            leases: Vec::new(),
            instances: Mutex::new(Vec::new()),
            drain_limit: self.drain_limit,
            propagation: self.propagation,
            listener: listener.clone(),
            steerings,
            admission,
        };
        running.leases = registration::register(&running.registries, &instances, &listener).await?;
        running.instances = Mutex::new(instances);
        running.standing.serves(&running.leases);
        Ok(running)
    }

    /// Serves until `shutdown` ends, then [drains](Running::shutdown) and reports.
    ///
    /// # Errors
    /// [`StartError`]
    pub async fn serve_until(self, shutdown: impl Future) -> Result<Report, StartError> {
        let running = self.start().await?;
        shutdown.await;
        Ok(running.shutdown().await)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("binds", &self.binds)
            .field("offers", &self.offers)
            .field("registries", &self.registries)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
