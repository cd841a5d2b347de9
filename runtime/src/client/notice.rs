//! What a client has to say to those who watch over it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::printable::printable;
use crate::resilience::{BreakerEvent, BreakerReason};
use crate::status::Status;

use crate::steering::DocumentNews;

/// Something that operators should hear of and that no call fails for: for a log. Its texts hold no control characters.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ClientNotice {
    /// A registry lists far fewer instances than before, and nothing says that they left. They are asked; those that
    /// answer are kept.
    LossDoubted {
        /// Full name of the service.
        service: String,
        /// How many are missing.
        lost: usize,
        /// How many are listed.
        listed: usize,
    },
    /// A governance document has come into force, or was refused.
    Document(DocumentNews),
    /// A registry holds entries that are not believed: too large, malformed, foreign. The others work.
    EntriesSkipped {
        /// Full name of the service.
        service: String,
        /// How many.
        count: usize,
        /// Which, and why, of one of them.
        example: String,
    },
    /// The registry does not answer, and what an earlier process saved is used until it does.
    ViewRecalled {
        /// Full name of the service.
        service: String,
        /// How many instances that names.
        instances: usize,
    },
    /// A file of [`ClientBuilder::snapshots`](crate::ClientBuilder::snapshots) is not used, or not all of it.
    ViewNotRead {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The circuit breaker of an instance opened: it is left alone while others can be asked.
    BreakerOpened {
        /// Full name of the service.
        service: Arc<str>,
        /// The instance's id.
        instance: Arc<str>,
        /// Where it is asked.
        endpoint: Arc<str>,
        /// Why.
        why: BreakerReason,
        /// For how long, before it is tried with one call.
        pause: Duration,
    },
    /// The circuit breaker of an instance closed: its share grows to what it was.
    BreakerClosed {
        /// Full name of the service.
        service: Arc<str>,
        /// The instance's id.
        instance: Arc<str>,
        /// Where it is asked.
        endpoint: Arc<str>,
    },
    /// So few instances are usable that all are asked, whatever their circuit breakers say.
    PanicBegan {
        /// Full name of the service.
        service: Arc<str>,
        /// The group of its instances.
        group: Arc<str>,
        /// How many have a closed circuit breaker and a way to them.
        usable: usize,
        /// How many there are.
        listed: usize,
    },
    /// Enough instances are usable again for circuit breakers to count.
    PanicEnded {
        /// Full name of the service.
        service: Arc<str>,
        /// The group of its instances.
        group: Arc<str>,
        /// How many have a closed circuit breaker and a way to them.
        usable: usize,
        /// How many there are.
        listed: usize,
    },
    /// A view could not be saved. The next change tries again.
    ViewNotSaved {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A reply that settings name (`fallback.reply`) is none of its method: there is no such fallback.
    FallbackRefused {
        /// The path of the method.
        method: &'static str,
        /// Why.
        reason: String,
    },
    /// A call failed, and its caller has an empty reply (strategy `failsafe`).
    FailureSwallowed {
        /// The path of the method.
        method: &'static str,
        /// The failure.
        failure: Status,
    },
    /// A call failed, and so many wait to be repeated that it is not (strategy `failback`). Told once until one fits again.
    FailbackFull {
        /// The path of the method.
        method: &'static str,
        /// The setting that says how many: `failback.queue_calls`.
        setting: &'static str,
    },
    /// A call that was repeated in the background is repeated no more: too old, or what failed says that it is in vain.
    FailbackGivenUp {
        /// The path of the method.
        method: &'static str,
        /// The last failure.
        failure: Status,
    },
    /// A client is gone, and with it calls that waited to be repeated.
    FailbackAbandoned {
        /// The path of the method.
        method: &'static str,
        /// How many.
        calls: usize,
    },
}

impl fmt::Display for ClientNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LossDoubted {
                service,
                lost,
                listed,
            } => write!(
                f,
                "the registry lost {lost} instances of {service} and lists {listed}: those that answer are kept"
            ),
            Self::EntriesSkipped {
                service,
                count,
                example,
            } => write!(
                f,
                "{count} entries of {service} are not believed, such as {example}"
            ),
            Self::Document(news) => news.fmt(f),
            Self::ViewRecalled { service, instances } => write!(
                f,
                "the registry does not answer: the {instances} instances of {service} that were saved are used"
            ),
            Self::BreakerOpened {
                service,
                instance,
                endpoint,
                why,
                pause,
            } => write!(
                f,
                "instance {instance} of {service} at {endpoint} is left alone for {pause:.1?}: {why}"
            ),
            Self::BreakerClosed {
                service,
                instance,
                endpoint,
            } => write!(
                f,
                "instance {instance} of {service} at {endpoint} answers and is asked again"
            ),
            Self::PanicBegan {
                service,
                group,
                usable,
                listed,
            } => write!(
                f,
                "{usable} of {listed} instances of {service}, group {group}, are usable: all are asked"
            ),
            Self::PanicEnded {
                service,
                group,
                usable,
                listed,
            } => write!(
                f,
                "{usable} of {listed} instances of {service}, group {group}, are usable: only these are asked"
            ),
            Self::ViewNotRead { path, reason } => {
                write!(f, "{}: {reason}", shown(path))
            }
            Self::ViewNotSaved { path, reason } => {
                write!(f, "{} could not be saved: {reason}", shown(path))
            }
            Self::FallbackRefused { method, reason } => {
                write!(f, "{method} has no fallback: {}", line(reason))
            }
            Self::FailureSwallowed { method, failure } => {
                write!(
                    f,
                    "a failure of {method} is swallowed (failsafe): {}",
                    line(failure)
                )
            }
            Self::FailbackFull { method, setting } => write!(
                f,
                "no more calls of {method} can wait to be repeated (see {setting}): they fail"
            ),
            Self::FailbackGivenUp { method, failure } => {
                write!(
                    f,
                    "a call of {method} is repeated no more: {}",
                    line(failure)
                )
            }
            Self::FailbackAbandoned { method, calls } => {
                write!(
                    f,
                    "{calls} calls of {method} were not repeated: the client is gone"
                )
            }
        }
    }
}

impl ClientNotice {
    /// What happened to a circuit breaker of a service.
    pub(super) fn of_breaker(service: &Arc<str>, group: &Arc<str>, event: &BreakerEvent) -> Self {
        let (service, group) = (Arc::clone(service), Arc::clone(group));
        match event.clone() {
            BreakerEvent::Opened {
                instance,
                endpoint,
                why,
                pause,
            } => Self::BreakerOpened {
                service,
                instance,
                endpoint,
                why,
                pause,
            },
            BreakerEvent::Closed { instance, endpoint } => Self::BreakerClosed {
                service,
                instance,
                endpoint,
            },
            BreakerEvent::PanicBegan { usable, listed } => Self::PanicBegan {
                service,
                group,
                usable,
                listed,
            },
            BreakerEvent::PanicEnded { usable, listed } => Self::PanicEnded {
                service,
                group,
                usable,
                listed,
            },
        }
    }
}

/// The most characters of a failure: a line of a log.
const SHOWN: usize = 500;

/// What somebody else may have written, on one line.
fn line(text: impl fmt::Display) -> String {
    printable(&text.to_string(), SHOWN).into_owned()
}

/// A path, safe to print.
fn shown(path: &Path) -> String {
    path.to_string_lossy().escape_debug().collect()
}

/// Who is told.
pub(super) type Listener = crate::listener::Listener<ClientNotice>;
