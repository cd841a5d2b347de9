//! Messages as bytes in pieces, so that large fields are never copied: into a rope when encoded, out of it when written.
//!
//! Holds the only unsafe code of the crate: [`BufMut`] is an unsafe trait (docs/adr/0009).

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use bytes::buf::UninitSlice;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::Message;

/// From this size on bytes that are shared already stay a piece of their own. Below, copying is cheaper than another entry in
/// a vectored write.
const PIECE: usize = 16 * 1024;

/// Up to this size messages are encoded side by side into memory that they share, so that most need none of their own: neither for
/// their bytes nor for counting who holds them.
const SMALL: usize = 256;

/// The memory that small messages of a thread share. A message that is held for long keeps all of it, so it is no more than
/// what a call that lasts takes anyway.
const SHARED: usize = 2 * 1024;

thread_local! {
    /// This thread's.
    static SPACE: RefCell<Space> = RefCell::default();
}

/// Bytes in one or several pieces. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Rope(Form);

#[derive(Clone, Debug)]
enum Form {
    One(Bytes),
    Many { length: usize, pieces: Arc<[Bytes]> },
}

impl Rope {
    /// None at all.
    pub const fn new() -> Self {
        Self(Form::One(Bytes::new()))
    }

    /// The encoding of a protobuf message. Fields that are [`Bytes`] and large are kept as they are.
    pub(crate) fn encode<M: Message>(message: &M) -> Self {
        let length = message.encoded_len();
        if length == 0 {
            return Self::new();
        }
        if length <= SMALL {
            return small(message).into();
        }
        if length < PIECE {
            return Bytes::from(message.encode_to_vec()).into();
        }
        let mut strand = Strand::default();
        // It has room without end, which is all that can be lacking.
        let _ = message.encode(&mut strand);
        strand.finish()
    }

    /// How many bytes.
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::One(bytes) => bytes.len(),
            Form::Many { length, .. } => *length,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// In one piece: copied if there are several.
    pub fn into_bytes(self) -> Bytes {
        match self.0 {
            Form::One(bytes) => bytes,
            Form::Many { length, pieces } => {
                let mut whole = BytesMut::with_capacity(length);
                for piece in pieces.iter() {
                    whole.extend_from_slice(piece);
                }
                whole.freeze()
            }
        }
    }

    /// The pieces in order.
    pub(crate) fn pieces(&self) -> &[Bytes] {
        match &self.0 {
            Form::One(bytes) => std::slice::from_ref(bytes),
            Form::Many { pieces, .. } => pieces,
        }
    }

    /// The pieces of a part.
    pub(crate) fn part(&self, range: Range<usize>) -> impl Iterator<Item = Bytes> {
        let mut at = 0;
        self.pieces().iter().filter_map(move |piece| {
            let from = range.start.clamp(at, at + piece.len()) - at;
            let to = range.end.clamp(at, at + piece.len()) - at;
            at += piece.len();
            (from < to).then(|| piece.slice(from..to))
        })
    }
}

/// Where a thread encodes small messages.
#[derive(Default)]
struct Space {
    /// The message in the making.
    draft: Vec<u8>,
    /// Behind what was encoded before.
    room: BytesMut,
}

impl Space {
    fn encode<M: Message>(&mut self, message: &M) -> Bytes {
        // A vector is written to faster than what is shared, and the encoders for it are there anyway.
        self.draft.clear();
        message.encode_raw(&mut self.draft);
        let length = self.draft.len();
        if self.room.capacity() < length {
            // The same again where nobody holds a part of it any more.
            self.room.reserve(SHARED.max(length));
        }
        self.room.extend_from_slice(&self.draft);
        self.room.split().freeze()
    }
}

/// The encoding of a small message, beside others.
fn small<M: Message>(message: &M) -> Bytes {
    // Encoding runs code of messages, which may encode others; and a thread that ends has no space any more.
    let encode = |space: &RefCell<Space>| Some(space.try_borrow_mut().ok()?.encode(message));
    let encoded = SPACE.try_with(encode).ok().flatten();
    encoded.unwrap_or_else(|| message.encode_to_vec().into())
}

impl Default for Rope {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Bytes> for Rope {
    fn from(bytes: Bytes) -> Self {
        Self(Form::One(bytes))
    }
}

impl From<Vec<u8>> for Rope {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl PartialEq for Rope {
    fn eq(&self, other: &Self) -> bool {
        let bytes = |rope: &Self| rope.clone().into_bytes();
        self.len() == other.len() && bytes(self) == bytes(other)
    }
}

impl Eq for Rope {}

/// A rope in the making.
#[derive(Debug, Default)]
struct Strand {
    pieces: Vec<Bytes>,
    length: usize,
    tail: BytesMut,
}

impl Strand {
    fn seal(&mut self) {
        if !self.tail.is_empty() {
            let piece = self.tail.split().freeze();
            self.push(piece);
        }
    }

    fn push(&mut self, piece: Bytes) {
        self.length += piece.len();
        self.pieces.push(piece);
    }

    fn finish(mut self) -> Rope {
        self.seal();
        let length = self.length;
        match <[Bytes; 1]>::try_from(self.pieces) {
            Ok([bytes]) => bytes.into(),
            Err(pieces) => Rope(Form::Many {
                length,
                pieces: pieces.into(),
            }),
        }
    }
}

#[expect(
    unsafe_code,
    reason = "docs/adr/0009: without it every large field is copied once more"
)]
// SAFETY: `advance_mut` is told only of bytes written into what `chunk_mut` last gave; both are those of the same `BytesMut`,
// which is not touched in between: `put` writes by these two, or leaves the tail whole.
unsafe impl BufMut for Strand {
    fn remaining_mut(&self) -> usize {
        usize::MAX - self.length - self.tail.len()
    }

    unsafe fn advance_mut(&mut self, count: usize) {
        // SAFETY: as our caller promises.
        unsafe { self.tail.advance_mut(count) }
    }

    fn chunk_mut(&mut self) -> &mut UninitSlice {
        if self.tail.len() == self.tail.capacity() && self.tail.len() >= PIECE {
            // Growing on would copy it.
            self.seal();
            self.tail = BytesMut::with_capacity(PIECE);
        }
        self.tail.chunk_mut()
    }

    fn put<B: Buf>(&mut self, mut source: B)
    where
        Self: Sized,
    {
        while source.has_remaining() {
            let count = source.chunk().len();
            if count < PIECE {
                self.put_slice(source.chunk());
                source.advance(count);
            } else {
                self.seal();
                // Where it is a `Bytes`, another handle on the same memory.
                self.push(source.copy_to_bytes(count));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Field 1 bytes, field 2 text, field 3 bytes again.
    #[derive(Clone, PartialEq, Message)]
    struct Three {
        #[prost(bytes = "bytes", tag = "1")]
        first: Bytes,
        #[prost(string, tag = "2")]
        text: String,
        #[prost(bytes = "bytes", repeated, tag = "3")]
        more: Vec<Bytes>,
        #[prost(message, optional, boxed, tag = "4")]
        inner: Option<Box<Three>>,
    }

    fn bytes(fill: u8, size: usize) -> Bytes {
        vec![fill; size].into()
    }

    #[test]
    fn a_rope_holds_what_prost_writes_into_one_buffer() {
        for size in [0, 1, PIECE - 10, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7] {
            let inner = Three {
                first: bytes(1, size / 2),
                text: "ü".repeat(size),
                more: vec![bytes(2, size), Bytes::new(), bytes(3, 5)],
                inner: None,
            };
            let message = Three {
                first: bytes(4, size),
                text: "text".into(),
                more: vec![bytes(5, 2 * size); 3],
                inner: Some(Box::new(inner)),
            };
            let rope = Rope::encode(&message);
            let expected = message.encode_to_vec();
            assert_eq!(rope.len(), expected.len());
            assert_eq!(rope.into_bytes(), expected, "{size}");
        }
    }

    #[test]
    fn small_messages_lie_side_by_side_whatever_is_held_of_them() {
        let message = |fill: u8, size: usize| Three {
            first: bytes(fill, size),
            ..Three::default()
        };
        let mut held = Vec::new();
        for (number, fill) in (0_u8..=255).enumerate() {
            let message = message(fill, number % (SMALL + 8));
            let rope = Rope::encode(&message);
            if number % 3 > 0 {
                held.push((message, rope));
            }
        }
        for (message, rope) in held {
            assert_eq!(rope.into_bytes(), message.encode_to_vec());
        }
        let (first, second) = (
            Rope::encode(&message(1, 9)).into_bytes(),
            Rope::encode(&message(2, 9)).into_bytes(),
        );
        assert_eq!(first.as_ptr().wrapping_add(first.len()), second.as_ptr());
    }

    /// Encodes another message, or panics, when it is half written itself.
    #[derive(Clone, Debug, Default, PartialEq)]
    struct Odd {
        panics: bool,
    }

    impl Message for Odd {
        fn encode_raw(&self, out: &mut impl BufMut) {
            out.put_slice(&[8, 1]);
            assert!(!self.panics, "as it was told");
            let inner = Rope::encode(&Three {
                text: "inner".into(),
                ..Three::default()
            });
            out.put_slice(&inner.into_bytes());
        }

        fn merge_field(
            &mut self,
            _: u32,
            _: prost::encoding::WireType,
            _: &mut impl Buf,
            _: prost::encoding::DecodeContext,
        ) -> Result<(), prost::DecodeError> {
            Ok(())
        }

        fn encoded_len(&self) -> usize {
            9
        }

        fn clear(&mut self) {}
    }

    #[test]
    fn a_message_may_encode_another_or_panic_while_it_is_encoded() {
        let odd = |panics| Rope::encode(&Odd { panics }).into_bytes();
        assert_eq!(odd(false), b"\x08\x01\x12\x05inner"[..]);
        assert!(std::panic::catch_unwind(|| odd(true)).is_err());
        assert_eq!(odd(false), b"\x08\x01\x12\x05inner"[..]);
    }

    #[test]
    fn a_large_field_is_not_copied() {
        let message = Three {
            first: bytes(1, PIECE),
            ..Three::default()
        };
        let rope = Rope::encode(&message);
        let [key, field] = rope.pieces() else {
            panic!("{} pieces", rope.pieces().len())
        };
        assert_eq!(key.len(), 4);
        assert_eq!(field.as_ptr(), message.first.as_ptr());
    }

    #[test]
    fn parts_of_a_rope_are_cut_wherever_they_begin_and_end() {
        let message = Three {
            first: bytes(1, PIECE),
            text: "in the middle".into(),
            more: vec![bytes(2, PIECE)],
            inner: None,
        };
        let rope = Rope::encode(&message);
        let whole = rope.clone().into_bytes();
        for from in [0, 1, 4, PIECE, PIECE + 4, PIECE + 6, whole.len()] {
            for to in [from, from + 1, PIECE + 5, 2 * PIECE, whole.len()] {
                let range = from..to.clamp(from, whole.len());
                let part: Vec<Bytes> = rope.part(range.clone()).collect();
                assert_eq!(part.concat(), whole[range]);
            }
        }
    }
}
