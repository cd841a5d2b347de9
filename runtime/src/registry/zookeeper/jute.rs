//! How `ZooKeeper` writes values: its serialization, called jute. Numbers are big-endian, whatever has a length says it in
//! four bytes before.
//!
//! Knows bytes and no meaning.

use std::fmt;

use bytes::{BufMut as _, BytesMut};

/// Bytes that are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it sent what is no ZooKeeper answer")
    }
}

/// Writes values one behind the other.
#[derive(Debug, Default)]
pub(super) struct Writer(BytesMut);

impl Writer {
    /// A frame's start: room for its length.
    pub(super) fn frame() -> Self {
        let mut writer = Self::default();
        writer.int(0);
        writer
    }

    /// The frame, with its length.
    pub(super) fn finish(mut self) -> BytesMut {
        let length = u32::try_from(self.0.len() - 4).unwrap_or(u32::MAX);
        self.0[..4].copy_from_slice(&length.to_be_bytes());
        self.0
    }

    /// The values alone, without a frame around them.
    #[cfg(test)]
    pub(super) fn finish_body(self) -> BytesMut {
        self.0
    }

    pub(super) fn int(&mut self, value: i32) {
        self.0.put_i32(value);
    }

    pub(super) fn long(&mut self, value: i64) {
        self.0.put_i64(value);
    }

    pub(super) fn flag(&mut self, value: bool) {
        self.0.put_u8(value.into());
    }

    /// Bytes, or text: they are written alike.
    pub(super) fn bytes(&mut self, value: &[u8]) {
        self.length(value.len());
        self.0.put_slice(value);
    }

    pub(super) fn length(&mut self, length: usize) {
        // What we send is far smaller: records, documents, paths.
        self.int(i32::try_from(length).unwrap_or(i32::MAX));
    }
}

/// Reads values one behind the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed)
    }

    pub(super) fn int(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_be_bytes)
    }

    pub(super) fn long(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_be_bytes)
    }

    pub(super) fn flag(&mut self) -> Result<bool, Malformed> {
        Ok(self.take(1)? != [0])
    }

    /// Bytes; none where there is a null.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.int()?;
        if length == -1 {
            return Ok(&[]);
        }
        self.take(usize::try_from(length).map_err(|_| Malformed)?)
    }

    /// Text, made readable where it is none: nothing of ours is named like that.
    pub(super) fn text(&mut self) -> Result<String, Malformed> {
        self.bytes()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// A list of texts.
    pub(super) fn texts(&mut self) -> Result<Vec<String>, Malformed> {
        let count = usize::try_from(self.int()?.max(0)).map_err(|_| Malformed)?;
        // Each has a length of four bytes: a count that cannot be true reserves nothing.
        if count > self.0.len() / 4 {
            return Err(Malformed);
        }
        (0..count).map(|_| self.text()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_back_as_written() {
        let mut writer = Writer::frame();
        writer.int(-7);
        writer.long(i64::MIN);
        writer.flag(true);
        writer.bytes(b"text");
        let frame = writer.finish();
        assert_eq!(frame[..4], [0, 0, 0, 21]);
        let mut reader = Reader::new(&frame[4..]);
        assert_eq!(reader.int(), Ok(-7));
        assert_eq!(reader.long(), Ok(i64::MIN));
        assert_eq!(reader.flag(), Ok(true));
        assert_eq!(reader.text().as_deref(), Ok("text"));
        assert_eq!(reader.int(), Err(Malformed));
    }

    #[test]
    fn lengths_that_lie_are_refused_without_memory_for_them() {
        let lists: [&[u8]; 4] = [
            &[0x7f, 0xff, 0xff, 0xff],
            &[0, 0, 0, 1, 0, 0, 0, 9, 1],
            &[0, 0, 0, 1, 0x80, 0, 0, 0],
            &[0, 0],
        ];
        for bytes in lists {
            assert_eq!(Reader::new(bytes).texts(), Err(Malformed), "{bytes:?}");
        }
        assert_eq!(Reader::new(&[0xff; 4]).bytes(), Ok(&[][..]));
        assert_eq!(
            Reader::new(&[0, 0, 0, 1, 0xff]).text().as_deref(),
            Ok("\u{fffd}")
        );
    }
}
