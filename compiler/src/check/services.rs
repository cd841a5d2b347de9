//! Services: their releases, groups and methods.

use std::collections::HashMap;

use crate::case;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{File, FullName, Group, Groups, Message, Method, Release, Service};
use crate::source::Span;
use crate::syntax::ast::{self, Item};

use super::table::Target;
use super::windows::Life;
use super::{Check, Place, join, package};

impl<'a> Check<'a> {
    /// The services of one file, and the request messages of their argument lists.
    pub(super) fn services(&mut self, file: &'a ast::File, made: &mut File) {
        let package = package(file);
        let place = Place {
            file: self.position,
            scope: &package,
        };
        for item in &file.items {
            if let Item::Service(item) = item {
                let service = self.service(place, item, &mut made.messages);
                made.services.push(service);
            }
        }
    }

    fn service(
        &mut self,
        place: Place<'_>,
        item: &'a ast::Service,
        requests: &mut Vec<Message>,
    ) -> Service {
        let name = join(place.scope, &item.name.text);
        let annotations = self.annotations(place, Target::Service, &item.annotations);
        let releases = self.releases(item);
        let lost = self.lost_release(place.file, item);
        let groups = self.groups(item);
        let defaults = self.effects(place, &annotations);
        let inner = Place {
            scope: &name,
            ..place
        };
        let listed: Vec<Release> = releases.iter().map(|(release, _)| *release).collect();
        let mut lives: Vec<Life<'a>> = Vec::new();
        let mut written = Vec::new();
        for method in &item.methods {
            let annotations = self.annotations(inner, Target::Method, &method.annotations);
            lives.push(self.life(method, &annotations, &releases, lost));
            let effects = self.effects(inner, &annotations);
            written.push(effects);
        }
        self.overlaps(&item.name, &lives);
        self.name_requests(item, &lives);
        let mut methods = Vec::new();
        let mut taken = Vec::new();
        for ((method, life), own) in item.methods.iter().zip(&lives).zip(&written) {
            let request = self.request(inner, place.scope, method, requests);
            let reply = self.reply(inner, method);
            let throws = self.throws(inner, method);
            self.own_policy(method, own, request.as_ref());
            taken.push(request.clone());
            let (Some(request), Some(reply)) = (request, reply) else {
                continue;
            };
            methods.push(Method {
                name: method.name.text.to_string(),
                docs: self.docs(method.docs),
                window: life.window,
                deprecated: life.deprecated.clone(),
                request,
                reply,
                reply_stream: method
                    .reply
                    .as_ref()
                    .is_some_and(|reply| reply.stream.is_some()),
                throws,
                policy: own.over(&defaults),
                span: method.name.span,
            });
        }
        self.default_policy(item, &defaults, &written, &taken);
        Service {
            name: FullName(name.as_str().into()),
            docs: self.docs(item.docs),
            deprecated: annotations.deprecation(),
            releases: listed,
            groups,
            methods,
            span: item.name.span,
        }
    }

    /// Whether the parser may have lost a release of a service, which it reported.
    fn lost_release(&self, file: usize, item: &ast::Service) -> bool {
        let Some(line) = item.versions.first() else {
            return self.lost_in(file, item.span);
        };
        let text = self.sources.text(line.span);
        let entries = text
            .trim_end_matches(';')
            .trim_end_matches([',', ' '])
            .split(',')
            .count();
        entries > line.releases.len()
    }

    fn releases(&mut self, item: &ast::Service) -> Vec<(Release, Span)> {
        let Some((line, more)) = item.versions.split_first() else {
            return vec![(Release { major: 1, minor: 0 }, item.name.span)];
        };
        self.one_line("versions", line.span, more.iter().map(|line| line.span));
        let mut known: HashMap<Release, Span> = HashMap::new();
        let mut releases: Vec<(Release, Span)> = Vec::new();
        // One edit sorts the whole line.
        let mut told = false;
        for written in &line.releases {
            let release = Release {
                major: written.value.major,
                minor: written.value.minor,
            };
            if let Some(first) = known.get(&release) {
                let report = Diagnostic::new(
                    Code::DuplicateVersion,
                    written.span,
                    format!("the release {release} is listed twice"),
                )
                .label("again here")
                .also(*first, "first here")
                .help("list each release once");
                self.report(report);
                continue;
            }
            known.insert(release, written.span);
            if let Some((last, place)) = releases.last()
                && release < *last
            {
                let report = Diagnostic::new(
                    Code::VersionOrder,
                    written.span,
                    format!("the release {release} stands behind {last}"),
                )
                .label("older than the one before")
                .also(*place, "newer")
                .help("list the releases oldest first");
                self.report(match self.sorted(line) {
                    Some((span, text)) if !told => report.fix(span, text),
                    _ => report,
                });
                told = true;
                continue;
            }
            releases.push((release, written.span));
        }
        if releases.is_empty() {
            releases.push((Release { major: 1, minor: 0 }, line.span));
        }
        releases
    }

    /// The releases of a line in their order, in place of those written; none where something else stands among them.
    fn sorted(&self, line: &ast::Versions) -> Option<(Span, String)> {
        let (first, last) = (line.releases.first()?, line.releases.last()?);
        let span = first.span.to(last.span);
        let mut releases: Vec<(ast::Release, &str)> = line
            .releases
            .iter()
            .map(|written| (written.value, self.sources.text(written.span)))
            .collect();
        let plain = self.sources.text(span).split(',').map(str::trim);
        if !plain.eq(releases.iter().map(|(_, text)| *text)) {
            return None;
        }
        releases.sort_by_key(|(release, _)| *release);
        let texts: Vec<&str> = releases.iter().map(|(_, text)| *text).collect();
        Some((span, texts.join(", ")))
    }

    fn one_line(&mut self, word: &str, first: Span, more: impl Iterator<Item = Span>) {
        for span in more {
            self.report(
                Diagnostic::new(
                    Code::DuplicateServiceLine,
                    span,
                    format!("a service has one `{word}` line"),
                )
                .label("second line")
                .also(first, "first line")
                .help(format!("list everything in one `{word}` line")),
            );
        }
    }

    fn groups(&mut self, item: &ast::Service) -> Groups {
        let Some((line, more)) = item.groups.split_first() else {
            let name = "default".to_owned();
            return Groups {
                named: vec![Group { name }],
                open: false,
            };
        };
        self.one_line("groups", line.span, more.iter().map(|line| line.span));
        let mut exact: HashMap<&str, Span> = HashMap::new();
        let mut rust: HashMap<String, &ast::Ident> = HashMap::new();
        let mut named = Vec::new();
        for name in &line.names {
            let variant = case::upper_camel(&name.text);
            if let Some(first) = exact.get(&*name.text) {
                let report = Diagnostic::new(
                    Code::DuplicateGroup,
                    name.span,
                    format!("the group `{}` is listed twice", name.text),
                )
                .label("again here")
                .also(*first, "first here")
                .help("list each group once");
                self.report(self.without(report, name.span));
                continue;
            }
            exact.insert(&name.text, name.span);
            match rust.get(&variant) {
                Some(first) if !variant.is_empty() => self.case_clash(name, first, &variant),
                _ => {
                    rust.insert(variant, name);
                }
            }
            named.push(Group {
                name: name.text.to_string(),
            });
        }
        let misplaced = match (&line.open[..], line.names.last()) {
            ([open, ..], None) => Some((
                *open,
                "stands alone",
                "name at least one group before it: `groups default, ..;`",
            )),
            ([_, second, ..], _) => Some((*second, "a second `..`", "write `..` once, at the end")),
            ([open], Some(last)) if open.start < last.span.start => {
                Some((*open, "not at the end", "move `..` to the end of the line"))
            }
            ([], _) | ([_], Some(_)) => None,
        };
        if let Some((span, label, help)) = misplaced {
            let report = Diagnostic::new(
                Code::OpenGroups,
                span,
                "`..` stands once, behind the named groups",
            )
            .label(label)
            .help(help);
            let cut = crate::resolve::entry(self.sources, span);
            self.report(match (&line.open[..], line.names.last(), cut) {
                ([_], Some(last), Some(cut)) => report.fix(cut, "").fix(last.span.behind(), ", .."),
                ([_, _, ..], _, Some(cut)) => report.fix(cut, ""),
                _ => report,
            });
        }
        Groups {
            named,
            open: !line.open.is_empty(),
        }
    }

    /// Names the request messages of argument lists: the first definition of a method plainly, each later one by its
    /// major.
    fn name_requests(&mut self, item: &ast::Service, lives: &[Life<'a>]) {
        let mut definitions: HashMap<String, Vec<&Life<'a>>> = HashMap::new();
        for life in lives {
            if matches!(life.method.request, ast::Request::Arguments(..)) {
                let method = case::upper_camel(&life.method.name.text);
                definitions.entry(method).or_default().push(life);
            }
        }
        let mut service = case::upper_camel(&item.name.text);
        // `_2` without its underscore is no name in protobuf.
        if service.starts_with(|first: char| first.is_ascii_digit()) {
            service.insert(0, '_');
        }
        for (method, mut list) in definitions {
            list.sort_by_key(|life| (life.window.added, life.method.name.span));
            for (position, life) in list.into_iter().enumerate() {
                let major = life.window.added.major;
                let name = match position {
                    0 => format!("{service}{method}Request"),
                    _ => format!("{service}{method}RequestV{major}"),
                };
                self.requests.insert(life.method.name.span, name);
            }
        }
    }
}
