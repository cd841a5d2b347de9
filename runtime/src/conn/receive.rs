//! What comes in: the preface, then frames.

use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};

use super::event::{Event, Request, StreamId};
use super::reassembly::too_large;
use super::stream::Stream;
use super::{Connection, Reply, Role, State};
use crate::status::Status;
use crate::wire::frame::{BARE, Header, LAST, MORE};
use crate::wire::{
    CancelReason, EndHead, FRAGMENT, Fault, Frame, FrameKind, OpenHead, Preface, Run, cost,
    leading_cost,
};

/// Messages below this are copied out of what was read with them if they have to wait: the 64 KiB of a read would be more
/// than 16 times as much.
const SMALL: usize = 4 * 1024;

/// In µs. Deadlines are cut to a year, far from where a clock could overflow.
const MAX_DEADLINE: u64 = 365 * 24 * 3600 * 1_000_000;

/// Who takes the ends of calls at once.
pub trait Ends {
    /// Whether it takes another.
    fn takes(&self) -> bool;

    /// A call is over, as [`Event::Ended`] says.
    fn ended(&mut self, stream: StreamId, outcome: Result<Reply, Status>);
}

/// Takes none: all are told as events.
struct Later;

impl Ends for Later {
    fn takes(&self) -> bool {
        false
    }

    fn ended(&mut self, _: StreamId, _: Result<Reply, Status>) {}
}

/// Frames that were read together, as far as the end of one of them.
#[derive(Clone, Copy)]
struct Batch<'a> {
    bytes: &'a Bytes,
    end: usize,
}

impl Batch<'_> {
    /// The message that ends the frame.
    #[inline]
    fn message(self, length: usize) -> Bytes {
        self.bytes.slice(self.end - length..self.end)
    }
}

impl Connection {
    /// Takes the whole frames at the front of `input`, and leaves the rest for the next time. Messages are slices of
    /// `input`'s memory.
    pub fn receive(&mut self, input: &mut BytesMut, now: Instant) {
        self.receive_with(input, now, &mut Later);
    }

    /// The same, where `ends` takes the ends of calls at once: none of them waits as an [`Event`], as long as nothing else does.
    pub fn receive_with(&mut self, input: &mut BytesMut, now: Instant, ends: &mut impl Ends) {
        if self.state == State::Closed {
            input.clear();
        }
        if input.is_empty() {
            return;
        }
        if let Err(fault) = self.take(input, now, ends) {
            self.fault(fault);
            input.clear();
        }
    }

    fn take(
        &mut self,
        input: &mut BytesMut,
        now: Instant,
        ends: &mut impl Ends,
    ) -> Result<(), Fault> {
        if self.state == State::Greeting {
            let Some(theirs) = Preface::decode(input)? else {
                return Ok(());
            };
            input.advance(Preface::LENGTH);
            self.greet(theirs, now)?;
        }
        self.heard(now);
        let mut whole = 0;
        let bound = self.limits().frame.clamp(1 << 16, 1 << 24);
        self.missing = 0;
        let mut rest = &input[..];
        let fault = loop {
            match Header::span(rest, bound) {
                Ok(Some(span)) if span <= rest.len() => {
                    whole += span;
                    rest = &rest[span..];
                }
                Ok(span) => {
                    self.missing = span.map_or(0, |span| span - rest.len());
                    break None;
                }
                Err(broken) => break Some(broken),
            }
        };
        if input.len() == whole {
            self.timers.frame = None;
        } else if whole > 0 || self.timers.frame.is_none() {
            self.timers.frame = Some(now + self.limits().frame_timeout);
        }
        if whole == 0 {
            return fault.map_or(Ok(()), Err);
        }
        let batch = input.split_to(whole).freeze();
        let mut at = 0;
        while let Some(span) = Header::span(&batch[at..], bound)? {
            let Some((header, payload)) = Header::split(&batch[at..at + span]) else {
                break;
            };
            let run = self.take_run(header, &batch, at);
            if run > 0 {
                at += run;
                continue;
            }
            at += span;
            let (bytes, end) = (&batch, at);
            self.take_frame(header, payload, Batch { bytes, end }, now, ends)?;
            if self.state == State::Closed {
                return Ok(());
            }
        }
        if self.control.len() > self.limits().control_queue {
            return Err(Fault::NotReading {
                waiting: self.control.len(),
                limit: self.limits().control_queue,
            });
        }
        fault.map_or(Ok(()), Err)
    }

    fn greet(&mut self, theirs: Preface, now: Instant) -> Result<(), Fault> {
        if self.role == Role::Server {
            self.main.tail().extend_from_slice(&self.ours.encode());
        }
        let negotiated = self.ours.negotiate(&theirs);
        self.peer = Some((
            theirs,
            negotiated.clone().unwrap_or(crate::wire::Negotiated::NONE),
        ));
        negotiated?;
        self.send_credit = 1 << theirs.connection_window_log2;
        self.reserve = self.send_credit / 4;
        self.state = State::Open;
        self.heard(now);
        self.events.push_back(Event::Ready);
        Ok(())
    }

    /// Takes a frame of a batch, of which messages become slices.
    #[inline]
    fn take_frame(
        &mut self,
        header: Header,
        payload: &[u8],
        batch: Batch<'_>,
        now: Instant,
        ends: &mut impl Ends,
    ) -> Result<(), Fault> {
        let Some(kind) = header.known()? else {
            self.stats.unknown += 1;
            return self.ignore(now);
        };
        let server = self.is_server();
        let theirs = match kind {
            FrameKind::Open | FrameKind::Cancel => server,
            FrameKind::End => !server,
            _ => true,
        };
        if !theirs {
            return Err(Fault::Direction(kind.as_str()));
        }
        match kind {
            FrameKind::Open => self.take_open(header, payload, batch, now),
            FrameKind::Data => self.take_data(header, payload, batch, now),
            FrameKind::End => self.take_end(header, payload, batch, now, ends),
            _ => self.take_control(kind, header.stream, payload, now),
        }
    }

    fn take_open(
        &mut self,
        header: Header,
        payload: &[u8],
        batch: Batch<'_>,
        now: Instant,
    ) -> Result<(), Fault> {
        let number = header.stream;
        if number <= self.highest {
            return Err(Fault::StreamReused {
                stream: number,
                highest: self.highest,
            });
        }
        let (head, body) = OpenHead::decode(header, payload, self.limits().head())?;
        self.highest = number;
        let destination = self.routes.resolve(head.route)?;
        let held = body.map_or(0, |body| cost(body.len()));
        self.charge(held)?;
        if let State::Leaving { last: Some(_) } = self.state {
            // GOAWAY told the client, which ends this call itself.
            self.give_back(held);
            self.stats.refused += 1;
            return self.late(now);
        }
        let metadata = match self.admit(head.metadata, head.deadline, body) {
            Ok(metadata) => metadata,
            Err(status) => {
                self.give_back(held);
                self.stats.refused += 1;
                EndHead::put(&mut self.control, number, Err(&status.not_started()), None);
                return Ok(());
            }
        };
        let deadline = head
            .deadline
            .map(|left| now + Duration::from_micros(left.min(MAX_DEADLINE)));
        let mut stream = self.stream(deadline, now);
        if held > FRAGMENT && self.reassembly.takes(held) {
            stream.large.get_or_insert_default().open = held;
            self.give_back(held);
        } else {
            stream.open_held = held;
        }
        stream.requests_ended = header.has(LAST);
        stream.one_way = head.one_way;
        self.insert(number, stream, now);
        self.events.push_back(Event::Request {
            stream: StreamId(number),
            request: Request {
                destination,
                deadline,
                attempt: head.attempt,
                one_way: head.one_way,
                metadata,
                body: body.map(|body| batch.message(body.len())),
                last: header.has(LAST),
            },
        });
        Ok(())
    }

    /// Whether a call may begin; else why not.
    fn admit<M>(
        &self,
        metadata: Result<M, Status>,
        deadline: Option<u64>,
        body: Option<&[u8]>,
    ) -> Result<M, Status> {
        let limits = self.limits();
        let metadata = metadata?;
        // A number beyond i64 is a negative one from a careless client.
        if deadline.is_some_and(|left| left == 0 || i64::try_from(left).is_err()) {
            return Err(Status::deadline_exceeded(
                "the deadline had passed when the request was sent",
            ));
        }
        if self.streams.len() >= limits.streams {
            return Err(Status::resource_exhausted(format!(
                "the connection has its limit of {} calls open",
                limits.streams
            ))
            .with_setting("Limits::streams")
            .overloaded());
        }
        match body {
            Some(body) if body.len() > limits.message => Err(too_large(body.len(), limits.message)),
            _ => Ok(metadata),
        }
    }

    /// Takes the whole messages of one stream that stand side by side at `at`, as far as all is well with them; gives their
    /// length. What is left is for [`Connection::take_data`].
    fn take_run(&mut self, header: Header, batch: &Bytes, at: usize) -> usize {
        if header.kind != FrameKind::Data as u8 || header.flags != 0 {
            return 0;
        }
        let server = self.is_server();
        let most = self.limits().message;
        let Some(stream) = self.streams.get_mut(header.stream) else {
            return 0;
        };
        if (server && stream.requests_ended) || stream.is_in_message() {
            return 0;
        }
        let open = stream.window.open().min(self.window.open());
        let run = Run::gather(batch, at, header.stream, most, open);
        let cost = run.cost();
        if run.is_empty() || stream.window.take(cost).is_err() || self.window.take(cost).is_err() {
            return 0;
        }
        stream.begun |= !server;
        stream.held += cost;
        // What lies before a consumer that is behind would keep all that was read along with it.
        let run = if stream.waiting > 0 && cost < SMALL {
            run.detached()
        } else {
            run
        };
        stream.waiting += run.messages();
        let stream = StreamId(header.stream);
        self.events.push_back(Event::Run { stream, run });
        cost
    }

    fn take_data(
        &mut self,
        header: Header,
        payload: &[u8],
        batch: Batch<'_>,
        now: Instant,
    ) -> Result<(), Fault> {
        let (number, length) = (header.stream, payload.len());
        let (last, more, bare) = (header.has(LAST), header.has(MORE), header.has(BARE));
        let server = self.is_server();
        // To the server it says that no request follows, to the client that replies have begun.
        if (last && !server) || (bare && last != server) {
            return Err(Fault::Flags {
                kind: FrameKind::Data.as_str(),
                flags: header.flags,
            });
        }
        if (more && last) || (bare && length > 0) {
            return Err(Fault::Unfinished(number));
        }
        if more && length != FRAGMENT {
            return Err(Fault::FragmentSize {
                stream: number,
                length,
            });
        }
        let cost = if bare { 0 } else { cost(length) };
        self.charge(cost)?;
        let Some(stream) = self.streams.get_mut(number) else {
            self.give_back(cost);
            if server && number > self.highest {
                return Err(Fault::StreamUnopened(number));
            }
            return self.late(now);
        };
        if server && stream.requests_ended {
            return Err(Fault::AfterEnd(number));
        }
        stream
            .window
            .take(cost)
            .map_err(|excess| Fault::WindowExceeded {
                stream: number,
                excess,
            })?;
        let in_message = stream.is_in_message();
        if in_message && bare {
            return Err(Fault::Unfinished(number));
        }
        if in_message && (length == 0 || length > FRAGMENT) {
            return Err(Fault::FragmentSize {
                stream: number,
                length,
            });
        }
        if more {
            self.take_fragment(number, payload);
            return Ok(());
        }
        stream.requests_ended |= last;
        let leading = leading_cost(length);
        stream.held += cost - leading;
        let id = StreamId(number);
        if !server {
            let begun = std::mem::replace(&mut stream.begun, true);
            if bare && begun {
                return Err(Fault::BegunTwice(number));
            }
        }
        if bare {
            self.events.push_back(if server {
                Event::RequestsEnded { stream: id }
            } else {
                Event::Begun { stream: id }
            });
            return Ok(());
        }
        // What lies before a consumer that is behind would keep all that was read along with it.
        let crowded = stream.waiting > 0 && length < SMALL;
        stream.waiting += 1;
        if leading > 0 && !self.take_leading(number, leading) {
            return Ok(());
        }
        let Some(stream) = self.streams.get_mut(number) else {
            return Ok(());
        };
        let body = match stream.complete(payload) {
            Some(whole) => whole,
            None if crowded => Bytes::copy_from_slice(payload),
            None => batch.message(length),
        };
        let most = self.limits().message;
        if body.len() > most {
            self.fail(number, too_large(body.len(), most));
        } else {
            self.events.push_back(Event::Message {
                stream: id,
                body,
                last,
            });
        }
        Ok(())
    }

    fn take_end(
        &mut self,
        header: Header,
        payload: &[u8],
        batch: Batch<'_>,
        now: Instant,
        ends: &mut impl Ends,
    ) -> Result<(), Fault> {
        let number = header.stream;
        let (head, body) = EndHead::decode(header, payload, self.limits().head())?;
        let held = body.map_or(0, |body| cost(body.len()));
        self.charge(held)?;
        self.give_back(held);
        let Some(stream) = self.streams.get(number) else {
            return self.late(now);
        };
        if head.outcome.is_ok() && stream.is_in_message() {
            return Err(Fault::Unfinished(number));
        }
        self.remove(number);
        let most = self.limits().message;
        let outcome = match (head.outcome, body) {
            (Ok(_), Some(body)) if body.len() > most => Err(too_large(body.len(), most)),
            (Ok(trailers), body) => Ok(Reply {
                body: body.map(|body| batch.message(body.len()).into()),
                trailers,
            }),
            (Err(status), _) => Err(status),
        };
        let stream = StreamId(number);
        // Behind what was told before.
        if self.events.is_empty() && ends.takes() {
            ends.ended(stream, outcome);
        } else {
            self.events.push_back(Event::Ended { stream, outcome });
        }
        Ok(())
    }

    /// Takes message bytes from the connection's window.
    fn charge(&mut self, cost: usize) -> Result<(), Fault> {
        self.window
            .take(cost)
            .map_err(|excess| Fault::WindowExceeded { stream: 0, excess })
    }

    pub(super) fn is_server(&self) -> bool {
        self.role == Role::Server
    }

    /// A stream with the windows that the prefaces gave it.
    #[inline]
    pub(super) fn stream(&self, deadline: Option<Instant>, now: Instant) -> Stream {
        let credit = self
            .peer
            .map_or(0, |(peer, _)| 1 << peer.stream_window_log2);
        Stream::new(now, deadline, credit, 1 << self.ours.stream_window_log2)
    }

    #[inline]
    pub(super) fn insert(&mut self, number: u32, stream: Stream, now: Instant) {
        if self.streams.is_empty() {
            self.timers.busy(now);
        }
        self.timers.sweep_at(stream.deadline);
        self.stats.opened += 1;
        self.streams.insert(number, stream);
    }

    /// Ends a call that broke a limit: the peer is told, and so is the driver.
    pub(super) fn fail(&mut self, number: u32, status: Status) {
        let id = StreamId(number);
        let Some(gone) = self.remove(number) else {
            return;
        };
        if self.role == Role::Client {
            let reason = CancelReason::Limit;
            Frame::Cancel {
                stream: number,
                reason,
            }
            .put(self.main.tail());
            self.events.push_back(Event::Ended {
                stream: id,
                outcome: Err(status),
            });
            return;
        }
        EndHead::put(self.main.tail(), number, Err(&status), None);
        if !gone.finishing {
            self.events.push_back(Event::Cancelled {
                stream: id,
                reason: CancelReason::Limit,
            });
        }
    }
}
