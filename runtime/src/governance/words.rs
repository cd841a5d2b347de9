//! The values of settings, each with the text that people write for it.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::contract::{Balance, Cluster, Priority};
use crate::status::Code;

use super::field;
use super::rule::Otherwise;

/// A text that is none of the words that may stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidWord(String);

impl fmt::Display for InvalidWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for InvalidWord {}

/// A length of time, written `250us`, `20ms`, `1.5s`, `2m` or `1h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub Duration);

/// The units of a span, the longest first, in nanoseconds.
const UNITS: [(&str, u64); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        if nanos == 0 {
            return f.write_str("0s");
        }
        // The longest unit that leaves no fraction.
        let whole = UNITS
            .iter()
            .find(|(_, unit)| nanos.is_multiple_of(u128::from(*unit)));
        let (name, unit) = whole.copied().unwrap_or(("ns", 1));
        write!(f, "{}{name}", nanos / u128::from(unit))
    }
}

impl FromStr for Span {
    type Err = InvalidWord;

    fn from_str(text: &str) -> Result<Self, InvalidWord> {
        let invalid = || {
            InvalidWord(format!(
                "`{}` is no length of time: write a number and a unit, like 250us, 20ms, 1.5s, 2m, 1h",
                text.escape_debug()
            ))
        };
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(invalid)?;
        let (number, unit) = text.split_at(end);
        let unit = UNITS.iter().find(|(name, _)| *name == unit.trim_start());
        let &(_, unit) = unit.ok_or_else(invalid)?;
        let number: f64 = number.parse().map_err(|_| invalid())?;
        #[expect(clippy::cast_precision_loss, reason = "units are exact in an f64")]
        let seconds = number * unit as f64 / 1e9;
        let duration = Duration::try_from_secs_f64(seconds).map_err(|_| invalid())?;
        // To the nearest nanosecond that was meant: 0.1s is 100 ms.
        Ok(Self(duration))
    }
}

/// A part of a whole, from 0 to 1: written `0.05` or `5%`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Share(f64);

impl Share {
    /// This part of 1.
    ///
    /// # Errors
    /// Not from 0 to 1.
    pub fn new(part: f64) -> Result<Self, InvalidWord> {
        if (0.0..=1.0).contains(&part) {
            Ok(Self(part))
        } else {
            Err(InvalidWord(format!(
                "{part} is no share: write a number from 0 to 1, or 0% to 100%"
            )))
        }
    }

    /// So many hundredths; 100 at most count.
    pub const fn percent(hundredths: u8) -> Self {
        let hundredths = if hundredths > 100 { 100 } else { hundredths };
        Self(hundredths as f64 / 100.0)
    }

    /// The part of 1.
    pub const fn part(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Hundredths of a per cent are enough for people, and hide what binary fractions add.
        write!(f, "{}%", (self.0 * 10_000.0).round() / 100.0)
    }
}

impl FromStr for Share {
    type Err = InvalidWord;

    fn from_str(text: &str) -> Result<Self, InvalidWord> {
        let (number, whole) = match text.strip_suffix('%') {
            Some(number) => (number.trim_end(), 100.0),
            None => (text, 1.0),
        };
        let decimal = number
            .bytes()
            .all(|one| one.is_ascii_digit() || one == b'.');
        let number = number.parse::<f64>().ok().filter(|_| decimal);
        let number = number.ok_or_else(|| {
            InvalidWord(format!(
                "`{}` is no share: write a number from 0 to 1, or 0% to 100%",
                text.escape_debug()
            ))
        })?;
        Self::new(number / whole)
    }
}

/// A value, or the word `off`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrOff<T> {
    /// None.
    #[default]
    Off,
    /// This.
    On(T),
}

impl<T: Copy> OrOff<T> {
    /// The value, if there is one.
    pub fn on(self) -> Option<T> {
        match self {
            Self::Off => None,
            Self::On(value) => Some(value),
        }
    }
}

impl<T> From<T> for OrOff<T> {
    fn from(value: T) -> Self {
        Self::On(value)
    }
}

impl From<Duration> for OrOff<Span> {
    fn from(value: Duration) -> Self {
        Self::On(Span(value))
    }
}

impl<T: fmt::Display> fmt::Display for OrOff<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::On(value) => value.fmt(f),
        }
    }
}

impl<T: FromStr<Err: fmt::Display>> FromStr for OrOff<T> {
    type Err = InvalidWord;

    fn from_str(text: &str) -> Result<Self, InvalidWord> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let value = text.parse().map(Self::On);
        value.map_err(|why| InvalidWord(format!("{why}, or off")))
    }
}

/// Codes of statuses, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codes(pub Vec<Code>);

impl Codes {
    /// Whether this is one of them.
    pub fn contains(&self, code: Code) -> bool {
        self.0.contains(&code)
    }
}

impl<const N: usize> From<[Code; N]> for Codes {
    fn from(codes: [Code; N]) -> Self {
        Self(codes.into())
    }
}

impl fmt::Display for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|code| code.as_str()).collect();
        write!(f, "[{}]", names.join(", "))
    }
}

impl Serialize for Codes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|code| code.as_str()))
    }
}

impl<'de> Deserialize<'de> for Codes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let code = |name: &String| {
            let found = Code::ALL.into_iter().find(|code| code.as_str() == name);
            found.ok_or_else(|| {
                de::Error::custom(format!(
                    "`{}` is no code; there is {}",
                    name.escape_debug(),
                    Code::ALL.map(Code::as_str).join(", ")
                ))
            })
        };
        names.iter().map(code).collect::<Result<_, _>>().map(Self)
    }
}

/// When a fallback takes the place of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FallbackMode {
    /// Never.
    Off,
    /// When the call has failed and nothing is left to try.
    #[default]
    Fail,
    /// Always: nobody is called.
    Force,
}

/// The words of types whose values are few, and one or two with an argument.
macro_rules! words {
    ($kind:ty, $what:literal: $($word:literal => $value:expr,)*) => {
        impl Worded for $kind {
            const WORDS: &'static [&'static str] = &[$($word),*];
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                $(if *self == $value {
                    return f.write_str($word);
                })*
                shown_with_argument(self, f)
            }
        }

        impl FromStr for $kind {
            type Err = InvalidWord;

            fn from_str(text: &str) -> Result<Self, InvalidWord> {
                match text {
                    $($word => Ok($value),)*
                    _ => read_with_argument::<Self>(text).ok_or_else(|| InvalidWord(format!(
                        concat!("`{}` is no ", $what, "; there is {}"),
                        text.escape_debug(),
                        [<Self as Worded>::WORDS, &[<Self as Argued>::EXTRA]]
                            .concat()
                            .join(", ")
                            .trim_end_matches(", "),
                    ))),
                }
            }
        }
    };
}

/// A type that is written by words.
pub(super) trait Worded {
    /// Those that take no argument.
    const WORDS: &'static [&'static str];
}

/// Words that take an argument: `forking(2)`.
trait Argued: Sized {
    /// What they look like, for errors.
    const EXTRA: &'static str = "";

    fn with(_word: &str, _argument: &str) -> Option<Self> {
        None
    }

    fn parts(&self) -> Option<(&'static str, String)> {
        None
    }
}

fn read_with_argument<T: Argued>(text: &str) -> Option<T> {
    let (word, rest) = text.split_once('(')?;
    T::with(word, rest.strip_suffix(')')?)
}

fn shown_with_argument(value: &impl Argued, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match value.parts() {
        Some((word, argument)) => write!(f, "{word}({argument})"),
        None => Ok(()),
    }
}

impl Argued for FallbackMode {}

words! { FallbackMode, "mode of a fallback":
    "off" => Self::Off,
    "fail" => Self::Fail,
    "force" => Self::Force,
}

impl Argued for Priority {}

words! { Priority, "priority":
    "low" => Self::Low,
    "normal" => Self::Normal,
    "high" => Self::High,
}

impl Argued for Cluster {
    const EXTRA: &'static str = "forking(2)";

    fn with(word: &str, argument: &str) -> Option<Self> {
        let number = argument.parse().ok().filter(|number| *number > 0)?;
        (word == "forking").then_some(Self::Forking(number))
    }

    fn parts(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Forking(number) => Some(("forking", number.to_string())),
            _ => None,
        }
    }
}

words! { Cluster, "strategy":
    "failover" => Self::Failover,
    "failfast" => Self::Failfast,
    "failsafe" => Self::Failsafe,
    "failback" => Self::Failback,
    "broadcast" => Self::Broadcast,
    "available" => Self::Available,
}

impl Argued for Balance {
    const EXTRA: &'static str = "consistent_hash(.field)";

    fn with(word: &str, argument: &str) -> Option<Self> {
        if word != "consistent_hash" {
            return None;
        }
        field::named(argument).map(Self::ConsistentHash)
    }

    fn parts(&self) -> Option<(&'static str, String)> {
        let field = self.field()?;
        Some(("consistent_hash", format!(".{}", field.names)))
    }
}

words! { Balance, "way to choose an instance":
    "p2c" => Self::P2c,
    "random" => Self::Random,
    "round_robin" => Self::RoundRobin,
    "least_active" => Self::LeastActive,
}

/// Texts, and numbers where they are meant, as values.
macro_rules! textual {
    ($($kind:ty),*) => {$(
        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Text(std::marker::PhantomData))
            }
        }
    )*};
}

impl Argued for Otherwise {}

words! { Otherwise, "answer to nobody being there":
    "others" => Self::Others,
    "fail" => Self::Fail,
}

textual!(
    Span,
    Share,
    FallbackMode,
    Priority,
    Cluster,
    Balance,
    Otherwise
);

impl<T: fmt::Display> Serialize for OrOff<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for OrOff<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text(std::marker::PhantomData))
    }
}

/// Reads a value from its text; a number counts as the text that it is written by.
struct Text<T>(std::marker::PhantomData<T>);

impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_as_they_were_written() {
        for text in ["250us", "20ms", "1s", "2m", "1h"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert_eq!("1.5s".parse::<Span>().unwrap().to_string(), "1500ms");
        assert_eq!("0.1s".parse::<Span>().unwrap().to_string(), "100ms");
        for text in ["failover", "forking(3)", "available"] {
            assert_eq!(text.parse::<Cluster>().unwrap().to_string(), text);
        }
        assert_eq!("5%".parse::<Share>(), "0.05".parse());
        assert_eq!(Share::percent(7).to_string(), "7%");
        assert_eq!("off".parse(), Ok(OrOff::<Span>::Off));
    }

    #[test]
    fn a_wrong_word_is_told_the_right_ones() {
        let told = |text: &str| text.parse::<Cluster>().unwrap_err().to_string();
        assert_eq!(
            told("failsave"),
            "`failsave` is no strategy; there is failover, failfast, failsafe, failback, broadcast, available, forking(2)"
        );
        assert!(told("forking(0)").starts_with("`forking(0)` is no strategy"));
        assert!(
            "1.5"
                .parse::<Share>()
                .unwrap_err()
                .to_string()
                .contains("0% to 100%")
        );
        assert!(
            "3".parse::<OrOff<Span>>()
                .unwrap_err()
                .to_string()
                .ends_with("1h, or off")
        );
    }
}
