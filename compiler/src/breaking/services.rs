//! Services: releases, groups, and which methods each release has.

use std::collections::BTreeSet;

use super::{Compare, Draft, Party, Verdict};
use crate::diagnostic::Code;
use crate::model::{Method, Release, Service};
use crate::source::Span;

impl Compare<'_> {
    pub(super) fn services(&mut self) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for (name, old) in self.old.services.clone() {
            match self.new.services.get(name).copied() {
                Some(new) => {
                    verdicts.extend(groups(old, new));
                    verdicts.extend(releases(old, new));
                    verdicts.extend(self.methods(old, new));
                }
                None => verdicts.push(self.service_removed(old)),
            }
        }
        verdicts
    }

    fn service_removed(&self, old: &Service) -> Verdict {
        let simple = old.name.simple();
        let moved = self.new.services.values().find(|other| {
            other.name.simple() == simple && !self.old.services.contains_key(&other.name)
        });
        let (place, text) = match moved {
            Some(other) => (other.span, format!("this is `{}`", other.name)),
            None => (Span::NOWHERE, String::new()),
        };
        Draft::new(
            Code::ServiceRemoved,
            format!("the service `{}` is gone", old.name),
        )
        .source()
        .routing([Party::OldClient, Party::OldServer])
        .old(old.span, "it was declared here")
        .new_at(place, text)
        .help("keep it under its name and package for as long as anybody calls or serves it: calls are routed by the full name")
        .verdict()
    }

    fn methods(&mut self, old: &Service, new: &Service) -> Vec<Verdict> {
        let common: Vec<Release> = old
            .releases
            .iter()
            .copied()
            .filter(|release| new.releases.contains(release))
            .collect();
        let mut verdicts = Vec::new();
        let mut known: BTreeSet<Span> = BTreeSet::new();
        for method in &old.methods {
            let mut met: BTreeSet<Span> = BTreeSet::new();
            let mut gone = false;
            for &release in &common {
                if !method.window.contains(release) {
                    continue;
                }
                let found = new.methods_at(release).find(|it| it.name == method.name);
                match found {
                    Some(found) => {
                        known.insert(found.span);
                        if met.insert(found.span) {
                            verdicts.extend(self.method(method, found));
                        }
                    }
                    None if gone => {}
                    None => {
                        gone = true;
                        let renamed = renamed(old, new, method, release);
                        known.extend(renamed.map(|it| it.span));
                        verdicts.push(method_removed(new, method, release, renamed));
                    }
                }
            }
        }
        for method in &new.methods {
            let added = common.iter().copied().find(|&release| {
                method.window.contains(release)
                    && old.methods_at(release).all(|it| it.name != method.name)
            });
            if let Some(release) = added
                && !known.contains(&method.span)
            {
                verdicts.push(method_added(old, new, method, release));
            }
        }
        verdicts
    }
}

/// A method that is new at the release and takes and gives the same.
fn renamed<'m>(
    old: &Service,
    new: &'m Service,
    method: &Method,
    release: Release,
) -> Option<&'m Method> {
    new.methods_at(release).find(|other| {
        other.request.stream == method.request.stream
            && (other.request.message == method.request.message || other.request.arguments)
            && other.reply == method.reply
            && other.reply_stream == method.reply_stream
            && old.methods_at(release).all(|it| it.name != other.name)
    })
}

fn method_removed(
    new: &Service,
    method: &Method,
    release: Release,
    renamed: Option<&Method>,
) -> Verdict {
    let same_name = new.methods.iter().find(|it| it.name == method.name);
    let (place, text) = match (renamed, same_name) {
        (_, Some(found)) => (
            found.span,
            format!("it is there from {} on", found.window.added),
        ),
        (Some(found), None) => (
            found.span,
            "this may be the same under another name".to_owned(),
        ),
        (None, None) => (new.span, format!("{release} has it no more")),
    };
    Draft::new(
        Code::MethodRemoved,
        format!(
            "the method `{}` is gone from release {release}",
            method.name
        ),
    )
    .source()
    .routing([Party::OldClient])
    .old(method.span, format!("{release} had it"))
    .new_at(place, text)
    .help(format!(
        "put it back, and end it where a new major begins: `@deprecated({release}) @removed({}.0)`",
        release.major + 1
    ))
    .verdict()
}

fn method_added(old: &Service, new: &Service, method: &Method, release: Release) -> Verdict {
    let next = new
        .releases
        .iter()
        .find(|it| !old.releases.contains(it) && **it > release);
    let next = next.copied().unwrap_or(Release {
        major: release.major,
        minor: old
            .releases
            .iter()
            .filter(|it| it.major == release.major)
            .map(|it| it.minor)
            .max()
            .unwrap_or_default()
            + 1,
    });
    Draft::new(
        Code::MethodAddedToRelease,
        format!("the method `{}` is new in release {release}", method.name),
    )
    .routing([Party::OldServer])
    .old(old.span, format!("{release} was without it"))
    .new_at(method.span, format!("{release} has it"))
    .help(format!(
        "write `@added({next})`, and list {next} in `versions`: a server of {release} that runs already has no such method"
    ))
    .verdict()
}

fn releases(old: &Service, new: &Service) -> Vec<Verdict> {
    let gone = old
        .releases
        .iter()
        .filter(|release| !new.releases.contains(release));
    gone.map(|release| {
        let message = format!(
            "release {release} of `{}` is not listed any more",
            old.name.simple()
        );
        Draft::new(Code::ReleaseRemoved, message)
            .source()
            .routing([Party::OldClient, Party::OldServer])
            .old(old.span, format!("it had release {release}"))
            .new_at(new.span, "its `versions` are without it")
            .help(format!(
                "list {release} in `versions` again, for as long as an instance announces it or a client asks for it"
            ))
            .verdict()
    })
    .collect()
}

fn groups(old: &Service, new: &Service) -> Vec<Verdict> {
    let simple = new.name.simple();
    let mut verdicts = Vec::new();
    for group in &old.groups.named {
        if !new.groups.named.contains(group) {
            verdicts.push(
                Draft::new(
                    Code::GroupRemoved,
                    format!("`{simple}` has the group `{}` no more", group.name),
                )
                .source()
                .routing([Party::OldClient, Party::OldServer])
                .old(old.span, format!("it had the group `{}`", group.name))
                .new_at(new.span, "its `groups` are without it")
                .help(format!("list `{}` in `groups` again", group.name))
                .verdict(),
            );
        }
    }
    if let (Some(was), Some(is)) = (old.groups.named.first(), new.groups.named.first())
        && was != is
        && new.groups.named.contains(was)
    {
        verdicts.push(
            Draft::new(
                Code::DefaultGroupChanged,
                format!("`{simple}` has another first group"),
            )
            .routing([Party::OldClient])
            .old(old.span, format!("it was `{}`", was.name))
            .new_at(new.span, format!("it is `{}`", is.name))
            .help(format!(
                "list `{}` first: clients that name no group use the first",
                was.name
            ))
            .verdict(),
        );
    }
    if old.groups.open && !new.groups.open {
        verdicts.push(
            Draft::new(
                Code::GroupsClosed,
                format!("the groups of `{simple}` are closed now"),
            )
            .source()
            .routing([Party::OldClient, Party::OldServer])
            .old(old.span, "any group was let through")
            .new_at(new.span, "only those listed are")
            .help("end `groups` with `..` again")
            .verdict(),
        );
    }
    verdicts
}
