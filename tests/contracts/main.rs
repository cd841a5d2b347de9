//! Contracts that act: field rules, secrets, enums, errors, limits and groups, from `.rpc` to the other end of a call.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod enums;
mod groups;
mod limits;
mod patterns;
mod policies;
mod refused;
mod secrets;
mod shelf;
mod thrown;
mod validated;

/// `tests/idl/rules.rpc`
#[expect(
    unreachable_pub,
    clippy::allow_attributes,
    clippy::pedantic,
    reason = "this workspace asks for more than rustc's and clippy's defaults"
)]
mod rules {
    include!(concat!(env!("OUT_DIR"), "/adversarial/rules.rs"));
}
