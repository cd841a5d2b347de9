//! Services: their releases, groups and methods, and how a call may be treated.

use crate::source::Span;

use super::{Deprecation, Docs, FullName, Release, Window};

/// A service.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its full name: `shop.orders.Orders`.
    pub name: FullName,
    /// Its documentation.
    pub docs: Docs,
    /// Its deprecation.
    pub deprecated: Option<Deprecation>,
    /// Its releases, oldest first; at least one.
    pub releases: Vec<Release>,
    /// Its groups.
    pub groups: Groups,
    /// Its methods by position; two may share a name where their windows do not meet.
    pub methods: Vec<Method>,
    /// Where it was declared.
    pub span: Span,
}

impl Service {
    /// Its majors, oldest first, each with the newest release of it.
    pub fn majors(&self) -> Vec<Release> {
        let mut majors: Vec<Release> = Vec::new();
        for &release in &self.releases {
            match majors.last_mut() {
                Some(last) if last.major == release.major => *last = release,
                _ => majors.push(release),
            }
        }
        majors
    }

    /// The methods that `release` has, by position.
    pub fn methods_at(&self, release: Release) -> impl Iterator<Item = &Method> {
        self.methods
            .iter()
            .filter(move |method| method.window.contains(release))
    }
}

/// The deployments that implement a service.
#[derive(Clone, Debug)]
pub struct Groups {
    /// The named ones, in order; at least one. The first is what a client uses that names none.
    pub named: Vec<Group>,
    /// Whether names decided at deployment time are let through as well.
    pub open: bool,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name as announced: `wholesale`.
    pub name: String,
}

/// A method.
#[derive(Clone, Debug)]
pub struct Method {
    /// Its name: `place`.
    pub name: String,
    /// Its documentation.
    pub docs: Docs,
    /// When it is there.
    pub window: Window,
    /// Since when it is deprecated, and why.
    pub deprecated: Option<(Release, Option<String>)>,
    /// What it takes.
    pub request: Request,
    /// The full name of its reply; `google.protobuf.Empty` where nothing was written.
    pub reply: FullName,
    /// Whether replies are a stream.
    pub reply_stream: bool,
    /// The errors it names, in order.
    pub throws: Vec<FullName>,
    /// How a call may be treated, defaults of the service filled in.
    pub policy: MethodPolicy,
    /// Where it was declared.
    pub span: Span,
}

/// What a method takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The full name of the message; `google.protobuf.Empty` for `()`.
    pub message: FullName,
    /// Whether requests are a stream.
    pub stream: bool,
    /// Whether it was written as an argument list: then `message` was made for it, stands in [`super::File::messages`],
    /// and the generated method takes its fields one by one.
    pub arguments: bool,
}

/// How a call may be treated. `None` where the contract says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MethodPolicy {
    /// `@timeout`, in microseconds.
    pub timeout: Option<u64>,
    /// `@idempotent`
    pub idempotent: bool,
    /// `@retry`
    pub retry: Option<Retry>,
    /// `@hedge`: after how many microseconds.
    pub hedge: Option<u64>,
    /// `@balance`
    pub balance: Option<Balance>,
    /// `@cluster`
    pub cluster: Option<Cluster>,
    /// `@oneway`
    pub oneway: bool,
    /// `@limit`: calls at once on a server.
    pub limit: Option<u32>,
    /// `@max_size`, in bytes.
    pub max_size: Option<u64>,
    /// `@compress`
    pub compress: Option<Compression>,
    /// `@priority`
    pub priority: Option<Priority>,
}

/// `@retry(n, on:, backoff:)`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Attempts after the first.
    pub attempts: u32,
    /// On which codes; empty where the contract leaves it to the runtime.
    pub on: Vec<StatusCode>,
    /// Between attempts.
    pub backoff: Option<Backoff>,
}

/// From the first pause to the longest, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first.
    pub from: u64,
    /// The longest.
    pub to: u64,
}

/// `@balance`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Balance {
    /// Power of two choices.
    P2c,
    /// Weighted random.
    Random,
    /// Round robin.
    RoundRobin,
    /// Least active.
    LeastActive,
    /// By the field at this path of the request.
    ConsistentHash(Vec<String>),
}

/// `@cluster`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cluster {
    /// Another instance after a failure.
    Failover,
    /// The first failure is the answer.
    Failfast,
    /// A failure is logged and swallowed.
    Failsafe,
    /// A failure is tried again in the background.
    Failback,
    /// This many at once, first answer wins.
    Forking(u32),
    /// All instances.
    Broadcast,
    /// Any that is up.
    Available,
}

/// `@compress`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// zstd
    Zstd,
    /// gzip
    Gzip,
    /// None.
    Identity,
}

/// `@priority`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Shed first.
    Low,
    /// The default.
    Normal,
    /// Shed last.
    High,
}

/// The canonical gRPC status codes that an error may carry: all but `ok`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatusCode {
    /// 1
    Cancelled,
    /// 2
    Unknown,
    /// 3
    InvalidArgument,
    /// 4
    DeadlineExceeded,
    /// 5
    NotFound,
    /// 6
    AlreadyExists,
    /// 7
    PermissionDenied,
    /// 8
    ResourceExhausted,
    /// 9
    FailedPrecondition,
    /// 10
    Aborted,
    /// 11
    OutOfRange,
    /// 12
    Unimplemented,
    /// 13
    Internal,
    /// 14
    Unavailable,
    /// 15
    DataLoss,
    /// 16
    Unauthenticated,
}

impl StatusCode {
    /// Every code with its name in `.rpc` files, by number from 1.
    pub const ALL: [(Self, &'static str); 16] = [
        (Self::Cancelled, "cancelled"),
        (Self::Unknown, "unknown"),
        (Self::InvalidArgument, "invalid_argument"),
        (Self::DeadlineExceeded, "deadline_exceeded"),
        (Self::NotFound, "not_found"),
        (Self::AlreadyExists, "already_exists"),
        (Self::PermissionDenied, "permission_denied"),
        (Self::ResourceExhausted, "resource_exhausted"),
        (Self::FailedPrecondition, "failed_precondition"),
        (Self::Aborted, "aborted"),
        (Self::OutOfRange, "out_of_range"),
        (Self::Unimplemented, "unimplemented"),
        (Self::Internal, "internal"),
        (Self::Unavailable, "unavailable"),
        (Self::DataLoss, "data_loss"),
        (Self::Unauthenticated, "unauthenticated"),
    ];
}
