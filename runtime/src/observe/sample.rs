//! What clients and servers are like at one moment, as plain values: for gauges, and for those who ask over HTTP.

use serde::Serialize;

/// Who can say what it is like now.
pub(crate) trait Source: Send + Sync {
    /// What it is like now.
    fn sample(&self) -> Sample;

    /// How calls of each method are treated, and who said so.
    #[cfg(feature = "admin")]
    fn settings(&self) -> Vec<SettingsSample> {
        Vec::new()
    }
}

/// How calls of one method are treated.
#[cfg(feature = "admin")]
#[derive(Debug, Serialize)]
pub(crate) struct SettingsSample {
    /// `client` or `server`.
    pub(crate) side: &'static str,
    pub(crate) method: &'static str,
    /// The group that it is offered in, on servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    pub(crate) settings: Vec<serde_json::Value>,
}

/// What a client or server is like.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Sample {
    /// What a client believes of services.
    pub services: Vec<ServiceSample>,
    /// The servers that a client deals with.
    pub endpoints: Vec<EndpointSample>,
    /// The circuit breakers of a client.
    pub breakers: Vec<BreakerSample>,
    /// The server, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerSample>,
}

/// What a client believes of one service.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ServiceSample {
    /// Full name of the service.
    pub service: String,
    /// `pending`, `current`, `stale` or `stored`.
    pub freshness: &'static str,
    /// Why it is not current, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since the registry last confirmed it.
    pub age_seconds: f64,
    /// Which state of the list it is, in order.
    pub revision: u64,
    /// Entries that are not believed.
    pub skipped: usize,
    /// Retries that the budget has left, where calls were made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries_left: Option<u32>,
    /// Who is believed to be there.
    pub instances: Vec<InstanceSample>,
}

/// One instance that a client believes in.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct InstanceSample {
    /// Full name of the service.
    pub service: String,
    /// Its id in the registry.
    pub id: String,
    /// The one that calls go to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The group that it is in.
    pub group: String,
    /// The releases that it offers.
    pub releases: Vec<String>,
    /// How much traffic it is to take.
    pub weight: u32,
    /// Where it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Whether the registry lists it, or only this client believes in it.
    pub listed: bool,
    /// What speaks against asking it: `good` is nothing, `suspect` silence, `ejected` its breaker, `down` that there is no
    /// way to it.
    pub standing: &'static str,
    /// Calls under way there.
    pub in_flight: u32,
    /// How long its answers take, as balancers see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
}

/// A server as a client deals with it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct EndpointSample {
    /// Its address.
    pub instance: String,
    /// Connections that are open.
    pub open: usize,
    /// Connections on their way.
    pub opening: usize,
}

/// The circuit breaker of an instance, in short: `Client::breakers` tells all of it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct BreakerSample {
    /// Full name of the service.
    pub service: String,
    /// The group of the instance.
    pub group: String,
    /// Its address.
    pub instance: String,
    /// `closed`, `half_open` or `open`.
    pub state: &'static str,
    /// Why it is not closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How often it has opened.
    pub opened: u64,
    /// The part of its share of calls that it gets while closed.
    pub weight: f64,
    /// Whether so few instances are usable that all are asked.
    pub panic: bool,
}

/// A server that this process runs.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ServerSample {
    /// Where it listens.
    pub addresses: Vec<String>,
    /// `starting`, `serving`, `draining` or `ended`.
    pub state: &'static str,
    /// Whether every registry that it is to be listed in lists it.
    pub listed: bool,
    /// What it offers.
    pub services: Vec<OfferSample>,
    /// How the calls of each method stand.
    pub methods: Vec<MethodSample>,
    /// Its connections.
    pub connections: Vec<ConnectionSample>,
}

/// A service as a server offers it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct OfferSample {
    /// Full name of the service.
    pub service: String,
    /// The group that it is offered in.
    pub group: String,
    /// The release that it is announced as.
    pub release: String,
    /// Its methods.
    pub methods: Vec<&'static str>,
}

/// How the calls of one method stand on a server.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct MethodSample {
    /// The path of the method.
    pub method: &'static str,
    /// The group that it is offered in.
    pub group: String,
    /// Calls that run and are counted: those that wait for something.
    pub running: u32,
    /// Calls that wait for a place.
    pub waiting: u32,
    /// The most that may run now, where something limits them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A connection that a server has taken in.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ConnectionSample {
    /// The address of the client.
    pub peer: String,
}
