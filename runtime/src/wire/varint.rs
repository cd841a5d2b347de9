//! Unsigned LEB128 numbers and length-prefixed bytes, written and read.

use bytes::{BufMut, BytesMut};

use super::Fault;

/// The most bytes of a number.
const LONGEST: usize = 10;

/// Bytes that a [`Writer`] gathers: the numbers of any head whose texts are all empty.
const GATHERED: usize = 64;

/// Writes a frame. What is short is gathered, so that the frames of most calls reach the buffer in one piece.
pub(super) struct Writer<'a> {
    out: &'a mut BytesMut,
    gathered: [u8; GATHERED],
    length: usize,
}

impl<'a> Writer<'a> {
    #[inline]
    pub(super) fn new(out: &'a mut BytesMut) -> Self {
        Self {
            out,
            gathered: [0; GATHERED],
            length: 0,
        }
    }

    /// Bytes in the buffer and on their way there.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.out.len() + self.length
    }

    #[inline]
    pub(super) fn byte(&mut self, byte: u8) {
        if let Some(place) = self.gathered.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        } else {
            self.overflow(byte);
        }
    }

    #[cold]
    fn overflow(&mut self, byte: u8) {
        self.flush();
        self.gathered[0] = byte;
        self.length = 1;
    }

    #[inline]
    pub(super) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.byte((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.byte((value & 0x7f) as u8);
    }

    /// Bytes without their length.
    #[inline]
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        if let Some(place) = self.gathered[self.length..].get_mut(..bytes.len()) {
            place.copy_from_slice(bytes);
            self.length += bytes.len();
        } else {
            self.flush();
            self.out.put_slice(bytes);
        }
    }

    /// Bytes behind their length.
    pub(super) fn slice(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as u64);
        self.raw(bytes);
    }

    /// Moves what is gathered to where it belongs, and gives the buffer back.
    #[inline]
    pub(super) fn finish(mut self) -> &'a mut BytesMut {
        self.flush();
        self.out
    }

    #[inline]
    fn flush(&mut self) {
        self.out.put_slice(&self.gathered[..self.length]);
        self.length = 0;
    }
}

/// Bytes that a number takes.
#[inline]
pub(super) fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Reads a payload from its front. Each fault names the field that was being read.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline]
    pub(super) fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }

    #[inline]
    pub(super) fn varint(&mut self, field: &'static str) -> Result<u64, Fault> {
        match self.rest {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(field),
        }
    }

    fn long_varint(&mut self, field: &'static str) -> Result<u64, Fault> {
        let mut value = 0u64;
        for (index, byte) in self.rest.iter().take(LONGEST).enumerate() {
            if index == LONGEST - 1 && *byte > 1 {
                return Err(Fault::Varint { field });
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        Err(Fault::Cut { field })
    }

    /// A number that this side keeps in 32 bits.
    #[inline]
    pub(super) fn varint32(&mut self, field: &'static str) -> Result<u32, Fault> {
        u32::try_from(self.varint(field)?).map_err(|_| Fault::Varint { field })
    }

    #[inline]
    fn take(&mut self, field: &'static str, length: u64) -> Result<&'a [u8], Fault> {
        let split = usize::try_from(length)
            .ok()
            .and_then(|length| self.rest.split_at_checked(length));
        let (taken, rest) = split.ok_or(Fault::Cut { field })?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn text(&mut self, field: &'static str) -> Result<&'a str, Fault> {
        std::str::from_utf8(self.bytes(field)?).map_err(|_| Fault::NotText { field })
    }

    #[inline]
    pub(super) fn bytes(&mut self, field: &'static str) -> Result<&'a [u8], Fault> {
        let length = self.varint(field)?;
        self.take(field, length)
    }

    /// A metadata key and whether its value is binary: the lowest bit of the length says so.
    pub(super) fn key(&mut self) -> Result<(&'a str, bool), Fault> {
        let field = "metadata key";
        let number = self.varint(field)?;
        let key = std::str::from_utf8(self.take(field, number >> 1)?)
            .map_err(|_| Fault::NotText { field })?;
        Ok((key, number & 1 == 1))
    }

    /// What is left.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_return_as_they_were_written() {
        for value in [
            0,
            1,
            127,
            128,
            300,
            16_383,
            16_384,
            u64::from(u32::MAX),
            1 << 63,
            u64::MAX,
        ] {
            let mut out = BytesMut::new();
            let mut writer = Writer::new(&mut out);
            writer.varint(value);
            assert_eq!(writer.len(), varint_len(value));
            writer.finish();
            assert_eq!(out.len(), varint_len(value));
            let mut reader = Reader::new(&out);
            assert_eq!(reader.varint("number"), Ok(value));
            assert!(reader.is_at_end());
        }
    }

    #[test]
    fn what_is_gathered_stays_in_order_with_what_is_long() {
        let (short, long) = ([7; 5], [9; GATHERED]);
        let (mut out, mut expected) = (BytesMut::new(), Vec::new());
        let mut writer = Writer::new(&mut out);
        for round in 0..40_u8 {
            writer.byte(round);
            expected.push(round);
            let bytes = if round % 7 == 3 { &long[..] } else { &short };
            writer.raw(bytes);
            expected.extend_from_slice(bytes);
            assert_eq!(writer.len(), expected.len());
        }
        assert_eq!(*writer.finish(), expected);
    }

    #[test]
    fn a_number_beyond_64_bits_or_cut_short_is_a_fault() {
        let long = [0xff; 11];
        assert_eq!(
            Reader::new(&long).varint("n"),
            Err(Fault::Varint { field: "n" })
        );
        let wide = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert_eq!(
            Reader::new(&wide).varint("n"),
            Err(Fault::Varint { field: "n" })
        );
        let cut = [0x80];
        assert_eq!(
            Reader::new(&cut).varint("n"),
            Err(Fault::Cut { field: "n" })
        );
        assert_eq!(
            Reader::new(&long).varint32("n"),
            Err(Fault::Varint { field: "n" })
        );
    }

    #[test]
    fn a_length_beyond_the_frame_is_a_fault_and_takes_no_memory() {
        let claim = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 1,
        ];
        assert_eq!(
            Reader::new(&claim).bytes("body"),
            Err(Fault::Cut { field: "body" })
        );
    }
}
