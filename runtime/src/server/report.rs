//! What a shutdown has done.

use std::fmt;
use std::time::Duration;

/// What a shutdown has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// What ended it.
    pub ending: Ending,
    /// Calls in flight at the start of the drain that ended by themselves.
    pub drained: usize,
    /// Calls that were cut off.
    pub cancelled: usize,
    /// Calls that came too late and were turned away; their clients know that they may send them elsewhere.
    pub refused: u64,
    /// Connections that were open at the start of the shutdown. Clients that hear of it from a registry leave by themselves.
    pub connections: usize,
    /// Connections that have not ended, because a handler blocks the thread of their task; their calls are counted nowhere
    /// else. Nothing but the end of the process ends them.
    pub stuck: usize,
    /// How long it took in all.
    pub duration: Duration,
}

/// What ended a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// The last call was over.
    Drained,
    /// `Server::drain_limit` was.
    Limit,
    /// It was asked for a second time.
    AtOnce,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let how = match self.ending {
            Ending::Drained => "",
            Ending::Limit => ", at its limit (Server::drain_limit)",
            Ending::AtOnce => ", as it was asked to end at once",
        };
        write!(
            f,
            "shut down in {:.1?}{how}: {} call{} drained, {} cancelled, {} refused, {} connection{} closed",
            self.duration,
            self.drained,
            plural(self.drained),
            self.cancelled,
            self.refused,
            self.connections.saturating_sub(self.stuck),
            plural(self.connections.saturating_sub(self.stuck))
        )?;
        if self.stuck > 0 {
            write!(
                f,
                ", {} held up by handlers that block their thread",
                self.stuck
            )?;
        }
        Ok(())
    }
}
