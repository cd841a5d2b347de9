//! What goes out: messages, written at once where credit allows, else queued and written in turn.

use super::event::{Messages, SendError, StreamId};
use super::outbox::Outbox;
use super::reassembly::too_large;
use super::stream::{After, Stream};
use super::{Connection, Event, Role};
use crate::status::{Phase, Status};
use crate::wire::frame::{BARE, Header, LAST, MORE};
use crate::wire::head::end_head_bound;
use crate::wire::{CancelReason, FRAGMENT, Frame, FrameKind, WHOLE, cost, frame_cost};

/// Bytes sent for which a peer may send one CREDIT.
const CREDIT_PER_BYTES: usize = 1024;

/// What a message or a run that waits to be sent takes beside its bytes.
const WAITING: usize = size_of::<Messages>();

/// How much the peer takes in one frame now.
struct Whole {
    frame: usize,
    credit: u64,
}

impl Whole {
    fn fits(&self, head: usize, body: usize) -> bool {
        body <= WHOLE && head + body <= self.frame && cost(body) as u64 <= self.credit
    }
}

/// What a turn in the round came to.
enum Turn {
    /// Something was written, and there is more.
    Again,
    /// Nothing is left, or the stream's window is used up.
    Out,
    /// The connection's window is used up.
    Blocked,
}

impl Connection {
    /// Whether the peer takes messages of this size.
    #[inline]
    pub(super) fn check_size(&self, length: usize) -> Result<(), Status> {
        let most = self.peer_message();
        if length > most {
            Err(too_large(length, most).in_phase(Phase::Local))
        } else {
            Ok(())
        }
    }

    fn peer_message(&self) -> usize {
        self.peer
            .map_or(0, |(peer, _)| 1_usize << peer.message_log2)
    }

    /// Sends messages on a call: further requests of the client, or replies of the server that are not the last.
    ///
    /// # Errors
    /// [`SendError`]
    pub fn send(
        &mut self,
        stream: StreamId,
        messages: impl Into<Messages>,
    ) -> Result<(), SendError> {
        let messages = messages.into();
        let number = stream.0;
        let bound = self.limits().stream_queue;
        let crowded = self.queued >= self.limits().connection_queue;
        let client = self.role == Role::Client;
        let Some(stream) = self.streams.get_mut(number) else {
            return Err(SendError::Gone);
        };
        if (client && stream.requests_ended) || stream.finishing {
            return Err(SendError::Gone);
        }
        stream.begun |= !client;
        if let Some(queue) = &mut stream.queue
            && queue.bytes > 0
            && (crowded || queue.bytes + held(&messages) > bound)
        {
            queue.wanted = true;
            return Err(SendError::NotReady(messages));
        }
        let too_large = match messages {
            Messages::One(body) => {
                self.check_size(body.len()).map_err(SendError::TooLarge)?;
                self.enqueue(number, body);
                None
            }
            Messages::Run(mut run) => {
                let fitting = run.split_fitting(self.peer_message());
                if !fitting.is_empty() {
                    self.enqueue(number, fitting);
                }
                run.front()
            }
        };
        too_large.map_or(Ok(()), |length| {
            self.check_size(length).map_err(SendError::TooLarge)
        })
    }

    /// Server: says that replies have begun, where the first of them may take its time. Once, before any reply.
    pub fn begin(&mut self, stream: StreamId) {
        let number = stream.0;
        if let Some(found) = self.streams.get_mut(number)
            && self.role == Role::Server
            && !found.finishing
            && !std::mem::replace(&mut found.begun, true)
        {
            Header::put(self.main.tail(), FrameKind::Data, BARE, number, 0);
        }
    }

    /// Client: says that no request follows.
    pub fn finish_requests(&mut self, stream: StreamId) {
        if let Some(found) = self.streams.get_mut(stream.0)
            && self.role == Role::Client
            && !found.requests_ended
        {
            found.requests_ended = true;
            self.end_requests(stream.0);
        }
    }

    /// Payload bytes of a frame that the peer takes.
    pub(super) fn peer_frame(&self) -> usize {
        self.peer.map_or(0, |(peer, _)| 1 << peer.frame_log2)
    }

    /// Whether a message may go with its head, before all that waits for credit: a large one takes its turn.
    #[inline]
    pub(super) fn fits_now(&self, head: usize, body: usize) -> bool {
        (body <= FRAGMENT || self.round.is_empty()) && self.whole().fits(head, body)
    }

    /// What may go in one frame with its head now.
    #[inline]
    fn whole(&self) -> Whole {
        Whole {
            frame: self.peer_frame(),
            credit: self.send_credit,
        }
    }

    /// Client: whether `transmit` has handed out all requests that the call has been given.
    pub fn has_left(&self, stream: StreamId) -> bool {
        let waits = |stream: &Stream| stream.queue.is_some();
        self.main.is_empty() && !self.streams.get(stream.0).is_some_and(waits)
    }

    /// Client: gives a call up. Nothing more is told of it.
    pub fn cancel(&mut self, stream: StreamId, reason: CancelReason) {
        if self.role == Role::Client && self.remove(stream.0).is_some() {
            Frame::Cancel {
                stream: stream.0,
                reason,
            }
            .put(self.main.tail());
        }
    }

    /// Moves frames into `out`: all that are ready, and messages in turn until there are `most` bytes. Returns whether there is
    /// anything in `out`.
    pub fn transmit(&mut self, out: &mut Outbox, most: usize) -> bool {
        if self.handed == 0 {
            // The preface is the first of `main`, and goes before any control frame.
            self.hand_out(out);
        }
        if out.is_empty() {
            self.controls = 0;
        }
        self.controls += self.control.len();
        out.append_bytes(&mut self.control);
        self.hand_out(out);
        let mut blocked = 0;
        while out.len() < most && blocked < self.round.len() {
            let Some(number) = self.round.pop_front() else {
                break;
            };
            match self.turn(number) {
                Turn::Again => {
                    blocked = 0;
                    self.round.push_back(number);
                }
                Turn::Out => {}
                Turn::Blocked => {
                    blocked += 1;
                    self.round.push_back(number);
                }
            }
            self.hand_out(out);
        }
        self.tell_openable();
        !out.is_empty()
    }

    fn hand_out(&mut self, out: &mut Outbox) {
        self.handed += self.main.len() as u64;
        out.append(&mut self.main);
    }

    /// Writes messages at once if they are small, nothing waits before them and credit allows; else queues them.
    pub(super) fn enqueue(&mut self, number: u32, messages: impl Into<Messages>) {
        let messages = messages.into();
        let cost = match &messages {
            Messages::One(body) => frame_cost(body.len()),
            Messages::Run(run) => run.cost(),
        };
        let small = messages.bytes() <= FRAGMENT;
        let unreserved = self.unreserved();
        let Some(stream) = self.streams.get_mut(number) else {
            return;
        };
        if stream.queue.is_none()
            && self.round.is_empty()
            && small
            && cost as u64 <= unreserved.min(stream.send_credit)
        {
            stream.send_credit -= cost as u64;
            match messages {
                Messages::One(body) => {
                    Header::put(self.main.tail(), FrameKind::Data, 0, number, body.len());
                    self.main.put_body(&body);
                }
                Messages::Run(run) => self.main.put_piece(run.frames()),
            }
            self.spend(cost);
            return;
        }
        let queue = stream.queue.get_or_insert_default();
        queue.bytes += held(&messages);
        self.queued += held(&messages);
        queue.messages.push_back(messages);
        self.enter_round(number);
    }

    pub(super) fn end_requests(&mut self, number: u32) {
        let Some(stream) = self.streams.get_mut(number) else {
            return;
        };
        match &mut stream.queue {
            Some(queue) => {
                queue.after = After::EndRequests;
                self.enter_round(number);
            }
            None => Header::put(self.main.tail(), FrameKind::Data, LAST | BARE, number, 0),
        }
    }

    /// Puts a stream that has something to write at the end of the round.
    pub(super) fn enter_round(&mut self, number: u32) {
        if let Some(stream) = self.streams.get_mut(number)
            && let Some(queue) = &mut stream.queue
            && !queue.in_round
        {
            queue.in_round = true;
            self.round.push_back(number);
        }
    }

    /// What DATA may use of the connection's window.
    fn unreserved(&self) -> u64 {
        self.send_credit.saturating_sub(self.reserve)
    }

    #[inline]
    pub(super) fn spend(&mut self, cost: usize) {
        self.send_credit -= cost as u64;
        self.credit_earning += cost;
        let earned = self.credit_earning / CREDIT_PER_BYTES;
        self.credits.grow(u32::try_from(earned).unwrap_or(u32::MAX));
        self.credit_earning %= CREDIT_PER_BYTES;
    }

    /// Writes one fragment, or the end.
    fn turn(&mut self, number: u32) -> Turn {
        let unreserved = self.unreserved();
        let bound = self.limits().stream_queue;
        let room = self.whole();
        let Some(stream) = self.streams.get_mut(number) else {
            return Turn::Out;
        };
        let Some(queue) = &mut stream.queue else {
            return Turn::Out;
        };
        let message = match queue.messages.front() {
            Some(Messages::One(message)) => message.clone(),
            Some(Messages::Run(_)) => return self.turn_run(number),
            None => return self.write_after(number),
        };
        if queue.written == 0
            && queue.messages.len() == 1
            && let After::End(outcome @ Ok(_)) = &queue.after
            && room.fits(end_head_bound(outcome.as_ref()), message.len())
        {
            return self.write_after(number);
        }
        let credit = unreserved.min(stream.send_credit);
        let most = if queue.written == 0 && (Whole { credit, ..room }).fits(0, message.len()) {
            WHOLE
        } else {
            FRAGMENT
        };
        let part = queue.written..message.len().min(queue.written + most);
        let (length, cost) = (part.len(), cost(part.len()));
        if cost as u64 > stream.send_credit {
            queue.in_round = false;
            return Turn::Out;
        }
        if cost as u64 > unreserved {
            return Turn::Blocked;
        }
        stream.send_credit -= cost as u64;
        queue.written = part.end;
        let whole = queue.written == message.len();
        let freed = length + if whole { WAITING } else { 0 };
        queue.bytes -= freed;
        self.queued -= freed;
        let mut flags = 0;
        if whole {
            queue.messages.pop_front();
            queue.written = 0;
            if queue.messages.is_empty() && matches!(queue.after, After::EndRequests) {
                queue.after = After::Nothing;
                flags = LAST;
            }
        } else {
            flags = MORE;
        }
        if queue.takes_more(bound) {
            self.events.push_back(Event::Writable {
                stream: StreamId(number),
            });
        }
        let done = queue.is_done();
        if done {
            stream.queue = None;
        }
        Header::put(self.main.tail(), FrameKind::Data, flags, number, length);
        self.main.put_part(&message, part);
        self.spend(cost);
        if done { Turn::Out } else { Turn::Again }
    }

    /// Writes as much of the run that is next as a fragment may have.
    fn turn_run(&mut self, number: u32) -> Turn {
        let unreserved = self.unreserved();
        let bound = self.limits().stream_queue;
        let Some(stream) = self.streams.get_mut(number) else {
            return Turn::Out;
        };
        let credit = stream.send_credit.min(unreserved);
        let most = usize::try_from(credit).map_or(FRAGMENT, |credit| credit.min(FRAGMENT));
        let Some(queue) = &mut stream.queue else {
            return Turn::Out;
        };
        let Some(Messages::Run(run)) = queue.messages.front_mut() else {
            return Turn::Out;
        };
        let part = run.split(most);
        if part.is_empty() {
            if run.front_cost() as u64 <= stream.send_credit {
                return Turn::Blocked;
            }
            queue.in_round = false;
            return Turn::Out;
        }
        let freed = part.cost() + if run.is_empty() { WAITING } else { 0 };
        if run.is_empty() {
            queue.messages.pop_front();
        }
        stream.send_credit -= part.cost() as u64;
        queue.bytes -= freed;
        self.queued -= freed;
        if queue.takes_more(bound) {
            self.events.push_back(Event::Writable {
                stream: StreamId(number),
            });
        }
        let done = queue.is_done();
        if done {
            stream.queue = None;
        }
        self.main.put_piece(part.frames());
        self.spend(part.cost());
        if done { Turn::Out } else { Turn::Again }
    }

    /// Writes what follows the messages, with the last of them if it is still there.
    fn write_after(&mut self, number: u32) -> Turn {
        let Some(stream) = self.streams.get_mut(number) else {
            return Turn::Out;
        };
        let Some(queue) = stream.queue.take() else {
            return Turn::Out;
        };
        self.queued -= queue.bytes;
        match queue.after {
            After::EndRequests => {
                Header::put(self.main.tail(), FrameKind::Data, LAST | BARE, number, 0);
            }
            After::End(outcome) => {
                let last = match queue.messages.front() {
                    Some(Messages::One(body)) => Some(body),
                    Some(Messages::Run(_)) | None => None,
                };
                self.write_end(number, outcome.as_ref(), last);
            }
            After::Nothing => {}
        }
        Turn::Out
    }
}

/// What messages hold while they wait to be sent.
fn held(messages: &Messages) -> usize {
    messages.bytes() + WAITING
}

pub(super) fn over(what: &str, count: usize, unit: &str, limit: usize) -> Status {
    Status::resource_exhausted(format!(
        "{what} {count} {unit} is over the limit of {limit}"
    ))
    .in_phase(Phase::Local)
}
