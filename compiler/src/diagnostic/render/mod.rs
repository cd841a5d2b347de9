//! Findings as text: for people, for editors, for programs, for code hosts.
//!
//! Each form is one function of the findings and their sources. All of them list by file and place; none lets a control
//! character of a source or path through. Must not know where the text goes.

#[cfg(feature = "formats")]
mod github;
mod human;
#[cfg(feature = "formats")]
mod json;
mod place;
#[cfg(feature = "formats")]
mod sarif;
mod short;

#[cfg(feature = "formats")]
pub use github::github;
pub use human::human;
#[cfg(feature = "formats")]
pub use json::json;
#[cfg(feature = "formats")]
pub use sarif::sarif;
pub use short::short;

use super::{Diagnostic, Severity};

/// The findings by file and place; those of one place stay in their order.
fn ordered(diagnostics: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut all: Vec<&Diagnostic> = diagnostics.iter().collect();
    all.sort_by_key(|diagnostic| diagnostic.primary.span);
    all
}

/// `error` or `lint`.
fn severity(diagnostic: &Diagnostic) -> &'static str {
    match diagnostic.severity {
        Severity::Error => "error",
        Severity::Lint => "lint",
    }
}

/// Whether a terminal might act on the character, or turn text around because of it.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}')
        || matches!(c, '\u{fff9}'..='\u{fffb}')
}

/// The text with a stand-in for each character but tab and line end that a terminal might act on. For what is not a
/// finding: a diff of sources, the words of another library.
pub fn shown(text: &str) -> String {
    let stand_in = |c| {
        if acts(c) && !matches!(c, '\n' | '\t') {
            '\u{fffd}'
        } else {
            c
        }
    };
    text.chars().map(stand_in).collect()
}

/// One line of text that a terminal shows as it is.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c == '\n' {
                ' '
            } else if acts(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{human, json, short};
    use crate::diagnostic::{Code, Diagnostic};
    use crate::source::{FileId, Source, SourceMap, Span};

    fn sources(path: &str, text: &str) -> (SourceMap, FileId) {
        let mut sources = SourceMap::default();
        let file = sources.add(Source {
            path: path.into(),
            import_path: path.into(),
            text: text.into(),
        });
        (sources, file)
    }

    fn sample() -> (Vec<Diagnostic>, SourceMap) {
        let (sources, file) = sources("shop/orders.rpc", "message Ä {\n    größe: uint32\n}\n");
        let end = Span::new(file, 13, 32);
        let found = Diagnostic::new(Code::MissingSemicolon, end.behind(), "missing `;`")
            .label("the statement ends here")
            .also(Span::new(file, 0, 7), "in this message")
            .help("write `;` behind it")
            .fix(end.behind(), ";");
        (vec![found], sources)
    }

    #[test]
    fn people_see_the_place_and_the_edit() {
        let (found, sources) = sample();
        insta::assert_snapshot!(human(&found, &sources, false));
    }

    #[test]
    fn one_line_names_path_line_column_and_code() {
        let (found, sources) = sample();
        insta::assert_snapshot!(short(&found, &sources), @"shop/orders.rpc:2:18: error[CS0015]: missing `;`");
    }

    #[cfg(feature = "formats")]
    #[test]
    fn programs_read_one_object_per_line() {
        let (found, sources) = sample();
        let text = json(&found, &sources);
        assert_eq!(text.lines().count(), 1);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
        let mut wanted = [
            "code",
            "severity",
            "message",
            "file",
            "line",
            "column",
            "end_line",
            "end_column",
            "labels",
            "notes",
            "help",
            "fix",
        ];
        wanted.sort_unstable();
        let mut keys: Vec<&str> = keys.into_iter().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, wanted);
        assert_eq!(value["line"], 2);
        assert_eq!(value["column"], 18);
        assert_eq!(value["fix"]["edits"][0]["text"], ";");
        assert_eq!(value["labels"][1]["text"], "in this message");
    }

    #[test]
    fn no_control_character_reaches_a_terminal() {
        let text = "a\u{1b}[31m\u{9b}31m\u{202e}\u{200f}\u{7f}\0\r b\n";
        let (sources, file) = sources("x\u{1b}[2J\u{9b}.rpc", text);
        let whole = Span::new(file, 0, u32::try_from(text.len()).unwrap());
        let found = [
            Diagnostic::new(Code::ControlCharacter, whole, "found \u{1b}[1m")
                .label("here \u{9b}")
                .note("known \u{1b}")
                .help("remove \u{1b}")
                .fix(Span::new(file, 1, 2), "\u{1b}"),
        ];
        for shown in [
            human(&found, &sources, false),
            short(&found, &sources),
            #[cfg(feature = "formats")]
            json(&found, &sources),
        ] {
            let bad: Vec<char> = shown
                .chars()
                .filter(|c| *c != '\n' && super::acts(*c))
                .collect();
            assert!(bad.is_empty(), "{bad:?} in {shown:?}");
        }
    }

    #[test]
    fn colour_comes_only_when_asked_for() {
        let (found, sources) = sample();
        assert!(human(&found, &sources, true).contains("\u{1b}["));
        assert!(!human(&found, &sources, false).contains("\u{1b}["));
    }

    #[test]
    fn a_line_of_a_megabyte_is_named_and_not_shown() {
        let text = "x".repeat(1 << 20);
        let (sources, file) = sources("long.rpc", &text);
        let found = [Diagnostic::new(
            Code::InvalidCharacter,
            Span::new(file, 1 << 19, (1 << 19) + 1),
            "bad",
        )];
        let shown = human(&found, &sources, false);
        assert!(
            shown.contains("long.rpc:1:524289") && shown.len() < 1000,
            "{shown}"
        );
    }
}
