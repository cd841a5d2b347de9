//! Values as literals of `.rpc` files.

use std::fmt::Write as _;

/// `800ms`: in the largest unit that leaves no fraction.
pub(crate) fn duration(microseconds: u64) -> String {
    const UNITS: [(&str, u64); 6] = [
        ("d", 86_400_000_000),
        ("h", 3_600_000_000),
        ("m", 60_000_000),
        ("s", 1_000_000),
        ("ms", 1_000),
        ("us", 1),
    ];
    match microseconds {
        0 => "0s".to_owned(),
        _ => whole(microseconds, &UNITS),
    }
}

/// `4MiB`: in the largest unit that leaves no fraction.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [
        ("GiB", 1 << 30),
        ("MiB", 1 << 20),
        ("KiB", 1 << 10),
        ("B", 1),
    ];
    match bytes {
        0 => "0B".to_owned(),
        _ => whole(bytes, &UNITS),
    }
}

fn whole(amount: u64, units: &[(&str, u64)]) -> String {
    let fits = |(_, size): &&(&str, u64)| amount.is_multiple_of(*size);
    units.iter().find(fits).map_or_else(
        || amount.to_string(),
        |(unit, size)| format!("{}{unit}", amount / size),
    )
}

/// `0.5`, `1e300`: with a digit on both sides of a dot.
pub(crate) fn float(value: f64) -> String {
    format!("{value:?}")
}

/// `"…"`, one line.
pub(crate) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            letter if hidden(letter) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

/// `r"…"` where that saves escapes, as in patterns.
pub(crate) fn pattern(text: &str) -> String {
    let plain = text
        .chars()
        .all(|letter| letter != '"' && letter != '\t' && !hidden(letter));
    if plain && text.contains('\\') {
        format!("r\"{text}\"")
    } else {
        string(text)
    }
}

/// Control characters, and those that turn the direction of text: a source holds them nowhere.
pub(super) fn forbidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// These, and others that nobody sees.
fn hidden(letter: char) -> bool {
    forbidden(letter)
        || matches!(letter,
            '\u{AD}' | '\u{180E}' | '\u{200B}'..='\u{200D}' | '\u{2028}' | '\u{2029}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_take_the_largest_whole_unit() {
        assert_eq!(duration(800_000), "800ms");
        assert_eq!(duration(90_000_000), "90s");
        assert_eq!(duration(86_400_000_000), "1d");
        assert_eq!(duration(1), "1us");
        assert_eq!(duration(0), "0s");
        assert_eq!(size(4 << 20), "4MiB");
        assert_eq!(size(1000), "1000B");
    }

    #[test]
    fn strings_hold_no_character_that_a_source_may_not() {
        assert_eq!(string("a\"\\\n\u{202e}\u{7}"), r#""a\"\\\n\u{202e}\u{7}""#);
        assert_eq!(pattern(r"^\d+$"), r#"r"^\d+$""#);
        assert_eq!(pattern("^[A-Z]$"), "\"^[A-Z]$\"");
        assert_eq!(pattern("\\\""), r#""\\\"""#);
    }
}
