//! What the runner of the scenarios and the processes that it starts share: their language, and the load.
//!
//! Knows no system and no registry.

mod event;
pub mod load;
mod options;
pub mod storm;

use std::time::{SystemTime, UNIX_EPOCH};

pub use event::{Call, Event, Unanswered, say, show};
pub use options::Options;

/// What ends a process or a scenario before it has a result.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Microseconds of the machine's clock: all processes of a scenario share it.
pub fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Waits for the end of standard input, which is how the runner says that it is enough.
pub async fn dismissed() {
    use std::io::Read as _;
    let read = || std::io::stdin().read_to_end(&mut Vec::new());
    // Input that cannot be read has ended as well.
    let _ = tokio::task::spawn_blocking(read).await;
}
