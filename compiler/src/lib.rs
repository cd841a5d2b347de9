//! The Callsheet compiler: from `.rpc` files to Rust clients and servers.
//!
//! Five forms, five names: [`syntax::ast`] (what was written) → [`model`] (what it means) → `descriptor` (the protobuf
//! contract) → `templates` views (what will be printed) → text.
//!
//! Features, for tools; a build script needs neither and pays for neither: `formats` (findings as JSON, SARIF and commands of
//! GitHub) and `interchange` (contracts as `.proto` and back, and the printer of `.rpc`).

pub mod breaking;
mod case;
pub mod check;
pub mod codegen;
pub mod descriptor;
pub mod diagnostic;
pub mod driver;
pub mod fix;
pub mod host;
pub mod model;
mod parallel;
#[cfg(feature = "interchange")]
pub mod print;
#[cfg(feature = "interchange")]
pub mod proto;
pub mod resolve;
pub mod source;
pub mod surface;
pub mod syntax;

pub use host::build_script::{Builder, Error, configure};
