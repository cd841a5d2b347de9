//! One fault: a token or declaration deleted, doubled, swapped with its neighbour, or renamed.

use std::ops::Range;

use super::corpus::Unit;
use super::text::{KEYWORDS, Shape, Text};
use callsheet_tests::chance::Chance;

/// What is done to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    DeleteToken,
    DuplicateToken,
    SwapTokens,
    RenameToken,
    DeleteDeclaration,
    DuplicateDeclaration,
    SwapDeclarations,
    RenameDeclaration,
}

impl Kind {
    pub(crate) const ALL: [Self; 8] = [
        Self::DeleteToken,
        Self::DuplicateToken,
        Self::SwapTokens,
        Self::RenameToken,
        Self::DeleteDeclaration,
        Self::DuplicateDeclaration,
        Self::SwapDeclarations,
        Self::RenameDeclaration,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::DeleteToken => "delete a token",
            Self::DuplicateToken => "double a token",
            Self::SwapTokens => "swap two tokens",
            Self::RenameToken => "rename a token",
            Self::DeleteDeclaration => "delete a declaration",
            Self::DuplicateDeclaration => "double a declaration",
            Self::SwapDeclarations => "swap two declarations",
            Self::RenameDeclaration => "rename a declaration",
        }
    }
}

/// One damage to one file.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// By position in [`Unit::files`].
    pub(crate) file: usize,
    pub(crate) kind: Kind,
    /// What it befalls, as a class: a symbol, a keyword, `name`.
    pub(crate) class: String,
    pub(crate) edits: Vec<(Range<usize>, String)>,
    /// The statements that it changes.
    pub(crate) statements: Vec<usize>,
    /// Heads of the blocks that they stand in or end, where a report may point, too.
    pub(crate) heads: Vec<usize>,
    /// Names that it takes away, brings, or changes: wherever one of them stands is a place concerned.
    pub(crate) words: Vec<String>,
}

impl Fault {
    /// A fault of this kind at a place that `chance` picks; `None` where there is none, or nothing would change.
    pub(crate) fn pick(unit: &Unit, kind: Kind, chance: &mut Chance) -> Option<Self> {
        let mut token = chance.below(unit.tokens);
        let file = unit.files.iter().position(|file| {
            let here = token < file.tokens.len();
            if !here {
                token -= file.tokens.len();
            }
            here
        })?;
        let text = &unit.files[file];
        let fault = match kind {
            Kind::DeleteToken | Kind::DuplicateToken | Kind::SwapTokens | Kind::RenameToken => {
                at_token(unit, file, kind, token, chance)?
            }
            _ => {
                let declaration = chance.below(text.declarations.len());
                at_declaration(unit, file, kind, declaration, chance)?
            }
        };
        let changes = fault
            .edits
            .iter()
            .any(|(range, text)| unit.files[file].source[range.clone()] != **text);
        changes.then_some(fault)
    }
}

fn at_token(
    unit: &Unit,
    file: usize,
    kind: Kind,
    token: usize,
    chance: &mut Chance,
) -> Option<Fault> {
    let text = &unit.files[file];
    let word = text.word(token);
    let at = text.tokens[token].at.clone();
    let mut fault = Fault {
        file,
        kind,
        class: class(text, token),
        edits: Vec::new(),
        statements: vec![text.tokens[token].statement],
        heads: Vec::new(),
        words: words(unit, text, token..token + 1),
    };
    match kind {
        Kind::DeleteToken => fault.edits.push((at, String::new())),
        Kind::DuplicateToken => {
            // A doubled symbol stands close, as a slip of the finger has it; words would become one.
            let gap = if text.tokens[token].shape == Shape::Symbol {
                ""
            } else {
                " "
            };
            fault.edits.push((at.end..at.end, format!("{gap}{word}")));
        }
        Kind::SwapTokens => {
            let next = text.tokens.get(token + 1)?;
            let other = text.word(token + 1);
            if other == word {
                return None;
            }
            fault.class = format!("{} {}", fault.class, class(text, token + 1));
            fault.statements.push(next.statement);
            fault.words.extend(words(unit, text, token + 1..token + 2));
            // Both stay tokens of their own.
            let before = text.source[..at.start].chars().next_back();
            let behind = text.source[next.at.end..].chars().next();
            let first = if joins(before, other.chars().next()) {
                " "
            } else {
                ""
            };
            let last = if joins(word.chars().next_back(), behind) {
                " "
            } else {
                ""
            };
            fault.edits.push((at, format!("{first}{other}")));
            fault.edits.push((next.at.clone(), format!("{word}{last}")));
        }
        _ => {
            if text.declarations.iter().any(|one| one.name == Some(token)) {
                return None;
            }
            let renamed = rename(word, text.tokens[token].shape, chance)?;
            fault.words.push(renamed.clone());
            fault.edits.push((at, renamed));
        }
    }
    // Which of several `}` in a row is missing or too many, nobody can tell.
    if word == "}" {
        let run = |token: &usize| text.word(*token) == "}";
        let before = (0..token).rev().take_while(run);
        let behind = (token + 1..text.tokens.len()).take_while(run);
        let statements = before
            .chain(behind)
            .map(|token| text.tokens[token].statement);
        fault.statements.extend(statements);
    }
    for statement in fault.statements.clone() {
        let statement = &text.statements[statement];
        fault.heads.extend(statement.head);
        if matches!(
            text.word(statement.tokens.start),
            "@" | "reserved" | "versions" | "groups"
        ) || KEYWORDS.contains(&word)
        {
            fault.heads.extend(statement.parent);
        }
    }
    Some(fault)
}

fn at_declaration(
    unit: &Unit,
    file: usize,
    kind: Kind,
    index: usize,
    chance: &mut Chance,
) -> Option<Fault> {
    let text = &unit.files[file];
    let one = &text.declarations[index];
    // With its documentation.
    let range = |tokens: &Range<usize>| {
        let first = text.tokens[tokens.start].at.start;
        let before = tokens
            .start
            .checked_sub(1)
            .map_or(0, |token| text.tokens[token].at.end);
        let gap = &text.source[before..first];
        let docs = ["///", "/**"]
            .iter()
            .filter_map(|mark| gap.find(mark))
            .min();
        docs.map_or(first, |docs| before + docs)..text.tokens[tokens.end - 1].at.end
    };
    let at = range(&one.tokens);
    let names = match one.name {
        Some(name) => words(unit, text, name..name + 1),
        None => words(unit, text, one.tokens.clone()),
    };
    let mut fault = Fault {
        file,
        kind,
        class: one.kind.to_owned(),
        edits: Vec::new(),
        statements: one.statements.clone().collect(),
        heads: one.parent.into_iter().collect(),
        words: names,
    };
    match kind {
        Kind::DeleteDeclaration => fault.edits.push((at, String::new())),
        Kind::DuplicateDeclaration => {
            let copy = format!("\n{}", &text.source[at.clone()]);
            fault.edits.push((at.end..at.end, copy));
        }
        Kind::SwapDeclarations => {
            let next = text.declarations[index + 1..]
                .iter()
                .find(|next| next.parent == one.parent && next.tokens.start >= one.tokens.end)?;
            fault.class = format!("{} {}", one.kind, next.kind);
            fault.statements.extend(next.statements.clone());
            fault.words.extend(match next.name {
                Some(name) => words(unit, text, name..name + 1),
                None => words(unit, text, next.tokens.clone()),
            });
            let other = range(&next.tokens);
            fault
                .edits
                .push((at.clone(), text.source[other.clone()].to_owned()));
            fault.edits.push((other, text.source[at].to_owned()));
        }
        _ => {
            let name = one.name?;
            let renamed = rename(text.word(name), Shape::Word, chance)?;
            fault.statements = vec![text.tokens[name].statement];
            fault.words.push(renamed.clone());
            fault.edits.push((text.tokens[name].at.clone(), renamed));
        }
    }
    Some(fault)
}

/// Whether two neighbours would become one token.
fn joins(left: Option<char>, right: Option<char>) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    left.is_some_and(word) && right.is_some_and(word)
}

/// What a token is, for the table.
fn class(text: &Text, token: usize) -> String {
    let word = text.word(token);
    match text.tokens[token].shape {
        Shape::Symbol => word.to_owned(),
        Shape::Number => "number".to_owned(),
        Shape::Text => "string".to_owned(),
        Shape::Word if token > 0 && text.word(token - 1) == "@" => "annotation".to_owned(),
        Shape::Word => {
            let named = text.declarations.iter().any(|one| one.name == Some(token));
            let keyword = KEYWORDS.contains(&word)
                && text.declarations.iter().any(|one| {
                    one.name == Some(token + 1) || one.name.is_none() && one.tokens.start == token
                });
            match word {
                _ if keyword => word.to_owned(),
                _ if named => "name".to_owned(),
                "stream" | "throws" => word.to_owned(),
                _ => "word".to_owned(),
            }
        }
    }
}

/// The names in some tokens, with those that an import among them brings.
fn words(unit: &Unit, text: &Text, tokens: Range<usize>) -> Vec<String> {
    let mut words = Vec::new();
    for token in tokens {
        let word = text.word(token);
        match text.tokens[token].shape {
            Shape::Word => words.push(word.to_owned()),
            Shape::Number if word.contains('.') => words.push(word.to_owned()),
            Shape::Number | Shape::Symbol => {}
            Shape::Text => {
                words.push(word.to_owned());
                let path = word.trim_matches('"');
                let imported = unit.files.iter().filter(|file| file.path == path);
                words.extend(imported.flat_map(|file| {
                    let names = file.declarations.iter().filter_map(|one| one.name);
                    names.map(|name| file.word(name).to_owned())
                }));
            }
        }
    }
    words
}

/// Another word: with a slip of the finger, or a new one. Of numbers and strings, one that differs a little.
fn rename(word: &str, shape: Shape, chance: &mut Chance) -> Option<String> {
    match shape {
        Shape::Symbol => None,
        Shape::Number => {
            let digit = word.bytes().position(|byte| byte.is_ascii_digit())?;
            let other =
                (word.as_bytes()[digit] - b'0' + 1 + u8::try_from(chance.below(8)).ok()?) % 9 + 1;
            Some(format!("{}{other}{}", &word[..digit], &word[digit + 1..]))
        }
        Shape::Text => {
            let inner = word.strip_suffix('"')?;
            Some(format!("{inner}x\""))
        }
        Shape::Word => {
            let letters: Vec<char> = word.chars().collect();
            let at = chance.below(letters.len());
            let mut slip = letters.clone();
            match chance.below(5) {
                0 if letters.len() > 2 => drop(slip.remove(at)),
                1 => slip.insert(at, letters[at]),
                2 if at + 1 < letters.len() => slip.swap(at, at + 1),
                3 => {
                    slip[at] = if letters[at].is_ascii_uppercase() {
                        'Q'
                    } else {
                        'q'
                    }
                }
                _ => slip = format!("{word}Or{}", chance.below(100)).chars().collect(),
            }
            let slip: String = slip.into_iter().collect();
            let starts = slip.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            (starts && slip != word).then_some(slip)
        }
    }
}
