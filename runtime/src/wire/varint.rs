//! Unsigned LEB128 numbers and length-prefixed bytes, written and read.

use bytes::{BufMut, BytesMut};

use super::Fault;

/// The most bytes of a number.
const LONGEST: usize = 10;

/// Room for the numbers between two texts of a frame, its header included; a power of two.
const ROOM: usize = 64;

/// Numbers on their way into a buffer, gathered so that they reach it in one piece: at most the header of a frame and four
/// more at a time.
#[derive(Clone, Copy)]
pub(super) struct Numbers {
    bytes: [u8; ROOM],
    length: usize,
}

impl Numbers {
    #[inline]
    pub(super) fn new() -> Self {
        Self {
            bytes: [0; ROOM],
            length: 0,
        }
    }

    /// Leaves place for what is only known later.
    #[inline]
    pub(super) fn skip(&mut self, length: usize) {
        self.length += length;
    }

    #[inline]
    pub(super) fn byte(&mut self, byte: u8) {
        debug_assert!(self.length < ROOM, "more numbers than any frame has");
        self.bytes[self.length % ROOM] = byte;
        self.length += 1;
    }

    #[inline]
    pub(super) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.byte((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.byte((value & 0x7f) as u8);
    }

    /// Appends them.
    #[inline]
    pub(super) fn put(&self, out: &mut BytesMut) {
        out.put_slice(&self.bytes[..self.length.min(ROOM)]);
    }
}

#[inline]
pub(super) fn put_varint(out: &mut BytesMut, value: u64) {
    let mut numbers = Numbers::new();
    numbers.varint(value);
    numbers.put(out);
}

/// Appends bytes behind their length.
pub(super) fn put_slice(out: &mut BytesMut, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.put_slice(bytes);
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
            put_varint(&mut out, value);
            assert_eq!(out.len(), varint_len(value));
            let mut reader = Reader::new(&out);
            assert_eq!(reader.varint("number"), Ok(value));
            assert!(reader.is_at_end());
        }
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
