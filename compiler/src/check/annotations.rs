//! Annotations: which stand where, with which arguments. Driven by `table`.

use crate::diagnostic::{Code, Diagnostic, certain};
use crate::model::{Backoff, Deprecation, Release, StatusCode};
use crate::resolve;
use crate::source::Span;
use crate::syntax::ast::{Annotation, Ident, Value};

use super::table::{Spec, TABLE, Target};
use super::{Check, Place, alternatives};

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
                let same = self.sources.text(first.span) == self.sources.text(annotation.span);
                self.report(if same {
                    let again = resolve::word(self.sources, annotation.span);
                    report.help("remove it").fix(again, "")
                } else {
                    report
                });
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
                None => format!("{} take {}", target.plural(), alternatives(here.clone())),
            };
            let report = Diagnostic::new(
                Code::UnknownAnnotation,
                annotation.span,
                format!("there is no annotation `@{name}`"),
            )
            .label("unknown")
            .help(help);
            self.report(match certain(name, here) {
                Some(meant) => report.fix(annotation.name.span, meant),
                None => report,
            });
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
                listed(&places)
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
                let report = Diagnostic::new(
                    Code::DuplicateArgument,
                    argument.value.span,
                    format!("`{name}` is given twice"),
                )
                .label("again here")
                .also(first.span, "first here")
                .help("keep one of them");
                let value = argument.value.span;
                let same = self.sources.text(first.span) == self.sources.text(value);
                let whole = argument
                    .name
                    .as_ref()
                    .map_or(value, |name| name.span.to(value));
                let again = resolve::entry(self.sources, whole).filter(|_| same);
                self.report(match again {
                    Some(again) => report.help("remove it").fix(again, ""),
                    None => report,
                });
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
            let report = Diagnostic::new(
                Code::ExtraArgument,
                name.span,
                format!("`@{}` has no argument `{}`", spec.name, name.text),
            )
            .label("unknown argument")
            .help(help);
            let named = spec.parameters.iter().map(|parameter| parameter.name);
            self.report(match certain(&name.text, named) {
                Some(meant) => report.fix(name.span, meant),
                None => report,
            });
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
}

/// `a, b and c`
fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
