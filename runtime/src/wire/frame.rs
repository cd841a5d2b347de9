//! Frames: the ten-byte header, the kinds with their flags, and the kinds that carry no message.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

use super::Fault;
use super::varint::{Reader, put_slice, put_varint, varint_len};

/// Bytes of a header: length (4), kind (1), flags (1), stream (4).
pub const HEADER: usize = 10;

/// Bytes of the header that the length field counts.
const COUNTED: usize = HEADER - 4;

/// The first kind that a receiver may ignore without knowing it.
const IGNORABLE: u8 = 0x80;

/// Flags that a receiver may ignore without knowing them.
const HINTS: u8 = 0xc0;

/// Any kind: its message is compressed. Reserved until the peers can agree on compression.
pub const COMPRESSED: u8 = 0x20;

/// OPEN and DATA: no request follows.
pub const LAST: u8 = 0x01;
/// OPEN and END: a whole message is behind the head.
pub const BODY: u8 = 0x02;
/// OPEN: nobody waits for the reply.
pub const ONE_WAY: u8 = 0x04;
/// OPEN: the head holds a deadline.
pub const DEADLINE: u8 = 0x08;
/// DATA: the message goes on in the next DATA of the stream.
pub const MORE: u8 = 0x02;
/// DATA: there is no message: from the client only [`LAST`], from the server the word that replies have begun.
pub const BARE: u8 = 0x04;
/// END: no handler has seen the request.
pub const NOT_STARTED: u8 = 0x01;
/// END: the call may be sent again.
pub const RETRYABLE: u8 = 0x04;
/// END: turned away for load.
pub const OVERLOADED: u8 = 0x08;
/// END, a hint: what failed was tried again already, and whoever hears of it should not.
pub const SPENT: u8 = 0x40;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// Begins a call.
    Open = 1,
    /// A message or a fragment of one.
    Data = 2,
    /// Ends a call with its status.
    End = 3,
    /// The caller gave the call up.
    Cancel = 4,
    /// Grows a window.
    Credit = 5,
    /// Asks for a sign of life.
    Ping = 6,
    /// Is one.
    Pong = 7,
    /// No new calls.
    GoAway = 8,
}

impl FrameKind {
    /// Its name in docs and errors.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Data => "DATA",
            Self::End => "END",
            Self::Cancel => "CANCEL",
            Self::Credit => "CREDIT",
            Self::Ping => "PING",
            Self::Pong => "PONG",
            Self::GoAway => "GOAWAY",
        }
    }

    #[inline]
    fn flags(self) -> u8 {
        match self {
            Self::Open => LAST | BODY | ONE_WAY | DEADLINE | COMPRESSED,
            Self::Data => LAST | MORE | BARE | COMPRESSED,
            Self::End => NOT_STARTED | BODY | RETRYABLE | OVERLOADED | COMPRESSED,
            Self::Cancel | Self::Credit | Self::Ping | Self::Pong | Self::GoAway => 0,
        }
    }
}

/// Why a caller gave a call up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum CancelReason {
    /// Nobody waits for the reply any more; also what a newer peer may mean.
    Caller = 0,
    /// Its deadline passed.
    Deadline = 1,
    /// The reply broke a limit of the caller.
    Limit = 2,
}

/// Why a side takes or makes no new calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum GoAwayCode {
    /// It leaves, and finishes what it accepted.
    Shutdown = 0,
    /// The peer broke the protocol; also what a newer peer may mean.
    Protocol = 1,
    /// No common version.
    Version = 2,
    /// A limit that protects it was passed.
    Limit = 3,
    /// The peer sent beyond a window.
    FlowControl = 4,
    /// The peer was too slow, or silent.
    Timeout = 5,
    /// It ends now, with all calls.
    Closed = 6,
}

/// The start of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it is.
    pub kind: u8,
    /// Flags of the kind.
    pub flags: u8,
    /// The stream; 0 is the connection.
    pub stream: u32,
}

impl Header {
    /// The bytes of the frame at the front of `bytes`, header included; `None` if its length is not whole yet.
    ///
    /// # Errors
    /// [`Fault::FrameShort`], [`Fault::FrameLong`]: told from the length alone, before anything is kept for it.
    #[inline]
    pub fn span(bytes: &[u8], limit: usize) -> Result<Option<usize>, Fault> {
        let Some(length) = bytes.first_chunk::<4>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length);
        let Some(payload) = (length as usize).checked_sub(COUNTED) else {
            return Err(Fault::FrameShort { length });
        };
        if payload > limit {
            return Err(Fault::FrameLong {
                length: payload,
                limit,
            });
        }
        Ok(Some(HEADER + payload))
    }

    /// The header and the payload of a whole frame, whose length has been checked.
    #[inline]
    pub fn split(frame: &[u8]) -> Option<(Self, &[u8])> {
        let (header, payload) = frame.split_first_chunk::<HEADER>()?;
        let [_, _, _, _, kind, flags, stream @ ..] = *header;
        let header = Self {
            kind,
            flags,
            stream: u32::from_be_bytes(stream),
        };
        Some((header, payload))
    }

    /// The bytes of a header.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a payload is at most 2^24 bytes, the largest frame a preface can announce"
    )]
    pub fn encode(kind: FrameKind, flags: u8, stream: u32, payload: usize) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..4].copy_from_slice(&((payload + COUNTED) as u32).to_be_bytes());
        header[4] = kind as u8;
        header[5] = flags;
        header[6..].copy_from_slice(&stream.to_be_bytes());
        header
    }

    /// Appends a header.
    pub fn put(out: &mut BytesMut, kind: FrameKind, flags: u8, stream: u32, payload: usize) {
        out.put_slice(&Self::encode(kind, flags, stream, payload));
    }

    /// The kind and the flags that mean something; `None` for a kind that may be ignored.
    ///
    /// # Errors
    /// [`Fault::Kind`], [`Fault::Flags`], [`Fault::Compressed`], [`Fault::StreamNumber`]
    #[inline]
    pub fn known(self) -> Result<Option<FrameKind>, Fault> {
        let kind = match self.kind {
            1 => FrameKind::Open,
            2 => FrameKind::Data,
            3 => FrameKind::End,
            4 => FrameKind::Cancel,
            5 => FrameKind::Credit,
            6 => FrameKind::Ping,
            7 => FrameKind::Pong,
            8 => FrameKind::GoAway,
            IGNORABLE.. => return Ok(None),
            _ => return Err(Fault::Kind(self.kind)),
        };
        let unknown = self.flags & !(kind.flags() | HINTS);
        if unknown != 0 {
            return Err(Fault::Flags {
                kind: kind.as_str(),
                flags: unknown,
            });
        }
        if self.flags & COMPRESSED != 0 {
            return Err(Fault::Compressed);
        }
        let fits = match kind {
            FrameKind::Open | FrameKind::Data | FrameKind::End | FrameKind::Cancel => {
                self.stream != 0
            }
            FrameKind::Credit => true,
            FrameKind::Ping | FrameKind::Pong | FrameKind::GoAway => self.stream == 0,
        };
        if !fits {
            return Err(Fault::StreamNumber {
                kind: kind.as_str(),
                stream: self.stream,
            });
        }
        Ok(Some(kind))
    }

    /// Whether a flag is set.
    pub fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// A frame that carries no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// CANCEL
    Cancel {
        /// Which call.
        stream: u32,
        /// Why.
        reason: CancelReason,
    },
    /// CREDIT
    Credit {
        /// Which window; 0 is the connection's.
        stream: u32,
        /// By how much it grows.
        bytes: u64,
    },
    /// PING with what PONG has to repeat.
    Ping(u64),
    /// PONG
    Pong(u64),
    /// GOAWAY
    GoAway {
        /// The highest stream that its sender has accepted.
        last_stream: u32,
        /// Why, for machines.
        code: GoAwayCode,
        /// Why, for people.
        message: Cow<'static, str>,
    },
}

impl Frame {
    /// The longest text of a GOAWAY; longer ones are cut when sent.
    pub const MAX_MESSAGE: usize = 1024;

    /// Appends the frame.
    pub fn put(&self, out: &mut BytesMut) {
        match self {
            Self::Cancel { stream, reason } => {
                Header::put(out, FrameKind::Cancel, 0, *stream, 1);
                out.put_u8(*reason as u8);
            }
            Self::Credit { stream, bytes } => {
                Header::put(out, FrameKind::Credit, 0, *stream, varint_len(*bytes));
                put_varint(out, *bytes);
            }
            Self::Ping(token) => {
                Header::put(out, FrameKind::Ping, 0, 0, 8);
                out.put_u64(*token);
            }
            Self::Pong(token) => {
                Header::put(out, FrameKind::Pong, 0, 0, 8);
                out.put_u64(*token);
            }
            Self::GoAway {
                last_stream,
                code,
                message,
            } => {
                let message = &message[..message.floor_char_boundary_at(Self::MAX_MESSAGE)];
                let payload = varint_len((*last_stream).into())
                    + 1
                    + varint_len(message.len() as u64)
                    + message.len();
                Header::put(out, FrameKind::GoAway, 0, 0, payload);
                put_varint(out, (*last_stream).into());
                out.put_u8(*code as u8);
                put_slice(out, message.as_bytes());
            }
        }
    }

    /// The frame of `kind` with this payload.
    ///
    /// # Errors
    /// A payload that the kind does not have. OPEN, DATA and END are read in `head` and by the connection.
    pub fn decode(kind: FrameKind, stream: u32, payload: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(payload);
        let frame = match kind {
            FrameKind::Cancel => Self::Cancel {
                stream,
                reason: match reader.varint("cancel reason")? {
                    1 => CancelReason::Deadline,
                    2 => CancelReason::Limit,
                    _ => CancelReason::Caller,
                },
            },
            FrameKind::Credit => Self::Credit {
                stream,
                bytes: reader.varint("credit")?,
            },
            FrameKind::Ping | FrameKind::Pong => {
                let token = u64::from_be_bytes(payload.try_into().map_err(|_| Fault::Cut {
                    field: "ping token",
                })?);
                return Ok(if kind == FrameKind::Ping {
                    Self::Ping(token)
                } else {
                    Self::Pong(token)
                });
            }
            FrameKind::GoAway => Self::GoAway {
                last_stream: reader.varint32("last stream")?,
                code: match reader.varint("goaway code")? {
                    0 => GoAwayCode::Shutdown,
                    2 => GoAwayCode::Version,
                    3 => GoAwayCode::Limit,
                    4 => GoAwayCode::FlowControl,
                    5 => GoAwayCode::Timeout,
                    6 => GoAwayCode::Closed,
                    _ => GoAwayCode::Protocol,
                },
                message: reader.text("goaway message")?.to_owned().into(),
            },
            FrameKind::Open | FrameKind::Data | FrameKind::End => {
                return Err(Fault::Kind(kind as u8));
            }
        };
        if reader.is_at_end() {
            Ok(frame)
        } else {
            Err(Fault::Surplus {
                kind: kind.as_str(),
            })
        }
    }
}

/// `str::floor_char_boundary`, which is newer than our `rust-version`.
trait FloorCharBoundary {
    fn floor_char_boundary_at(&self, index: usize) -> usize;
}

impl FloorCharBoundary for str {
    fn floor_char_boundary_at(&self, index: usize) -> usize {
        if index >= self.len() {
            return self.len();
        }
        (0..=index)
            .rev()
            .find(|at| self.is_char_boundary(*at))
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(frame: &Frame) {
        let mut out = BytesMut::new();
        frame.put(&mut out);
        let bytes = out.freeze();
        assert_eq!(Header::span(&bytes, 1 << 16), Ok(Some(bytes.len())));
        let (header, payload) = Header::split(&bytes).unwrap();
        let kind = header.known().unwrap().unwrap();
        assert_eq!(
            Frame::decode(kind, header.stream, payload).as_ref(),
            Ok(frame)
        );
    }

    #[test]
    fn frames_return_as_they_were_written() {
        round_trip(&Frame::Cancel {
            stream: 7,
            reason: CancelReason::Deadline,
        });
        round_trip(&Frame::Credit {
            stream: 0,
            bytes: 1 << 30,
        });
        round_trip(&Frame::Ping(u64::MAX));
        round_trip(&Frame::Pong(1));
        round_trip(&Frame::GoAway {
            last_stream: u32::MAX,
            code: GoAwayCode::Limit,
            message: "too many cancels".into(),
        });
    }

    #[test]
    fn a_long_goaway_text_is_cut_between_characters() {
        let mut out = BytesMut::new();
        Frame::GoAway {
            last_stream: 0,
            code: GoAwayCode::Shutdown,
            message: ("ü".repeat(600) + "x").into(),
        }
        .put(&mut out);
        let frame = Frame::decode(FrameKind::GoAway, 0, &out.freeze().slice(HEADER..)).unwrap();
        let Frame::GoAway { message, .. } = frame else {
            panic!("{frame:?}")
        };
        assert_eq!(message.len(), Frame::MAX_MESSAGE);
    }

    #[test]
    fn a_length_outside_of_the_limits_is_refused_from_its_four_bytes() {
        assert_eq!(Header::span(&[0, 0, 0], 100), Ok(None));
        assert_eq!(
            Header::span(&[0; 4], 100),
            Err(Fault::FrameShort { length: 0 })
        );
        assert_eq!(
            Header::span(&[0, 0, 0, 5], 100),
            Err(Fault::FrameShort { length: 5 })
        );
        assert_eq!(
            Header::span(&[0, 0, 0, 107], 100),
            Err(Fault::FrameLong {
                length: 101,
                limit: 100
            })
        );
        assert!(matches!(
            Header::span(&[0xff; 4], 100),
            Err(Fault::FrameLong { .. })
        ));
        assert_eq!(Header::span(&[0, 0, 0, 106], 100), Ok(Some(110)));
        assert_eq!(Header::split(&[0; HEADER - 1]), None);
    }

    #[test]
    fn what_is_marked_as_ignorable_is_ignored_and_the_rest_refused() {
        let header = |kind, flags, stream| {
            Header {
                kind,
                flags,
                stream,
            }
            .known()
        };
        assert_eq!(header(0x80, 0xff, 9), Ok(None));
        assert_eq!(header(0xff, 0, 0), Ok(None));
        assert_eq!(header(0, 0, 0), Err(Fault::Kind(0)));
        assert_eq!(header(9, 0, 1), Err(Fault::Kind(9)));
        assert_eq!(header(0x7f, 0, 1), Err(Fault::Kind(0x7f)));
        assert_eq!(header(1, 0xc0 | LAST, 1), Ok(Some(FrameKind::Open)));
        assert_eq!(
            header(1, 0x10, 1),
            Err(Fault::Flags {
                kind: "OPEN",
                flags: 0x10
            })
        );
        assert_eq!(
            header(6, COMPRESSED, 0),
            Err(Fault::Flags {
                kind: "PING",
                flags: COMPRESSED
            })
        );
        assert_eq!(header(2, COMPRESSED, 1), Err(Fault::Compressed));
        assert_eq!(
            header(2, 0, 0),
            Err(Fault::StreamNumber {
                kind: "DATA",
                stream: 0
            })
        );
        assert_eq!(
            header(6, 0, 3),
            Err(Fault::StreamNumber {
                kind: "PING",
                stream: 3
            })
        );
    }
}
