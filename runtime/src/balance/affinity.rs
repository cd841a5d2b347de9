//! The hash of what ties calls to an instance, found in the encoding of a request.
//!
//! Everybody who hashes a request comes to the same: the hash is FNV-1a of 64 bits over the value, finalized as in
//! `SplitMix64`. The value of a text or of bytes is its bytes; that of a number, flag or enum is what stands on the wire (a
//! varint decoded), least significant byte first, without the zeros at its end. So a field that is missing hashes as its
//! default does, and as the empty text: nothing at all.

use bytes::Buf;
use prost::encoding::{WireType, decode_key, decode_varint};

use crate::contract::FieldPath;
use crate::random::mix;
use crate::rope::Rope;

/// The hash of a text or of bytes.
pub(crate) fn of_bytes(bytes: &[u8]) -> u64 {
    mix(fold(START, bytes))
}

/// The hash of the field of a message that is given protobuf-encoded, as this process encodes it: a field that is there
/// once stands there once.
pub(crate) fn of_field(path: FieldPath, message: &Rope) -> u64 {
    let mut message = Pieces::new(message);
    mix(value(path.numbers, &mut message).unwrap_or(START))
}

/// What FNV-1a starts from: the hash of nothing.
const START: u64 = 0xCBF2_9CE4_8422_2325;

fn fold(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

fn fold_number(number: u64) -> u64 {
    let zeros = number.leading_zeros() / 8;
    fold(START, &number.to_le_bytes()[..8 - zeros as usize])
}

/// FNV-1a of the value at the end of the way; `None` where it is missing, or what is there is no protobuf.
fn value(mut way: &[u32], message: &mut Pieces<'_>) -> Option<u64> {
    // Where the message ends in which the next field of the way is looked for.
    let mut end = 0;
    while message.remaining() > end {
        let (number, wire) = decode_key(message).ok()?;
        let wanted = way.first() == Some(&number);
        let last = way.len() == 1;
        match wire {
            WireType::Varint => {
                let number = decode_varint(message).ok()?;
                if wanted && last {
                    return Some(fold_number(number));
                }
            }
            WireType::SixtyFourBit => {
                let number = message.try_get_u64_le().ok()?;
                if wanted && last {
                    return Some(fold_number(number));
                }
            }
            WireType::ThirtyTwoBit => {
                let number = message.try_get_u32_le().ok()?;
                if wanted && last {
                    return Some(fold_number(number.into()));
                }
            }
            WireType::LengthDelimited => {
                let length = usize::try_from(decode_varint(message).ok()?).ok()?;
                let rest = message.remaining().checked_sub(length)?;
                match (wanted, last) {
                    (true, true) => return Some(message.fold(length)),
                    (true, false) => {
                        way = &way[1..];
                        end = rest;
                    }
                    (false, _) => message.advance(length),
                }
            }
            WireType::StartGroup | WireType::EndGroup => return None,
        }
    }
    None
}

/// The rest of a rope.
struct Pieces<'a> {
    rest: &'a [bytes::Bytes],
    /// How much of the first of them has been read.
    at: usize,
    left: usize,
}

impl<'a> Pieces<'a> {
    fn new(rope: &'a Rope) -> Self {
        let mut pieces = Self {
            rest: rope.pieces(),
            at: 0,
            left: rope.len(),
        };
        // Behind the pieces that are empty.
        pieces.advance(0);
        pieces
    }

    /// FNV-1a of so many bytes; they are there.
    fn fold(&mut self, mut length: usize) -> u64 {
        let mut hash = START;
        while length > 0 {
            let chunk = self.chunk();
            let count = chunk.len().min(length);
            hash = fold(hash, &chunk[..count]);
            self.advance(count);
            length -= count;
        }
        hash
    }
}

impl Buf for Pieces<'_> {
    fn remaining(&self) -> usize {
        self.left
    }

    fn chunk(&self) -> &[u8] {
        self.rest.first().map_or(&[], |piece| &piece[self.at..])
    }

    fn advance(&mut self, count: usize) {
        self.left -= count;
        self.at += count;
        while let [first, rest @ ..] = self.rest
            && self.at >= first.len()
        {
            self.at -= first.len();
            self.rest = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use prost::Message;

    use super::*;

    #[derive(Clone, PartialEq, Message)]
    struct Order {
        #[prost(uint64, tag = "1")]
        id: u64,
        #[prost(message, optional, boxed, tag = "2")]
        inner: Option<Box<Order>>,
        #[prost(string, tag = "3")]
        customer: String,
        #[prost(bytes = "bytes", tag = "4")]
        token: Bytes,
        #[prost(fixed32, tag = "5")]
        short: u32,
        #[prost(double, tag = "6")]
        long: f64,
        #[prost(int32, optional, tag = "7")]
        maybe: Option<i32>,
        #[prost(bool, tag = "8")]
        flag: bool,
    }

    fn hash(numbers: &'static [u32], order: &Order) -> u64 {
        let names = "the.way";
        of_field(FieldPath { names, numbers }, &Rope::encode(order))
    }

    /// An order with an order in it, each with every field set.
    fn order() -> Order {
        let inner = Order {
            id: 7,
            inner: None,
            customer: "anna".into(),
            token: Bytes::from_static(b"secret"),
            short: 70_000,
            long: -1.5,
            maybe: Some(-1),
            flag: true,
        };
        Order {
            customer: "bert".into(),
            inner: Some(Box::new(inner.clone())),
            ..inner
        }
    }

    #[test]
    fn hashes_are_those_that_the_manual_describes() {
        // FNV-1a of `anna`, of `7`, and of nothing, each finalized; worked out apart from this code.
        assert_eq!(hash(&[2, 3], &order()), ANNA);
        assert_eq!(hash(&[1], &order()), SEVEN);
        assert_eq!(hash(&[1], &Order::default()), NOTHING);
    }

    const ANNA: u64 = 0x8ED2_27C0_EE63_F504;
    const SEVEN: u64 = 0x3A32_C9FA_51B2_8971;
    const NOTHING: u64 = 0xF52A_15E9_A9B5_E89B;

    #[test]
    fn only_the_field_decides() {
        let mut other = order();
        other.id = 8;
        other.long = 3.0;
        other.token = vec![1; 100_000].into();
        for number in [2, 3, 5, 7, 8] {
            let way: &'static [u32] = match number {
                2 => &[2, 3],
                3 => &[3],
                5 => &[5],
                7 => &[7],
                _ => &[8],
            };
            assert_eq!(hash(way, &order()), hash(way, &other), "{way:?}");
        }
        for way in [&[1][..], &[4], &[6]] {
            assert_ne!(hash(way, &order()), hash(way, &other), "{way:?}");
        }
    }

    #[test]
    fn a_missing_field_hashes_as_its_default() {
        let empty = Order::default();
        let zero = Order {
            maybe: Some(0),
            inner: Some(Box::default()),
            ..Order::default()
        };
        for way in [
            &[1][..],
            &[3],
            &[4],
            &[5],
            &[6],
            &[7],
            &[8],
            &[2, 3],
            &[2, 2, 1],
        ] {
            assert_eq!(hash(way, &empty), NOTHING, "{way:?}");
            assert_eq!(hash(way, &zero), NOTHING, "{way:?}");
        }
    }

    #[test]
    fn a_field_is_found_in_and_behind_large_ones() {
        for size in [0, 100, 16 * 1024, 100_000] {
            let mut large = order();
            large.customer = "x".repeat(size);
            large.token = vec![2; size].into();
            large.inner = Some(Box::new(large.clone()));
            assert_eq!(hash(&[2, 3], &large), of_bytes(large.customer.as_bytes()));
            assert_eq!(hash(&[2, 4], &large), of_bytes(&large.token));
            assert_eq!(hash(&[4], &large), of_bytes(&large.token));
            assert_eq!(hash(&[8], &large), hash(&[8], &order()));
        }
    }

    #[test]
    fn numbers_of_one_value_hash_alike_in_every_width() {
        let order = Order {
            id: 70_000,
            short: 70_000,
            ..Order::default()
        };
        assert_eq!(hash(&[1], &order), hash(&[5], &order));
        let negative = Order {
            maybe: Some(-1),
            id: u64::MAX,
            ..Order::default()
        };
        assert_eq!(hash(&[7], &negative), hash(&[1], &negative));
    }

    #[test]
    fn what_is_no_message_hashes_as_nothing() {
        let path = FieldPath {
            names: "a.b",
            numbers: &[2, 1],
        };
        let encoded = Rope::encode(&order()).into_bytes();
        for cut in 0..encoded.len() {
            let _ = of_field(path, &encoded.slice(..cut).into());
        }
        for noise in [
            &[0x12_u8, 0xFF][..],
            &[0x0B],
            &[0xFF; 20],
            &[0x12, 0x02, 0x08],
        ] {
            assert_eq!(of_field(path, &noise.to_vec().into()), NOTHING);
        }
    }
}
