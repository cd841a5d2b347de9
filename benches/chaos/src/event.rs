//! What processes tell the runner, one JSON object per line.

use std::io::Write as _;

use serde::{Deserialize, Serialize};

/// Something that a process has to say. Moments are microseconds of [`now`](crate::now).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A server listens, and has tried to be listed.
    Serving {
        /// Where, as its registry has it.
        address: String,
        /// Since when.
        at: u64,
    },
    /// A server has something for its operators.
    Notice {
        /// What.
        text: String,
    },
    /// A server has ended in order.
    Ended {
        /// What it says of its end.
        report: String,
        /// When.
        at: u64,
    },
    /// The load was answered by a server that it had not heard of for a while, or never.
    Seen {
        /// Its name.
        server: String,
        /// When the answer came.
        at: u64,
    },
    /// A call had no answer.
    Failed(Unanswered),
    /// Connections that were asked for at once.
    Stormed {
        /// How many were answered.
        answered: usize,
        /// How many failed.
        failed: usize,
        /// Why the first of these did.
        reason: Option<String>,
        /// Microseconds from the first attempt to the last answer or failure.
        took: u64,
    },
    /// Calls that ended, at the end of a load.
    Calls(Vec<Call>),
    /// The load's process could not follow: arrivals were made that much after they were due, at most.
    Behind {
        /// Microseconds.
        late: u64,
    },
}

/// A call that failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unanswered {
    /// When it was to be made.
    pub due: u64,
    /// When it had failed.
    pub at: u64,
    /// Whether a server may have begun with it.
    pub started: bool,
    /// How it ended.
    pub status: String,
}

/// A call that was answered: when it was to be made, how many microseconds that took, by whom.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call(pub u64, pub u64, pub String);

/// Tells the runner.
pub fn say(event: &Event) {
    let mut line = serde_json::to_string(event).unwrap_or_default();
    line.push('\n');
    let mut out = std::io::stdout().lock();
    // A runner that has gone needs nothing.
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
}

/// Shows all there is to something, for who searches what processes print for what they must not.
pub fn show(what: &impl std::fmt::Debug) {
    let line = format!("{what:?}\n");
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}
