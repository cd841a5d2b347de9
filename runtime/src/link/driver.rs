//! The one task that moves a connection: bytes between transport and machine, and events between machine and role. Where it
//! shares them with callers, it lets go of them before anything is waited for.
//!
//! ```text
//!          ┌──────────────── nothing to do: wait for commands, bytes, room to write, the timer ◄──┐
//!          ▼                                                                                      │
//!   take commands, read once, let the machine see the time ──► events to the role                 │
//!          │                                      more than a burst of them: write, then the rest │
//!          │ others are at work whose frames could share the write: yield once, take again        │
//!          ▼                                                                                      │
//!   write what there is, all frames in one go ────────────────────────────────────────────────────┘
//! ```

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::task::yield_now;

use super::command::Command;
use super::io::{Counters, Timer, Transport};
use super::mailbox::{Ready, Receiver};
use super::side::{Place, Side};
use crate::conn::{CloseReason, Connection, Event};
use crate::transport::Stream;

/// Bytes read and written before other tasks get their turn, however much there is to do here.
const TURN: usize = 512 * 1024;

/// Events, and so calls of handlers, before other tasks get their turn.
const EVENTS: usize = 256;

/// Events before what came of them is written: the peer works on the first part of a burst while this side works on the
/// next. As many frames share a write well.
const BURST: usize = 32;

/// Time that handlers may take before other tasks get their turn: a few times what a call that computes for long may take
/// where it holds up its connection.
const HOLD: Duration = Duration::from_micros(250);

/// Commands taken at once.
const COMMANDS: usize = 256;

/// Bytes that wait for the transport before the machine is asked for no more, so that one flush stays in the cache.
const FLUSH: usize = 256 * 1024;

/// Time for the last frames to leave when a connection ends, and for the peer to take them.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What differs between the side that calls and the side that answers.
pub(super) trait Role: Send {
    /// Does what somebody with an end of a call wants.
    fn command(&mut self, connection: &mut Connection, command: Command, now: Instant);

    /// Whether somebody else has touched the machine since this was last asked.
    fn was_stirred(&mut self) -> bool {
        false
    }

    /// The driver has nothing to do and is to be roused from now on; `false` if there is something after all.
    fn may_sleep(&mut self) -> bool {
        true
    }

    /// Gives the machine what was read. What happened by that, it tells as events, but for what is done with already.
    fn receive(&mut self, connection: &mut Connection, inbox: &mut BytesMut, now: Instant) {
        connection.receive(inbox, now);
    }

    /// Reacts to what happened on the connection.
    fn event(&mut self, connection: &mut Connection, event: Event, now: Instant);

    /// Whether there is a handler that waited and can go on.
    fn has_woken(&self) -> bool {
        false
    }

    /// Lets one of those go on; `false` if there is none.
    fn resume(&mut self, _: &mut Connection, _now: Instant) -> bool {
        false
    }

    /// No calls are open, and none have come for long: gives the memory that a burst has left back.
    fn rest(&mut self) {}

    /// Everything that the machine had for the transport is written.
    fn flushed(&mut self, connection: &Connection);

    /// When [`Role::timeout`] wants to be called, beside the machine's own time.
    fn next_timeout(&self) -> Option<Instant>;

    /// Does what is due.
    fn timeout(&mut self, connection: &mut Connection, now: Instant);

    /// Whether [`Role::took`] wants to be called; `idle` says that no event is left.
    fn asks_time(&self, _idle: bool) -> bool {
        false
    }

    /// Whether it has spawned, since it was last asked, what may compute for long.
    fn has_spawned(&mut self) -> bool {
        false
    }

    /// So long took the events since it was last told, or since they began.
    fn took(&mut self, _: Duration) {}

    /// Whether others are at work whose frames could share the next write. Asked once before each pause.
    fn expects_more(&mut self, connection: &Connection) -> bool;

    /// The connection is over; `late` are the commands that it did not come to.
    fn closed(&mut self, connection: &Connection, reason: &CloseReason, late: Vec<Command>);
}

/// Moves a connection until its end.
pub(super) struct Driver<P> {
    pub(super) side: P,
    transport: Transport,
    commands: Receiver<Command>,
    /// Every other end of `commands` is gone.
    orphaned: bool,
    /// The machine has events that the role has not seen, or handlers can go on.
    behind: bool,
    timer: Timer,
    /// Bytes moved since other tasks had their turn.
    spent: usize,
    /// Events seen since then.
    seen: usize,
    turn: Turn,
}

/// The time that handlers have before other tasks get their turn.
#[derive(Default)]
struct Turn {
    /// When they have had it.
    ends: Option<Instant>,
    /// They have.
    overdue: bool,
}

impl Turn {
    /// Sees how long handlers took since `then`, and in all.
    fn look(&mut self, role: &mut impl Role, then: &mut Instant) {
        let now = now();
        role.took(now.saturating_duration_since(*then));
        self.overdue = now >= *self.ends.get_or_insert(*then + HOLD);
        *then = now;
    }
}

impl<P: Place> Driver<P> {
    pub(super) fn new(
        side: P,
        stream: Stream,
        commands: Receiver<Command>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            side,
            transport: Transport::new(stream, counters),
            commands,
            orphaned: false,
            behind: false,
            timer: Timer::default(),
            spent: 0,
            seen: 0,
            turn: Turn::default(),
        }
    }

    /// Runs to the end of the connection.
    pub(super) async fn run(&mut self) {
        let reason = loop {
            // What the machine has to say before anything happens: the client's preface.
            if let Some(reason) = self.flush().await {
                break reason;
            }
            if !self.behind {
                poll_fn(|cx| self.poll_turn(cx)).await;
            }
            if let Some(reason) = self.dispatch() {
                break reason;
            }
            let spent = self.turn.overdue || self.spent > TURN || self.seen > EVENTS;
            if self.behind && !spent {
                continue;
            }
            if self.expects_more() || spent {
                self.spent = 0;
                self.seen = 0;
                let spawned = self.side.hold().role.has_spawned();
                if spawned {
                    requeue().await;
                } else {
                    yield_now().await;
                }
                self.rested();
                poll_fn(|cx| {
                    let _ = self.poll_turn(cx);
                    Poll::Ready(())
                })
                .await;
                if let Some(reason) = self.dispatch() {
                    break reason;
                }
            }
        };
        let late = self.commands.close().collect();
        {
            let Side { connection, role } = &mut *self.side.hold();
            role.closed(connection, &reason, late);
        }
        // On the heap, so that all connections do not hold room for what each does once.
        Box::pin(self.last_words(&reason)).await;
    }

    fn expects_more(&mut self) -> bool {
        let Side { connection, role } = &mut *self.side.hold();
        role.expects_more(connection)
    }

    /// Takes whatever is there to be taken; ready if there was anything.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = now();
        // Whoever is at work here needs not be woken by commands, and whoever yields must not: it would be back before
        // the rest of a burst.
        let ready = self.commands.look();
        let (mut moved, reads_on) = self.take_commands(ready, now);
        if self.transport.has_output() {
            moved |= match self.transport.poll_write(cx) {
                Poll::Ready(Ok(count)) => {
                    self.wrote(count);
                    true
                }
                Poll::Ready(Err(error)) => {
                    self.lose(error.to_string());
                    true
                }
                Poll::Pending => false,
            };
        }
        // What lies there already comes first: reading on would make events pile up.
        moved |= !self.behind && reads_on && self.poll_receive(cx, now);
        moved |= self.poll_timers(cx, now);
        if moved {
            return Poll::Ready(());
        }
        self.rested();
        if !self.orphaned {
            if let Poll::Ready(ready) = self.commands.poll_ready(cx) {
                self.take_commands(Some(ready), now);
                return Poll::Ready(());
            }
            if !self.side.hold().role.may_sleep() {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    /// Other tasks have, or get, their turn.
    fn rested(&mut self) {
        self.turn = Turn::default();
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let missing = self.side.hold().connection.missing();
        match self.transport.poll_read(cx, missing) {
            Poll::Ready(Ok(0)) => {
                self.lose("the peer hung up");
                true
            }
            Poll::Ready(Ok(count)) => {
                self.spent += count;
                let Side { connection, role } = &mut *self.side.hold();
                role.receive(connection, &mut self.transport.inbox, now);
                true
            }
            Poll::Ready(Err(error)) => {
                self.lose(error.to_string());
                true
            }
            Poll::Pending => {
                let Side { connection, role } = &mut *self.side.hold();
                if connection.active() == 0 {
                    self.transport.release();
                    self.commands.release();
                    if connection.has_rested() {
                        role.rest();
                    }
                }
                false
            }
        }
    }

    fn poll_timers(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let Side { connection, role } = &mut *self.side.hold();
        let due = [connection.next_timeout(), role.next_timeout()];
        let due = due.into_iter().flatten().min();
        let elapsed = self.timer.poll_elapsed(cx, due, now).is_ready();
        if elapsed {
            // It may be the end.
            connection.unsent(self.transport.outbox.len());
            connection.handle_timeout(now);
            role.timeout(connection, now);
        }
        elapsed
    }

    /// Does what was asked: whether anything was, by commands or at the machine itself; and whether to read on.
    fn take_commands(&mut self, ready: Option<Ready>, now: Instant) -> (bool, bool) {
        let Side { connection, role } = &mut *self.side.hold();
        let mut moved = role.was_stirred();
        match ready {
            // Nobody is left who could call. What was sent and needs no answer may still finish.
            Some(Ready::Never) if !self.orphaned => {
                self.orphaned = true;
                connection.go_away("nobody uses the connection any more");
                moved = true;
            }
            Some(Ready::Some) => {
                for _ in 0..COMMANDS {
                    let Some(command) = self.commands.take() else {
                        break;
                    };
                    role.command(connection, command, now);
                }
                moved = true;
            }
            Some(Ready::Never) | None => {}
        }
        (moved, connection.reads_on(self.transport.outbox.len()))
    }

    /// Tells the role what happened, so much of it that other tasks do not wait long; the reason if it was the end.
    fn dispatch(&mut self) -> Option<CloseReason> {
        let Side { connection, role } = &mut *self.side.hold();
        // Who is overdue comes back here after a turn of the others.
        if self.turn.overdue && !connection.is_closed() {
            return None;
        }
        let mut next = connection.next_event();
        if next.is_none() && !role.has_woken() {
            self.behind = false;
            return None;
        }
        let mut at = now();
        for left in (0..BURST).rev() {
            self.seen += 1;
            match next {
                Some(Event::Closed(reason)) => return Some(reason),
                Some(event) => role.event(connection, event, at),
                None if role.resume(connection, at) => {}
                None => {
                    if role.asks_time(true) {
                        self.turn.look(role, &mut at);
                    }
                    self.behind = false;
                    return None;
                }
            }
            if role.asks_time(false) {
                self.turn.look(role, &mut at);
            }
            if left == 0 || self.turn.overdue {
                break;
            }
            next = connection.next_event();
        }
        self.behind = true;
        None
    }

    /// Writes until there is nothing left or no room; the reason if the connection ended over it.
    async fn flush(&mut self) -> Option<CloseReason> {
        loop {
            if self.transport.outbox.len() < FLUSH {
                let Side { connection, .. } = &mut *self.side.hold();
                connection.transmit(&mut self.transport.outbox, FLUSH);
            }
            // Room in the queues may have come of it, and further messages for them.
            if !self.behind
                && let Some(reason) = self.dispatch()
            {
                return Some(reason);
            }
            if !self.transport.has_output() {
                let Side { connection, role } = &mut *self.side.hold();
                role.flushed(connection);
                return None;
            }
            if self.spent > TURN {
                return None;
            }
            let written = poll_fn(|cx| {
                Poll::Ready(match self.transport.poll_write(cx) {
                    Poll::Ready(written) => Some(written),
                    Poll::Pending => None,
                })
            });
            match written.await {
                Some(Ok(count)) => self.wrote(count),
                Some(Err(error)) => {
                    self.lose(error.to_string());
                    return self.dispatch();
                }
                None => return None,
            }
        }
    }

    fn lose(&mut self, why: impl Into<String>) {
        let Side { connection, .. } = &mut *self.side.hold();
        connection.unsent(self.transport.outbox.len());
        connection.lost(why);
    }

    fn wrote(&mut self, count: usize) {
        self.spent += count;
        if self.transport.was_relieved() {
            self.side.hold().connection.relieved(now());
        }
    }

    /// Sends what the machine still has to say, and sees that it arrives.
    async fn last_words(&mut self, reason: &CloseReason) {
        if matches!(reason, CloseReason::Lost(_)) {
            return;
        }
        self.side
            .hold()
            .connection
            .transmit(&mut self.transport.outbox, usize::MAX);
        let patience = match reason {
            // Whoever ends a connection at once does not wait for its peer.
            CloseReason::Local(_) => Duration::ZERO,
            _ => LAST_WORDS,
        };
        // What a peer makes of it can no longer matter.
        let _ = tokio::time::timeout(patience, self.transport.finish()).await;
    }
}

/// Yields so that other threads may go on with the connection.
///
/// `yield_now` gathers more for one write, and keeps who yields on this thread until it has nothing else to do: where the next
/// task computes for long, the connection would wait for it although other threads are free.
async fn requeue() {
    let mut queued = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut queued, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The time, as the runtime sees it: a test may stop it.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    use super::super::client::{Caller, Desk};
    use super::*;

    /// Bytes of the future that `run` gives.
    fn future<F>(_run: impl FnOnce(&'static mut Driver<Desk>) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn an_idle_connection_holds_little() {
        let side = size_of::<Side<Caller>>();
        let size = side + size_of::<Driver<Desk>>() + future(Driver::<Desk>::run);
        assert!(size <= 2 * 1024, "{size} bytes");
    }
}
