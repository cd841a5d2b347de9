//! Messages of one stream side by side, each in the DATA frame in which it travels.
//!
//! A run is what a sender hands over, what is written and what is read at once: whatever costs something per message there,
//! costs it per run.

use bytes::buf::Take;
use bytes::{Buf, Bytes, BytesMut};

use super::FRAGMENT;
use super::frame::{FrameKind, HEADER, Header};

/// Whole messages of one stream in their frames. None of them is larger than [`Run::MESSAGE`], so that it costs in flow
/// control what it has in bytes.
#[derive(Clone, Debug, Default)]
pub struct Run {
    frames: Bytes,
    messages: usize,
}

impl Run {
    /// The bytes of the largest message that a run may hold: of a larger one the frame would cost less than its bytes.
    pub const MESSAGE: usize = FRAGMENT - HEADER;

    /// The frames of `input` that stand side by side from `start` on and hold whole messages of `stream`: all of them that
    /// are within `message` bytes, and together within `most`.
    ///
    /// `input` ends with a whole frame.
    pub fn gather(input: &Bytes, start: usize, stream: u32, message: usize, most: usize) -> Self {
        let most = most.min(input.len() - start);
        let message = message.min(Self::MESSAGE);
        let expected = Header::encode(FrameKind::Data, 0, stream, 0);
        let (mut end, mut messages) = (0, 0);
        while let Some(header) = input[start + end..].first_chunk::<HEADER>() {
            let length = payload(header);
            if header[4..] != expected[4..] || length > message || end + HEADER + length > most {
                break;
            }
            end += HEADER + length;
            messages += 1;
        }
        Self {
            frames: input.slice(start..start + end),
            messages,
        }
    }

    /// How many messages there are.
    pub fn messages(&self) -> usize {
        self.messages
    }

    /// The bytes of the frames, which is also what they cost in flow control.
    pub fn cost(&self) -> usize {
        self.frames.len()
    }

    /// Whether there are no messages.
    pub fn is_empty(&self) -> bool {
        self.messages == 0
    }

    /// The length of the first message.
    pub fn front(&self) -> Option<usize> {
        self.frames.first_chunk::<HEADER>().map(payload)
    }

    /// What the first message costs, or 0.
    pub fn front_cost(&self) -> usize {
        self.front().map_or(0, |length| length + HEADER)
    }

    /// Takes the first message out, as `read` sees it. What `read` leaves of it is dropped.
    pub fn read<T>(&mut self, read: impl FnOnce(Take<&mut Bytes>) -> T) -> Option<T> {
        let length = self.front()?;
        self.frames.advance(HEADER);
        self.messages -= 1;
        let rest = self.frames.len() - length;
        let value = read((&mut self.frames).take(length));
        let left = self.frames.len() - rest;
        self.frames.advance(left);
        Some(value)
    }

    /// Takes the first message out.
    pub fn pop(&mut self) -> Option<Bytes> {
        let length = self.front()?;
        self.frames.advance(HEADER);
        self.messages -= 1;
        Some(self.frames.split_to(length))
    }

    /// Takes those messages out of its front that together cost at most `most`; the first of them in any case where it costs
    /// no more than that.
    pub fn split(&mut self, most: usize) -> Self {
        if self.cost() <= most {
            return std::mem::take(self);
        }
        self.split_while(|end, _| end <= most)
    }

    /// Takes the messages before the first that is larger than `most`.
    pub fn split_fitting(&mut self, most: usize) -> Self {
        if most >= Self::MESSAGE {
            return std::mem::take(self);
        }
        self.split_while(|_, length| length <= most)
    }

    /// Takes the messages before the first of which `keep` says no, from where its frame ends and how long it is.
    fn split_while(&mut self, keep: impl Fn(usize, usize) -> bool) -> Self {
        let (mut at, mut messages) = (0, 0);
        while let Some(header) = self.frames[at..].first_chunk::<HEADER>() {
            let length = payload(header);
            if !keep(at + HEADER + length, length) {
                break;
            }
            at += HEADER + length;
            messages += 1;
        }
        self.messages -= messages;
        Self {
            frames: self.frames.split_to(at),
            messages,
        }
    }

    /// The same in memory of its own, as large as it is.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self {
            frames: Bytes::copy_from_slice(&self.frames),
            messages: self.messages,
        }
    }

    /// The frames as they are written.
    pub fn frames(&self) -> &Bytes {
        &self.frames
    }
}

fn payload(header: &[u8; HEADER]) -> usize {
    let [a, b, c, d, ..] = *header;
    (u32::from_be_bytes([a, b, c, d]) as usize).wrapping_sub(HEADER - 4)
}

/// A run in the making.
#[derive(Debug, Default)]
pub struct RunWriter {
    frames: BytesMut,
    messages: usize,
}

impl RunWriter {
    /// Bytes of the frames.
    pub fn cost(&self) -> usize {
        self.frames.len()
    }

    /// Whether there are no messages.
    pub fn is_empty(&self) -> bool {
        self.messages == 0
    }

    /// Makes room for so many bytes in all, where there are none yet.
    pub fn expect(&mut self, bytes: usize) {
        if self.frames.capacity() == 0 {
            self.frames = BytesMut::with_capacity(bytes);
        }
    }

    /// Appends the message of `stream` that `write` appends, of at most [`Run::MESSAGE`] bytes.
    pub fn put(&mut self, stream: u32, write: impl FnOnce(&mut BytesMut)) {
        let at = self.frames.len();
        self.frames
            .extend_from_slice(&Header::encode(FrameKind::Data, 0, stream, 0));
        write(&mut self.frames);
        let length = self.frames.len() - at - HEADER;
        debug_assert!(length <= Run::MESSAGE, "too large for a run");
        let header = Header::encode(FrameKind::Data, 0, stream, length);
        self.frames[at..at + HEADER].copy_from_slice(&header);
        self.messages += 1;
    }

    /// What was written; the next run has memory of its own.
    pub fn finish(&mut self) -> Run {
        Run {
            frames: std::mem::take(&mut self.frames).freeze(),
            messages: std::mem::take(&mut self.messages),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(stream: u32, lengths: &[usize]) -> Run {
        let mut writer = RunWriter::default();
        for (number, length) in lengths.iter().enumerate() {
            let fill = u8::try_from(number).unwrap();
            writer.put(stream, |out| out.resize(out.len() + length, fill));
        }
        writer.finish()
    }

    fn bodies(mut run: Run) -> Vec<Bytes> {
        let mut bodies = Vec::new();
        while let Some(body) = run.pop() {
            bodies.push(body);
        }
        assert!(run.is_empty() && run.cost() == 0);
        bodies
    }

    fn lengths(run: Run) -> Vec<usize> {
        bodies(run).iter().map(Bytes::len).collect()
    }

    #[test]
    fn what_is_written_is_read_one_by_one() {
        let run = run(7, &[3, 0, 2]);
        assert_eq!((run.messages(), run.cost()), (3, 5 + 3 * HEADER));
        assert_eq!(bodies(run), [&[0; 3][..], &[], &[2; 2]]);
    }

    #[test]
    fn a_reader_that_stops_half_way_does_not_disturb_the_next() {
        let mut run = run(7, &[4, 4]);
        assert_eq!(run.read(|mut body| body.get_u8()), Some(0));
        assert_eq!(bodies(run), [&[1; 4][..]]);
    }

    #[test]
    fn a_run_is_cut_between_messages() {
        let mut rest = run(1, &[10, 20, 30]);
        assert_eq!(lengths(rest.split(19)), [0; 0]);
        assert_eq!(lengths(rest.split(50)), [10, 20]);
        assert_eq!(lengths(rest.split(40)), [30]);
        assert!(rest.is_empty());
        let mut rest = run(1, &[10, 20, 30]);
        assert_eq!(lengths(rest.split_fitting(15)), [10]);
        assert_eq!(lengths(rest.split_fitting(30)), [20, 30]);
    }

    #[test]
    fn gathering_stops_at_whatever_is_no_whole_message_of_the_stream() {
        let mine = run(1, &[5, 5]);
        let check = |behind: &[u8], message: usize, most: usize, expect: usize| {
            let input = [mine.frames(), behind].concat().into();
            let gathered = Run::gather(&input, 0, 1, message, most);
            assert_eq!(gathered.messages(), expect);
            assert_eq!(lengths(gathered), vec![5; expect]);
        };
        check(&[], 100, 100, 2);
        check(run(2, &[5]).frames(), 100, 100, 2);
        check(run(1, &[5]).frames(), 100, 100, 3);
        check(&Header::encode(FrameKind::Data, 1, 1, 0), 100, 100, 2);
        check(&Header::encode(FrameKind::Credit, 0, 1, 0), 100, 100, 2);
        // Messages that are too large, and more than there is room for.
        check(&[], 4, 100, 0);
        check(run(1, &[6]).frames(), 5, 100, 2);
        check(&[], 100, 29, 1);
    }
}
