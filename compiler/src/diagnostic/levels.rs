//! How much a lint counts: the project's say, code by code.

use std::collections::BTreeMap;
use std::fmt;

use super::{Code, Diagnostic, Severity};

/// What becomes of a lint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// It is not told.
    Allow,
    /// It is told, and keeps nothing from being generated.
    Warn,
    /// It is an error.
    Deny,
}

/// The level of every lint: [`Level::Warn`] unless something else was asked for. A level that was given to a code wins
/// over one that was given to all; of two that were given to one thing, the later wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    all: Option<Level>,
    codes: BTreeMap<Code, Level>,
}

impl Levels {
    /// What stands for every lint where a code is asked for.
    pub const ALL: &str = "lints";

    /// Gives a level to the lint with this code, or to all `lints`.
    ///
    /// # Errors
    /// A name that is no code, or the code of an error: an error has no level.
    pub fn set(&mut self, name: &str, level: Level) -> Result<(), NotALint> {
        if name == Self::ALL {
            self.all = Some(level);
            return Ok(());
        }
        match Code::named(name) {
            Some(code) if code.severity() == Severity::Lint => {
                self.codes.insert(code, level);
                Ok(())
            }
            code => Err(NotALint {
                name: name.to_owned(),
                code,
            }),
        }
    }

    /// What becomes of findings with this code. Errors are [`Level::Deny`], whatever was asked for.
    pub fn of(&self, code: Code) -> Level {
        match code.severity() {
            Severity::Error => Level::Deny,
            Severity::Lint => self
                .codes
                .get(&code)
                .copied()
                .or(self.all)
                .unwrap_or(Level::Warn),
        }
    }

    /// Takes out the findings that are allowed, and makes errors of those that are denied.
    pub fn judge(&self, diagnostics: &mut Vec<Diagnostic>) {
        diagnostics.retain_mut(|diagnostic| match self.of(diagnostic.code) {
            Level::Allow => false,
            Level::Warn => true,
            Level::Deny => {
                if diagnostic.severity == Severity::Lint {
                    diagnostic.severity = Severity::Error;
                    let note = "a lint, denied by the project or a flag";
                    diagnostic.notes.push(note.to_owned());
                }
                true
            }
        });
    }
}

/// Something that has no level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotALint {
    name: String,
    code: Option<Code>,
}

impl fmt::Display for NotALint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lints = Levels::ALL;
        match self.code {
            Some(code) => write!(
                f,
                "{} is an error, which is always told: only lints have a level",
                code.as_str()
            ),
            None => write!(
                f,
                "there is no lint `{}`: write the code of a lint, such as {}, or `{lints}` for all",
                self.name.escape_debug(),
                Code::UnusedImport.as_str()
            ),
        }
    }
}

impl std::error::Error for NotALint {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Source, SourceMap, Span};

    fn file() -> FileId {
        SourceMap::default().add(Source {
            path: "a.rpc".into(),
            import_path: "a.rpc".into(),
            text: "".into(),
        })
    }

    fn check(levels: &[(&str, Level)], expect: &[(Code, Severity)]) {
        let span = Span::new(file(), 0, 0);
        let found = [Code::UnusedImport, Code::StraySemicolon, Code::UnknownName];
        let mut found: Vec<Diagnostic> = found
            .map(|code| Diagnostic::new(code, span, "found"))
            .into();
        let mut all = Levels::default();
        for (name, level) in levels {
            all.set(name, *level).unwrap();
        }
        all.judge(&mut found);
        let found: Vec<(Code, Severity)> = found
            .iter()
            .map(|report| (report.code, report.severity))
            .collect();
        assert_eq!(found, expect, "{levels:?}");
    }

    #[test]
    fn a_code_wins_over_all_and_the_later_over_the_earlier() {
        use Severity::{Error, Lint};
        let unknown = (Code::UnknownName, Error);
        let import = |severity| (Code::UnusedImport, severity);
        let semicolon = |severity| (Code::StraySemicolon, severity);
        check(&[], &[import(Lint), semicolon(Lint), unknown]);
        check(
            &[("lints", Level::Deny)],
            &[import(Error), semicolon(Error), unknown],
        );
        check(
            &[("CS0110", Level::Allow), ("lints", Level::Deny)],
            &[semicolon(Error), unknown],
        );
        check(
            &[("lints", Level::Allow), ("cs0110", Level::Warn)],
            &[import(Lint), unknown],
        );
        check(
            &[("CS0110", Level::Allow), ("CS0110", Level::Deny)],
            &[import(Error), semicolon(Lint), unknown],
        );
    }

    #[test]
    fn what_is_no_lint_has_no_level() {
        let mut levels = Levels::default();
        let refused = levels.set("CS0130", Level::Allow).unwrap_err().to_string();
        assert!(refused.contains("only lints have a level"), "{refused}");
        let refused = levels.set("unused", Level::Deny).unwrap_err().to_string();
        assert!(refused.contains("there is no lint `unused`"), "{refused}");
    }
}
