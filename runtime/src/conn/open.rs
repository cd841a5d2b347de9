//! How a client begins a call.

use std::time::{Duration, Instant};

use super::event::{Call, OpenError, StreamId};
use super::send::over;
use super::{Connection, Role, State};
use crate::metadata::Metadata;
use crate::rope::Rope;
use crate::status::{Phase, Status};
use crate::wire::head::{metadata_len, open_head_bound};
use crate::wire::{OpenHead, cost};

impl Connection {
    /// Client: begins a call under a number of the caller's choice, above that of every call before. Numbers may be left
    /// out. Its OPEN is ready for `transmit` when this returns.
    ///
    /// # Errors
    /// [`OpenError`]; nothing of the call is sent then, and the number is free unless one above it is used.
    pub fn open(
        &mut self,
        stream: StreamId,
        call: &Call<'_>,
        now: Instant,
    ) -> Result<(), OpenError> {
        match self.state {
            State::Greeting => return Err(OpenError::NotReady),
            State::Leaving { .. } | State::Closed => return Err(OpenError::Gone),
            State::Open if self.role == Role::Server => return Err(OpenError::Gone),
            State::Open => {}
        }
        // The peer would end the connection for it; elsewhere the call has not been seen.
        let number = stream.0;
        if number <= self.highest {
            return Err(OpenError::Gone);
        }
        if !self.has_room() {
            self.openable_wanted = true;
            return Err(OpenError::Full);
        }
        let head = open_head_bound(call.route, call.metadata);
        let left = match call
            .deadline
            .map(|deadline| deadline.checked_duration_since(now))
        {
            None => None,
            Some(Some(left)) if !left.is_zero() => Some(whole_micros(left)),
            Some(_) => return Err(OpenError::Refused(passed())),
        };
        if let Some(status) = self.objection(call, head) {
            return Err(OpenError::Refused(status.not_started()));
        }
        self.highest = number;
        let mut stream = self.stream(call.deadline, now);
        stream.opened_at = self.handed + self.main.len() as u64;
        stream.one_way = call.one_way;
        stream.requests_ended = call.last;
        // A body that does not go with OPEN goes behind it; so does one that would make the frame too long for the peer.
        let inline = match call.body {
            Some(body) if self.fits_now(head, body.len()) => Some(body),
            _ => None,
        };
        let last = call.last && (inline.is_some() || call.body.is_none());
        let head = OpenHead {
            route: self.routes.name(call.route),
            attempt: call.attempt,
            deadline: left,
            one_way: call.one_way,
            metadata: call.metadata,
        };
        head.put(self.main.tail(), number, inline.map(Rope::len), last);
        if let Some(body) = inline {
            self.main.put_body(body);
            self.spend(cost(body.len()));
        }
        self.insert(number, stream, now);
        if inline.is_none()
            && let Some(body) = call.body
        {
            self.enqueue(number, body.clone());
            if call.last {
                self.end_requests(number);
            }
        }
        Ok(())
    }

    /// Why the call, whose head has at most `head` bytes, cannot be sent, if so.
    #[inline]
    fn objection(&self, call: &Call<'_>, head: usize) -> Option<Status> {
        if !call.metadata.is_empty()
            && let Err(status) = self.check_metadata(call.metadata)
        {
            return Some(status);
        }
        if head > self.peer_frame() {
            let status = over("route and metadata of", head, "bytes", self.peer_frame());
            return Some(status.with_setting("Limits::frame"));
        }
        self.check_size(call.body?.len()).err()
    }

    fn check_metadata(&self, metadata: &Metadata) -> Result<(), Status> {
        let limits = self.limits();
        let (entries, bytes) = (metadata.len(), metadata_len(metadata));
        if entries > limits.metadata_entries {
            return Err(
                over("metadata of", entries, "entries", limits.metadata_entries)
                    .with_setting("Limits::metadata_entries"),
            );
        }
        if bytes > limits.metadata_bytes {
            return Err(over("metadata of", bytes, "bytes", limits.metadata_bytes)
                .with_setting("Limits::metadata_bytes"));
        }
        Ok(())
    }
}

/// 0 only if it is less than one.
fn whole_micros(time: Duration) -> u64 {
    time.as_secs()
        .saturating_mul(1_000_000)
        .saturating_add(time.subsec_micros().into())
}

fn passed() -> Status {
    Status::deadline_exceeded("the deadline had passed before the call was sent")
        .in_phase(Phase::Local)
        .not_started()
}
