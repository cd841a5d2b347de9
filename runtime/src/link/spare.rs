//! Memory for what is read from transports, used again while it is warm: a thread's own.
//!
//! Messages are slices of what was read, so the memory is free when the last of them is dropped, wherever that is. An allocator
//! gives so much back to the system at once; each page would come anew with a fault, cleared and cold. Knows nothing of
//! transports.

use std::cell::RefCell;
use std::collections::VecDeque;

use bytes::BytesMut;

/// From this size on memory is kept. Below, allocators keep it themselves.
const LEAST: usize = 32 * 1024;

/// Bytes that a thread keeps at most: four of the largest reads. Twice and eight times as much gave no more.
const MOST: usize = 1024 * 1024;

thread_local! {
    /// This thread's.
    static SPARE: RefCell<Spare> = RefCell::default();
}

/// An empty buffer with so much room at least.
pub(super) fn take(room: usize) -> BytesMut {
    if room < LEAST {
        return BytesMut::with_capacity(room);
    }
    // A thread that ends has none any more.
    let found = SPARE.try_with(|spare| spare.borrow_mut().take(room));
    found
        .ok()
        .flatten()
        .unwrap_or_else(|| BytesMut::with_capacity(room))
}

/// Keeps the memory of a buffer, `size` bytes of it, for when nobody holds a slice of it any more.
pub(super) fn keep(buffer: BytesMut, size: usize) {
    if size >= LEAST {
        let _ = SPARE.try_with(|spare| spare.borrow_mut().keep(buffer, size));
    }
}

/// Buffers, those given up last at the end, with the size of their memory.
#[derive(Default)]
struct Spare {
    buffers: VecDeque<(BytesMut, usize)>,
    bytes: usize,
}

impl Spare {
    /// The one that was used last, and so is warmest; none that is far larger, since whoever holds a message holds all of it.
    fn take(&mut self, room: usize) -> Option<BytesMut> {
        let mut buffers = self.buffers.iter_mut();
        let place = buffers.rposition(|(buffer, size)| {
            (room..=4 * room).contains(size) && buffer.try_reclaim(room)
        })?;
        let (buffer, size) = self.buffers.remove(place)?;
        self.bytes -= size;
        Some(buffer)
    }

    fn keep(&mut self, mut buffer: BytesMut, size: usize) {
        buffer.clear();
        self.buffers.push_back((buffer, size));
        self.bytes += size;
        while self.bytes > MOST
            && let Some((_, size)) = self.buffers.pop_front()
        {
            self.bytes -= size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_once_nobody_holds_a_slice_of_it() {
        let mut spare = Spare::default();
        let mut buffer = BytesMut::with_capacity(LEAST);
        buffer.extend_from_slice(&[1; 1000]);
        let place = buffer.as_ptr();
        let slice = buffer.split().freeze();
        spare.keep(buffer, LEAST);
        assert!(spare.take(LEAST).is_none(), "a message lies in it");
        assert_eq!(slice, [1; 1000][..]);
        drop(slice);
        assert!(spare.take(2 * LEAST).is_none(), "it is too small");
        let buffer = spare.take(LEAST).unwrap();
        assert_eq!(buffer.as_ptr(), place);
        assert!(buffer.is_empty() && buffer.capacity() >= LEAST);
        assert_eq!((spare.bytes, spare.buffers.len()), (0, 0));
    }

    #[test]
    fn a_thread_keeps_no_more_than_its_most() {
        let mut spare = Spare::default();
        let mut held = Vec::new();
        for number in 0_u8..100 {
            let mut buffer = BytesMut::with_capacity(MOST / 4);
            buffer.extend_from_slice(&[number]);
            held.push(buffer.split().freeze());
            spare.keep(buffer, MOST / 4);
            assert!(spare.bytes <= MOST);
        }
        assert_eq!(spare.buffers.len(), 4);
        held.clear();
        assert!(spare.take(LEAST).is_none(), "it holds more than is wanted");
        let last = spare.take(MOST / 4).unwrap();
        assert_eq!(last.capacity(), MOST / 4);
        spare.keep(BytesMut::with_capacity(MOST + 1), MOST + 1);
        assert_eq!((spare.bytes, spare.buffers.len()), (0, 0), "more than all");
    }
}
