//! Methods: request, reply, errors.

use std::collections::HashMap;

use crate::case;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Docs, FieldType, FullName, Message, Request};
use crate::resolve::{DeclKind, Want};
use crate::source::Span;
use crate::syntax::ast::{self, Payload, TypeKind};

use super::numbers::Numbers;
use super::{Check, Place, join, lookup, shapes};

/// What a method takes when nothing is written, and what it replies.
const EMPTY: &str = "google.protobuf.Empty";

impl<'a> Check<'a> {
    /// What a method takes.
    pub(super) fn request(
        &mut self,
        place: Place<'_>,
        package: &str,
        method: &'a ast::Method,
        requests: &mut Vec<Message>,
    ) -> Option<Request> {
        match &method.request {
            ast::Request::Nothing(_) => {
                self.needs_well_known(EMPTY);
                Some(Request {
                    message: FullName(EMPTY.into()),
                    stream: false,
                    arguments: false,
                })
            }
            ast::Request::Message(payload) => Some(Request {
                message: self.payload(place, payload, "request")?,
                stream: payload.stream.is_some(),
                arguments: false,
            }),
            ast::Request::Arguments(fields, _) => {
                let simple = self.requests.get(&method.name.span)?.clone();
                let name = FullName(join(package, &simple).into());
                let message = self.argument_list(place, &name, fields, method.name.span);
                requests.push(message);
                Some(Request {
                    message: name,
                    stream: false,
                    arguments: true,
                })
            }
        }
    }

    fn argument_list(
        &mut self,
        place: Place<'_>,
        name: &FullName,
        list: &[ast::Field],
        span: Span,
    ) -> Message {
        let mut fields = Vec::new();
        let mut shapes = Vec::new();
        for item in list {
            let field = self.field(place, item, None);
            shapes.push((field.name.clone(), field.shape()));
            fields.extend(field.made);
        }
        self.fields.insert(name.0.clone(), shapes);
        let list: Vec<&ast::Field> = list.iter().collect();
        let reserved = self.reservations([], &Numbers::FIELD);
        self.field_numbers(&list, &reserved);
        self.field_names(&list, &[]);
        Message {
            name: name.clone(),
            docs: Docs::default(),
            deprecated: None,
            fields,
            oneofs: Vec::new(),
            messages: Vec::new(),
            enums: Vec::new(),
            reserved_numbers: Vec::new(),
            reserved_names: Vec::new(),
            span,
        }
    }

    /// What a method replies.
    pub(super) fn reply(&mut self, place: Place<'_>, method: &ast::Method) -> Option<FullName> {
        if let Some(payload) = &method.reply {
            self.payload(place, payload, "reply")
        } else {
            self.needs_well_known(EMPTY);
            Some(FullName(EMPTY.into()))
        }
    }

    /// The message that a request or reply names.
    fn payload(&mut self, place: Place<'_>, payload: &Payload, role: &str) -> Option<FullName> {
        let found = if let TypeKind::Name(path) = &payload.ty.kind {
            match self.value_type(place, path)? {
                FieldType::Message(name) => return Some(name),
                FieldType::Scalar(scalar) => {
                    format!("the scalar `{}`", lookup::scalar_name(scalar))
                }
                FieldType::Enum(name) => format!("the enum `{name}`"),
            }
        } else {
            self.shape(place, &payload.ty);
            shapes::described(&payload.ty).to_owned()
        };
        let ty = self.sources.text(payload.ty.span);
        let help = match (role, payload.stream) {
            ("request", None) => {
                format!("write an argument list, `(value: {ty} = 1)`, or name a message")
            }
            _ => format!(
                "declare a message with a field of this type, `message Name {{ value: {ty} = 1; }}`, and name it"
            ),
        };
        self.report(
            Diagnostic::new(
                Code::NotAMessage,
                payload.ty.span,
                format!("the {role} of a method is a message, not {found}"),
            )
            .label("not a message")
            .help(help),
        );
        None
    }

    /// The errors that a method throws.
    pub(super) fn throws(&mut self, place: Place<'_>, method: &ast::Method) -> Vec<FullName> {
        let mut thrown: Vec<FullName> = Vec::new();
        let mut exact: HashMap<FullName, Span> = HashMap::new();
        let mut rust: HashMap<String, (FullName, Span)> = HashMap::new();
        for path in &method.throws {
            let built_in =
                !path.absolute && path.parts.len() == 1 && lookup::is_built_in(&path.parts[0].text);
            let declared = if built_in {
                None
            } else {
                self.resolve(place, path, Want::Type)
            };
            let error = declared.filter(|&id| self.names.decl(id).kind == DeclKind::Error);
            let Some(error) = error else {
                if built_in || declared.is_some() {
                    let what = declared
                        .map_or("a built-in type", |id| self.names.decl(id).kind.described());
                    let mut report = Diagnostic::new(
                        Code::ThrowsNotError,
                        path.span,
                        format!(
                            "`{}` is {what}, and only errors are thrown",
                            super::dotted(path)
                        ),
                    )
                    .label("not an error")
                    .help(
                        "declare it as `error Name(status_code) { … }`, or return it as the reply",
                    );
                    if let Some(span) = declared.and_then(|id| self.names.decl(id).span) {
                        report = report.also(span, "declared here");
                    }
                    self.report(report);
                }
                continue;
            };
            let name = self.names.decl(error).name.clone();
            if let Some(first) = exact.get(&name) {
                let report = Diagnostic::new(
                    Code::ThrowsTwice,
                    path.span,
                    format!("`{}` throws `{name}` twice", method.name.text),
                )
                .label("again here")
                .also(*first, "first here")
                .help("name each error once");
                self.report(self.without(report, path.span));
                continue;
            }
            let variant = case::upper_camel(name.simple());
            if let Some((other, first)) = rust.get(&variant) {
                let report = Diagnostic::new(
                    Code::ThrowsSameName,
                    path.span,
                    format!(
                        "`{}` throws two errors called `{variant}`",
                        method.name.text
                    ),
                )
                .label(format!("`{name}`"))
                .also(*first, format!("`{other}`"))
                .help("rename one of the errors: the error enum in Rust has one variant per name");
                self.report(report);
                continue;
            }
            exact.insert(name.clone(), path.span);
            rust.insert(variant, (name.clone(), path.span));
            thrown.push(name);
        }
        thrown
    }
}
