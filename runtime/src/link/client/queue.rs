//! Calls that wait because the connection has as many as it may: in order, until there is room, they give up or their time is over.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::super::exchange::Request;
use super::super::room::Room;
use crate::conn::StreamId;

/// How many may wait. Beyond it a call fails at once: the callers are far ahead of what the server takes.
pub(super) const MAX_WAITING: usize = 64 * 1024;

/// What a call needs to get on the wire.
pub(super) struct Opening {
    pub(super) request: Request,
    /// Room for messages of ours; none until the call has a stream.
    pub(super) room: Option<Arc<Room>>,
}

/// Who waits for room on the connection, by number.
#[derive(Default)]
pub(super) struct Queue {
    /// Those that gave up are still in it.
    calls: VecDeque<Waiting>,
    /// How many have not given up.
    waiting: usize,
    deadlines: BinaryHeap<Reverse<(Instant, StreamId)>>,
}

struct Waiting {
    stream: StreamId,
    /// None of a call that gave up.
    opening: Option<Box<Opening>>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    /// Lets a call wait, whose number is above those of all that wait.
    pub(super) fn push(&mut self, stream: StreamId, opening: Opening) {
        if let Some(deadline) = opening.request.deadline {
            self.deadlines.push(Reverse((deadline, stream)));
        }
        self.waiting += 1;
        self.calls.push_back(Waiting {
            stream,
            opening: Some(Box::new(opening)),
        });
        self.forget_those_that_gave_up();
    }

    /// Keeps the queue as long as those who wait are many, however often callers come and go while nothing is opened.
    fn forget_those_that_gave_up(&mut self) {
        let most = 2 * self.waiting + 64;
        if self.calls.len() > most {
            self.calls.retain(|waiting| waiting.opening.is_some());
        }
        if self.deadlines.len() > most {
            let mut deadlines = std::mem::take(&mut self.deadlines);
            deadlines.retain(|Reverse((_, stream))| self.place(*stream).is_some());
            self.deadlines = deadlines;
        }
    }

    /// Where a call that waits stands.
    fn place(&self, stream: StreamId) -> Option<usize> {
        let place = self
            .calls
            .binary_search_by_key(&stream, |waiting| waiting.stream);
        place
            .ok()
            .filter(|&place| self.calls[place].opening.is_some())
    }

    /// Takes the next out.
    pub(super) fn pop(&mut self) -> Option<(StreamId, Box<Opening>)> {
        while let Some(Waiting { stream, opening }) = self.calls.pop_front() {
            if let Some(opening) = opening {
                self.waiting -= 1;
                return Some((stream, opening));
            }
        }
        self.deadlines.clear();
        None
    }

    /// Puts the one back that was taken out last.
    pub(super) fn put_back(&mut self, stream: StreamId, opening: Box<Opening>) {
        self.waiting += 1;
        self.calls.push_front(Waiting {
            stream,
            opening: Some(opening),
        });
    }

    /// Lets a call give up, if it waits.
    pub(super) fn give_up(&mut self, stream: StreamId) -> Option<Box<Opening>> {
        let place = self.place(stream)?;
        self.waiting -= 1;
        self.calls[place].opening.take()
    }

    /// When the time of one is over.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let Reverse((deadline, _)) = self.deadlines.peek()?;
        Some(*deadline)
    }

    /// Lets one give up whose time is over.
    pub(super) fn pop_expired(&mut self, now: Instant) -> Option<(StreamId, Box<Opening>)> {
        while let Some(Reverse((deadline, stream))) = self.deadlines.peek().copied()
            && deadline <= now
        {
            self.deadlines.pop();
            if let Some(opening) = self.give_up(stream) {
                return Some((stream, opening));
            }
        }
        None
    }
}
