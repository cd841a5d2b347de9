//! Releases of a service and the windows in which its methods live.

use std::fmt;

/// A release of a service. Ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    /// Before the dot: releases of one major only add.
    pub major: u32,
    /// Behind the dot.
    pub minor: u32,
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// When a method is there: from `added` until before `removed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// The first release that has it.
    pub added: Release,
    /// The first release that has it no more.
    pub removed: Option<Release>,
}

impl Window {
    /// Whether `release` has it.
    pub fn contains(&self, release: Release) -> bool {
        self.added <= release && self.removed.is_none_or(|removed| release < removed)
    }
}
