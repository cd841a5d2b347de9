//! Messages larger than a fragment: putting them together within a budget, without ever blocking for good.
//!
//! A window is smaller than such a message, so its credit goes back as fragments arrive, ahead of the consumer: up to half of
//! the budget for all, beyond that for one message at a time. That one always gets through, and then the next. What comes in
//! with credit that was out already may fill the rest of the budget; beyond that the call is refused.

use std::collections::VecDeque;

use super::{Connection, StreamId};
use crate::status::Status;
use crate::wire::{FRAGMENT, Frame, frame_cost, leading_cost};

/// What all large messages of a connection hold.
#[derive(Debug)]
pub(super) struct Reassembly {
    budget: usize,
    bytes: usize,
    /// The call that gets credit though half of the budget is used.
    favoured: Option<u32>,
    /// Calls whose credit waits, in turn.
    withheld: VecDeque<u32>,
}

impl Reassembly {
    pub(super) fn new(budget: usize) -> Self {
        Self {
            budget,
            bytes: 0,
            favoured: None,
            withheld: VecDeque::new(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a message that came whole, if half of the budget has room for it.
    pub(super) fn takes(&mut self, cost: usize) -> bool {
        let room = self.bytes + cost <= self.budget / 2;
        self.bytes += if room { cost } else { 0 };
        room
    }

    /// Forgets what a call has held of it.
    pub(super) fn release(&mut self, number: u32, bytes: usize) {
        self.bytes -= bytes;
        if self.favoured == Some(number) {
            self.favoured = None;
        }
    }

    /// Whether `number` may have credit ahead of its consumer now.
    fn admits(&mut self, number: u32) -> bool {
        if self.bytes <= self.budget / 2 || self.favoured == Some(number) {
            return true;
        }
        if self.favoured.is_none() {
            self.favoured = Some(number);
            return true;
        }
        false
    }
}

impl Connection {
    /// Takes a fragment that is not the last of its message. If it is too much, the call is over.
    pub(super) fn take_fragment(&mut self, number: u32, fragment: &[u8]) {
        let cost = frame_cost(fragment.len());
        let most = self.limits().message;
        if !self.take_leading(number, cost) {
            return;
        }
        let Some(stream) = self.streams.get_mut(number) else {
            return;
        };
        let large = stream.large.get_or_insert_default();
        let partial = large.partial.get_or_insert_default();
        let length = partial.len() + fragment.len();
        if length > most {
            self.fail(number, too_large(length, most));
            return;
        }
        partial.extend_from_slice(fragment);
        large.withheld += cost;
        large.due = None;
        if stream.waiting == 0 && self.reassembly.admits(number) {
            self.grant(number);
        } else {
            self.reassembly.withheld.push_back(number);
            self.expect_fragment(number);
        }
    }

    /// Moves what stands before the last fragment's worth of a message, or part of it, from the connection's window to the
    /// account of large messages. If it is too much, the call is over, and the answer `false`.
    pub(super) fn take_leading(&mut self, number: u32, cost: usize) -> bool {
        self.give_back(cost);
        let budget = self.reassembly.budget;
        let Some(stream) = self.streams.get_mut(number) else {
            return false;
        };
        if self.reassembly.bytes + cost > budget {
            let status = Status::resource_exhausted(format!(
                "large messages on this connection are over the limit of {budget} bytes"
            ));
            self.fail(
                number,
                status
                    .with_setting("Limits::reassembly")
                    .overloaded()
                    .retryable(),
            );
            return false;
        }
        stream.large.get_or_insert_default().bytes += cost;
        self.reassembly.bytes += cost;
        true
    }

    /// Gives the message of OPEN back, if there is one that has not been given back.
    pub(super) fn consume_open(&mut self, number: u32) -> bool {
        let Some(stream) = self.streams.get_mut(number) else {
            return false;
        };
        if stream.open_held > 0 {
            let held = std::mem::take(&mut stream.open_held);
            self.give_back(held);
            return true;
        }
        let Some(large) = &mut stream.large else {
            return false;
        };
        let held = std::mem::take(&mut large.open);
        if held == 0 {
            return false;
        }
        if large.bytes == 0 && large.partial.is_none() {
            stream.large = None;
        }
        self.reassembly.release(number, held);
        self.grant_withheld();
        true
    }

    /// Gives a message back that the driver was told of, so that the peer may send as much again. It is called once for each
    /// message, with its length, when the application takes or drops it; not at all is the same as at the end of the call.
    pub fn consumed(&mut self, stream: StreamId, length: usize) {
        let number = stream.0;
        if self.consume_open(number) {
            return;
        }
        let Some(stream) = self.streams.get_mut(number) else {
            return;
        };
        if stream.waiting == 0 {
            return;
        }
        stream.waiting -= 1;
        let fragments = leading_cost(length);
        let last = frame_cost(length - fragments).min(stream.held);
        stream.held -= last;
        let mut owed = last;
        if let Some(large) = &mut stream.large {
            let fragments = fragments.min(large.bytes);
            large.bytes -= fragments;
            let early = large.early.min(fragments);
            large.early -= early;
            owed += fragments - early;
            if fragments > 0 {
                self.reassembly.release(number, fragments);
            }
            if large.bytes == 0 && large.partial.is_none() {
                stream.large = None;
            }
        }
        self.widen(number);
        self.give_back_stream(number, owed);
        self.give_back(last);
        self.grant_withheld();
    }

    /// Gives messages of runs back that the driver was told of, so many and with what they cost in all. It is called once
    /// for each of them, as [`Connection::consumed`] is.
    pub fn consumed_run(&mut self, stream: StreamId, messages: usize, cost: usize) {
        let number = stream.0;
        let Some(stream) = self.streams.get_mut(number) else {
            return;
        };
        let cost = cost.min(stream.held);
        stream.waiting = stream.waiting.saturating_sub(messages);
        stream.held -= cost;
        self.widen(number);
        self.give_back_stream(number, cost);
        self.give_back(cost);
        self.grant_withheld();
    }

    /// Widens the window of a stream whose reader has taken everything, and could have taken more.
    fn widen(&mut self, number: u32) {
        let most = self.limits().wide_stream_window.min(1 << 30);
        let roomy = self.window.open() >= self.window.size() / 2;
        if let Some(stream) = self.streams.get_mut(number)
            && stream.waiting == 0
            && roomy
        {
            stream.window.widen(most);
        }
    }

    /// Gives credit that waits to those who may have it now.
    pub(super) fn grant_withheld(&mut self) {
        for _ in 0..self.reassembly.withheld.len() {
            let Some(number) = self.reassembly.withheld.pop_front() else {
                return;
            };
            let Some(stream) = self.streams.get(number) else {
                continue;
            };
            if stream
                .large
                .as_ref()
                .is_none_or(|large| large.withheld == 0)
            {
                continue;
            }
            if stream.waiting == 0 && self.reassembly.admits(number) {
                self.grant(number);
            } else {
                self.reassembly.withheld.push_back(number);
            }
        }
    }

    /// Gives stream credit back for the fragments of a message that is not whole.
    fn grant(&mut self, number: u32) {
        let Some(stream) = self.streams.get_mut(number) else {
            return;
        };
        let Some(large) = &mut stream.large else {
            return;
        };
        let granted = std::mem::take(&mut large.withheld);
        large.early += granted;
        self.give_back_stream(number, granted);
        self.expect_fragment(number);
    }

    /// Gives stream credit back, unless nothing more can come.
    pub(super) fn give_back_stream(&mut self, number: u32, owed: usize) {
        let server = self.is_server();
        let Some(stream) = self.streams.get_mut(number) else {
            return;
        };
        if server && stream.requests_ended {
            return;
        }
        if let Some(bytes) = stream.window.give_back(owed) {
            Frame::Credit {
                stream: number,
                bytes,
            }
            .put(&mut self.control);
        }
    }

    /// Sets the time for the next fragment, if there is credit for it.
    fn expect_fragment(&mut self, number: u32) {
        let due = self.timers.latest + self.limits().frame_timeout;
        let Some(stream) = self.streams.get_mut(number) else {
            return;
        };
        if stream.window.open() < FRAGMENT {
            return;
        }
        if let Some(large) = &mut stream.large {
            large.due = Some(due);
            self.timers.sweep_at(Some(due));
        }
    }
}

pub(super) fn too_large(length: usize, limit: usize) -> Status {
    Status::resource_exhausted(format!(
        "message of {length} bytes or more is over the limit of {limit}"
    ))
    .with_setting("Limits::message")
}
