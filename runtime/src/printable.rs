//! Text that somebody else wrote, made safe for terminals and logs.
//!
//! What moves a cursor, ends a line, turns the direction of text or is not seen at all stands as its code point.

use std::borrow::Cow;

/// Whether a character is seen where it stands and does nothing else: no control character, no mark that reverses text, none
/// that breaks a line or hides.
pub(crate) fn is_printable(char: char) -> bool {
    !char.is_control()
        && !matches!(char,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text, or what is left of it behind so many characters, with code points for whatever is not to be printed.
pub(crate) fn printable(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit && text.chars().all(is_printable) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len().min(limit));
    let mut chars = text.chars();
    for char in chars.by_ref().take(limit) {
        if is_printable(char) {
            safe.push(char);
        } else {
            safe.extend(char.escape_default());
        }
    }
    if chars.next().is_some() {
        safe.push('…');
    }
    safe.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_stays_as_it_is() {
        let text = "größer, 注文 \"a\\b\" 'नमस्ते' ✓ 👩‍🌾";
        assert!(matches!(printable(text, 100), Cow::Borrowed(same) if same == text));
    }

    #[test]
    fn what_terminals_obey_and_readers_do_not_see_stands_as_code_points() {
        for (text, expect) in [
            ("a\x1b[2Jb", r"a\u{1b}[2Jb"),
            ("a\r\nb\t", r"a\r\nb\t"),
            ("\u{9b}31m\u{7f}", r"\u{9b}31m\u{7f}"),
            ("exe.\u{202e}gpj", r"exe.\u{202e}gpj"),
            ("a\u{200b}b\u{feff}\u{2028}", r"a\u{200b}b\u{feff}\u{2028}"),
        ] {
            assert_eq!(printable(text, 100), expect);
        }
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(printable(&"ä".repeat(1000), 3), "äää…");
        assert_eq!(printable("äää", 3), "äää");
    }
}
