//! What comes in and carries no message: calls given up, credit, signs of life, the word that the peer leaves.

use std::time::{Duration, Instant};

use super::event::{Event, StreamId};
use super::{CloseReason, Connection, Role, State};
use crate::status::{Phase, Status};
use crate::wire::{CancelReason, Fault, Frame, FrameKind, GoAwayCode};

/// Windows end here, as in HTTP/2: a sum of two fits into 32 bits.
const MAX_WINDOW: u64 = (1 << 31) - 1;

/// A call that lived this long may be cancelled at no charge: the limit of open calls bounds how often that can happen, and
/// callers whose deadlines pass all at once are no attack.
const RAPID: Duration = Duration::from_millis(10);

impl Connection {
    pub(super) fn take_control(
        &mut self,
        kind: FrameKind,
        stream: u32,
        payload: &[u8],
        now: Instant,
    ) -> Result<(), Fault> {
        match Frame::decode(kind, stream, payload)? {
            Frame::Cancel { stream, reason } => self.take_cancel(stream, reason, now),
            Frame::Credit { stream, bytes } => self.take_credit(stream, bytes, now),
            Frame::Ping(token) => {
                if !self.pings.take(now) {
                    return Err(Fault::Flood {
                        what: "PINGs",
                        limit: "pings",
                    });
                }
                Frame::Pong(token).put(&mut self.control);
                self.rest();
                Ok(())
            }
            Frame::Pong(token) => {
                if self.timers.awaits(token) {
                    self.events.push_back(Event::Pong { token });
                }
                self.ignore(now)
            }
            Frame::GoAway {
                last_stream,
                code,
                message,
            } => {
                self.take_goaway(last_stream, code, message.into_owned());
                self.ignore(now)
            }
        }
    }

    fn take_cancel(
        &mut self,
        number: u32,
        reason: CancelReason,
        now: Instant,
    ) -> Result<(), Fault> {
        let Some(gone) = self.remove(number) else {
            return self.late(now);
        };
        if !gone.finishing {
            self.events.push_back(Event::Cancelled {
                stream: StreamId(number),
                reason,
            });
        }
        let rapid = now.saturating_duration_since(gone.since) < RAPID;
        if !rapid || self.cancels.take(now) {
            Ok(())
        } else {
            Err(Fault::Flood {
                what: "cancelled calls",
                limit: "cancels",
            })
        }
    }

    fn take_credit(&mut self, number: u32, bytes: u64, now: Instant) -> Result<(), Fault> {
        if !self.credits.take(now) {
            return Err(Fault::Flood {
                what: "CREDITs",
                limit: "credits",
            });
        }
        let growth = Fault::WindowGrowth {
            stream: number,
            by: bytes,
        };
        let credit = if number == 0 {
            &mut self.send_credit
        } else {
            match self.streams.get_mut(number) {
                Some(stream) => &mut stream.send_credit,
                None => {
                    return if bytes == 0 {
                        Err(growth)
                    } else {
                        self.late(now)
                    };
                }
            }
        };
        if bytes == 0 || bytes > MAX_WINDOW - *credit {
            return Err(growth);
        }
        *credit += bytes;
        if number != 0 {
            self.enter_round(number);
        }
        Ok(())
    }

    fn take_goaway(&mut self, last_stream: u32, code: GoAwayCode, message: String) {
        let reason = CloseReason::Peer {
            code,
            message: message.clone(),
        };
        if self.role == Role::Client {
            let numbers = self.streams.numbers().into_iter();
            for number in numbers.filter(|number| *number > last_stream) {
                self.remove(number);
                let status = Status::unavailable(reason.to_string())
                    .in_phase(Phase::Send)
                    .not_started();
                self.events.push_back(Event::Ended {
                    stream: StreamId(number),
                    outcome: Err(status),
                });
            }
        }
        if code != GoAwayCode::Shutdown {
            return self.end(reason);
        }
        if self.state == State::Open {
            self.state = State::Leaving { last: None };
        }
        self.events.push_back(Event::GoAway { code, message });
    }

    /// Counts a frame for a call that is over or never was.
    pub(super) fn late(&mut self, now: Instant) -> Result<(), Fault> {
        self.stats.late += 1;
        self.ignore(now)
    }

    pub(super) fn ignore(&mut self, now: Instant) -> Result<(), Fault> {
        if self.ignored.take(now) {
            Ok(())
        } else {
            Err(Fault::Flood {
                what: "frames to be ignored",
                limit: "ignored",
            })
        }
    }
}
