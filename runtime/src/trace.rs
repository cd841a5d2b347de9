//! W3C trace context: which trace a call is part of, and who within it made the call.
//!
//! <https://www.w3.org/TR/trace-context/>. Knows no spans: what is recorded of a call, `observe` decides.

use std::fmt;

use crate::random::Random;

/// The key under which it travels.
pub(crate) const KEY: &str = "traceparent";

/// The flag that says that somebody records the trace.
const SAMPLED: u8 = 1;

/// A place in a trace: the trace, and one piece of work in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// Not 0.
    pub(crate) trace: u128,
    /// Not 0.
    pub(crate) span: u64,
    /// Whether the trace is recorded.
    pub(crate) sampled: bool,
}

/// The trace that a call which is served is part of, and the span that records it here.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) position: Position,
    pub(crate) span: tracing::Span,
}

impl Position {
    /// The beginning of a new trace.
    pub(crate) fn root(chance: &Random, sampled: bool) -> Self {
        let trace = (u128::from(chance.bits()) << 64) | u128::from(chance.bits());
        Self {
            trace: trace.max(1),
            span: chance.bits().max(1),
            sampled,
        }
    }

    /// A piece of work that was begun from here.
    pub(crate) fn child(self, chance: &Random) -> Self {
        Self {
            span: chance.bits().max(1),
            ..self
        }
    }

    /// Reads what a peer wrote; nothing where it is not as the standard has it. Newer versions may say more behind it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let version = hex(parts.next()?, 2)?;
        let position = Self {
            trace: hex(parts.next()?, 32)?,
            span: u64::try_from(hex(parts.next()?, 16)?).ok()?,
            sampled: u8::try_from(hex(parts.next()?, 2)?).ok()? & SAMPLED != 0,
        };
        let more = parts.next().is_some();
        let is_valid = version != 0xff && !(version == 0 && more);
        (is_valid && position.trace != 0 && position.span != 0).then_some(position)
    }
}

/// So many hexadecimal digits, in lower case.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let fits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != digits || !text.bytes().all(fits) {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.sampled) * SAMPLED;
        write!(f, "00-{:032x}-{:016x}-{flags:02x}", self.trace, self.span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let position = Position::parse(text).unwrap();
        assert!(position.sampled);
        assert_eq!(position.to_string(), text);
        let chance = Random::new(1);
        let root = Position::root(&chance, false);
        assert_eq!(Position::parse(&root.to_string()), Some(root));
        let child = root.child(&chance);
        assert_eq!(child.trace, root.trace);
        assert_ne!(child.span, root.span);
    }

    #[test]
    fn newer_versions_may_say_more_and_nonsense_is_nothing() {
        let good = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
        assert!(Position::parse(&format!("01-{good}-01-more")).is_some());
        for text in [
            String::new(),
            "00".into(),
            format!("00-{good}"),
            format!("00-{good}-01-more"),
            format!("ff-{good}-01"),
            format!("00-{good}-1"),
            format!("00-{}-01", good.to_uppercase()),
            format!("00-{}-{}-01", "0".repeat(32), "1".repeat(16)),
            format!("00-{}-{}-01", "1".repeat(32), "0".repeat(16)),
        ] {
            assert_eq!(Position::parse(&text), None, "{text}");
        }
    }
}
