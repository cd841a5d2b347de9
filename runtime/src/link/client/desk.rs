//! A client's side of a connection, as callers and the connection's task share it: under one lock, which is held for the length of a
//! step, and never while anything is waited for.
//!
//! ```text
//!   caller ── open: a frame among those to be written ──►┐
//!                                                        │ lock: machine, calls   ◄── task: reads, writes, time
//!   caller ◄── take: the answer, if it is there ─────────┘
//! ```
//!
//! Nobody is woken under it, and no code of somebody else runs: whoever is to hear of something hears when it is open again.
//! Dropping a call takes no part in it, since a waker that is dropped may drop anything.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::super::exchange::{Again, Answered, Ask};
use super::super::room::Room;
use super::super::side::{Place, Side};
use super::{AnswerTo, Caller, Unopened};
use crate::conn::{Connection, StreamId};
use crate::status::Status;

/// What those have who make calls.
pub(in super::super) struct Front(Arc<Mutex<Side<Caller>>>);

/// What the connection's task has. Dropped before the end of the connection, it ends all calls.
pub(in super::super) struct Desk {
    side: Arc<Mutex<Side<Caller>>>,
    /// Kept for its room.
    news: News,
}

/// Both ends of one side.
pub(in super::super) fn desk(connection: Connection, role: Caller) -> (Front, Desk) {
    let side = Arc::new(Mutex::new(Side { connection, role }));
    let desk = Desk {
        side: Arc::clone(&side),
        news: News::default(),
    };
    (Front(side), desk)
}

/// Who is to hear of something when the lock is open.
#[derive(Default)]
pub(super) struct News {
    pub(super) woken: Vec<Waker>,
    /// Of calls that nobody waits for; without a status they are only to be dropped.
    pub(super) settled: Vec<(Again, Option<Status>)>,
}

impl News {
    fn is_empty(&self) -> bool {
        self.woken.is_empty() && self.settled.is_empty()
    }

    fn tell(&mut self) {
        for waker in self.woken.drain(..) {
            waker.wake();
        }
        for (again, status) in self.settled.drain(..) {
            if let Some(status) = status {
                again(status);
            }
        }
    }
}

impl Front {
    /// Begins a call: its number, and whether the task is to be roused for it.
    ///
    /// # Errors
    /// Why it cannot, with the way to tell its caller.
    pub(in super::super) fn open(
        &self,
        asked: &Ask<'_>,
        again: &mut Option<Again>,
        answer: AnswerTo,
        room: Option<&Arc<Room>>,
    ) -> Result<(StreamId, bool), (Unopened, AnswerTo)> {
        let Side { connection, role } = &mut *lock(&self.0);
        let stream = role.open(connection, asked, again, answer, room)?;
        Ok((stream, role.stir()))
    }

    /// Takes the answer of a call, or leaves word who is to be woken when it comes. `None` if there is no such call.
    pub(in super::super) fn poll_take(
        &self,
        stream: StreamId,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Answered>> {
        let mut side = lock(&self.0);
        let (polled, former) = side.role.poll_take(stream, cx);
        drop(side);
        drop(former);
        polled
    }
}

impl Place for Desk {
    type Role = Caller;

    #[inline]
    fn hold(&mut self) -> impl DerefMut<Target = Side<Caller>> {
        Held {
            side: Some(lock(&self.side)),
            news: &mut self.news,
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.hold().role.abandon();
    }
}

/// The side as the task has it.
struct Held<'a> {
    /// Until it is let go.
    side: Option<MutexGuard<'a, Side<Caller>>>,
    news: &'a mut News,
}

impl Deref for Held<'_> {
    type Target = Side<Caller>;

    #[inline]
    fn deref(&self) -> &Side<Caller> {
        match &self.side {
            Some(side) => side,
            None => unreachable!("it is let go when this is dropped"),
        }
    }
}

impl DerefMut for Held<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Side<Caller> {
        match &mut self.side {
            Some(side) => side,
            None => unreachable!("it is let go when this is dropped"),
        }
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        let Some(mut side) = self.side.take() else {
            return;
        };
        if side.role.news.is_empty() {
            return;
        }
        std::mem::swap(&mut side.role.news, self.news);
        drop(side);
        self.news.tell();
    }
}

fn lock(side: &Mutex<Side<Caller>>) -> MutexGuard<'_, Side<Caller>> {
    side.lock().unwrap_or_else(PoisonError::into_inner)
}
