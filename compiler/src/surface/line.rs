//! The tokens of one line of a lock file.

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, a keyword or a number: letters, digits and `_ . + -`.
    Word(String),
    /// A string, unquoted.
    Text(String),
    /// `->`, `..`, `..=`, or one sign.
    Sign(&'static str),
}

const SIGNS: [&str; 14] = [
    "->", "..=", "..", "(", ")", "<", ">", "[", "]", ",", ":", "=", "?", "@",
];

/// The tokens, or nothing where something else stands in the line.
pub(super) fn tokens(line: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = line.trim();
    while let Some(first) = rest.chars().next() {
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else if first == '"' {
            let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            tokens.push(Token::Text(stream.next()?.ok()?));
            rest = &rest[stream.byte_offset()..];
        } else {
            let length = word(rest);
            if length == 0 {
                return None;
            }
            tokens.push(Token::Word(rest[..length].to_owned()));
            rest = &rest[length..];
        }
        rest = rest.trim_start();
    }
    Some(tokens)
}

/// How long the word is that the text starts with.
fn word(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut end = 0;
    while let Some(byte) = bytes.get(end) {
        let next = bytes.get(end + 1);
        let inside = match byte {
            b'.' => next != Some(&b'.'),
            b'-' => next != Some(&b'>'),
            other => other.is_ascii_alphanumeric() || matches!(other, b'_' | b'+'),
        };
        if !inside {
            break;
        }
        end += 1;
    }
    end
}

/// Walks over the tokens of a line. Every step gives nothing where the line has something else.
pub(super) struct Walk<'t> {
    tokens: &'t [Token],
}

impl<'t> Walk<'t> {
    pub(super) fn new(tokens: &'t [Token]) -> Self {
        Self { tokens }
    }

    pub(super) fn at_end(&self) -> bool {
        self.tokens.is_empty()
    }

    fn step(&mut self) -> Option<&'t Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    pub(super) fn word(&mut self) -> Option<&'t str> {
        match self.step()? {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(super) fn text(&mut self) -> Option<&'t str> {
        match self.step()? {
            Token::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn number<N: std::str::FromStr>(&mut self) -> Option<N> {
        self.word()?.parse().ok()
    }

    pub(super) fn sign(&mut self, sign: &str) -> Option<()> {
        self.has_sign(sign).then_some(())
    }

    /// Steps over the sign, if it is next.
    pub(super) fn has_sign(&mut self, sign: &str) -> bool {
        let next = matches!(self.tokens.first(), Some(Token::Sign(found)) if *found == sign);
        if next {
            self.tokens = &self.tokens[1..];
        }
        next
    }

    /// Steps over the word, if it is next.
    pub(super) fn has_word(&mut self, word: &str) -> bool {
        let next = matches!(self.tokens.first(), Some(Token::Word(found)) if found == word);
        if next {
            self.tokens = &self.tokens[1..];
        }
        next
    }

    /// Whether a string is next.
    pub(super) fn before_text(&self) -> bool {
        matches!(self.tokens.first(), Some(Token::Text(_)))
    }

    /// Whether a word is next.
    pub(super) fn before_word(&self) -> bool {
        matches!(self.tokens.first(), Some(Token::Word(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Token, tokens};

    #[test]
    fn ranges_arrows_and_names_are_told_apart() {
        let word = |text: &str| Token::Word(text.to_owned());
        assert_eq!(
            tokens("@len(1..=64) -> a.B -5 1e-7").unwrap(),
            [
                Token::Sign("@"),
                word("len"),
                Token::Sign("("),
                word("1"),
                Token::Sign("..="),
                word("64"),
                Token::Sign(")"),
                Token::Sign("->"),
                word("a.B"),
                word("-5"),
                word("1e-7"),
            ]
        );
    }

    #[test]
    fn strings_keep_what_is_in_them() {
        let text = r#"a \ "b" ~ ü"#;
        let line = serde_json::to_string(text).unwrap();
        assert_eq!(tokens(&line).unwrap(), [Token::Text(text.to_owned())]);
        assert_eq!(tokens("\"open"), None);
        assert_eq!(tokens("a ~ b"), None);
    }
}
