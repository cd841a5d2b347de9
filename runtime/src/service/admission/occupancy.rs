//! How the calls of a method stand, for those who watch over a server.

use std::sync::Arc;

use super::Refusal;

/// The calls of one method of one offer, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Occupancy {
    /// The path of the method: `shop.orders.v1.Orders/place`.
    pub method: &'static str,
    /// The group that the offer is in.
    pub group: Arc<str>,
    /// Calls that run. One that was answered without waiting for anything may never have been counted.
    pub running: u32,
    /// Calls that wait for a place.
    pub waiting: u32,
    /// The most that may run now; `None` where nothing limits them.
    pub limit: Option<u32>,
    /// How many were turned away since the server started, by reason; reasons that turned none away are not listed.
    pub refused: Vec<(Refusal, u64)>,
}
