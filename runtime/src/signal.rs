//! The signals that ask a process to end. Knows nothing of what is to be ended.

use std::future::{Future, poll_fn};
use std::io;
use std::task::Poll;

/// Ends when the process is asked to end: SIGTERM or SIGINT, elsewhere Ctrl-C. Asked a second time, the process exits at
/// once with status 130.
///
/// From this call on, and not only once the future is polled, a signal is no longer the end of the process by itself.
///
/// # Panics
/// Where the system gives no signals to wait for, or outside of a tokio runtime with IO.
pub fn shutdown_signal() -> impl Future<Output = ()> + Send + 'static {
    let mut signals =
        Signals::new().unwrap_or_else(|error| panic!("cannot wait for signals: {error}"));
    async move {
        signals.next().await;
        tokio::spawn(async move {
            signals.next().await;
            // The status of a shell's child that was interrupted.
            std::process::exit(130);
        });
    }
}

#[cfg(unix)]
struct Signals {
    kinds: [tokio::signal::unix::Signal; 2],
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            kinds: [
                signal(SignalKind::terminate())?,
                signal(SignalKind::interrupt())?,
            ],
        })
    }

    async fn next(&mut self) {
        poll_fn(|cx| {
            let asked = self
                .kinds
                .iter_mut()
                .any(|kind| matches!(kind.poll_recv(cx), Poll::Ready(Some(()))));
            if asked {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        // Without Ctrl-C there is nothing to wait for.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
