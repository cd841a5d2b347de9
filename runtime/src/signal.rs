//! The signals that ask a process to end. Knows nothing of what is to be ended.
//!
//! ```text
//!                 asked                 asked again                 grace is over, or asked a third time
//!   Running ───────────────▶ Ending ───────────────────▶ At once ─────────────────────────────────────▶ exit 130
//!                              │                            │ nobody is at work on an orderly end ──────────▲
//!                              └──── the program's own end ─┴─────────────────────────▶ its own status
//! ```

use std::future::{Future, poll_fn};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;

/// What a program gets to say its last words when it was asked to end at once.
const GRACE: Duration = Duration::from_millis(500);

/// The status of a shell's child that was interrupted.
const INTERRUPTED: i32 = 130;

/// How often the process was asked to end, as far as anybody wants to know.
static ASKED: Mutex<Option<watch::Receiver<u32>>> = Mutex::new(None);

/// Who is at work on an orderly end.
static ENDING: AtomicUsize = AtomicUsize::new(0);

/// Ends when the process is asked to end: SIGTERM or SIGINT, elsewhere Ctrl-C.
///
/// Asked a second time, servers that are shutting down cancel what is under way and report, and the process exits with
/// status 130 half a second later if it has not ended by itself; at once, if no server is shutting down. That holds
/// also where handlers block every thread of the program: a thread of its own waits for the signals.
///
/// From this call on, and not only once the future is polled, a signal is no longer the end of the process by itself.
///
/// # Panics
/// Where the system gives no signals to wait for, or no thread to wait in.
pub fn shutdown_signal() -> impl Future<Output = ()> + Send + 'static {
    let asked = asked().unwrap_or_else(|error| panic!("cannot wait for signals: {error}"));
    let before = *asked.borrow();
    more_than(asked, before)
}

/// Ends when the process is asked to end for the second time; never, if nobody waits for [`shutdown_signal`].
pub(crate) async fn insisted() {
    let asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let _ending = Ending::new();
    match asked {
        Some(asked) => more_than(asked, 1).await,
        None => std::future::pending().await,
    }
}

/// Somebody is at work on an orderly end for as long as this lives.
struct Ending;

impl Ending {
    fn new() -> Self {
        ENDING.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        ENDING.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn more_than(mut asked: watch::Receiver<u32>, times: u32) {
    if asked.wait_for(|count| *count > times).await.is_err() {
        // The thread that counts ends with the process only.
        std::future::pending::<()>().await;
    }
}

/// Starts to count, if nobody has.
fn asked() -> io::Result<watch::Receiver<u32>> {
    let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(asked) = &*asked {
        return Ok(asked.clone());
    }
    let (count, receiver) = watch::channel(0);
    let (ready, started) = mpsc::channel();
    std::thread::Builder::new()
        .name("callsheet-signals".into())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let outcome = runtime.and_then(|runtime| {
                let signals = runtime.block_on(async { Signals::new() })?;
                Ok((runtime, signals))
            });
            match outcome {
                Ok((runtime, signals)) => {
                    // Whoever started this waits for it.
                    let _ = ready.send(Ok(()));
                    runtime.block_on(wait(signals, count));
                }
                Err(error) => drop(ready.send(Err(error))),
            }
        })?;
    started
        .recv()
        .unwrap_or_else(|_| Err(io::Error::other("the thread that waits for them is gone")))?;
    *asked = Some(receiver.clone());
    Ok(receiver)
}

async fn wait(mut signals: Signals, count: watch::Sender<u32>) {
    signals.next().await;
    count.send_replace(1);
    signals.next().await;
    if ENDING.load(Ordering::Relaxed) > 0 {
        count.send_replace(2);
        // Asked a third time, nobody wants to hear last words.
        let _ = tokio::time::timeout(GRACE, signals.next()).await;
    }
    std::process::exit(INTERRUPTED);
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
