//! How a call ended: the sixteen codes, a status, and the error a caller gets.
//!
//! Knows nothing of bytes on a wire or of who sent it.

use std::error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::metadata::{InvalidMetadata, Metadata};

mod story;

pub use story::{Story, Try, Why};

/// The canonical codes of gRPC (`google.rpc.Code`), with their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Code {
    /// The call succeeded.
    Ok = 0,
    /// The caller went away.
    Cancelled = 1,
    /// An error that says nothing more.
    Unknown = 2,
    /// The request is wrong whatever the state of the system.
    InvalidArgument = 3,
    /// Time ran out before the call ended.
    DeadlineExceeded = 4,
    /// What was asked for is not there.
    NotFound = 5,
    /// What was to be made is there already.
    AlreadyExists = 6,
    /// The caller is known and may not.
    PermissionDenied = 7,
    /// A quota, a limit or memory is used up.
    ResourceExhausted = 8,
    /// The system is not in the state that the call needs.
    FailedPrecondition = 9,
    /// A conflict; the whole transaction may be tried again.
    Aborted = 10,
    /// Past the valid range.
    OutOfRange = 11,
    /// No such service, method, group or release here.
    Unimplemented = 12,
    /// An invariant is broken.
    Internal = 13,
    /// Not now; the call may be tried again.
    Unavailable = 14,
    /// Data is lost or corrupt beyond repair.
    DataLoss = 15,
    /// The caller is not known.
    Unauthenticated = 16,
}

impl Code {
    /// Every code by its number.
    pub const ALL: [Self; 17] = [
        Self::Ok,
        Self::Cancelled,
        Self::Unknown,
        Self::InvalidArgument,
        Self::DeadlineExceeded,
        Self::NotFound,
        Self::AlreadyExists,
        Self::PermissionDenied,
        Self::ResourceExhausted,
        Self::FailedPrecondition,
        Self::Aborted,
        Self::OutOfRange,
        Self::Unimplemented,
        Self::Internal,
        Self::Unavailable,
        Self::DataLoss,
        Self::Unauthenticated,
    ];

    /// The code with this number; one that a newer peer may know is [`Code::Unknown`].
    pub fn from_number(number: u8) -> Self {
        Self::ALL
            .get(usize::from(number))
            .copied()
            .unwrap_or(Self::Unknown)
    }

    /// Its name as `.rpc` files spell it: `not_found`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
            Self::InvalidArgument => "invalid_argument",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::PermissionDenied => "permission_denied",
            Self::ResourceExhausted => "resource_exhausted",
            Self::FailedPrecondition => "failed_precondition",
            Self::Aborted => "aborted",
            Self::OutOfRange => "out_of_range",
            Self::Unimplemented => "unimplemented",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::DataLoss => "data_loss",
            Self::Unauthenticated => "unauthenticated",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where in its life a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// No instance was found that may answer.
    Resolve,
    /// No connection came about.
    Connect,
    /// The peers did not agree on a protocol.
    Handshake,
    /// The request was on its way.
    Send,
    /// The server answered with this status.
    Remote,
    /// A setting of this process ended the call.
    Local,
}

impl Phase {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Handshake => "handshake",
            Self::Send => "send",
            Self::Remote => "remote",
            Self::Local => "local",
        }
    }
}

/// Whether the request may have run. Decides whether it may be sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Progress {
    /// No handler has seen it: sending it again is always safe.
    NotStarted,
    /// It may have run, wholly or in part.
    #[default]
    MaybeRun,
}

/// The typed part of an error: a protobuf message by its full name (the `Any` of `google.rpc.Status`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// Full name of the message: `shop.orders.OutOfStock`.
    pub type_name: Arc<str>,
    /// The message, protobuf-encoded.
    pub value: Bytes,
}

/// How a call ended when it did not succeed. One pointer wide.
#[derive(Clone)]
pub struct Status(Box<Parts>);

#[derive(Clone)]
struct Parts {
    code: Code,
    message: String,
    detail: Option<Detail>,
    trailers: Metadata,
    progress: Progress,
    retryable: bool,
    overloaded: bool,
    retry_after: Option<Duration>,
    phase: Phase,
    endpoint: Option<Arc<str>>,
    attempts: u32,
    setting: Option<&'static str>,
    spent: bool,
    brief: Option<&'static str>,
    story: Option<Story>,
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident = $code:ident;)*) => {
        $($(#[$doc])* pub fn $name(message: impl Into<String>) -> Self {
            Self::new(Code::$code, message)
        })*
    };
}

impl Status {
    /// A status that says `code` and why.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            code,
            message: message.into(),
            detail: None,
            trailers: Metadata::new(),
            progress: Progress::default(),
            retryable: false,
            overloaded: false,
            retry_after: None,
            phase: Phase::Remote,
            endpoint: None,
            attempts: 0,
            setting: None,
            spent: false,
            brief: None,
            story: None,
        }))
    }

    constructors! {
        /// The caller went away.
        cancelled = Cancelled;
        /// An error that says nothing more.
        unknown = Unknown;
        /// The request is wrong.
        invalid_argument = InvalidArgument;
        /// Time ran out.
        deadline_exceeded = DeadlineExceeded;
        /// What was asked for is not there.
        not_found = NotFound;
        /// What was to be made is there already.
        already_exists = AlreadyExists;
        /// The caller may not.
        permission_denied = PermissionDenied;
        /// A quota, limit or memory is used up.
        resource_exhausted = ResourceExhausted;
        /// The system is in the wrong state.
        failed_precondition = FailedPrecondition;
        /// A conflict.
        aborted = Aborted;
        /// Past the valid range.
        out_of_range = OutOfRange;
        /// Not here.
        unimplemented = Unimplemented;
        /// An invariant is broken.
        internal = Internal;
        /// Not now.
        unavailable = Unavailable;
        /// Data is lost.
        data_loss = DataLoss;
        /// The caller is not known.
        unauthenticated = Unauthenticated;
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Its text.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Its typed part.
    pub fn detail(&self) -> Option<&Detail> {
        self.0.detail.as_ref()
    }

    /// What the server sent behind its answer.
    pub fn trailers(&self) -> &Metadata {
        &self.0.trailers
    }

    /// Whether the request may have run.
    pub fn progress(&self) -> Progress {
        self.0.progress
    }

    /// Whether the server says that the call may be sent again, whatever the method promises.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Whether the server turned the call away for load.
    pub fn is_overloaded(&self) -> bool {
        self.0.overloaded
    }

    /// How long the server asks to wait before another try.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Where the call failed.
    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    /// The address of the last attempt.
    pub fn endpoint(&self) -> Option<&str> {
        self.0.endpoint.as_deref()
    }

    /// How often the call was tried; 0 before a client has seen it.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The setting that would change the outcome, where there is one: `Call::timeout`.
    pub fn setting(&self) -> Option<&'static str> {
        self.0.setting
    }

    /// Whether the call was tried again already, by whoever was asked or by this process, or its budget for that was used up:
    /// whoever is further up does not try it again.
    pub fn is_spent(&self) -> bool {
        self.0.spent
    }

    /// What became of each try, where there was more to tell than of one.
    pub fn story(&self) -> Option<&Story> {
        self.0.story.as_ref()
    }

    /// How it ended, in a word or two.
    pub(crate) fn brief(&self) -> &'static str {
        self.0.brief.unwrap_or_else(|| story::brief_of(self))
    }

    /// The same with a typed part.
    #[must_use]
    pub fn with_detail(mut self, detail: Detail) -> Self {
        self.0.detail = Some(detail);
        self
    }

    /// The same with trailers.
    #[must_use]
    pub fn with_trailers(mut self, trailers: Metadata) -> Self {
        self.0.trailers = trailers;
        self
    }

    /// The same, said of a request that no handler has seen.
    #[must_use]
    pub fn not_started(mut self) -> Self {
        self.0.progress = Progress::NotStarted;
        self
    }

    /// The same, said of a request that a handler may have seen.
    #[must_use]
    pub(crate) fn may_have_run(mut self) -> Self {
        self.0.progress = Progress::MaybeRun;
        self
    }

    /// The same, said of a request that may be sent again though a handler has seen it.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.0.retryable = true;
        self
    }

    /// The same, said of a server under load.
    #[must_use]
    pub fn overloaded(mut self) -> Self {
        self.0.overloaded = true;
        self
    }

    /// The same with a wish when to come back.
    #[must_use]
    pub fn with_retry_after(mut self, pause: Duration) -> Self {
        self.0.retry_after = Some(pause);
        self
    }

    /// The same, said of a phase.
    #[must_use]
    pub fn in_phase(mut self, phase: Phase) -> Self {
        self.0.phase = phase;
        self
    }

    /// The same with the address of the attempt.
    #[must_use]
    pub fn at_endpoint(mut self, endpoint: Arc<str>) -> Self {
        self.0.endpoint = Some(endpoint);
        self
    }

    /// The same with the number of attempts.
    #[must_use]
    pub fn after_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// The same with the setting that would change the outcome.
    #[must_use]
    pub fn with_setting(mut self, setting: &'static str) -> Self {
        self.0.setting = Some(setting);
        self
    }

    /// The same, said of a call that is not to be tried again by whoever hears of it.
    #[must_use]
    pub fn spent(mut self) -> Self {
        self.0.spent = true;
        self
    }

    /// The same with a word or two for stories.
    #[must_use]
    pub(crate) fn briefly(mut self, brief: &'static str) -> Self {
        self.0.brief = Some(brief);
        self
    }

    /// The same with what became of each try.
    #[must_use]
    pub(crate) fn with_story(mut self, story: Story) -> Self {
        self.0.story = Some(story);
        self
    }

    /// The same as the answer of a handler. What a call of the handler's own ended with says nothing of whether that
    /// handler has run, nor of the load on its server.
    #[must_use]
    pub(crate) fn answered(mut self) -> Self {
        let parts = &mut *self.0;
        let met_with = parts.phase != Phase::Remote || parts.endpoint.is_some();
        if met_with || parts.attempts > 0 {
            parts.progress = Progress::MaybeRun;
            parts.retryable = false;
            parts.overloaded = false;
        }
        self
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = &*self.0;
        write!(f, "{}", parts.code)?;
        if !parts.message.is_empty() {
            write!(f, ": {}", parts.message)?;
        }
        let mut facts = Vec::new();
        if parts.phase != Phase::Remote {
            facts.push(format!("phase {}", parts.phase.as_str()));
        }
        if let Some(endpoint) = &parts.endpoint {
            facts.push(format!("endpoint {endpoint}"));
        }
        if parts.attempts > 1 && parts.story.is_none() {
            facts.push(format!("{} attempts", parts.attempts));
        }
        if let Some(setting) = parts.setting {
            facts.push(format!("see {setting}"));
        }
        if !facts.is_empty() {
            write!(f, " ({})", facts.join(", "))?;
        }
        if let Some(story) = &parts.story {
            write!(f, "; {story}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = &*self.0;
        f.debug_struct("Status")
            .field("code", &parts.code)
            .field("message", &parts.message)
            .field(
                "detail",
                &parts.detail.as_ref().map(|detail| &detail.type_name),
            )
            .field("progress", &parts.progress)
            .field("phase", &parts.phase)
            .field("endpoint", &parts.endpoint)
            .field("attempts", &parts.attempts)
            .finish_non_exhaustive()
    }
}

impl error::Error for Status {}

impl From<InvalidMetadata> for Status {
    fn from(error: InvalidMetadata) -> Self {
        Self::invalid_argument(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_is_one_pointer_wide() {
        assert_eq!(size_of::<Status>(), size_of::<usize>());
        assert_eq!(size_of::<Option<Status>>(), size_of::<usize>());
    }

    #[test]
    fn codes_keep_their_numbers() {
        for (number, code) in Code::ALL.into_iter().enumerate() {
            assert_eq!(code as usize, number);
            assert_eq!(Code::from_number(code as u8), code);
        }
        assert_eq!(Code::from_number(17), Code::Unknown);
    }

    #[test]
    fn display_tells_phase_endpoint_attempts_and_setting() {
        let status = Status::unavailable("connection refused")
            .in_phase(Phase::Connect)
            .at_endpoint("tcp://127.0.0.1:7001".into())
            .after_attempts(3)
            .with_setting("ClientBuilder::connect_timeout");
        assert_eq!(
            status.to_string(),
            "unavailable: connection refused (phase connect, endpoint tcp://127.0.0.1:7001, 3 attempts, \
             see ClientBuilder::connect_timeout)"
        );
        assert_eq!(
            Status::not_found("order 7").to_string(),
            "not_found: order 7"
        );
    }
}
