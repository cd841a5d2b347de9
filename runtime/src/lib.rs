//! The Callsheet runtime: what generated clients and servers link against.

#[cfg(feature = "admin")]
pub mod admin;
mod backoff;
pub mod balance;
mod client;
pub mod codec;
pub mod codegen;
pub mod conn;
mod context;
mod contract;
mod error;
pub mod filter;
pub mod governance;
mod include;
mod link;
mod listener;
mod metadata;
pub mod observe;
mod printable;
mod random;
pub mod registry;
mod release;
pub mod resilience;
mod rope;
pub mod route;
mod schema;
pub mod server;
mod service;
mod signal;
mod status;
mod steering;
mod streaming;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tracing")]
mod trace;
pub mod transport;
mod validate;
pub mod wire;

pub use client::{
    Call, Channel, Client, ClientBuilder, ClientNotice, Group, Merge, MergedCall, Origin, Reply,
    Started,
};
pub use context::{Context, detached};
pub use contract::{
    Balance, Cluster, Compression, FieldPath, MethodDescriptor, MethodKind, Policy, Priority,
    Retry, ServiceDescriptor,
};
pub use error::{Error, TypedError};
pub use link::Placement;
pub use metadata::{InvalidMetadata, Metadata, Value};
pub use release::{ParseReleaseError, Release, ReleaseRange};
pub use rope::Rope;
pub use schema::Schema;
pub use server::Server;
pub use service::{Answer, Handler, Incoming, Offer};
pub use signal::shutdown_signal;
pub use status::{Code, Detail, Phase, Progress, Status, Story, Try, Why};
pub use steering::{DocumentNews, DocumentState};
pub use streaming::{BlockingStreaming, StreamSender, Streaming};
pub use transport::{Address, ParseAddressError};
pub use validate::{Validate, Violation, Violations};
