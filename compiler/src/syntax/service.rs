//! Services, methods and `reserved` as tree.

use pest::iterators::{Pair, Pairs};

use super::ast::{
    Annotation, Groups, Method, Payload, Request, Reserved, ReservedEntry, Service, Spanned,
    Versions,
};
use super::build::Braced;
use super::grammar::Rule;
use super::parse::Parser;
use super::recover::Context;
use super::statement::Node;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

impl<'a> Parser<'a> {
    pub(super) fn service(
        &mut self,
        parts: Pairs<'a, Rule>,
        annotations: Vec<Annotation>,
        span: Span,
    ) -> Option<Service> {
        let Braced { name, parts, .. } = self.braced(parts)?;
        let docs = self.take_docs(span.start, name.span.end);
        let mut service = Service {
            docs,
            annotations,
            name,
            versions: Vec::new(),
            groups: Vec::new(),
            methods: Vec::new(),
            span,
        };
        for node in self.block(Context::Service, parts) {
            match node {
                Node::Versions(versions) => service.versions.push(versions),
                Node::Groups(groups) => service.groups.push(groups),
                Node::Method(method) => service.methods.push(method),
                _ => {}
            }
        }
        Some(service)
    }

    pub(super) fn versions(&mut self, parts: Pairs<'a, Rule>, span: Span) -> Versions {
        let numbers: Vec<Span> = parts
            .filter(|part| part.as_rule() == Rule::number)
            .map(|part| self.span(&part))
            .collect();
        Versions {
            releases: numbers
                .into_iter()
                .filter_map(|number| self.release(number))
                .collect(),
            span,
        }
    }

    pub(super) fn groups(&mut self, parts: Pairs<'a, Rule>, span: Span) -> Groups {
        let mut groups = Groups {
            names: Vec::new(),
            open: Vec::new(),
            span,
        };
        for part in parts {
            match part.as_rule() {
                Rule::ident => groups.names.push(self.ident(&part)),
                Rule::open_end => groups.open.push(self.span(&part)),
                _ => {}
            }
        }
        groups
    }

    pub(super) fn reserved(&mut self, parts: Pairs<'a, Rule>, span: Span) -> Reserved {
        let entries: Vec<_> = parts
            .filter(|part| part.as_rule() == Rule::reserved_entry)
            .collect();
        Reserved {
            entries: entries
                .into_iter()
                .filter_map(|entry| self.reserved_entry(entry))
                .collect(),
            span,
        }
    }

    fn reserved_entry(&mut self, pair: Pair<'a, Rule>) -> Option<Spanned<ReservedEntry>> {
        let span = self.span(&pair);
        let mut numbers = Vec::new();
        let mut operator = None;
        for part in pair.into_inner() {
            let place = self.span(&part);
            match part.as_rule() {
                Rule::string => {
                    let value = ReservedEntry::Name(self.string(place));
                    return Some(Spanned { value, span });
                }
                Rule::number => numbers.push(self.integer(place)?),
                Rule::proto_to => {
                    operator = Some("..=");
                    self.reports.push(
                        Diagnostic::new(Code::ForeignKeyword, place, "there is no keyword `to`")
                            .help("ranges are written `20..=29`")
                            .fix(self.with_space(place), "..="),
                    );
                }
                _ => operator = Some(part.as_str()),
            }
        }
        let (first, last) = match (numbers[..].first(), numbers.get(1), operator) {
            (Some(one), None, None) => (*one, *one),
            (Some(from), Some(to), Some("..")) => (*from, to.saturating_sub(1)),
            (Some(from), Some(to), _) => (*from, *to),
            _ => {
                self.reports.push(
                    Diagnostic::new(
                        Code::UnexpectedToken,
                        span,
                        "reserved range without its end",
                    )
                    .help("write both ends: `20..=29`"),
                );
                return None;
            }
        };
        Some(Spanned {
            value: ReservedEntry::Numbers(first, last),
            span,
        })
    }

    /// A word with the blanks around it.
    fn with_space(&self, word: Span) -> Span {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let bytes = self.masked.as_bytes();
        let before = bytes[..word.start as usize]
            .iter()
            .rev()
            .take_while(|byte| blank(byte))
            .count();
        let behind = bytes[word.end as usize..]
            .iter()
            .take_while(|byte| blank(byte))
            .count();
        let wide = |count: usize| u32::try_from(count).unwrap_or(0);
        Span::new(
            word.file,
            word.start - wide(before),
            word.end + wide(behind),
        )
    }

    pub(super) fn method(
        &mut self,
        parts: Pairs<'a, Rule>,
        mut annotations: Vec<Annotation>,
        span: Span,
        inner: Span,
    ) -> Option<Method> {
        let (mut name, mut request, mut reply, mut throws) = (None, None, None, Vec::new());
        let mut late: Option<Span> = None;
        let mut whole = true;
        let mut foreign = false;
        let body = parts
            .clone()
            .find(|part| part.as_rule() == Rule::proto_body)
            .map(|part| self.span(&part));
        for part in parts {
            let place = self.span(&part);
            match part.as_rule() {
                Rule::ident => name = Some(self.ident(&part)),
                Rule::request => request = self.request(part),
                Rule::reply => {
                    foreign = part.clone().into_inner().any(|part| part.as_rule() == Rule::proto_returns);
                    reply = self.reply(part, body);
                    whole &= reply.is_some();
                }
                Rule::throws => {
                    let paths = part.into_inner().filter(|part| part.as_rule() == Rule::path);
                    throws = paths.map(|part| self.path(part)).collect();
                }
                Rule::annotation => {
                    late = Some(late.map_or(place, |late| late.to(place)));
                    annotations.extend(self.annotation(part));
                }
                // Told together with `returns`.
                Rule::proto_body if foreign => {}
                Rule::proto_body => self.reports.push(
                    Diagnostic::new(Code::ForeignKeyword, place, "a method has no body")
                        .help("write `;`; what protobuf writes as options are annotations before the method")
                        .fix(place, ";"),
                ),
                _ => {}
            }
        }
        if let Some(late) = late {
            let report = Diagnostic::new(
                Code::MisplacedAnnotation,
                late,
                "annotation behind its method",
            )
            .help("move it before the method: `@annotation rpc …;`");
            self.reports
                .push(self.moved(report, late, inner.before(), "", " "));
        }
        let name = name?;
        let docs = self.take_docs(span.start, name.span.end);
        let request = request?;
        whole.then_some(Method {
            docs,
            annotations,
            name,
            request,
            reply,
            throws,
            span,
        })
    }

    fn request(&mut self, pair: Pair<'a, Rule>) -> Option<Request> {
        let span = self.span(&pair);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::payload => return self.payload(part).map(Request::Message),
                Rule::params => {
                    let entries: Vec<_> = part
                        .into_inner()
                        .filter(|part| part.as_rule() == Rule::param)
                        .collect();
                    let mut fields = Vec::new();
                    for entry in entries {
                        let place = self.span(&entry);
                        match self.field(entry.into_inner(), place) {
                            Some(field) => fields.push(field),
                            None => self.lose(Context::Message, place),
                        }
                    }
                    return Some(Request::Arguments(fields, span));
                }
                _ => {}
            }
        }
        Some(Request::Nothing(span))
    }

    /// `body` is what protobuf writes behind it.
    fn reply(&mut self, pair: Pair<'a, Rule>, body: Option<Span>) -> Option<Payload> {
        let span = self.span(&pair);
        let mut foreign = None;
        let mut payload = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::proto_returns => foreign = Some(self.span(&part)),
                Rule::payload => payload = Some(part),
                _ => {}
            }
        }
        let payload = payload?;
        if let Some(word) = foreign {
            let meant = format!("-> {}", self.original(self.span(&payload)));
            let end = if body.is_some() { ";" } else { "" };
            self.reports.push(
                Diagnostic::new(Code::ForeignKeyword, word, "there is no keyword `returns`")
                    .help(format!("write `{meant}{end}`"))
                    .fix(
                        body.map_or(span, |body| span.to(body)),
                        format!("{meant}{end}"),
                    ),
            );
        }
        self.payload(payload)
    }

    fn payload(&mut self, pair: Pair<'a, Rule>) -> Option<Payload> {
        let span = self.span(&pair);
        let mut stream = None;
        let mut ty = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::kw_stream => stream = Some(self.span(&part)),
                Rule::type_ref => ty = self.ty(part),
                _ => {}
            }
        }
        Some(Payload {
            stream,
            ty: ty?,
            span,
        })
    }

    /// The report with the edit that moves annotations of one line to another place, `before` and `behind` around them.
    pub(super) fn moved(
        &self,
        report: Diagnostic,
        annotations: Span,
        to: Span,
        before: &str,
        behind: &str,
    ) -> Diagnostic {
        let text = self.original(annotations);
        // The masked text is blank where a comment is, or something that was reported.
        if text != self.masked(annotations) || text.contains('\n') {
            return report;
        }
        let line = &self.masked[..annotations.start as usize];
        let blanks = line.len() - line.trim_end_matches([' ', '\t']).len();
        let gap = Span {
            start: annotations.start - u32::try_from(blanks).unwrap_or(0),
            ..annotations
        };
        report
            .fix(gap, "")
            .fix(to, format!("{before}{text}{behind}"))
    }

    /// Reports annotations before a statement that takes none.
    pub(super) fn not_annotated(&mut self, annotations: &[Annotation], what: &str) {
        if let (Some(first), Some(last)) = (annotations.first(), annotations.last()) {
            self.reports.push(
                Diagnostic::new(
                    Code::MisplacedAnnotation,
                    first.span.to(last.span),
                    format!("`{what}` takes no annotations"),
                )
                .help("remove it, or move it before the declaration it is meant for"),
            );
        }
    }

    /// Annotations before a field or enum value: reported, and kept as if they stood behind.
    pub(super) fn annotations_behind(
        &mut self,
        annotations: Vec<Annotation>,
        inner: Span,
    ) -> Vec<Annotation> {
        if let (Some(first), Some(last)) = (annotations.first(), annotations.last()) {
            let place = first.span.to(last.span);
            let text = self.original(place);
            let terminated = self.masked(inner).ends_with(';');
            let mut report = Diagnostic::new(
                Code::MisplacedAnnotation,
                place,
                "annotation before a field or value",
            )
            .help(format!(
                "move it behind the number: `… = 1 {};`",
                super::scan::shorten(text)
            ));
            if terminated && !text.contains('\n') {
                let end = Span::new(inner.file, inner.end - 1, inner.end - 1);
                let gap = Span {
                    end: inner.start,
                    ..place
                };
                report = report.fix(gap, "").fix(end, format!(" {text}"));
            }
            self.reports.push(report);
        }
        annotations
    }
}
