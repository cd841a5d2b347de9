//! Names in the cases of Rust and protobuf: the words of a name, joined in another way.
//!
//! Gives what the `heck` crate gives, which prost-build spells its names with; that one asks Unicode about every
//! character, and names are ASCII. Must not know what a name is of.

use std::borrow::Cow;

use heck::{ToShoutySnakeCase as _, ToSnakeCase as _, ToUpperCamelCase as _};

/// `user_id`, of `userId` or `UserID`. Mostly the name itself.
pub(crate) fn snake(name: &str) -> Cow<'_, str> {
    if is_snake(name.as_bytes()) {
        return Cow::Borrowed(name);
    }
    if !name.is_ascii() {
        return Cow::Owned(name.to_snake_case());
    }
    let mut out = String::with_capacity(name.len() + 4);
    words(name, |word| {
        if !out.is_empty() {
            out.push('_');
        }
        out.extend(word.chars().map(|c| c.to_ascii_lowercase()));
    });
    Cow::Owned(out)
}

/// `UserId`
pub(crate) fn upper_camel(name: &str) -> String {
    if !name.is_ascii() {
        return name.to_upper_camel_case();
    }
    let mut out = String::with_capacity(name.len());
    words(name, |word| {
        let mut letters = word.chars();
        out.extend(letters.next().map(|c| c.to_ascii_uppercase()));
        out.extend(letters.map(|c| c.to_ascii_lowercase()));
    });
    out
}

/// `USER_ID`
pub(crate) fn shouty(name: &str) -> String {
    if !name.is_ascii() {
        return name.to_shouty_snake_case();
    }
    let mut out = String::with_capacity(name.len() + 4);
    words(name, |word| {
        if !out.is_empty() {
            out.push('_');
        }
        out.extend(word.chars().map(|c| c.to_ascii_uppercase()));
    });
    out
}

/// Whether a name is in snake case already: lower-case words with one underscore between two.
fn is_snake(name: &[u8]) -> bool {
    let mut before = b'_';
    for &byte in name {
        let fits = match byte {
            b'a'..=b'z' | b'0'..=b'9' => true,
            b'_' => before != b'_',
            _ => false,
        };
        if !fits {
            return false;
        }
        before = byte;
    }
    before != b'_'
}

/// What the letters of a word have been so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Start,
    Lower,
    Upper,
}

/// Gives every word of an ASCII name: between underscores, before a capital behind a small letter, and before the last
/// capital of several that a small letter follows.
fn words(name: &str, mut give: impl FnMut(&str)) {
    for part in name.split(|c: char| !c.is_ascii_alphanumeric()) {
        let bytes = part.as_bytes();
        let (mut start, mut mode) = (0, Mode::Start);
        for (at, &byte) in bytes.iter().enumerate() {
            let Some(&next) = bytes.get(at + 1) else {
                give(&part[start..]);
                break;
            };
            let with = match byte {
                b'a'..=b'z' => Mode::Lower,
                b'A'..=b'Z' => Mode::Upper,
                _ => mode,
            };
            if with == Mode::Lower && next.is_ascii_uppercase() {
                give(&part[start..=at]);
                (start, mode) = (at + 1, Mode::Start);
            } else if mode == Mode::Upper && byte.is_ascii_uppercase() && next.is_ascii_lowercase()
            {
                give(&part[start..at]);
                (start, mode) = (at, Mode::Start);
            } else {
                mode = with;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_short_name_is_spelt_as_heck_spells_it() {
        const LETTERS: [char; 4] = ['a', 'B', '1', '_'];
        let mut names = vec![String::new()];
        for _ in 0..8 {
            let longer = names
                .iter()
                .flat_map(|name| LETTERS.map(|letter| format!("{name}{letter}")))
                .collect();
            for name in std::mem::replace(&mut names, longer) {
                assert_eq!(snake(&name), name.to_snake_case(), "{name}");
                assert_eq!(upper_camel(&name), name.to_upper_camel_case(), "{name}");
                assert_eq!(shouty(&name), name.to_shouty_snake_case(), "{name}");
            }
        }
    }
}
