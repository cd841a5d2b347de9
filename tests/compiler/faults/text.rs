//! A valid file cut into tokens and statements, roughly: enough to damage it at one place and to know which.

use std::ops::Range;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Shape {
    Word,
    Number,
    Text,
    Symbol,
}

/// One token that is no comment.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) at: Range<usize>,
    pub(crate) shape: Shape,
    /// The statement that it stands in.
    pub(crate) statement: usize,
}

/// What ends at `;`, at the `{` of a block, or is the `}` of one.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    /// By position in [`Text::tokens`].
    pub(crate) tokens: Range<usize>,
    /// The head of the block that it stands in.
    pub(crate) parent: Option<usize>,
    /// Of a `}`, the head of the block that it closes.
    pub(crate) head: Option<usize>,
}

/// A declaration, with its block if it has one.
#[derive(Clone, Debug)]
pub(crate) struct Declaration {
    /// Its statements, from head to `}`.
    pub(crate) statements: Range<usize>,
    /// By position in [`Text::tokens`].
    pub(crate) tokens: Range<usize>,
    pub(crate) parent: Option<usize>,
    /// Its name, as a token.
    pub(crate) name: Option<usize>,
    /// Its keyword, or `field`, `value`.
    pub(crate) kind: &'static str,
}

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) path: String,
    pub(crate) source: String,
    pub(crate) tokens: Vec<Token>,
    pub(crate) statements: Vec<Statement>,
    pub(crate) declarations: Vec<Declaration>,
}

/// The words that start a statement.
pub(crate) const KEYWORDS: [&str; 13] = [
    "const", "edition", "enum", "error", "groups", "import", "message", "oneof", "package",
    "reserved", "rpc", "service", "versions",
];

impl Text {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let mut made = Self {
            path: path.to_owned(),
            source: text.to_owned(),
            tokens: tokens(text)
                .into_iter()
                .map(|(at, shape)| Token {
                    at,
                    shape,
                    statement: 0,
                })
                .collect(),
            statements: Vec::new(),
            declarations: Vec::new(),
        };
        made.cut();
        made
    }

    pub(crate) fn word(&self, token: usize) -> &str {
        self.tokens
            .get(token)
            .map_or("", |token| &self.source[token.at.clone()])
    }

    /// Where the token before a statement ends and the one behind it starts.
    pub(crate) fn around(&self, statement: usize) -> Range<usize> {
        let tokens = &self.statements[statement].tokens;
        let before = tokens
            .start
            .checked_sub(1)
            .map_or(0, |token| self.tokens[token].at.end);
        let behind = self
            .tokens
            .get(tokens.end)
            .map_or(self.source.len(), |token| token.at.start);
        before..behind
    }

    /// The statement at an offset.
    pub(crate) fn statement_at(&self, offset: usize) -> usize {
        let token = self
            .tokens
            .partition_point(|token| token.at.end < offset)
            .min(self.tokens.len() - 1);
        self.tokens[token].statement
    }

    fn cut(&mut self) {
        let mut open: Vec<usize> = Vec::new();
        let mut start = 0;
        for index in 0..self.tokens.len() {
            let (mut head, mut opens) = (None, false);
            match self.word(index) {
                ";" => {}
                "{" => opens = true,
                "}" => head = open.pop(),
                _ if index + 1 < self.tokens.len() => continue,
                _ => {}
            }
            let statement = self.statements.len();
            self.statements.push(Statement {
                tokens: start..index + 1,
                parent: open.last().copied(),
                head,
            });
            for token in &mut self.tokens[start..=index] {
                token.statement = statement;
            }
            start = index + 1;
            if opens {
                open.push(statement);
                continue;
            }
            let first = head.unwrap_or(statement);
            let tokens = self.statements[first].tokens.start..index + 1;
            let (name, kind) = self.name(&self.statements[first].tokens);
            self.declarations.push(Declaration {
                statements: first..statement + 1,
                tokens,
                parent: open.last().copied(),
                name,
                kind,
            });
        }
        self.declarations
            .sort_by_key(|declaration| declaration.tokens.start);
    }

    /// The name that a statement declares, as a token, and its keyword.
    fn name(&self, statement: &Range<usize>) -> (Option<usize>, &'static str) {
        let mut at = statement.start;
        while self.word(at) == "@" {
            at += 2;
            let mut depth = 0;
            while at < statement.end && (depth > 0 || self.word(at) == "(") {
                match self.word(at) {
                    "(" => depth += 1,
                    ")" => depth -= 1,
                    _ => {}
                }
                at += 1;
            }
        }
        let keyword = KEYWORDS.iter().find(|word| **word == self.word(at));
        match (keyword, self.word(at + 1)) {
            (Some(keyword), next) if next != ":" && next != "=" => match *keyword {
                "edition" | "package" | "import" | "reserved" | "versions" | "groups" => {
                    (None, keyword)
                }
                _ => (Some(at + 1), keyword),
            },
            (_, ":") => (Some(at), "field"),
            _ => (Some(at), "value"),
        }
    }
}

/// Where each token stands, comments left out.
pub(crate) fn tokens(text: &str) -> Vec<(Range<usize>, Shape)> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (shape, length) = if rest.starts_with("//") {
            (None, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (None, block_comment(rest))
        } else if rest.starts_with(char::is_whitespace) {
            (None, rest.chars().next().map_or(1, char::len_utf8))
        } else if let Some(raw) = rest.strip_prefix("r\"") {
            let close = raw.find('"').expect("a closed string");
            (Some(Shape::Text), close + 3)
        } else if let Some(inner) = rest.strip_prefix('"') {
            let mut escaped = false;
            let close = inner.find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            (Some(Shape::Text), close.expect("a closed string") + 2)
        } else if rest.starts_with(|c: char| c.is_ascii_digit()) {
            let mut before = ' ';
            let end = rest.char_indices().find(|(at, c)| {
                let sign = *c == '-' && before == 'e';
                let fraction =
                    *c == '.' && rest[at + 1..].starts_with(|c: char| c.is_ascii_digit());
                before = *c;
                !(word(*c) || sign || fraction)
            });
            (
                Some(Shape::Number),
                end.map_or(rest.len(), |(length, _)| length),
            )
        } else if rest.starts_with(word) {
            let end = rest.find(|c| !word(c));
            (Some(Shape::Word), end.unwrap_or(rest.len()))
        } else {
            let long = ["->", "..=", ".."]
                .iter()
                .find(|long| rest.starts_with(**long));
            let one = rest.chars().next().map_or(1, char::len_utf8);
            (Some(Shape::Symbol), long.map_or(one, |long| long.len()))
        };
        tokens.extend(shape.map(|shape| (at..at + length, shape)));
        at += length;
    }
    tokens
}

/// How long a block comment is; they nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    loop {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().expect("a closed comment").len_utf8();
        }
    }
}
