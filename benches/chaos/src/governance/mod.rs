//! What happens to calls when servers fail, are slow, or have too much to do. One file each.
//!
//! A scenario that is played as [`System::Bare`](crate::stage::System::Bare) switches off what it is to show, so that the table
//! has what would happen without.

use crate::scenario::Scenario;

/// In the order in which they are played.
pub(crate) const SCENARIOS: &[Scenario] = &[];
