//! The metrics by name: what each counts, in which unit, and by which labels.

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name as Prometheus has it.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: MetricKind,
    /// What it is told apart by.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How many of which size; all of ours are seconds.
    Histogram,
}

macro_rules! metrics {
    ($($const:ident = $name:literal $kind:ident [$($label:literal),*] $help:literal;)*) => {
        $(#[cfg(feature = "metrics")] pub(super) const $const: &str = $name;)*

        /// Every metric there is.
        pub const METRICS: &[Metric] = &[$(Metric {
            name: $name,
            kind: MetricKind::$kind,
            labels: &[$($label),*],
            help: $help,
        },)*];
    };
}

metrics! {
    CLIENT_CALLS = "callsheet_client_calls_total" Counter ["method", "code"]
        "Calls that ended, all their tries taken together";
    CLIENT_SECONDS = "callsheet_client_call_seconds" Histogram ["method"]
        "How long calls took, tries and pauses included; of replies that are a stream, until it begins";
    CLIENT_IN_FLIGHT = "callsheet_client_calls_in_flight" Gauge ["method"]
        "Calls under way";
    CLIENT_TRIES = "callsheet_client_tries_total" Counter ["instance", "code"]
        "Tries that ended, by the address that was asked";
    CLIENT_TRY_SECONDS = "callsheet_client_try_seconds" Histogram ["instance"]
        "How long tries took, by the address that was asked";
    CLIENT_RETRIES = "callsheet_client_retries_total" Counter ["method"]
        "Tries after the first";
    CLIENT_HEDGES = "callsheet_client_hedges_total" Counter ["method"]
        "Tries that were made because another one had not answered yet";
    CLIENT_FALLBACKS = "callsheet_client_fallbacks_total" Counter ["method"]
        "Calls for which something took the place of an answer";
    CLIENT_THROTTLED = "callsheet_client_throttled_total" Counter ["method"]
        "Calls that the client kept from servers which turn too many away";
    CLIENT_BUDGET_SPENT = "callsheet_client_retry_budget_spent_total" Counter ["method"]
        "Retries that were not made because the budget was spent";
    CLIENT_RETRY_BUDGET = "callsheet_client_retry_budget" Gauge ["service"]
        "Retries that may be made at once";
    CLIENT_CONNECTIONS = "callsheet_client_connections" Gauge ["instance", "state"]
        "Connections, open or opening";
    CLIENT_STANDING = "callsheet_client_instance_standing" Gauge ["instance"]
        "0: nothing speaks against it, 1: it is silent, 2: its breaker does, 3: there is no way to it";
    CLIENT_BREAKER = "callsheet_client_breaker_state" Gauge ["service", "instance"]
        "0: closed, 1: half open, 2: open";
    CLIENT_BREAKER_CHANGES = "callsheet_client_breaker_changes_total" Counter ["state"]
        "Breakers that came into this state";
    CLIENT_INSTANCES = "callsheet_client_instances" Gauge ["service"]
        "Instances that are believed to be there";
    REGISTRY_AGE = "callsheet_client_registry_age_seconds" Gauge ["service"]
        "Since the registry last confirmed what it says of the service";
    REGISTRY_CURRENT = "callsheet_client_registry_current" Gauge ["service"]
        "1: the registry answers, 0: what is used is older";
    DOCUMENT_REVISION = "callsheet_document_revision" Gauge ["document"]
        "The revision of a governance document that is applied";
    DOCUMENT_REJECTED = "callsheet_documents_rejected_total" Counter ["document"]
        "Governance documents that were rejected; the last good one stays";
    SERVER_CALLS = "callsheet_server_calls_total" Counter ["method", "code"]
        "Calls that a handler was asked for and that ended";
    SERVER_SECONDS = "callsheet_server_call_seconds" Histogram ["method"]
        "How long handlers took, their streams included";
    SERVER_IN_FLIGHT = "callsheet_server_calls_in_flight" Gauge ["method"]
        "Calls that handlers are at";
    SERVER_LIMIT = "callsheet_server_limit" Gauge ["method", "group"]
        "The most calls that may run now, where something limits them; infinite where nothing does any more";
    SERVER_WAITING = "callsheet_server_calls_waiting" Gauge ["method", "group"]
        "Calls that wait for a place";
    SERVER_REJECTED = "callsheet_server_rejected_total" Counter ["method", "reason"]
        "Calls that were turned away before their handler";
    SERVER_CONNECTIONS = "callsheet_server_connections" Gauge []
        "Connections that are open";
    SERVER_LISTED = "callsheet_server_listed" Gauge []
        "1: every registry lists the server, 0: not";
    NOTICES = "callsheet_notices_total" Counter []
        "Notices of clients and servers";
}
