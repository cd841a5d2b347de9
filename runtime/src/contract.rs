//! The contract as the runtime sees it: what generated code says about its services and methods.

use std::time::Duration;

use crate::release::Release;
use crate::schema::Schema;
use crate::status::Code;

/// The revision of what generated code and runtime expect of each other.
pub(crate) const REVISION: u32 = 2;

/// A service at one major, as generated. Everything is known at compile time.
#[derive(Debug)]
pub struct ServiceDescriptor {
    /// Full name: `shop.orders.Orders`.
    pub name: &'static str,
    /// The newest release that was generated; its major is the module's.
    pub release: Release,
    /// The releases of that major that the contract lists, oldest first, up to [`ServiceDescriptor::release`].
    pub releases: &'static [Release],
    /// The named groups; a client that names none uses the first.
    pub groups: &'static [&'static str],
    /// Whether groups may be named at deployment time.
    pub open_groups: bool,
    /// The methods, by index.
    pub methods: &'static [MethodDescriptor],
    /// The descriptors of the service's messages and of all that they refer to.
    pub schema: &'static Schema,
}

/// A method at one major.
#[derive(Debug)]
pub struct MethodDescriptor {
    /// Full name of its service: `shop.orders.Orders`.
    pub service: &'static str,
    /// Its name in the contract: `place`.
    pub name: &'static str,
    /// What names it on the wire, service and major included: `shop.orders.v1.Orders/place`.
    pub path: &'static str,
    /// Its position in [`ServiceDescriptor::methods`].
    pub index: usize,
    /// The first release that has it, or the first of this major.
    pub since: Release,
    /// What travels each way.
    pub kind: MethodKind,
    /// Full name of the request message.
    pub request: &'static str,
    /// Full name of the reply message.
    pub reply: &'static str,
    /// How a call may be treated.
    pub policy: Policy,
}

/// What the contract says of how calls of a method may be treated, the defaults of the service filled in. `None` where it
/// says nothing.
///
/// Not all of it is acted upon yet: docs/language.md says what is.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Policy {
    /// `@idempotent`: whether running it twice does what running it once does.
    pub idempotent: bool,
    /// `@timeout`: how long a call may take.
    pub timeout: Option<Duration>,
    /// `@retry`: what follows a failure on the client.
    pub retry: Option<Retry>,
    /// `@hedge`: when to ask a second instance.
    pub hedge: Option<Duration>,
    /// `@balance`: how an instance is chosen.
    pub balance: Option<Balance>,
    /// `@cluster`: how many instances are asked, and what their failures mean.
    pub cluster: Option<Cluster>,
    /// `@limit`: the most calls of the method that a server runs at once.
    pub limit: Option<u32>,
    /// `@max_size`: the largest request and reply, in bytes.
    pub max_size: Option<usize>,
    /// `@compress`: how messages are compressed.
    pub compress: Option<Compression>,
    /// `@priority`: who is turned away first under load.
    pub priority: Option<Priority>,
}

impl Policy {
    /// That of a method of which the contract says nothing.
    pub const UNSET: Self = Self {
        idempotent: false,
        timeout: None,
        retry: None,
        hedge: None,
        balance: None,
        cluster: None,
        limit: None,
        max_size: None,
        compress: None,
        priority: None,
    };

    /// The same, `@idempotent`.
    #[must_use]
    pub const fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// The same with a `@timeout`.
    #[must_use]
    pub const fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// The same with a `@retry`.
    #[must_use]
    pub const fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// The same with a `@hedge`.
    #[must_use]
    pub const fn hedge(mut self, after: Duration) -> Self {
        self.hedge = Some(after);
        self
    }

    /// The same with a `@balance`.
    #[must_use]
    pub const fn balance(mut self, balance: Balance) -> Self {
        self.balance = Some(balance);
        self
    }

    /// The same with a `@cluster`.
    #[must_use]
    pub const fn cluster(mut self, cluster: Cluster) -> Self {
        self.cluster = Some(cluster);
        self
    }

    /// The same with a `@limit`.
    #[must_use]
    pub const fn limit(mut self, calls: u32) -> Self {
        self.limit = Some(calls);
        self
    }

    /// The same with a `@max_size`.
    #[must_use]
    pub const fn max_size(mut self, bytes: usize) -> Self {
        self.max_size = Some(bytes);
        self
    }

    /// The same with a `@compress`.
    #[must_use]
    pub const fn compress(mut self, compression: Compression) -> Self {
        self.compress = Some(compression);
        self
    }

    /// The same with a `@priority`.
    #[must_use]
    pub const fn priority(mut self, priority: Priority) -> Self {
        self.priority = Some(priority);
        self
    }
}

/// `@retry`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Tries after the first.
    pub attempts: u32,
    /// On which codes; empty where the contract leaves it to the runtime.
    pub on: &'static [Code],
    /// The first pause and the longest, where the contract sets them.
    pub backoff: Option<(Duration, Duration)>,
}

/// What travels each way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MethodKind {
    /// One request, one reply.
    Unary,
    /// A stream of requests, one reply.
    ClientStream,
    /// One request, a stream of replies.
    ServerStream,
    /// A stream each way.
    BidiStream,
    /// One request, no answer.
    OneWay,
}

impl MethodKind {
    /// Whether requests are a stream.
    pub(crate) fn sends_many(self) -> bool {
        matches!(self, Self::ClientStream | Self::BidiStream)
    }

    /// Whether replies are a stream.
    pub(crate) fn receives_many(self) -> bool {
        matches!(self, Self::ServerStream | Self::BidiStream)
    }
}

/// `@balance` of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Balance {
    /// Power of two choices by latency and calls in flight.
    P2c,
    /// Random by weight.
    Random,
    /// Each in turn, as often as its weight says.
    RoundRobin,
    /// Fewest calls in flight.
    LeastActive,
    /// By a field of the request: calls with one value go to one instance while it lives and does not bear more than 1.25
    /// times its share of the calls in flight.
    ConsistentHash(FieldPath),
}

impl Balance {
    /// The field of a request that ties calls to an instance, where there is one.
    pub fn field(self) -> Option<FieldPath> {
        match self {
            Self::ConsistentHash(path) => Some(path),
            Self::P2c | Self::Random | Self::RoundRobin | Self::LeastActive => None,
        }
    }
}

/// The way from a message to one scalar or enum in it, through messages that are there once.
///
/// The numbers lead through the protobuf encoding of any request, without knowing its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FieldPath {
    /// As the contract has it: `customer.name`.
    pub names: &'static str,
    /// The numbers of the fields on the way, outermost first; at least one.
    pub numbers: &'static [u32],
}

/// `@cluster` of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cluster {
    /// Another instance after a failure.
    Failover,
    /// The first failure is the answer.
    Failfast,
    /// A failure is logged and swallowed.
    Failsafe,
    /// A failure is tried again in the background.
    Failback,
    /// This many at once, and the first answer counts.
    Forking(u32),
    /// All instances.
    Broadcast,
    /// Any that is up.
    Available,
}

/// `@compress` of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// zstd
    Zstd,
    /// gzip
    Gzip,
    /// None, on purpose.
    Identity,
}

/// `@priority` of a method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Turned away first.
    Low,
    /// As what says nothing.
    #[default]
    Normal,
    /// Turned away last.
    High,
}
