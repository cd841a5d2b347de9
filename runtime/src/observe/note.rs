//! What happens beside the course of calls, and is counted or logged.

use crate::contract::MethodDescriptor;

/// Something that has happened.
#[cfg_attr(
    not(all(feature = "metrics", feature = "tracing")),
    expect(
        dead_code,
        reason = "who reads what depends on the features; without any nobody does"
    )
)]
pub(crate) enum Note<'a> {
    /// A call was kept back by its own client, because servers turn too many away.
    Throttled(&'static MethodDescriptor),
    /// A retry was not made because the budget for it was spent.
    BudgetSpent(&'static MethodDescriptor),
    /// A server turned a call away before its handler.
    Rejected {
        method: &'static MethodDescriptor,
        /// A word of a short list: `concurrency`, `rate`, `deadline`.
        reason: &'static str,
    },
    /// An instance was left alone, or is asked again.
    Breaker {
        /// `open` or `closed`.
        state: &'static str,
    },
    /// A document of the registry was applied.
    Document { name: &'a str, revision: u64 },
    /// A document of the registry was not believed.
    DocumentRejected { name: &'a str, reason: &'a str },
    /// What operators should hear of, said for them by a client or server.
    Told(&'a dyn std::fmt::Display),
}
