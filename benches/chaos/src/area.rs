//! What scenarios are about: each area has its own, its own comparison and its own table.

use crate::scenario::Scenario;
use crate::stage::System;
use crate::{governance, scenario};

/// Scenarios that belong together.
pub(crate) struct Area {
    /// As the command line has it.
    pub(crate) name: &'static str,
    /// What its scenarios do.
    pub(crate) about: &'static str,
    /// Whose lines stand beside ours.
    pub(crate) beside: System,
    /// In the order in which they are played.
    pub(crate) scenarios: &'static [Scenario],
}

/// All there are.
pub(crate) const AREAS: &[Area] = &[
    Area {
        name: "discovery",
        about: "starts real registries, servers and a load of 2 000 calls a second, does them harm, and tells what the calls\n\
            noticed, beside tonic's balanced channel where that has such a thing",
        beside: System::Tonic,
        scenarios: scenario::SCENARIOS,
    },
    Area {
        name: "governance",
        about: "lets servers fail, be slow and have too much to do, and tells what the calls noticed, beside Callsheet with all\n\
            of that switched off",
        beside: System::Bare,
        scenarios: governance::SCENARIOS,
    },
];
