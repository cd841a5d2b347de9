//! Whether a `@pattern` is one that the `regex` crate takes.

use regex_syntax::hir::{Hir, HirKind};

/// Most nodes that a pattern may have once its repetitions are written out: `a{1000}{1000}{1000}` is short to write, and
/// the `regex` crate refuses to compile it at its default limit of 10 MB.
const MOST_NODES: u64 = 100_000;

/// What is wrong with `pattern`, if anything is.
pub(super) fn fault(pattern: &str) -> Option<String> {
    match regex_syntax::parse(pattern) {
        Ok(hir) if nodes(&hir) > MOST_NODES => Some(format!(
            "its repetitions written out have more than {MOST_NODES} parts"
        )),
        Ok(_) => None,
        Err(regex_syntax::Error::Parse(error)) => Some(error.kind().to_string()),
        Err(regex_syntax::Error::Translate(error)) => Some(error.kind().to_string()),
        Err(other) => Some(other.to_string()),
    }
}

fn nodes(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Capture(capture) => nodes(&capture.sub),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min).max(1);
            nodes(&repetition.sub).saturating_mul(times.into())
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(nodes).fold(1, u64::saturating_add)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_patterns_pass_and_bad_ones_say_why() {
        assert_eq!(fault(r"^[a-z]+(-[a-z]+)*$"), None);
        assert_eq!(fault("(a").as_deref(), Some("unclosed group"));
        assert!(
            fault(r"(?=a)").is_some(),
            "look-ahead is not in the dialect"
        );
        assert!(fault("a{1000}{1000}{1000}").is_some());
    }
}
