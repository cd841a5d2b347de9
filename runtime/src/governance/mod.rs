//! How calls may be treated: one vocabulary for everybody who may say so, and one order among them.
//!
//! ```text
//!   built in ◀ contract ◀ code ◀ document of all services ◀ document of the service
//!              (.rpc)    (client, then stub; server, then offer)
//! ```
//!
//! What stands further to the right wins, value by value: an operator who steers a running system has the last word. Each
//! of them writes [`Settings`], which says as little as it likes; all of them together make a [`Treatment`], which says
//! everything.
//!
//! Pure: no clock, no runtime. What acts on a treatment is in `resilience`, `client` and `server`.

mod checks;
mod condition;
mod document;
mod fault;
mod field;
mod matching;
mod reader;
mod rule;
#[cfg(feature = "schema")]
mod schema;
mod section;
mod settings;
mod treatment;
mod tree;
mod words;

pub(crate) use document::fitted;
pub use document::{Document, GLOBAL, ReadReply, Seen, document_layers};
pub use fault::{Fault, Severity};
pub use matching::{CallCondition, CallFacts, InstanceCondition, InvalidCondition};
pub use rule::{Decision, Otherwise, Routing, Rule, WORST_RANK, Weighing, Weight, weigh};
#[cfg(feature = "schema")]
pub use schema::schema;
pub use settings::{
    BreakerPolicy, BreakerSettings, FailbackPolicy, FailbackSettings, FallbackPolicy,
    FallbackSettings, HedgePolicy, HedgeSettings, LimitPolicy, LimitSettings, RetryPolicy,
    RetrySettings, Settings, ThrottlePolicy, ThrottleSettings, Treatment,
};
pub use treatment::{Explained, Layer, Place, explain};
pub use words::{Codes, FallbackMode, InvalidWord, OrOff, Share, Span};
