//! Unsigned LEB128 numbers and length-prefixed bytes, written and read.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

use super::Fault;

pub(super) fn put_varint(out: &mut BytesMut, mut value: u64) {
    while value >= 0x80 {
        out.put_u8((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8((value & 0x7f) as u8);
}

pub(super) fn put_slice(out: &mut BytesMut, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.put_slice(bytes);
}

/// Bytes that [`put_varint`] writes.
pub(super) fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Reads a payload from its front. Each fault names the field that was being read.
pub(super) struct Reader<'a> {
    payload: &'a Bytes,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(payload: &'a Bytes) -> Self {
        Self { payload, at: 0 }
    }

    pub(super) fn varint(&mut self, field: &'static str) -> Result<u64, Fault> {
        let mut value = 0u64;
        for (index, byte) in self.payload[self.at..].iter().enumerate() {
            if index == 9 && *byte > 1 {
                return Err(Fault::Varint { field });
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                self.at += index + 1;
                return Ok(value);
            }
        }
        Err(Fault::Cut { field })
    }

    /// A number that this side keeps in 32 bits.
    pub(super) fn varint32(&mut self, field: &'static str) -> Result<u32, Fault> {
        u32::try_from(self.varint(field)?).map_err(|_| Fault::Varint { field })
    }

    fn take(&mut self, field: &'static str, length: u64) -> Result<Range<usize>, Fault> {
        let left = self.payload.len() - self.at;
        let length = usize::try_from(length)
            .ok()
            .filter(|length| *length <= left)
            .ok_or(Fault::Cut { field })?;
        let start = self.at;
        self.at += length;
        Ok(start..self.at)
    }

    pub(super) fn text(&mut self, field: &'static str) -> Result<&'a str, Fault> {
        let length = self.varint(field)?;
        let range = self.take(field, length)?;
        std::str::from_utf8(&self.payload[range]).map_err(|_| Fault::NotText { field })
    }

    pub(super) fn bytes(&mut self, field: &'static str) -> Result<Bytes, Fault> {
        let length = self.varint(field)?;
        let range = self.take(field, length)?;
        Ok(self.payload.slice(range))
    }

    /// A metadata key and whether its value is binary: the lowest bit of the length says so.
    pub(super) fn key(&mut self) -> Result<(&'a str, bool), Fault> {
        let field = "metadata key";
        let number = self.varint(field)?;
        let range = self.take(field, number >> 1)?;
        let key =
            std::str::from_utf8(&self.payload[range]).map_err(|_| Fault::NotText { field })?;
        Ok((key, number & 1 == 1))
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What is left, without copying.
    pub(super) fn rest(&self) -> Bytes {
        self.payload.slice(self.at..)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.payload.len()
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
            let out = out.freeze();
            let mut reader = Reader::new(&out);
            assert_eq!(reader.varint("number"), Ok(value));
            assert!(reader.is_at_end());
        }
    }

    #[test]
    fn a_number_beyond_64_bits_or_cut_short_is_a_fault() {
        let long = Bytes::from_static(&[0xff; 11]);
        assert_eq!(
            Reader::new(&long).varint("n"),
            Err(Fault::Varint { field: "n" })
        );
        let wide =
            Bytes::from_static(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]);
        assert_eq!(
            Reader::new(&wide).varint("n"),
            Err(Fault::Varint { field: "n" })
        );
        let cut = Bytes::from_static(&[0x80]);
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
        let claim = Bytes::from_static(&[
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 1,
        ]);
        assert_eq!(
            Reader::new(&claim).bytes("body"),
            Err(Fault::Cut { field: "body" })
        );
    }
}
