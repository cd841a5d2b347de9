//! What each rule means. Generated code calls these with the place of a field, its value, and a text that says what the
//! rule asks for.

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::{BuildHasher, Hash, RandomState};

use prost::Message;

use super::fingerprint::fingerprint;
use super::place::{MapKey, Quoted};
use super::{Pattern, Place, Validate, Violations};

/// The most pairs of entries that are compared of a list of messages with maps, whose fingerprints are the same though they
/// are not: no list has so many but one that is made to.
const MOST_PAIRS: usize = 100_000;

/// `@len`: so many characters, bytes or entries. Gives whether there are no more than `max`.
pub fn len(
    at: &Place<'_>,
    found: &mut Violations,
    length: usize,
    (min, max): (u64, u64),
    text: &str,
) -> bool {
    let length = length as u64;
    if length < min || length > max {
        found.add(at, "len", || instead(at, text, "has", length));
    }
    length <= max
}

/// `@range` of integers, both ends included.
pub fn range<T: Copy + Display + Into<i128>>(
    at: &Place<'_>,
    found: &mut Violations,
    value: &T,
    (min, max): (i128, i128),
    text: &str,
) {
    let number = (*value).into();
    if number < min || number > max {
        found.add(at, "range", || instead(at, text, "is", value));
    }
}

/// `@range` of floats; `closed` where the upper end is included. What is no number lies in no range.
pub fn float_range<T: Copy + Display + Into<f64>>(
    at: &Place<'_>,
    found: &mut Violations,
    value: &T,
    (min, max, closed): (f64, f64, bool),
    text: &str,
) {
    let number = (*value).into();
    let holds = number >= min && (number < max || (closed && number <= max));
    if !holds {
        found.add(at, "range", || instead(at, text, "is", value));
    }
}

/// `@range` of durations, in microseconds; `closed` where the upper end is included.
pub fn duration_range(
    at: &Place<'_>,
    found: &mut Violations,
    value: &prost_types::Duration,
    (min, max, closed): (u64, Option<u64>, bool),
    text: &str,
) {
    let nanos = i128::from(value.seconds) * 1_000_000_000 + i128::from(value.nanos);
    let below = max.is_none_or(|max| {
        let max = i128::from(max) * 1_000;
        nanos < max || (closed && nanos == max)
    });
    if nanos < i128::from(min) * 1_000 || !below {
        #[expect(clippy::cast_precision_loss, reason = "for people to read")]
        let seconds = nanos as f64 / 1e9;
        let seconds = format!("{seconds}s");
        found.add(at, "range", || instead(at, text, "is", seconds));
    }
}

/// `@pattern`
pub fn pattern(at: &Place<'_>, found: &mut Violations, value: &str, pattern: &Pattern, text: &str) {
    if !pattern.matches(value) {
        found.add(at, "pattern", || instead(at, text, "is", Quoted(value)));
    }
}

/// `@one_of` of texts.
pub fn one_of_texts(
    at: &Place<'_>,
    found: &mut Violations,
    value: &str,
    choices: &[&str],
    text: &str,
) {
    if !choices.contains(&value) {
        found.add(at, "one_of", || instead(at, text, "is", Quoted(value)));
    }
}

/// `@one_of` of integers, and of enums by number.
pub fn one_of_numbers<T: Copy + Display + Into<i128>>(
    at: &Place<'_>,
    found: &mut Violations,
    value: &T,
    choices: &[i128],
    text: &str,
) {
    if !choices.contains(&(*value).into()) {
        found.add(at, "one_of", || instead(at, text, "is", value));
    }
}

/// `@required`
pub fn required(at: &Place<'_>, found: &mut Violations, present: bool, text: &str) {
    if !present {
        found.add(at, "required", || text.to_owned());
    }
}

/// `@unique` of texts, bytes, integers and enums.
pub fn unique<T: Eq + Hash>(at: &Place<'_>, found: &mut Violations, values: &[T]) {
    let mut seen = HashMap::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        if let Some(first) = seen.insert(value, index) {
            return twice(at, found, first, index);
        }
    }
}

/// `@unique` of floats: zero is one value, and what is no number equals nothing.
pub fn unique_floats<T: Copy + Into<f64>>(at: &Place<'_>, found: &mut Violations, values: &[T]) {
    let mut seen = HashMap::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        // The sum has no negative zero.
        let value = (*value).into() + 0.0;
        if let Some(first) = seen
            .insert(value.to_bits(), index)
            .filter(|_| !value.is_nan())
        {
            return twice(at, found, first, index);
        }
    }
}

/// `@unique` of messages that hold no map: equal ones have one encoding.
pub fn unique_messages<T: Message>(at: &Place<'_>, found: &mut Violations, values: &[T]) {
    let encoded: Vec<_> = values.iter().map(Message::encode_to_vec).collect();
    unique(at, found, &encoded);
}

/// `@unique` of messages that hold maps, whose entries are encoded in any order.
pub fn unique_messages_with_maps<T: Message + PartialEq>(
    at: &Place<'_>,
    found: &mut Violations,
    values: &[T],
) {
    let hasher = RandomState::new();
    let mut alike: HashMap<u64, Vec<usize>> = HashMap::with_capacity(values.len());
    let mut pairs = 0;
    for (index, value) in values.iter().enumerate() {
        let print = fingerprint(&value.encode_to_vec(), &hasher, 0);
        let others = alike.entry(print).or_default();
        if let Some(first) = others.iter().find(|&&first| values[first] == *value) {
            return twice(at, found, *first, index);
        }
        pairs += others.len();
        if pairs > MOST_PAIRS {
            found.add(at, "unique", || {
                format!(
                    "must hold no entry twice, and takes more than {MOST_PAIRS} comparisons to tell"
                )
            });
            return;
        }
        others.push(index);
    }
}

/// The rules of a message that may be there.
pub fn message<M: Validate>(at: &Place<'_>, found: &mut Violations, value: Option<&M>) {
    if let Some(value) = value {
        value.check(at, found);
    }
}

/// The rules of the messages of a list.
pub fn messages<M: Validate>(at: &Place<'_>, found: &mut Violations, values: &[M]) {
    entries(at, found, values, |at, found, value| value.check(at, found));
}

/// The rules of each entry of a list.
pub fn entries<T>(
    at: &Place<'_>,
    found: &mut Violations,
    values: &[T],
    check: impl Fn(&Place<'_>, &mut Violations, &T),
) {
    for (index, value) in values.iter().enumerate() {
        check(&at.index(index), found, value);
    }
}

/// The rules of the messages of a map, told in the order of their keys.
pub fn map<K: MapKey + Ord + Hash, M: Validate, S: BuildHasher>(
    at: &Place<'_>,
    found: &mut Violations,
    values: &HashMap<K, M, S>,
) {
    // The order is worth its price only where there is something to tell.
    let mut probe = Violations::default();
    for (key, value) in values {
        value.check(&at.key(key), &mut probe);
        if !probe.is_empty() {
            break;
        }
    }
    if probe.is_empty() {
        return;
    }
    let mut values: Vec<_> = values.iter().collect();
    values.sort_unstable_by_key(|(key, _)| *key);
    for (key, value) in values {
        value.check(&at.key(key), found);
    }
}

fn twice(at: &Place<'_>, found: &mut Violations, first: usize, second: usize) {
    found.add(at, "unique", || {
        format!("must hold no entry twice, and [{first}] and [{second}] are the same")
    });
}

/// What is asked for, and what is there instead: unless that is a secret.
fn instead(at: &Place<'_>, text: &str, verb: &str, value: impl Display) -> String {
    if at.is_secret() {
        text.to_owned()
    } else {
        format!("{text}, {verb} {value}")
    }
}
