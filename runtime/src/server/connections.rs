//! The connections of a server: taken in, counted, told to drain, waited for.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::dispatch::Dispatcher;
use super::notice::Notice;
use crate::backoff::Backoff;
use crate::conn;
use crate::link::{self, Control, Counters, Tally, Traffic};
use crate::random;
use crate::transport::{Address, Listener, Stream};

/// The first pause after a failed accept: what is short, such as file descriptors, is often back at once.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// The longest: a server is back within this once it can accept again, and costs ten tries per second until then.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// What has not gone wrong for this long is news when it does again.
const QUIET: Duration = Duration::from_secs(10);

/// All connections of one server.
#[derive(Debug)]
pub(super) struct Connections {
    dispatch: Arc<Dispatcher>,
    config: conn::Config,
    limit: usize,
    counters: Arc<Counters>,
    live: Mutex<Live>,
    /// How many there are.
    count: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Live {
    next: u64,
    open: HashMap<u64, Open>,
    draining: bool,
    tally: Tally,
}

/// One that is open.
#[derive(Debug)]
struct Open {
    control: Control,
    abort: Option<AbortHandle>,
    peer: Address,
}

impl Connections {
    pub(super) fn new(dispatch: Arc<Dispatcher>, config: conn::Config, limit: usize) -> Self {
        Self {
            dispatch,
            config,
            limit,
            counters: Arc::default(),
            live: Mutex::default(),
            count: watch::Sender::new(0),
        }
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        // No statement that holds the lock leaves it half done.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in connections for as long as it is polled.
    pub(super) async fn accept(self: Arc<Self>, mut listener: Listener) {
        let mut pauses = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE, random::seed());
        let (mut failing, mut refusing) = (Trouble::default(), Trouble::default());
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    pauses.reset();
                    self.take_in(stream, &peer, &mut refusing);
                }
                // The connection is gone, not the listener.
                Err(error) if is_about_the_peer(&error) => {}
                Err(error) => {
                    if failing.is_new() {
                        self.dispatch.listener.tell(|| Notice::AcceptFailed {
                            address: listener.address().clone(),
                            reason: error.to_string(),
                        });
                    }
                    tokio::time::sleep(pauses.pause()).await;
                }
            }
        }
    }

    fn take_in(self: &Arc<Self>, stream: Stream, peer: &Address, refusing: &mut Trouble) {
        let (control, life) = link::serve(
            stream,
            peer,
            self.config.clone(),
            Arc::clone(&self.dispatch),
            Arc::clone(&self.counters),
        );
        let id = {
            let mut live = self.live();
            if live.draining {
                return;
            }
            if live.open.len() >= self.limit {
                drop(live);
                if !refusing.is_new() {
                    return;
                }
                self.dispatch.listener.tell(|| Notice::ConnectionRefused {
                    peer: peer.to_string(),
                    limit: self.limit,
                });
                return;
            }
            live.next += 1;
            let id = live.next;
            let open = Open {
                control,
                abort: None,
                peer: peer.clone(),
            };
            live.open.insert(id, open);
            id
        };
        self.count.send_modify(|count| *count += 1);
        // Also a task that panics or is aborted leaves the list.
        let place = Place {
            connections: Arc::clone(self),
            id,
        };
        let task = tokio::spawn(async move {
            let tally = life.await;
            place.leave(tally);
        });
        if let Some(open) = self.live().open.get_mut(&id) {
            open.abort = Some(task.abort_handle());
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.live().open.len()
    }

    /// Whom they are to.
    pub(super) fn peers(&self) -> Vec<Address> {
        let live = self.live();
        live.open.values().map(|open| open.peer.clone()).collect()
    }

    /// What they and those before them have done with their transports.
    pub(super) fn traffic(&self) -> Traffic {
        self.counters.traffic()
    }

    /// Lets every connection end with the calls it has accepted.
    pub(super) fn drain(&self) {
        let mut live = self.live();
        live.draining = true;
        for open in live.open.values() {
            open.control.drain();
        }
    }

    /// Ends every connection with all its calls.
    pub(super) fn close(&self) {
        let mut live = self.live();
        live.draining = true;
        for open in live.open.values() {
            // Where the connection has ended, handlers of one-way calls may have outlived it.
            if !open.control.close()
                && let Some(abort) = &open.abort
            {
                abort.abort();
            }
        }
    }

    /// Takes from the connections that did not end when told the tasks they run in.
    pub(super) fn abort(&self) {
        for open in self.live().open.values() {
            if let Some(abort) = &open.abort {
                abort.abort();
            }
        }
    }

    /// Waits until there is none.
    pub(super) async fn ended(&self) {
        // The sender is ours, so that waiting cannot fail.
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }

    /// What has become of their calls since the drain began.
    pub(super) fn tally(&self) -> Tally {
        self.live().tally
    }
}

/// Something that goes wrong again and again, and is told once.
#[derive(Debug, Default)]
struct Trouble {
    last: Option<Instant>,
}

impl Trouble {
    /// It goes wrong now; whether that is news.
    fn is_new(&mut self) -> bool {
        let now = Instant::now();
        let last = self.last.replace(now);
        last.is_none_or(|last| now - last > QUIET)
    }
}

/// A connection's entry in the list.
struct Place {
    connections: Arc<Connections>,
    id: u64,
}

impl Place {
    fn leave(self, tally: Tally) {
        let total = &mut self.connections.live().tally;
        total.drained += tally.drained;
        total.cancelled += tally.cancelled;
        total.refused += tally.refused;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.live().open.remove(&self.id);
        self.connections.count.send_modify(|count| *count -= 1);
    }
}

fn is_about_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
