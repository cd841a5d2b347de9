//! A number that is the same for messages that are the same, in whatever order their maps are encoded.

use std::hash::{BuildHasher, RandomState};

use prost::encoding::{WireType, decode_key, decode_varint};

/// How deep messages are nested at most: as deep as prost decodes.
const DEEPEST: u32 = 100;

/// That of an encoded message: the sum of those of its fields.
///
/// What is a text and what a message within it, the bytes do not say. So whatever can be read as a message is: a text is then
/// the same as one with the same parts in another order, which costs a comparison and no more.
pub(super) fn fingerprint(message: &[u8], hasher: &RandomState, depth: u32) -> u64 {
    let fields = if depth < DEEPEST {
        fields(message)
    } else {
        None
    };
    let Some(fields) = fields else {
        return hasher.hash_one(message);
    };
    let prints = fields.into_iter().map(|(number, field)| match field {
        Field::Plain(bytes) => hasher.hash_one((number, bytes)),
        Field::Nested(bytes) => hasher.hash_one((number, fingerprint(bytes, hasher, depth + 1))),
    });
    prints.fold(0, u64::wrapping_add)
}

enum Field<'a> {
    /// A number, as it is encoded.
    Plain(&'a [u8]),
    /// A text, bytes or a message.
    Nested(&'a [u8]),
}

/// The fields of a message, if the bytes are one.
fn fields(mut rest: &[u8]) -> Option<Vec<(u32, Field<'_>)>> {
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let (number, kind) = decode_key(&mut rest).ok()?;
        let from = rest;
        let length = match kind {
            WireType::Varint => {
                decode_varint(&mut rest).ok()?;
                from.len() - rest.len()
            }
            WireType::ThirtyTwoBit => 4,
            WireType::SixtyFourBit => 8,
            WireType::LengthDelimited => {
                let length = decode_varint(&mut rest).ok()?;
                let (nested, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                fields.push((number, Field::Nested(nested)));
                rest = behind;
                continue;
            }
            WireType::StartGroup | WireType::EndGroup => return None,
        };
        let (plain, behind) = from.split_at_checked(length)?;
        fields.push((number, Field::Plain(plain)));
        rest = behind;
    }
    Some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &[u8], other: &[u8]) -> bool {
        let hasher = RandomState::new();
        fingerprint(one, &hasher, 0) == fingerprint(other, &hasher, 0)
    }

    #[test]
    fn the_order_of_entries_does_not_count_and_their_bytes_do() {
        // 1: "ab", 1: "c", 2: 7
        let message = b"\x0a\x02ab\x0a\x01c\x10\x07";
        assert!(same(message, b"\x0a\x01c\x10\x07\x0a\x02ab"));
        assert!(!same(message, b"\x0a\x02ba\x0a\x01c\x10\x07"));
        assert!(!same(message, b"\x0a\x02ab\x0a\x01c\x18\x07"));
        // 3: { 1: "ab", 1: "c" }
        assert!(same(
            b"\x1a\x07\x0a\x02ab\x0a\x01c",
            b"\x1a\x07\x0a\x01c\x0a\x02ab"
        ));
    }

    #[test]
    fn what_is_no_message_counts_as_it_is() {
        for text in [&b"\xff"[..], b"\x0a\x7fshort", b"\x0b", b"\x0d123"] {
            assert!(same(text, text));
            assert!(!same(text, b"else"));
        }
    }

    #[test]
    fn what_nests_without_end_is_followed_to_a_depth() {
        let mut deep = Vec::new();
        for _ in 0..10_000 {
            let mut outer = vec![0x0a];
            prost::encoding::encode_varint(deep.len() as u64, &mut outer);
            outer.extend(&deep);
            deep = outer;
        }
        assert!(same(&deep, &deep));
    }
}
