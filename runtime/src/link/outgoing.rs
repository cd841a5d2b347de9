//! Messages of one call on their way from its sender into the machine.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::body::{SEND_AHEAD, room_for};
use crate::conn::{Connection, SendError, StreamId};
use crate::status::Status;

/// What the machine did not take yet. Bounded by the room that the sender has.
#[derive(Debug)]
pub(super) struct Outgoing {
    room: Arc<Semaphore>,
    waiting: VecDeque<Bytes>,
}

impl Outgoing {
    /// For a call that has its stream: from now on there is room.
    pub(super) fn new(room: Arc<Semaphore>) -> Self {
        room.add_permits(SEND_AHEAD);
        Self {
            room,
            waiting: VecDeque::new(),
        }
    }

    /// Whether the machine has everything.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Gives the machine a message, or keeps it until it takes more.
    ///
    /// # Errors
    /// The status to end the call with: the peer takes no such message.
    pub(super) fn push(
        &mut self,
        connection: &mut Connection,
        stream: StreamId,
        body: Bytes,
    ) -> Result<(), Status> {
        self.waiting.push_back(body);
        if self.waiting.len() > 1 {
            return Ok(());
        }
        self.advance(connection, stream)
    }

    /// Gives the machine what it takes now.
    ///
    /// # Errors
    /// As [`Outgoing::push`].
    pub(super) fn advance(
        &mut self,
        connection: &mut Connection,
        stream: StreamId,
    ) -> Result<(), Status> {
        while let Some(body) = self.waiting.pop_front() {
            let room = room_for(&body);
            match connection.send(stream, body) {
                Ok(()) => self.room.add_permits(room as usize),
                Err(SendError::NotReady(body)) => {
                    self.waiting.push_front(body);
                    break;
                }
                Err(SendError::TooLarge(status)) => return Err(status),
                // The end of the call says how; its sender learns from the closed room.
                Err(SendError::Gone) => self.room.close(),
            }
        }
        Ok(())
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.room.close();
    }
}
