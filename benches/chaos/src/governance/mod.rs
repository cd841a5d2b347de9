//! What happens to calls when servers fail, are slow, or have too much to do. One file each.
//!
//! A scenario that is played as [`System::Bare`](crate::stage::System::Bare) switches off what it is to show, so that the table
//! has what would happen without.

mod chain;
mod cost;
mod hops;
mod outlier;
mod overload;
mod panic;
mod reloads;
mod ten;
mod tiers;
mod writes;

use crate::registry::Arena;
use crate::scenario::{Company, Scenario};

/// In the order in which they are played.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "outlier",
        shows: "a server that is slow or fails is left alone, and nobody else notices it",
        arenas: &[Arena::Process],
        beside: true,
        company: Company::Neighbours,
        play: |stage| Box::pin(outlier::play(stage)),
    },
    Scenario {
        name: "panic",
        shows: "where all fail all are asked, and who recovers has calls at once",
        arenas: &[Arena::Process],
        beside: false,
        company: Company::Neighbours,
        play: |stage| Box::pin(panic::play(stage)),
    },
    Scenario {
        name: "hops",
        shows: "deadlines and cancellations reach the last of five servers",
        arenas: &[Arena::Process],
        beside: true,
        company: Company::Neighbours,
        play: |stage| Box::pin(hops::play(stage)),
    },
    Scenario {
        name: "overload",
        shows: "a server that is asked for three times what it can do goes on doing that",
        arenas: &[Arena::List],
        beside: true,
        company: Company::Own,
        play: |stage| Box::pin(overload::play(stage)),
    },
    Scenario {
        name: "tiers",
        shows: "a tier that fails gets little more load for it",
        arenas: &[Arena::Process],
        beside: true,
        company: Company::Alone,
        play: |stage| Box::pin(tiers::play(stage)),
    },
    Scenario {
        name: "writes",
        shows: "what is not idempotent runs once, whatever breaks",
        arenas: &[Arena::Process],
        beside: true,
        company: Company::Alone,
        play: |stage| Box::pin(writes::play(stage)),
    },
    Scenario {
        name: "cost",
        shows: "what guards against failures costs little while there are none",
        arenas: &[Arena::Process],
        beside: false,
        company: Company::Alone,
        play: |stage| Box::pin(cost::play(stage)),
    },
    Scenario {
        name: "reloads",
        shows: "documents change while calls run, and wrong ones change nothing",
        arenas: &[Arena::File, Arena::Etcd],
        beside: false,
        company: Company::Own,
        play: |stage| Box::pin(reloads::play(stage)),
    },
];
