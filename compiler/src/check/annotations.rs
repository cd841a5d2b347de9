//! Annotations: which stand where, with which arguments. Driven by `table`.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Backoff, Deprecation, Release, StatusCode};
use crate::source::Span;
use crate::syntax::ast::{Annotation, Ident, Value, ValueKind};

use super::table::{Kind, Parameter, Spec, TABLE, Target};
use super::values::Literal;
use super::{Check, Place, alternatives, meant};

/// The annotations of one thing, with their arguments.
#[derive(Debug, Default)]
pub(super) struct Annotations<'a> {
    given: Vec<Given<'a>>,
}

/// One annotation with its arguments, by parameter; missing where one was wrong.
#[derive(Debug)]
pub(super) struct Given<'a> {
    pub(super) name: &'static str,
    pub(super) span: Span,
    pub(super) arguments: Vec<Option<Checked<'a>>>,
    /// What an open last parameter took, first included.
    pub(super) rest: Vec<&'a Value>,
}

/// An argument of the right type.
#[derive(Clone, Debug)]
pub(super) enum Checked<'a> {
    Duration(u64),
    Size(u64),
    Count(u32),
    Text(String, Span),
    Release(Release, Span),
    Word(&'static str),
    Codes(Vec<StatusCode>),
    Backoff(Backoff),
    Own(&'a Value),
}

impl<'a> Annotations<'a> {
    /// The annotation of this name, if it is there.
    pub(super) fn get(&self, name: &str) -> Option<&Given<'a>> {
        self.given.iter().find(|given| given.name == name)
    }

    /// `@deprecated("why")`
    pub(super) fn deprecation(&self) -> Option<Deprecation> {
        let given = self.get("deprecated")?;
        let reason = given.text(0)?.to_owned();
        Some(Deprecation { reason })
    }

    /// Every annotation, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Given<'a>> {
        self.given.iter()
    }
}

impl<'a> Given<'a> {
    pub(super) fn argument(&self, index: usize) -> Option<&Checked<'a>> {
        self.arguments.get(index)?.as_ref()
    }

    pub(super) fn text(&self, index: usize) -> Option<&str> {
        match self.argument(index)? {
            Checked::Text(text, _) => Some(text),
            _ => None,
        }
    }

    pub(super) fn release(&self, index: usize) -> Option<(Release, Span)> {
        match self.argument(index)? {
            Checked::Release(release, span) => Some((*release, *span)),
            _ => None,
        }
    }

    pub(super) fn own(&self, index: usize) -> Option<&'a Value> {
        match self.argument(index)? {
            Checked::Own(value) => Some(value),
            _ => None,
        }
    }
}

impl Check<'_> {
    /// Checks the annotations that stand on something of kind `target`.
    pub(super) fn annotations<'t>(
        &mut self,
        place: Place<'_>,
        target: Target,
        list: &'t [Annotation],
    ) -> Annotations<'t> {
        let mut found = Annotations::default();
        for annotation in list {
            let Some(spec) = self.spec(target, annotation) else {
                continue;
            };
            if let Some(first) = found.get(spec.name) {
                let report = Diagnostic::new(
                    Code::DuplicateAnnotation,
                    annotation.span,
                    format!("`@{}` stands here twice", spec.name),
                )
                .label("again here")
                .also(first.span, "first here")
                .help("keep one of them");
                self.report(report);
                continue;
            }
            let given = self.bind(place, spec, annotation);
            found.given.push(given);
        }
        found
    }

    fn spec(&mut self, target: Target, annotation: &Annotation) -> Option<&'static Spec> {
        let name = &*annotation.name.text;
        let mut same = TABLE.iter().filter(|spec| spec.name == name);
        if let Some(spec) = same.clone().find(|spec| spec.targets.contains(&target)) {
            return Some(spec);
        }
        let Some(elsewhere) = same.next() else {
            let here = TABLE
                .iter()
                .filter(|spec| spec.targets.contains(&target))
                .map(|spec| spec.name);
            let near = self.near.find(name, here.clone());
            let near = near.or_else(|| self.near.find(name, TABLE.iter().map(|spec| spec.name)));
            let help = match near {
                Some(near) => format!("write `@{near}`"),
                None if here.clone().next().is_none() => {
                    format!("remove it: {} take no annotations", target.plural())
                }
                None => format!("{} take {}", target.plural(), alternatives(here)),
            };
            self.report(
                Diagnostic::new(
                    Code::UnknownAnnotation,
                    annotation.span,
                    format!("there is no annotation `@{name}`"),
                )
                .label("unknown")
                .help(help),
            );
            return None;
        };
        let places: Vec<&str> = elsewhere
            .targets
            .iter()
            .map(|target| target.plural())
            .collect();
        self.report(
            Diagnostic::new(
                Code::AnnotationTarget,
                annotation.span,
                format!("`@{name}` may not stand on {}", target.plural()),
            )
            .label("misplaced")
            .help(format!(
                "remove it here: `@{name}` is for {}",
                places.join(" and ")
            )),
        );
        None
    }

    fn bind<'t>(
        &mut self,
        place: Place<'_>,
        spec: &'static Spec,
        annotation: &'t Annotation,
    ) -> Given<'t> {
        let mut values: Vec<Option<&'t Value>> = vec![None; spec.parameters.len()];
        let mut rest = Vec::new();
        let mut next = 0;
        let mut faulty = false;
        for argument in annotation.arguments.iter().flatten() {
            let position = if let Some(name) = &argument.name {
                self.named_parameter(spec, name)
            } else {
                let positional = spec
                    .parameters
                    .get(next)
                    .filter(|parameter| !parameter.named);
                let position = positional.map(|_| next);
                if position.is_some() && !spec.open {
                    next += 1;
                }
                if position.is_none() {
                    self.extra(spec, argument.value.span);
                }
                position
            };
            let Some(position) = position else {
                faulty = true;
                continue;
            };
            if spec.open && position + 1 == spec.parameters.len() {
                rest.push(&argument.value);
                values[position].get_or_insert(&argument.value);
            } else if let Some(first) = values[position] {
                faulty = true;
                let name = spec.parameters[position].name;
                self.report(
                    Diagnostic::new(
                        Code::DuplicateArgument,
                        argument.value.span,
                        format!("`{name}` is given twice"),
                    )
                    .label("again here")
                    .also(first.span, "first here")
                    .help("keep one of them"),
                );
            } else {
                values[position] = Some(&argument.value);
            }
        }
        let mut arguments = Vec::new();
        for (parameter, value) in spec.parameters.iter().zip(values) {
            if value.is_none() && parameter.needed && !faulty {
                self.report(
                    Diagnostic::new(
                        Code::MissingArgument,
                        annotation.span,
                        format!("`@{}` needs an argument", spec.name),
                    )
                    .label(format!("`{}` is missing", parameter.name))
                    .help(format!("write it like `{}`", spec.example)),
                );
            }
            arguments.push(value.and_then(|value| self.argument(place, parameter, value)));
        }
        Given {
            name: spec.name,
            span: annotation.span,
            arguments,
            rest,
        }
    }

    fn named_parameter(&mut self, spec: &Spec, name: &Ident) -> Option<usize> {
        let found = spec
            .parameters
            .iter()
            .position(|parameter| parameter.name == &*name.text);
        if found.is_none() {
            let near = self.near.find(
                &name.text,
                spec.parameters.iter().map(|parameter| parameter.name),
            );
            let help = match near {
                Some(near) => format!("write `{near}:`"),
                None => format!("write it like `{}`", spec.example),
            };
            self.report(
                Diagnostic::new(
                    Code::ExtraArgument,
                    name.span,
                    format!("`@{}` has no argument `{}`", spec.name, name.text),
                )
                .label("unknown argument")
                .help(help),
            );
        }
        found
    }

    fn extra(&mut self, spec: &Spec, span: Span) {
        let most = spec
            .parameters
            .iter()
            .filter(|parameter| !parameter.named)
            .count();
        let takes = match (most, spec.parameters.is_empty()) {
            (_, true) => "no argument".to_owned(),
            (1, _) => "one argument by position".to_owned(),
            (most, _) => format!("{most} arguments by position"),
        };
        self.report(
            Diagnostic::new(
                Code::ExtraArgument,
                span,
                format!("`@{}` takes {takes}", spec.name),
            )
            .label("one too many")
            .help(format!("write it like `{}`", spec.example)),
        );
    }

    fn argument<'t>(
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
        self.report(
            Diagnostic::new(
                Code::UnknownChoice,
                span,
                format!("`{written}` is not a choice here"),
            )
            .label("unknown")
            .help(format!(
                "{}the choices are {}",
                meant(near),
                alternatives(words.iter().copied())
            )),
        );
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
                self.report(report);
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
        self.report(
            Diagnostic::new(
                Code::UnknownStatusCode,
                span,
                format!("`{name}` is not a status code that an error may have"),
            )
            .label(label)
            .help(help),
        );
        None
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
