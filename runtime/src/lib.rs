//! The Callsheet runtime: what generated clients and servers link against.

mod contract;
mod error;
mod metadata;
mod release;
mod status;

pub use contract::{Balance, MethodDescriptor, MethodKind, ServiceDescriptor};
pub use error::{Error, TypedError};
pub use metadata::{InvalidMetadata, Metadata, Value};
pub use release::{ParseReleaseError, Release, ReleaseRange};
pub use status::{Code, Detail, Phase, Progress, Status};
