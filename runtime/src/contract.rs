//! The contract as the runtime sees it: what generated code says about its services and methods.

use std::time::Duration;

use crate::release::Release;
use crate::schema::Schema;

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
    /// Whether running it twice does what running it once does.
    pub idempotent: bool,
    /// Its `@timeout`.
    pub timeout: Option<Duration>,
    /// Its `@max_size`, in bytes.
    pub max_size: Option<usize>,
    /// Its `@balance`.
    pub balance: Option<Balance>,
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

/// `@balance` of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Balance {
    /// Power of two choices by peak-EWMA latency.
    P2c,
    /// Random by weight.
    Random,
    /// Round robin.
    RoundRobin,
    /// Fewest calls in flight.
    LeastActive,
}
