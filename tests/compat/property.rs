//! The verdicts about the wire, against what really happens to messages.

use callsheet_build::breaking::{Category, Reading, Side, Verdict, compare, read};
use callsheet_build::diagnostic::Code;
use callsheet_build::model::{FullName, Model};
use callsheet_build::surface::Surface;
use callsheet_tests::chance::Chance;
use proptest::prelude::*;
use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor};

use crate::content;
use crate::oracle::{difference, lost_on_the_way_back, pool, root};
use crate::schema::{Change, Schema, change, schema};
use crate::{analysis, model};

/// How many messages are sent between two contracts that are told to be compatible.
const MESSAGES: u64 = 40;

/// Two contracts, the newer one without mistakes.
fn pair(schema: &Schema, changes: &[Change]) -> Option<(String, String, Model, Model)> {
    let old = schema.text();
    let mut changed = schema.clone();
    for change in changes {
        changed.apply(change);
    }
    let new = changed.text();
    let after = analysis(&[("shop/orders.rpc", &new)]).model?;
    Some((model(&old), after)).map(|(before, after)| (old, new, before, after))
}

fn verdicts(old: &Model, new: &Model) -> Vec<Verdict> {
    compare(&Surface::of_model(old), &Surface::of_model(new))
}

fn breaks_wire(verdict: &Verdict) -> bool {
    verdict.breaks.contains_key(&Category::Wire)
}

/// How another implementation reads the bytes.
fn foreign(bytes: &[u8], descriptor: &MessageDescriptor) -> Option<serde_json::Value> {
    let message = DynamicMessage::decode(descriptor.clone(), bytes).ok()?;
    Some(serde_json::to_value(&message).unwrap())
}

/// How we read them.
fn own(reading: &Reading) -> Option<serde_json::Value> {
    match reading {
        Reading::Json(text) => Some(serde_json::from_str(text).unwrap()),
        Reading::Refused(_) => None,
    }
}

/// Whether two readings say the same. Digits of a float may differ where the float is the same.
fn alike(one: Option<&serde_json::Value>, other: Option<&serde_json::Value>) -> bool {
    use serde_json::Value::{Array, Number, Object};

    match (one, other) {
        (Some(Number(a)), Some(Number(b))) if a.is_f64() || b.is_f64() => {
            #[expect(clippy::cast_possible_truncation, reason = "digits beyond a float's")]
            let float = |number: &serde_json::Number| number.as_f64().map(|it| it as f32);
            float(a) == float(b)
        }
        (Some(Array(a)), Some(Array(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(Some(a), Some(b)))
        }
        (Some(Object(a)), Some(Object(b))) => {
            a.len() == b.len() && a.iter().all(|(key, a)| alike(Some(a), b.get(key)))
        }
        (one, other) => one == other,
    }
}

proptest! {
    #![proptest_config(crate::cases(400))]

    #[test]
    fn what_is_told_to_be_compatible_is_read_as_it_was_written(
        schema in schema(),
        changes in prop::collection::vec(change(), 1..3),
        seed in any::<u64>(),
    ) {
        let Some((old_text, new_text, old, new)) = pair(&schema, &changes) else {
            return Ok(());
        };
        if verdicts(&old, &new).iter().any(breaks_wire) {
            return Ok(());
        }
        let (writer, reader) = (root(&pool(&old)), root(&pool(&new)));
        let mut chance = Chance::new(seed);
        for _ in 0..MESSAGES {
            let message = content::message(&mut chance, &writer, 2);
            let found = difference(&message, &reader).or_else(|| lost_on_the_way_back(&message, &reader));
            prop_assert!(
                found.is_none(),
                "{found:?}\nof {message}\nwritten by\n{old_text}\nread by\n{new_text}"
            );
        }
    }

    #[test]
    fn what_is_told_to_break_the_wire_has_a_witness_that_is_read_differently(
        schema in schema(),
        changes in prop::collection::vec(change(), 1..4),
    ) {
        let Some((old_text, new_text, old, new)) = pair(&schema, &changes) else {
            return Ok(());
        };
        let (old_pool, new_pool) = (pool(&old), pool(&new));
        for verdict in verdicts(&old, &new).iter().filter(|it| breaks_wire(it)) {
            let context = || format!("{verdict:#?}\n{old_text}\n{new_text}");
            let Some(witness) = &verdict.witness else {
                prop_assert!(verdict.code == Code::ReservationDropped, "{}", context());
                continue;
            };
            let before = old_pool.get_message_by_name(&witness.old_message.0).unwrap();
            let after = new_pool.get_message_by_name(&witness.new_message.0).unwrap();
            let as_old = foreign(&witness.bytes, &before);
            let as_new = foreign(&witness.bytes, &after);
            prop_assert!(as_old != as_new, "{}", context());
            // What we refuse, others may read as some noise: prost takes whatever comes for the length of a map's entry.
            let agrees = |reading: &Reading, theirs: Option<&serde_json::Value>| {
                own(reading).is_none_or(|ours| alike(Some(&ours), theirs))
            };
            prop_assert!(agrees(&witness.old, as_old.as_ref()), "{as_old:?} {}", context());
            prop_assert!(agrees(&witness.new, as_new.as_ref()), "{as_new:?} {}", context());
            let (writer, reader) = match witness.writer {
                Side::Old => (before, after),
                Side::New => (after, before),
            };
            let written = DynamicMessage::decode(writer, &*witness.bytes);
            prop_assert!(written.is_ok(), "the witness is valid for its writer: {}", context());
            // What takes the number of something older is read by neither of these two wrongly.
            if verdict.code != Code::ReservationDropped {
                prop_assert!(difference(&written.unwrap(), &reader).is_some(), "{}", context());
            }
        }
    }

    #[test]
    fn messages_are_read_as_another_implementation_reads_them(
        schema in schema(),
        seed in any::<u64>(),
        cut in any::<u16>(),
    ) {
        let model = model(&schema.text());
        let surface = Surface::of_model(&model);
        let descriptor = root(&pool(&model));
        let name = FullName("shop.orders.Root".into());
        let mut chance = Chance::new(seed);
        let message = content::message(&mut chance, &descriptor, 3);
        let mut bytes = message.encode_to_vec();
        let (ours, theirs) = (own(&read(&surface, &name, &bytes)), foreign(&bytes, &descriptor));
        prop_assert!(theirs.is_some() && alike(ours.as_ref(), theirs.as_ref()), "{ours:?} {theirs:?}");
        bytes.truncate(usize::from(cut) % (bytes.len() + 1));
        let (ours, theirs) = (own(&read(&surface, &name, &bytes)), foreign(&bytes, &descriptor));
        prop_assert!(alike(ours.as_ref(), theirs.as_ref()), "{ours:?} {theirs:?}");
    }
}
