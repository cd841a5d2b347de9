//! How a server ends a call.

use super::event::{Reply, StreamId};
use super::send::over;
use super::stream::After;
use super::{Connection, Role};
use crate::metadata::Metadata;
use crate::rope::Rope;
use crate::status::Status;
use crate::wire::head::end_head_bound;
use crate::wire::{EndHead, cost};

impl Connection {
    /// Server: ends a call, behind the messages it has sent. `false` if it is over already.
    pub fn finish(&mut self, stream: StreamId, outcome: Result<Reply, Status>) -> bool {
        let number = stream.0;
        if self.role == Role::Client {
            return false;
        }
        let Some(stream) = self.streams.get_mut(number) else {
            return false;
        };
        if stream.finishing {
            return false;
        }
        stream.finishing = true;
        let (expired, one_way) = (stream.expired, stream.one_way);
        if expired && let Some(queue) = stream.queue.take() {
            self.queued -= queue.bytes;
        }
        let idle = stream.queue.is_none();
        self.cancels.grow(1);
        let refusal = self.refusal(&outcome, expired);
        let (ends, body) = match (&refusal, &outcome) {
            (Some(status), _) | (None, Err(status)) => (Err(status), None),
            (None, Ok(reply)) if one_way => (Ok(&reply.trailers), None),
            (None, Ok(reply)) => (Ok(&reply.trailers), reply.body.as_ref()),
        };
        let fits = match body {
            Some(body) => self.fits_now(end_head_bound(ends), body.len()),
            None => true,
        };
        if idle && fits {
            self.write_end(number, ends, body);
            return true;
        }
        let (outcome, body) = match (refusal, outcome) {
            (Some(status), _) | (None, Err(status)) => (Err(status), None),
            (None, Ok(reply)) => (Ok(reply.trailers), reply.body.filter(|_| !one_way)),
        };
        self.finish_later(number, outcome, body);
        true
    }

    /// Ends a call whose end waits for credit, or behind messages.
    fn finish_later(&mut self, number: u32, outcome: Result<Metadata, Status>, body: Option<Rope>) {
        // The handler is done with its request: a reply that waits for credit must not hold that of the peer.
        self.consume_open(number);
        if let Some(body) = body {
            self.enqueue(number, body);
        }
        match self
            .streams
            .get_mut(number)
            .and_then(|stream| stream.queue.as_mut())
        {
            Some(queue) => {
                queue.after = After::End(outcome);
                self.enter_round(number);
            }
            None => self.write_end(number, outcome.as_ref(), None),
        }
    }

    /// What a call ends with in the place of an outcome that cannot be sent.
    #[inline]
    fn refusal(&self, outcome: &Result<Reply, Status>, expired: bool) -> Option<Status> {
        let head = match outcome {
            Ok(_) if expired => {
                return Some(Status::deadline_exceeded(
                    "the deadline passed before the reply came",
                ));
            }
            Ok(reply) => end_head_bound(Ok(&reply.trailers)),
            Err(status) => end_head_bound(Err(status)),
        };
        if head > self.peer_frame() {
            return Some(self.end_too_long(head));
        }
        let body = outcome.as_ref().ok()?.body.as_ref()?;
        self.check_size(body.len()).err()
    }

    fn end_too_long(&self, head: usize) -> Status {
        let limit = self.peer_frame();
        over("status, detail and trailers of", head, "bytes", limit).with_setting("Limits::frame")
    }

    /// Writes END and forgets the call.
    #[inline]
    pub(super) fn write_end(
        &mut self,
        number: u32,
        outcome: Result<&Metadata, &Status>,
        body: Option<&Rope>,
    ) {
        EndHead::put(self.main.tail(), number, outcome, body.map(Rope::len));
        if let Some(body) = body {
            self.main.put_body(body);
            self.spend(cost(body.len()));
        }
        self.remove(number);
    }
}
