//! When methods live: `@added`, `@deprecated`, `@removed`, and no two of one name at once.

use std::collections::HashMap;

use crate::case;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Release, Window};
use crate::source::Span;
use crate::syntax::ast::{self, Ident};

use super::annotations::{Annotations, Given};
use super::{Check, alternatives};

/// The life of one definition of a method.
pub(super) struct Life<'a> {
    pub(super) method: &'a ast::Method,
    pub(super) window: Window,
    pub(super) deprecated: Option<(Release, Option<String>)>,
    /// Whether the window is what the author wrote, and not a guess behind a report.
    sound: bool,
    /// Whether `@added` or `@removed` is written.
    bounded: bool,
}

impl<'a> Check<'a> {
    /// The life of a method of a service with these releases, of which the parser may have `lost` some.
    pub(super) fn life(
        &mut self,
        method: &'a ast::Method,
        annotations: &Annotations<'_>,
        releases: &[(Release, Span)],
        lost: bool,
    ) -> Life<'a> {
        let first = releases
            .first()
            .map_or(Release { major: 1, minor: 0 }, |(release, _)| *release);
        let before = self.out.len();
        let added = self.listed(annotations.get("added"), releases, lost);
        let deprecated = self.listed(annotations.get("deprecated"), releases, lost);
        let removed = self.listed(annotations.get("removed"), releases, lost);
        let start = added.map_or(first, |(release, _)| release);
        let start_place = added.map_or(method.name.span, |(_, span)| span);
        let start_text = match added {
            Some(_) => format!("added in {start}"),
            None => format!("there since {start}, the first release"),
        };
        if let Some((removed, span)) = removed
            && !lost
        {
            if removed <= start {
                let report = Diagnostic::new(
                    Code::WindowOrder,
                    span,
                    format!(
                        "`{}` is removed before any release has it",
                        method.name.text
                    ),
                )
                .label(format!("removed in {removed}"))
                .also(start_place, start_text.clone())
                .help("remove it in a later major, or remove the method itself");
                self.report(report);
            } else if let Some((first, place)) = releases
                .iter()
                .find(|(release, _)| release.major == removed.major)
                && *first != removed
            {
                let later = releases
                    .iter()
                    .map(|(release, _)| *release)
                    .find(|release| release.major > removed.major);
                let help = match later {
                    Some(later) => format!("write `@removed({later})`: minors only add"),
                    None => format!(
                        "list `{}.0` and write `@removed({0}.0)`: minors only add",
                        removed.major + 1
                    ),
                };
                let report = Diagnostic::new(
                    Code::RemovedInMinor,
                    span,
                    format!(
                        "`{}` is removed in the minor release {removed}",
                        method.name.text
                    ),
                )
                .label("a minor release removes nothing")
                .also(*place, format!("the major starts at {first}"))
                .help(help);
                self.report(report);
            }
        }
        if let Some((deprecated, span)) = deprecated
            && !lost
        {
            let fault = if deprecated < start {
                Some(("before any release has it", start_place, start_text))
            } else {
                removed
                    .filter(|(removed, _)| *removed <= deprecated)
                    .map(|(removed, place)| {
                        (
                            "when it is removed already",
                            place,
                            format!("removed in {removed}"),
                        )
                    })
            };
            if let Some((when, place, text)) = fault {
                let report = Diagnostic::new(
                    Code::WindowOrder,
                    span,
                    format!("`{}` is deprecated {when}", method.name.text),
                )
                .label(format!("deprecated in {deprecated}"))
                .also(place, text)
                .help("the order is `@added` ≤ `@deprecated` < `@removed`");
                self.report(report);
            }
        }
        let why = annotations
            .get("deprecated")
            .and_then(|given| given.text(1))
            .map(str::to_owned);
        Life {
            method,
            window: Window {
                added: start,
                removed: removed.map(|(release, _)| release),
            },
            deprecated: deprecated.map(|(release, _)| (release, why)),
            sound: self.out.len() == before && !lost,
            bounded: annotations.get("added").is_some() || annotations.get("removed").is_some(),
        }
    }

    /// The release that an annotation names; reported where the service does not list it.
    fn listed(
        &mut self,
        given: Option<&Given<'_>>,
        releases: &[(Release, Span)],
        lost: bool,
    ) -> Option<(Release, Span)> {
        let (release, span) = given?.release(0)?;
        if releases
            .binary_search_by_key(&release, |(listed, _)| *listed)
            .is_ok()
        {
            return Some((release, span));
        }
        if lost {
            return None;
        }
        let shown: Vec<String> = releases
            .iter()
            .map(|(release, _)| release.to_string())
            .collect();
        let mut report = Diagnostic::new(
            Code::UnlistedRelease,
            span,
            format!("the service does not list the release {release}"),
        )
        .label("unknown release")
        .help(format!(
            "name one of its releases, {}, or add {release} to `versions`",
            alternatives(shown.iter().map(String::as_str))
        ));
        if let (Some((_, first)), Some((_, last))) = (releases.first(), releases.last()) {
            report = report.also(first.to(*last), "its releases");
        }
        self.report(report);
        None
    }

    /// No two methods of one name, in `.rpc` or in Rust, at one release.
    pub(super) fn overlaps(&mut self, service: &Ident, lives: &[Life<'a>]) {
        let mut same: HashMap<String, Vec<&Life<'a>>> = HashMap::new();
        for life in lives {
            let name = case::snake(&life.method.name.text).into_owned();
            same.entry(name).or_default().push(life);
        }
        for (rust, mut list) in same {
            if list.len() < 2 || rust.is_empty() || list.iter().any(|life| !life.sound) {
                continue;
            }
            list.sort_by_key(|life| (life.window.added, life.method.name.span));
            // The one that lives longest so far: whatever meets any earlier window meets this one.
            let mut longest = list[0];
            for life in &list[1..] {
                let meets = longest
                    .window
                    .removed
                    .is_none_or(|removed| life.window.added < removed);
                if meets {
                    self.overlap(service, longest, life, &rust);
                }
                let end = |life: &Life<'_>| {
                    life.window
                        .removed
                        .map_or((1, None), |removed| (0, Some(removed)))
                };
                if end(life) > end(longest) {
                    longest = life;
                }
            }
        }
    }

    fn overlap(&mut self, service: &Ident, one: &Life<'_>, other: &Life<'_>, rust: &str) {
        let (first, second) = if one.method.name.span <= other.method.name.span {
            (one, other)
        } else {
            (other, one)
        };
        let (first_name, second_name) = (&first.method.name, &second.method.name);
        if first_name.text != second_name.text {
            self.case_clash(second_name, first_name, rust);
            return;
        }
        let report = if first.bounded || second.bounded {
            Diagnostic::new(
                Code::DuplicateMethod,
                second_name.span,
                format!("two definitions of `{}` meet", second_name.text),
            )
            .label(lifetime(second.window))
            .also(first_name.span, lifetime(first.window))
            .help(format!(
                "end one where the other starts: `@removed(…)` on the older, `@added(…)` with the same release on the newer; both are there in {}",
                one.window.added.max(other.window.added)
            ))
        } else {
            Diagnostic::new(
                Code::DuplicateMethod,
                second_name.span,
                format!("`{}` is defined twice in `{}`", second_name.text, service.text),
            )
            .label("defined again here")
            .also(first_name.span, "first defined here")
            .help("rename or remove one of them, or end one with `@removed` where the other starts with `@added`")
        };
        self.report(report);
    }
}

fn lifetime(window: Window) -> String {
    match window.removed {
        Some(removed) => format!("from {} until before {removed}", window.added),
        None => format!("from {} on", window.added),
    }
}
