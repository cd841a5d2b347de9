//! Characters that a source must not hold, and what each was meant to be.

/// What is wrong with a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Control or bidirectional formatting: an error anywhere.
    Control,
    /// Nobody sees it: an error outside strings and comments.
    Invisible,
    /// Seen, and no token starts with it.
    Foreign,
}

/// Which kind `c` is, if it may not stand outside strings and comments. Line ends and tab may.
pub(super) fn kind(c: char) -> Option<Kind> {
    match c {
        '\t' | '\n' | ' ' => None,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Some(Kind::Control)
        }
        _ if c.is_control() => Some(Kind::Control),
        '\u{a0}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{1680}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180e}'
        | '\u{2000}'..='\u{200d}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{202f}'
        | '\u{205f}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{2800}'
        | '\u{3000}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{e0000}'..='\u{e0fff}' => Some(Kind::Invisible),
        _ if c.is_ascii_alphanumeric() => None,
        '_' | '.' | ',' | ':' | ';' | '=' | '?' | '@' | '-' | '<' | '>' | '(' | ')' | '[' | ']'
        | '{' | '}' => None,
        _ => Some(Kind::Foreign),
    }
}

/// What to call it: `U+202E (right-to-left override)`.
pub(super) fn describe(c: char) -> String {
    let name = match c {
        '\0' => "NUL",
        '\r' => "carriage return without a line feed",
        '\u{b}' => "vertical tab",
        '\u{c}' => "form feed",
        '\u{1b}' => "escape",
        '\u{7f}' => "delete",
        '\u{a0}' => "no-break space",
        '\u{ad}' => "soft hyphen",
        '\u{200b}' => "zero-width space",
        '\u{200c}' => "zero-width non-joiner",
        '\u{200d}' => "zero-width joiner",
        '\u{200e}' => "left-to-right mark",
        '\u{200f}' => "right-to-left mark",
        '\u{2028}' => "line separator",
        '\u{2029}' => "paragraph separator",
        '\u{202a}' => "left-to-right embedding",
        '\u{202b}' => "right-to-left embedding",
        '\u{202c}' => "pop directional formatting",
        '\u{202d}' => "left-to-right override",
        '\u{202e}' => "right-to-left override",
        '\u{2060}' => "word joiner",
        '\u{2066}' => "left-to-right isolate",
        '\u{2067}' => "right-to-left isolate",
        '\u{2068}' => "first strong isolate",
        '\u{2069}' => "pop directional isolate",
        '\u{3000}' => "ideographic space",
        '\u{feff}' => "byte-order mark",
        _ => "",
    };
    let number = format!("U+{:04X}", u32::from(c));
    match kind(c) {
        Some(Kind::Foreign) => format!("`{c}` ({number})"),
        _ if name.is_empty() => number,
        _ => format!("{number} ({name})"),
    }
}

/// The ASCII spelling that a look-alike stands for.
pub(super) fn look_alike(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{ff1b}' | '\u{37e}' => ";",
        '\u{ff1a}' | '\u{2236}' => ":",
        '\u{ff0c}' | '\u{201a}' | '\u{3001}' => ",",
        '\u{ff1d}' => "=",
        '\u{ff08}' => "(",
        '\u{ff09}' => ")",
        '\u{ff5b}' => "{",
        '\u{ff5d}' => "}",
        '\u{ff3b}' => "[",
        '\u{ff3d}' => "]",
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "-",
        '\u{2192}' => "->",
        '\u{2026}' => "..",
        '\u{201c}'..='\u{201f}' | '\u{ab}' | '\u{bb}' | '\u{2018}' | '\u{2019}' => "\"",
        _ => return None,
    })
}
