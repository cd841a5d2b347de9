//! What gRPC adds to HTTP/2: five bytes before each message, and a status at the end.
//!
//! Bytes in, messages out; knows no socket.

use std::collections::VecDeque;
use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::HeaderMap;
use prost::Message;

/// A byte that says whether the message is compressed, and its length as four.
const HEAD: usize = 5;

/// The message with its head, as one piece.
pub(super) fn frame(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut bytes = BytesMut::with_capacity(HEAD + length);
    bytes.put_u8(0);
    // A message of ours has at most a few megabytes.
    bytes.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    bytes.put_slice(&message.encode_to_vec());
    bytes.freeze()
}

/// What a peer sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A whole message.
    Message(Bytes),
    /// A message of so many bytes was passed over because it is beyond the limit.
    TooLarge(usize),
    /// A message that is compressed, which we have not asked for.
    Compressed,
}

/// Cuts a stream of bytes into messages. Holds at most one message below the limit; of larger ones it holds nothing.
#[derive(Debug)]
pub(super) struct Deframer {
    limit: usize,
    buffer: BytesMut,
    /// What is left of a message that is passed over.
    skip: usize,
    ready: VecDeque<Piece>,
}

impl Deframer {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            buffer: BytesMut::new(),
            skip: 0,
            ready: VecDeque::new(),
        }
    }

    /// Takes what has come.
    pub(super) fn push(&mut self, mut bytes: Bytes) {
        while bytes.has_remaining() {
            if self.skip > 0 {
                let passed = self.skip.min(bytes.len());
                bytes.advance(passed);
                self.skip -= passed;
                continue;
            }
            if self.buffer.len() < HEAD {
                let missing = (HEAD - self.buffer.len()).min(bytes.len());
                self.buffer.extend_from_slice(&bytes.split_to(missing));
            }
            let Some(length) = self.length() else {
                continue;
            };
            if length > self.limit {
                self.ready.push_back(Piece::TooLarge(length));
                self.buffer.clear();
                self.skip = length;
                continue;
            }
            let missing = (HEAD + length - self.buffer.len()).min(bytes.len());
            self.buffer.extend_from_slice(&bytes.split_to(missing));
            self.finish(length);
        }
    }

    /// The length that the head says, once it is whole.
    fn length(&self) -> Option<usize> {
        let mut head = self.buffer.get(1..HEAD)?;
        usize::try_from(head.get_u32()).ok()
    }

    fn finish(&mut self, length: usize) {
        if self.buffer.len() < HEAD + length {
            return;
        }
        let mut message = self.buffer.split();
        let compressed = message.get_u8() != 0;
        message.advance(HEAD - 1);
        self.ready.push_back(if compressed {
            Piece::Compressed
        } else {
            Piece::Message(message.freeze())
        });
    }

    /// The next piece that is whole.
    pub(super) fn next(&mut self) -> Option<Piece> {
        self.ready.pop_front()
    }
}

/// The numbers of gRPC's status that decide something here, as in its `codes`.
pub(super) mod code {
    pub(in super::super) const OK: u32 = 0;
    pub(in super::super) const INVALID_ARGUMENT: u32 = 3;
    pub(in super::super) const NOT_FOUND: u32 = 5;
    pub(in super::super) const PERMISSION_DENIED: u32 = 7;
    pub(in super::super) const FAILED_PRECONDITION: u32 = 9;
    pub(in super::super) const OUT_OF_RANGE: u32 = 11;
    pub(in super::super) const UNAUTHENTICATED: u32 = 16;
}

/// How a call ended: gRPC's number, and the server's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GrpcStatus {
    pub(super) code: u32,
    pub(super) message: String,
}

impl fmt::Display for GrpcStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (gRPC code {})", self.message, self.code)
    }
}

/// The longest text of a server that is repeated: enough for any of etcd's.
const MAX_MESSAGE: usize = 300;

impl GrpcStatus {
    /// The status in these headers or trailers, if there is one.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let code = headers.get("grpc-status")?.to_str().ok()?.parse().ok()?;
        let message = headers.get("grpc-message");
        let message = message.map_or(&[][..], |text| text.as_bytes());
        Some(Self {
            code,
            message: shown(&percent_decoded(message)),
        })
    }
}

/// The start of a server's text, safe to print.
pub(super) fn shown(text: &str) -> String {
    text.chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .take(MAX_MESSAGE)
        .collect()
}

fn percent_decoded(text: &[u8]) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        let escape = behind
            .get(..2)
            .filter(|_| byte == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(escape.unwrap_or(byte));
        rest = if escape.is_some() {
            &behind[2..]
        } else {
            behind
        };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::api::LeaseGrant;
    use super::*;

    fn framed(length: usize) -> Vec<u8> {
        let mut bytes = vec![0];
        bytes.extend(u32::try_from(length).unwrap().to_be_bytes());
        bytes.extend((0..length).map(|at| u8::try_from(at % 251).unwrap()));
        bytes
    }

    #[test]
    fn messages_are_whole_wherever_the_bytes_are_cut() {
        let mut bytes = framed(3);
        bytes.extend(framed(0));
        bytes.extend(framed(20));
        bytes.extend(framed(2));
        for cut in 0..=bytes.len() {
            let mut deframer = Deframer::new(10);
            deframer.push(Bytes::copy_from_slice(&bytes[..cut]));
            deframer.push(Bytes::copy_from_slice(&bytes[cut..]));
            let pieces: Vec<_> = std::iter::from_fn(|| deframer.next()).collect();
            assert_eq!(
                pieces,
                [
                    Piece::Message(Bytes::from_static(&[0, 1, 2])),
                    Piece::Message(Bytes::new()),
                    Piece::TooLarge(20),
                    Piece::Message(Bytes::from_static(&[0, 1])),
                ],
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn nothing_is_held_of_a_message_beyond_the_limit() {
        let mut deframer = Deframer::new(10);
        deframer.push(Bytes::from_static(&[0, 0xff, 0xff, 0xff, 0xff]));
        assert_eq!(deframer.next(), Some(Piece::TooLarge(0xffff_ffff)));
        for _ in 0..1_000 {
            deframer.push(Bytes::from_static(&[7; 1_000]));
        }
        assert!(deframer.buffer.capacity() < 100);
        assert_eq!(deframer.next(), None);
    }

    #[test]
    fn a_message_of_ours_is_read_back_and_a_compressed_one_is_told() {
        let request = LeaseGrant { seconds: 9 };
        let mut deframer = Deframer::new(100);
        let bytes = frame(&request);
        deframer.push(bytes.clone());
        let mut compressed = bytes.to_vec();
        compressed[0] = 1;
        deframer.push(compressed.into());
        let Some(Piece::Message(message)) = deframer.next() else {
            panic!("no message")
        };
        assert_eq!(LeaseGrant::decode(message).unwrap(), request);
        assert_eq!(deframer.next(), Some(Piece::Compressed));
    }

    #[test]
    fn a_status_is_read_with_its_escapes_and_made_safe_to_print() {
        let mut headers = HeaderMap::new();
        assert_eq!(GrpcStatus::of(&headers), None);
        headers.insert("grpc-status", "16".parse().unwrap());
        headers.insert(
            "grpc-message",
            "bad%3A%0atoken %e4%bd %zz%".parse().unwrap(),
        );
        let status = GrpcStatus::of(&headers).unwrap();
        assert_eq!(
            status.to_string(),
            "bad: token \u{fffd} %zz% (gRPC code 16)"
        );
    }
}
