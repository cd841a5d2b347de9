//! Messages of one call on their way from its sender into the machine.

use std::collections::VecDeque;
use std::sync::Arc;

use super::room::Room;
use crate::conn::{Connection, Messages, SendError, StreamId};
use crate::status::Status;

/// What the machine did not take yet. Bounded by the room that the sender has.
#[derive(Debug)]
pub(super) struct Outgoing {
    room: Arc<Room>,
    waiting: VecDeque<Messages>,
}

impl Outgoing {
    /// For a call that is on the wire: from now on there is room.
    pub(super) fn new(room: Arc<Room>) -> Self {
        room.open();
        Self {
            room,
            waiting: VecDeque::new(),
        }
    }

    /// Whether the machine has everything.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Gives the machine messages, or keeps them until it takes more.
    ///
    /// # Errors
    /// The status to end the call with: the peer takes no such message.
    pub(super) fn push(
        &mut self,
        connection: &mut Connection,
        stream: StreamId,
        messages: Messages,
    ) -> Result<(), Status> {
        self.waiting.push_back(messages);
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
        while let Some(messages) = self.waiting.pop_front() {
            let room = messages.bytes();
            match connection.send(stream, messages) {
                Ok(()) => self.room.give_back(room),
                Err(SendError::NotReady(messages)) => {
                    self.waiting.push_front(messages);
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
