//! Why calls are turned away, in the words of the settings that decide it.

use std::time::Duration;

use crate::contract::MethodDescriptor;
use crate::status::Status;

/// What turned a call away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// Its time had run out, or what was left of it was not enough.
    Deadline,
    /// `limit.calls`
    Calls,
    /// `limit.adaptive`
    Adaptive,
    /// `limit.share`
    Share,
    /// `limit.low_share`
    LowShare,
    /// `limit.server_calls`
    ServerCalls,
    /// `limit.caller_calls`
    CallerCalls,
    /// `limit.rate`
    Rate,
    /// `limit.caller_rate`
    CallerRate,
    /// `limit.server_rate`
    ServerRate,
}

impl Refusal {
    /// All of them, by their numbers.
    pub const ALL: [Self; 10] = [
        Self::Deadline,
        Self::Calls,
        Self::Adaptive,
        Self::Share,
        Self::LowShare,
        Self::ServerCalls,
        Self::CallerCalls,
        Self::Rate,
        Self::CallerRate,
        Self::ServerRate,
    ];

    /// The word for it in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            _ => self.setting().trim_start_matches("limit."),
        }
    }

    /// The setting that would change it.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Deadline => "timeout",
            Self::Calls => "limit.calls",
            Self::Adaptive => "limit.adaptive",
            Self::Share => "limit.share",
            Self::LowShare => "limit.low_share",
            Self::ServerCalls => "limit.server_calls",
            Self::CallerCalls => "limit.caller_calls",
            Self::Rate => "limit.rate",
            Self::CallerRate => "limit.caller_rate",
            Self::ServerRate => "limit.server_rate",
        }
    }
}

/// What became of waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// There was none.
    No,
    /// As many wait as may.
    Full(u32),
    /// A call that was tried before waits for nobody.
    Retry,
    /// It did, for so long.
    For(Duration),
}

/// A call that is turned away.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused<'a> {
    pub(super) method: &'static MethodDescriptor,
    pub(super) reason: Refusal,
    /// The number that was reached.
    pub(super) most: u32,
    pub(super) waited: Waited,
    pub(super) caller: &'a str,
    pub(super) retry_after: Duration,
}

impl Refused<'_> {
    /// What its caller is told: that it was not begun, and when to come back.
    pub(super) fn status(&self) -> Status {
        let Self { most, caller, .. } = *self;
        let (path, setting) = (self.method.path, self.reason.setting());
        let mut text = match self.reason {
            Refusal::Deadline => {
                let text = format!("what is left of the time is not enough for {path}");
                return Status::deadline_exceeded(text)
                    .not_started()
                    .with_setting(setting);
            }
            Refusal::Calls => {
                format!("{path} has {most} calls running here, which is its limit")
            }
            Refusal::Adaptive => format!(
                "{path} has {most} calls running here, and more of them would take too long"
            ),
            Refusal::Share => {
                format!("{path} has {most} calls running, which is its share of this server")
            }
            Refusal::LowShare => format!(
                "methods of low priority have {most} calls running, which is their share of this server"
            ),
            Refusal::ServerCalls => {
                format!("the server has {most} calls running, which is its limit")
            }
            Refusal::CallerCalls => format!(
                "{path} has {most} calls of `{caller}` running here, which is the limit of a caller"
            ),
            Refusal::Rate => format!("{path} takes {most} calls per second here"),
            Refusal::CallerRate => {
                format!("{path} takes {most} calls per second of `{caller}` here")
            }
            Refusal::ServerRate => {
                format!("the server takes {most} calls per second")
            }
        };
        let waited = match self.waited {
            Waited::No => String::new(),
            Waited::Full(most) => format!("; {most} wait (limit.queue_calls)"),
            Waited::Retry => "; a retry does not wait".into(),
            Waited::For(time) => format!("; waited {time:?} for a place (limit.queue_wait)"),
        };
        text.push_str(&waited);
        Status::resource_exhausted(text)
            .not_started()
            .overloaded()
            .with_retry_after(self.retry_after)
            .with_setting(setting)
    }
}
