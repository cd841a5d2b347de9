//! Arguments of annotations: each kind of value that one may be.

use crate::diagnostic::{Code, Diagnostic, certain};
use crate::model::{Backoff, Release, StatusCode};
use crate::resolve;
use crate::source::Span;
use crate::syntax::ast::{Value, ValueKind};

use super::annotations::Checked;
use super::table::{Kind, Parameter};
use super::values::Literal;
use super::{Check, Place, alternatives, meant};

impl Check<'_> {
    /// `value` as what `parameter` takes; reported where it is not.
    pub(super) fn argument<'t>(
        &mut self,
        place: Place<'_>,
        parameter: &Parameter,
        value: &'t Value,
    ) -> Option<Checked<'t>> {
        match parameter.kind {
            Kind::Own => Some(Checked::Own(value)),
            Kind::Duration => self.duration(place, value).map(Checked::Duration),
            Kind::Size => match self.evaluate(place, value, "a size, such as `4MiB`")? {
                found
                    if found.literal.is_zero()
                        && !matches!(found.literal, Literal::Duration(_)) =>
                {
                    self.zero(value);
                    None
                }
                found => match found.literal {
                    Literal::Size(bytes) => Some(Checked::Size(bytes)),
                    Literal::Integer(bytes) if found.named => match u64::try_from(bytes) {
                        Ok(bytes) => Some(Checked::Size(bytes)),
                        Err(_) => self.too_large(value, "1B to 16EiB"),
                    },
                    other => {
                        self.wrong_type(value, other.described(), "a size, such as `4MiB`");
                        None
                    }
                },
            },
            Kind::Count => self.count(place, value).map(Checked::Count),
            Kind::Text => match self.evaluate(place, value, "a string in quotes")?.literal {
                Literal::String(text) => Some(Checked::Text(text, value.span)),
                other => {
                    self.wrong_type(value, other.described(), "a string in quotes");
                    None
                }
            },
            Kind::Release => {
                if let Some(release) = parse_release(self.sources.text(value.span)) {
                    Some(Checked::Release(release, value.span))
                } else {
                    let found = super::values::written(&value.kind);
                    self.wrong_type(value, found, "a release, such as `1.1`");
                    None
                }
            }
            Kind::Word(words) => self.word(value, words).map(Checked::Word),
            Kind::Codes => self.codes(value).map(Checked::Codes),
            Kind::Backoff => self.backoff(place, value).map(Checked::Backoff),
        }
    }

    /// A duration that is not zero, in microseconds.
    pub(super) fn duration(&mut self, place: Place<'_>, value: &Value) -> Option<u64> {
        match self
            .evaluate(place, value, "a duration, such as `800ms`")?
            .literal
        {
            Literal::Duration(0) => {
                self.zero(value);
                None
            }
            Literal::Duration(micros) => Some(micros),
            other => {
                self.wrong_type(value, other.described(), "a duration, such as `800ms`");
                None
            }
        }
    }

    /// A number from 1 to 2^32 - 1.
    pub(super) fn count(&mut self, place: Place<'_>, value: &Value) -> Option<u32> {
        match self.evaluate(place, value, "a positive integer")?.literal {
            Literal::Integer(0) => {
                self.zero(value);
                None
            }
            Literal::Integer(number) => match u32::try_from(number) {
                Ok(number) => Some(number),
                Err(_) => self.too_large(value, "1 to 4294967295"),
            },
            other => {
                self.wrong_type(value, other.described(), "a positive integer");
                None
            }
        }
    }

    /// One of `words`.
    pub(super) fn word(
        &mut self,
        value: &Value,
        words: &'static [&'static str],
    ) -> Option<&'static str> {
        let ValueKind::Name(path) = &value.kind else {
            let expected = format!("one of the words {}", alternatives(words.iter().copied()));
            self.wrong_type(value, super::values::written(&value.kind), &expected);
            return None;
        };
        let written = super::dotted(path);
        let found = words.iter().copied().find(|word| *word == written);
        if found.is_none() {
            self.unknown_choice(value.span, &written, words);
        }
        found
    }

    /// Reports a word that is not among the choices.
    pub(super) fn unknown_choice(&mut self, span: Span, written: &str, words: &[&str]) {
        let near = self.near.find(written, words.iter().copied());
        let report = Diagnostic::new(
            Code::UnknownChoice,
            span,
            format!("`{written}` is not a choice here"),
        )
        .label("unknown")
        .help(format!(
            "{}the choices are {}",
            meant(near),
            alternatives(words.iter().copied())
        ));
        self.report(match certain(written, words.iter().copied()) {
            Some(meant) => report.help(format!("write `{meant}`")).fix(span, meant),
            None => report,
        });
    }

    fn codes(&mut self, value: &Value) -> Option<Vec<StatusCode>> {
        let ValueKind::List(entries) = &value.kind else {
            let found = super::values::written(&value.kind);
            self.wrong_type(
                value,
                found,
                "a list of status codes, such as `[unavailable]`",
            );
            return None;
        };
        let mut codes: Vec<(StatusCode, Span)> = Vec::new();
        for entry in entries {
            let ValueKind::Name(path) = &entry.kind else {
                let found = super::values::written(&entry.kind);
                self.wrong_type(entry, found, "a status code, such as `unavailable`");
                continue;
            };
            let Some(code) = self.status_code(&super::dotted(path), path.span) else {
                continue;
            };
            if let Some((_, first)) = codes.iter().find(|(known, _)| *known == code) {
                let report = Diagnostic::new(
                    Code::DuplicateArgument,
                    entry.span,
                    format!("`{}` is listed twice", super::dotted(path)),
                )
                .label("again here")
                .also(*first, "first here")
                .help("keep one of them");
                self.report(self.without(report, entry.span));
                continue;
            }
            codes.push((code, entry.span));
        }
        Some(codes.into_iter().map(|(code, _)| code).collect())
    }

    /// The status code of this name.
    pub(super) fn status_code(&mut self, name: &str, span: Span) -> Option<StatusCode> {
        let found = StatusCode::ALL.iter().find(|(_, known)| *known == name);
        if let Some((code, _)) = found {
            return Some(*code);
        }
        let names = StatusCode::ALL.iter().map(|(_, known)| *known);
        let (label, near) = match name {
            "ok" | "OK" => ("`ok` is no failure", None),
            _ => ("unknown status code", self.near.find(name, names.clone())),
        };
        let help = match near {
            Some(near) => format!("write `{near}`"),
            None => format!("the status codes are {}", alternatives(names)),
        };
        let report = Diagnostic::new(
            Code::UnknownStatusCode,
            span,
            format!("`{name}` is not a status code that an error may have"),
        )
        .label(label)
        .help(help);
        let codes = StatusCode::ALL.iter().map(|(_, known)| *known);
        self.report(match certain(name, codes) {
            Some(meant) => report.help(format!("write `{meant}`")).fix(span, meant),
            None => report,
        });
        None
    }

    /// The report with the edit that removes an entry of a list, which says what another says already.
    pub(super) fn without(&self, report: Diagnostic, entry: Span) -> Diagnostic {
        match resolve::entry(self.sources, entry) {
            Some(cut) => report.help("remove it").fix(cut, ""),
            None => report,
        }
    }

    fn backoff(&mut self, place: Place<'_>, value: &Value) -> Option<Backoff> {
        let ends = match &value.kind {
            ValueKind::Range(range) => range.from.as_ref().zip(range.to.as_ref()),
            _ => None,
        };
        let Some((from, to)) = ends else {
            let found = super::values::written(&value.kind);
            self.wrong_type(value, found, "a range of two durations, such as `20ms..1s`");
            return None;
        };
        let (first, longest) = (self.duration(place, from), self.duration(place, to));
        let backoff = Backoff {
            from: first?,
            to: longest?,
        };
        if backoff.to < backoff.from {
            self.report(
                Diagnostic::new(
                    Code::InvertedBackoff,
                    value.span,
                    "the longest pause is shorter than the first",
                )
                .label("the first pause stands before `..`, the longest behind it")
                .help(format!(
                    "write `{}..{}`",
                    self.sources.text(to.span),
                    self.sources.text(from.span)
                )),
            );
            return None;
        }
        Some(backoff)
    }

    fn zero(&mut self, value: &Value) {
        self.report(
            Diagnostic::new(Code::ZeroArgument, value.span, "zero makes no sense here")
                .label("zero")
                .help("write something greater than zero, or remove the annotation"),
        );
    }

    fn too_large<T>(&mut self, value: &Value, range: &str) -> Option<T> {
        self.report(
            Diagnostic::new(
                Code::ArgumentRange,
                value.span,
                "the number is out of range",
            )
            .label("out of range")
            .help(format!("write a number from {range}")),
        );
        None
    }
}

/// `1.1`, and nothing else that a number may look like.
fn parse_release(text: &str) -> Option<Release> {
    let (major, minor) = text.split_once('.')?;
    let part = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if plain { digits.parse().ok() } else { None }
    };
    Some(Release {
        major: part(major)?,
        minor: part(minor)?,
    })
}

impl Literal {
    /// Whether it is zero, whatever its unit.
    fn is_zero(&self) -> bool {
        match self {
            Self::Integer(value) => *value == 0,
            Self::Duration(value) | Self::Size(value) => *value == 0,
            Self::Float(_) | Self::Bool(_) | Self::String(_) => false,
        }
    }
}
