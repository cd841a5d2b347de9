//! Releases that were frozen, against what the sources say now.

use std::collections::BTreeSet;

use super::{Verdict, compare_within};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{
    Enum, Error, Field, File, FullName, Message, Release, ReservedNumbers, Service,
};
use crate::source::Span;
use crate::surface::{Frozen, Lock, Surface};

/// A change, and the frozen releases that it changes.
struct Change<'l> {
    verdict: Verdict,
    frozen: &'l Frozen,
    releases: Vec<Release>,
}

/// What differs between the frozen releases and the sources: each change once, whatever releases have what changed.
pub fn changes_of_frozen(lock: &Lock, now: &Surface<'_>) -> Vec<Diagnostic> {
    let mut changes: Vec<Change<'_>> = Vec::new();
    for frozen in &lock.releases {
        for verdict in compare_within(&frozen.surface(), now) {
            let known = changes.iter_mut().find(|change| {
                change.verdict.code == verdict.code
                    && change.verdict.new.0 == verdict.new.0
                    && change.frozen.service.name == frozen.service.name
                    && about(&change.verdict) == about(&verdict)
            });
            match known {
                Some(change) => change.releases.push(frozen.release),
                None => changes.push(Change {
                    verdict,
                    frozen,
                    releases: vec![frozen.release],
                }),
            }
        }
    }
    let mut told: BTreeSet<(Code, Span, Span)> = BTreeSet::new();
    changes
        .iter()
        // A message of two services is frozen by both, and changes once.
        .filter(|change| {
            let old = &change.verdict.old;
            let shared = change.verdict.new.0 != change.frozen.service.span;
            told.insert((change.verdict.code, change.verdict.new.0, old.0)) || !shared
        })
        .map(|change| change.report(lock, now))
        .collect()
}

/// What a verdict is about, whichever release it was found in.
fn about(verdict: &Verdict) -> &str {
    match verdict.code {
        // These name the release.
        Code::MethodRemoved | Code::MethodAddedToRelease | Code::ReleaseRemoved => "",
        _ => &verdict.message,
    }
}

impl Change<'_> {
    fn report(&self, lock: &Lock, now: &Surface<'_>) -> Diagnostic {
        let mut report = self.verdict.report();
        let simple = self.frozen.service.name.simple();
        let releases: Vec<String> = self.releases.iter().map(Release::to_string).collect();
        let (what, have) = match &releases[..] {
            [one] => (format!("release {one}"), "is"),
            many => (format!("releases {}", many.join(", ")), "are"),
        };
        let name = &self.frozen.service.name;
        report.message = format!("{what} of `{simple}` {have} frozen: {}", report.message);
        for label in &mut report.labels {
            if label.span == self.verdict.old.0 {
                label.text = format!("frozen so: {}", label.text);
            }
        }
        let help = match self.verdict.code {
            Code::MethodAddedToRelease => {
                let next = unfrozen(lock, now, &self.frozen.service);
                format!(
                    "add it to a release that is not frozen: `@added({next})`, with {next} in `versions`"
                )
            }
            Code::FieldRemoved
            | Code::FieldRetired
            | Code::EnumValueRemoved
            | Code::EnumValueRetired => {
                "put it back as it was, with `@deprecated(\"why\")` if nobody shall use it"
                    .to_owned()
            }
            // Elsewhere there is a choice.
            _ => match self.verdict.help.split_once(", or accept") {
                Some((first, _)) => first.to_owned(),
                None => self.verdict.help.clone(),
            },
        };
        let newest = releases.last().cloned().unwrap_or_default();
        report = report.help(help).note(format!(
            "`callsheet release --unfreeze {newest} --service {name}` lets go of a release that never left this repository"
        ));
        report
    }
}

/// The next release of the service that is not frozen: a listed one, or the minor behind the newest.
fn unfrozen(lock: &Lock, now: &Surface<'_>, service: &Service) -> Release {
    let frozen = |release: Release| lock.find(&service.name, release).is_some();
    let listed = now.services.get(&service.name).map(|it| &it.releases[..]);
    let listed = listed.unwrap_or_default();
    let newest = lock
        .releases
        .iter()
        .filter(|it| it.service.name == service.name)
        .map(|it| it.release)
        .max();
    let newest = newest.unwrap_or(Release { major: 1, minor: 0 });
    let free = listed
        .iter()
        .copied()
        .find(|release| *release > newest && !frozen(*release));
    free.unwrap_or(Release {
        major: newest.major,
        minor: newest.minor + 1,
    })
}

/// Of the files, what some frozen release rests on: all else was never promised to anybody.
pub fn frozen_part<'l>(locks: impl IntoIterator<Item = &'l Lock>, files: &[File]) -> Vec<File> {
    let frozen: Vec<&Frozen> = locks.into_iter().flat_map(|lock| &lock.releases).collect();
    let part = Part { frozen };
    files.iter().map(|file| part.file(file)).collect()
}

struct Part<'l> {
    frozen: Vec<&'l Frozen>,
}

impl Part<'_> {
    fn file(&self, file: &File) -> File {
        File {
            messages: file
                .messages
                .iter()
                .flat_map(|it| self.message(it))
                .collect(),
            enums: file
                .enums
                .iter()
                .filter_map(|it| self.enumeration(it))
                .collect(),
            errors: file.errors.iter().filter_map(|it| self.error(it)).collect(),
            constants: Vec::new(),
            services: file
                .services
                .iter()
                .filter_map(|it| self.service(it))
                .collect(),
            ..file.clone()
        }
    }

    /// The frozen part of a message; of one that is not frozen, that of what is nested in it.
    fn message(&self, message: &Message) -> Vec<Message> {
        let nested: Vec<Message> = message
            .messages
            .iter()
            .flat_map(|it| self.message(it))
            .collect();
        let enums: Vec<Enum> = message
            .enums
            .iter()
            .filter_map(|it| self.enumeration(it))
            .collect();
        let known: Vec<&Message> = self
            .frozen
            .iter()
            .flat_map(|it| {
                let errors = it.errors.iter().map(|error| &error.message);
                it.messages.iter().chain(errors)
            })
            .filter(|it| it.name == message.name)
            .collect();
        if known.is_empty() && nested.is_empty() && enums.is_empty() {
            return Vec::new();
        }
        let field = |field: &&Field| {
            let mut fields = known.iter().flat_map(|it| &it.fields);
            fields.any(|it| it.number == field.number)
        };
        let range =
            |range: &&ReservedNumbers| known.iter().any(|it| it.reserved_numbers.contains(range));
        let name = |name: &&String| known.iter().any(|it| it.reserved_names.contains(name));
        vec![Message {
            fields: message.fields.iter().filter(field).cloned().collect(),
            messages: nested,
            enums,
            reserved_numbers: message
                .reserved_numbers
                .iter()
                .filter(range)
                .copied()
                .collect(),
            reserved_names: message
                .reserved_names
                .iter()
                .filter(name)
                .cloned()
                .collect(),
            ..message.clone()
        }]
    }

    fn error(&self, error: &Error) -> Option<Error> {
        let message = self.message(&error.message).pop()?;
        Some(Error {
            message,
            code: error.code,
        })
    }

    fn enumeration(&self, declared: &Enum) -> Option<Enum> {
        let known: Vec<&Enum> = self
            .frozen
            .iter()
            .flat_map(|it| &it.enums)
            .filter(|it| it.name == declared.name)
            .collect();
        if known.is_empty() {
            return None;
        }
        let numbers: BTreeSet<i32> = known
            .iter()
            .flat_map(|it| &it.values)
            .map(|value| value.number)
            .collect();
        let values = declared.values.iter();
        Some(Enum {
            values: values
                .filter(|value| numbers.contains(&value.number))
                .cloned()
                .collect(),
            ..declared.clone()
        })
    }

    fn service(&self, service: &Service) -> Option<Service> {
        let releases = self.releases(&service.name);
        if releases.is_empty() {
            return None;
        }
        let methods = service.methods.iter().filter(|method| {
            let mut releases = releases.iter();
            releases.any(|release| method.window.contains(*release))
        });
        Some(Service {
            methods: methods.cloned().collect(),
            releases: service
                .releases
                .iter()
                .copied()
                .filter(|release| releases.contains(release))
                .collect(),
            ..service.clone()
        })
    }

    fn releases(&self, service: &FullName) -> BTreeSet<Release> {
        self.frozen
            .iter()
            .filter(|it| it.service.name == *service)
            .map(|it| it.release)
            .collect()
    }
}
