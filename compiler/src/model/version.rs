//! Releases of a service and the windows in which its methods live.

use std::fmt;
use std::str::FromStr;

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

/// Why a text is no release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseReleaseError(String);

impl fmt::Display for ParseReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no release: write `1.1`", self.0.escape_debug())
    }
}

impl std::error::Error for ParseReleaseError {}

impl FromStr for Release {
    type Err = ParseReleaseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: &str| {
            part.bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| part.parse().ok())
                .flatten()
        };
        text.split_once('.')
            .and_then(|(major, minor)| {
                Some(Self {
                    major: number(major)?,
                    minor: number(minor)?,
                })
            })
            .ok_or_else(|| ParseReleaseError(text.to_owned()))
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
