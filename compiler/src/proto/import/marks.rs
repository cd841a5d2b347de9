//! What a line behind `callsheet:` says. The text may be anybody's: only what is whole is taken over.

/// What a mark above a method says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OfMethod {
    pub(super) arguments: bool,
    pub(super) annotations: Vec<String>,
    pub(super) throws: Vec<String>,
}

/// What a mark above a service says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OfService {
    pub(super) versions: Vec<String>,
    pub(super) groups: Vec<String>,
}

/// `@len(1..=64) @redact`
pub(super) fn annotations(text: &str) -> Option<Vec<String>> {
    let (annotations, rest) = leading(text);
    rest.is_empty().then_some(annotations)
}

/// `arguments @idempotent throws shop.orders.NotFound`
pub(super) fn method(text: &str) -> Option<OfMethod> {
    let mut said = OfMethod::default();
    let mut rest = text;
    if let Some(behind) = rest.strip_prefix("arguments")
        && (behind.is_empty() || behind.starts_with(' '))
    {
        said.arguments = true;
        rest = behind.trim_start();
    }
    let (annotations, rest) = leading(rest);
    said.annotations = annotations;
    if let Some(names) = rest.strip_prefix("throws ") {
        for name in names.split(',').map(str::trim) {
            said.throws.push(dotted(name)?.to_owned());
        }
    } else if !rest.is_empty() {
        return None;
    }
    Some(said)
}

/// `versions 1.0, 1.1; groups default, wholesale, ..;`
pub(super) fn service(text: &str) -> Option<OfService> {
    let mut said = OfService::default();
    for statement in text.split_terminator(';').map(str::trim) {
        let (word, list) = statement.split_once(' ')?;
        let list = list.split(',').map(|entry| entry.trim().to_owned());
        match word {
            "versions" => {
                said.versions = list.collect();
                let release = |text: &String| text.parse::<crate::model::Release>().is_ok();
                if !said.versions.iter().all(release) {
                    return None;
                }
            }
            "groups" => {
                said.groups = list.collect();
                let group = |text: &String| text == ".." || word_length(text) == text.len();
                if !said.groups.iter().all(group) {
                    return None;
                }
            }
            _ => return None,
        }
    }
    Some(said)
}

/// `error failed_precondition`: the code.
pub(super) fn error(text: &str) -> Option<&'static str> {
    let code = text.strip_prefix("error ")?;
    crate::model::StatusCode::ALL
        .iter()
        .find(|(_, name)| *name == code)
        .map(|(_, name)| *name)
}

/// `const MOST: uint32 = 5;`
pub(super) fn constant(text: &str) -> Option<String> {
    let rest = text.strip_prefix("const ")?;
    let (name, rest) = rest.split_once(": ")?;
    let (ty, rest) = rest.split_once(" = ")?;
    let value = rest.strip_suffix(';')?;
    let whole = match value.strip_prefix('r').unwrap_or(value) {
        quoted if quoted.starts_with('"') => string(value) == Some(value.len()),
        _ => value.chars().all(|letter| {
            letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '+' | '_')
        }),
    };
    let plain = word_length(name) == name.len() && word_length(ty) == ty.len();
    (plain && whole && !value.is_empty()).then(|| text.to_owned())
}

/// The annotations that a text starts with, and the rest.
fn leading(text: &str) -> (Vec<String>, &str) {
    let mut annotations = Vec::new();
    let mut rest = text.trim_start();
    while let Some(length) = annotation(rest) {
        annotations.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    (annotations, rest)
}

/// How long the annotation is that a text starts with.
fn annotation(text: &str) -> Option<usize> {
    let name = text.strip_prefix('@')?;
    let word = word_length(name);
    if word == 0 {
        return None;
    }
    let mut at = 1 + word;
    if text[at..].starts_with('(') {
        let mut depth = 0_usize;
        loop {
            let rest = &text[at..];
            let length = match rest.chars().next()? {
                '(' | '[' => {
                    depth += 1;
                    1
                }
                ')' | ']' => {
                    depth -= 1;
                    1
                }
                '"' | 'r' if string(rest).is_some() => string(rest)?,
                // What ends a statement never stands in an argument.
                ';' | '{' | '}' | '"' | '@' => return None,
                letter => letter.len_utf8(),
            };
            at += length;
            if depth == 0 {
                break;
            }
        }
    }
    (text[at..].is_empty() || text[at..].starts_with(' ')).then_some(at)
}

/// How long the string literal is that a text starts with.
fn string(text: &str) -> Option<usize> {
    if let Some(raw) = text.strip_prefix("r\"") {
        return raw.find('"').map(|end| end + 3);
    }
    let inner = text.strip_prefix('"')?;
    let mut escaped = false;
    for (at, letter) in inner.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 2),
            _ => {}
        }
    }
    None
}

fn dotted(name: &str) -> Option<&str> {
    let part = |part: &str| !part.is_empty() && word_length(part) == part.len();
    name.split('.').all(part).then_some(name)
}

/// How long the name is that a text starts with.
fn word_length(text: &str) -> usize {
    let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return 0;
    }
    text.find(|letter| !word(letter)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_annotations_are_taken() {
        let some = |text: &str| annotations(text).map(|all| all.len());
        assert_eq!(some("@len(1..=64) @redact"), Some(2));
        assert_eq!(some(r#"@one_of("a) @b", "c\"") @pattern(r"\(")"#), Some(2));
        assert_eq!(
            some("@retry(2, on: [unavailable], backoff: 20ms..1s)"),
            Some(1)
        );
        assert_eq!(some(""), Some(0));
    }

    #[test]
    fn nothing_that_could_end_a_statement_is_taken() {
        for text in [
            "@len(1",
            "@len(1); } message X {",
            "@len(1);",
            "@",
            "@a(\"b)",
            "@a(b))",
            "len(1)",
            "@a)(",
        ] {
            assert_eq!(annotations(text), None, "{text}");
        }
        assert_eq!(constant("const A: uint32 = 5; message X {};"), None);
        assert_eq!(constant("const A: string = \"a\" \";\";"), None);
        assert_eq!(method("throws A; }"), None);
        assert_eq!(service("versions 1.0; }"), None);
    }

    #[test]
    fn a_method_says_all_at_once() {
        let said = method("arguments @added(1.1) throws a.B, C").unwrap();
        assert!(said.arguments);
        assert_eq!(said.annotations, ["@added(1.1)"]);
        assert_eq!(said.throws, ["a.B", "C"]);
        assert_eq!(method("argumentsX"), None);
    }
}
