//! Bytes on their way to the transport: small frames side by side in one buffer, large bodies as segments of their own.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::ops::Range;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::rope::Rope;

/// From this size on a body is not copied. Below, copying is cheaper than another entry in a vectored write.
const SEGMENT: usize = 16 * 1024;

/// What `transmit` fills and a transport empties: a [`Buf`] that supports vectored writes.
#[derive(Debug, Default)]
pub struct Outbox {
    segments: VecDeque<Bytes>,
    tail: BytesMut,
    sealed: usize,
}

impl Outbox {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes in it.
    pub fn len(&self) -> usize {
        self.sealed + self.tail.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the next frame is written.
    pub(super) fn tail(&mut self) -> &mut BytesMut {
        &mut self.tail
    }

    pub(super) fn put_body(&mut self, body: &Rope) {
        for piece in body.pieces() {
            self.put_piece(piece);
        }
    }

    pub(super) fn put_part(&mut self, body: &Rope, range: Range<usize>) {
        for piece in body.part(range) {
            self.put_piece(&piece);
        }
    }

    pub(super) fn put_piece(&mut self, piece: &Bytes) {
        if piece.len() < SEGMENT {
            self.tail.put_slice(piece);
        } else {
            self.seal();
            self.push(piece.clone());
        }
    }

    fn push(&mut self, segment: Bytes) {
        self.sealed += segment.len();
        self.segments.push_back(segment);
    }

    fn seal(&mut self) {
        if !self.tail.is_empty() {
            let segment = self.tail.split().freeze();
            self.push(segment);
        }
    }

    /// Moves everything of `from` behind what is here.
    pub(super) fn append(&mut self, from: &mut Self) {
        self.seal();
        from.seal();
        self.sealed += std::mem::take(&mut from.sealed);
        self.segments.append(&mut from.segments);
    }

    /// Moves everything of `from` behind what is here.
    pub(super) fn append_bytes(&mut self, from: &mut BytesMut) {
        if !from.is_empty() {
            self.seal();
            let segment = from.split().freeze();
            self.push(segment);
        }
    }
}

impl Buf for Outbox {
    fn remaining(&self) -> usize {
        self.len()
    }

    fn chunk(&self) -> &[u8] {
        self.segments.front().map_or(&self.tail, |segment| segment)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let tail = (!self.tail.is_empty()).then_some(&self.tail[..]);
        let chunks = self.segments.iter().map(|segment| &segment[..]).chain(tail);
        let mut filled = 0;
        for (slot, chunk) in slices.iter_mut().zip(chunks) {
            *slot = IoSlice::new(chunk);
            filled += 1;
        }
        filled
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(front) = self.segments.front_mut() {
            if count < front.len() {
                front.advance(count);
                self.sealed -= count;
                return;
            }
            count -= front.len();
            self.sealed -= front.len();
            self.segments.pop_front();
        }
        self.tail.advance(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_in_the_order_in_which_they_came() {
        let mut main = Outbox::new();
        main.tail().put_slice(b"head");
        main.put_body(&Bytes::from_static(b"small").into());
        main.put_body(&vec![b'x'; SEGMENT].into());
        main.tail().put_slice(b"next");
        let mut control = BytesMut::from(&b"ping"[..]);
        let mut out = Outbox::new();
        out.append_bytes(&mut control);
        out.append(&mut main);
        assert!(main.is_empty() && control.is_empty());
        assert_eq!(out.len(), 4 + 9 + SEGMENT + 4);
        let mut slices = [IoSlice::new(&[]); 8];
        assert_eq!(out.chunks_vectored(&mut slices), 4);
        out.advance(6);
        assert_eq!(out.chunk(), b"adsmall");
        out.advance(7 + SEGMENT + 1);
        assert_eq!(out.copy_to_bytes(3), &b"ext"[..]);
        assert!(out.is_empty());
    }
}
