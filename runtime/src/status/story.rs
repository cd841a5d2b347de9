//! What became of a call, try by try: kept while it goes on, and told by the error that it ends with.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Code, Phase, Progress, Status};

/// The most tries that are remembered one by one: a call that is tried more often is told by its first ones and a number.
const REMEMBERED: usize = 16;

/// The most tries that are shown in a line of text.
const SHOWN: usize = 6;

/// The tries of a call. Those that went well are not in it: it is told by errors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Story {
    tries: Vec<Try>,
    omitted: u32,
    took: Duration,
    budget_left: Option<u32>,
}

/// One try of a call, that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Try {
    /// The address that was asked.
    pub endpoint: Arc<str>,
    /// Why it was asked.
    pub why: Why,
    /// How long after the beginning of the call.
    pub began: Duration,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub code: Code,
    /// The same in a word or two: `refused`, `overloaded`, `no answer`.
    pub ended: &'static str,
}

/// Why an instance was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// It was the first.
    #[default]
    First,
    /// Another one had not started the call.
    Moved,
    /// Another try had failed.
    Retried,
    /// Another one had not answered yet.
    Hedged,
    /// The cluster strategy asks several.
    Forked,
}

impl Why {
    /// Its name in metrics and traces.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Moved => "moved",
            Self::Retried => "retried",
            Self::Hedged => "hedged",
            Self::Forked => "forked",
        }
    }
}

impl Try {
    /// A try of `endpoint` that ended with `status`.
    pub(crate) fn failed(
        endpoint: Arc<str>,
        why: Why,
        began: Duration,
        took: Duration,
        status: &Status,
    ) -> Self {
        Self {
            endpoint,
            why,
            began,
            took,
            code: status.code(),
            ended: status.brief(),
        }
    }
}

impl Story {
    /// The tries, the first one first; of many only the first 16.
    pub fn tries(&self) -> &[Try] {
        &self.tries
    }

    /// How many there were.
    pub fn count(&self) -> u32 {
        let kept = u32::try_from(self.tries.len()).unwrap_or(u32::MAX);
        kept.saturating_add(self.omitted)
    }

    /// How long the call took in all.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// How many retries the budget had left, where it had a say.
    pub fn budget_left(&self) -> Option<u32> {
        self.budget_left
    }

    pub(crate) fn add(&mut self, one: Try) {
        if self.tries.len() < REMEMBERED {
            self.tries.push(one);
        } else {
            self.omitted = self.omitted.saturating_add(1);
        }
    }

    pub(crate) fn asked_budget(&mut self, left: u32) {
        self.budget_left = Some(left);
    }

    pub(crate) fn ended_after(&mut self, took: Duration) {
        self.took = took;
    }

    /// Whether it tells more than a status does by itself.
    pub(crate) fn is_worth_telling(&self) -> bool {
        self.count() > 1 || self.budget_left.is_some()
    }
}

/// `3 attempts in 412 ms (a:7001 refused, b:7001 overloaded, c:7001 no answer); budget left 0`
impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.count();
        let plural = if count == 1 { "" } else { "s" };
        write!(f, "{count} attempt{plural} in {} ms", self.took.as_millis())?;
        for (index, one) in self.tries.iter().take(SHOWN).enumerate() {
            let before = if index == 0 { " (" } else { ", " };
            write!(f, "{before}{} {}", one.endpoint, one.ended)?;
        }
        let shown = u32::try_from(self.tries.len().min(SHOWN)).unwrap_or(u32::MAX);
        if count > shown {
            write!(f, ", … and {} more", count - shown)?;
        }
        if shown > 0 {
            f.write_str(")")?;
        }
        if let Some(left) = self.budget_left {
            write!(f, "; budget left {left}")?;
        }
        Ok(())
    }
}

/// How a call ended, in a word or two, where nobody said it when the status was made.
pub(super) fn brief_of(status: &Status) -> &'static str {
    match status.phase() {
        Phase::Resolve => "no instance",
        Phase::Connect => "no connection",
        Phase::Handshake => "no greeting",
        _ if status.is_overloaded() => "overloaded",
        Phase::Send if status.progress() == Progress::NotStarted => "gone",
        Phase::Send => "lost",
        _ if status.code() == Code::DeadlineExceeded => "no answer",
        _ => status.code().as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story(tries: u16) -> Story {
        let mut story = Story::default();
        for port in 0..tries {
            let status = Status::unavailable("connection refused").in_phase(Phase::Connect);
            let endpoint = format!("a:{port}").into();
            story.add(Try::failed(
                endpoint,
                Why::Moved,
                Duration::ZERO,
                Duration::ZERO,
                &status.briefly("refused"),
            ));
        }
        story.ended_after(Duration::from_millis(412));
        story
    }

    #[test]
    fn a_story_is_one_line() {
        let mut story = story(2);
        story.asked_budget(0);
        assert_eq!(
            story.to_string(),
            "2 attempts in 412 ms (a:0 refused, a:1 refused); budget left 0"
        );
    }

    #[test]
    fn a_long_story_is_cut_short_and_says_so() {
        let story = story(500);
        assert_eq!((story.tries().len(), story.count()), (REMEMBERED, 500));
        assert!(story.to_string().ends_with("a:5 refused, … and 494 more)"));
    }

    #[test]
    fn a_status_tells_its_own_words_and_the_story_behind_them() {
        let status = Status::unavailable("connection refused")
            .in_phase(Phase::Connect)
            .at_endpoint("a:1".into())
            .after_attempts(2)
            .with_story(story(2));
        assert_eq!(
            status.to_string(),
            "unavailable: connection refused (phase connect, endpoint a:1); \
             2 attempts in 412 ms (a:0 refused, a:1 refused)"
        );
        assert_eq!(status.story().unwrap().tries()[1].why, Why::Moved);
    }
}
