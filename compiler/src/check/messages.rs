//! Messages and errors: their members.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Error, FullName, Message, Oneof};
use crate::source::Span;
use crate::syntax::ast::{self, Member};

use super::numbers::Numbers;
use super::reserved::Reservations;
use super::table::Target;
use super::{Check, Place, join};

/// What a message is made from.
pub(super) struct Body<'a> {
    pub(super) docs: ast::Docs,
    pub(super) name: String,
    pub(super) span: Span,
    pub(super) members: &'a [Member],
}

impl<'a> Check<'a> {
    /// A message with all that is nested in it.
    pub(super) fn message(&mut self, place: Place<'_>, item: &'a ast::Message) -> Message {
        let annotations = self.annotations(place, Target::Message, &item.annotations);
        let deprecated = annotations.deprecation();
        let body = Body {
            docs: item.docs,
            name: join(place.scope, &item.name.text),
            span: item.name.span,
            members: &item.members,
        };
        Message {
            deprecated,
            ..self.body(place.file, &body)
        }
    }

    /// An error; nothing where its status code is unknown.
    pub(super) fn error(&mut self, place: Place<'_>, item: &'a ast::Error) -> Option<Error> {
        let annotations = self.annotations(place, Target::Error, &item.annotations);
        let deprecated = annotations.deprecation();
        let code = self.status_code(&item.code.text, item.code.span);
        let body = Body {
            docs: item.docs,
            name: join(place.scope, &item.name.text),
            span: item.name.span,
            members: &item.members,
        };
        let message = Message {
            deprecated,
            ..self.body(place.file, &body)
        };
        Some(Error {
            message,
            code: code?,
        })
    }

    fn body(&mut self, file: usize, body: &Body<'a>) -> Message {
        let place = Place {
            file,
            scope: &body.name,
        };
        let mut made = Message {
            name: FullName(body.name.as_str().into()),
            docs: self.docs(body.docs),
            deprecated: None,
            // Most members are fields, and the model holds many: none of it is room that stays empty.
            fields: Vec::with_capacity(body.members.len()),
            oneofs: Vec::new(),
            messages: Vec::new(),
            enums: Vec::new(),
            reserved_numbers: Vec::new(),
            reserved_names: Vec::new(),
            span: body.span,
        };
        let statements = body.members.iter().filter_map(|member| match member {
            Member::Reserved(reserved) => Some(reserved),
            _ => None,
        });
        let reservations = self.reservations(statements, &Numbers::FIELD);
        for member in body.members {
            match member {
                Member::Field(field) => {
                    let field = self.field(place, field, None);
                    made.fields.extend(field.made);
                }
                Member::Oneof(oneof) => {
                    let position = made.oneofs.len();
                    let described = self.oneof(place, oneof);
                    made.oneofs.push(described);
                    for field in &oneof.fields {
                        let field = self.field(place, field, Some(position));
                        made.fields.extend(field.made);
                    }
                }
                Member::Reserved(_) => {}
                Member::Message(nested) => {
                    let nested = self.message(place, nested);
                    made.messages.push(nested);
                }
                Member::Enum(nested) => {
                    let nested = self.enumeration(place, nested);
                    made.enums.push(nested);
                }
            }
        }
        self.member_names(body.members);
        let fields = fields(body.members);
        self.field_numbers(&fields, &reservations);
        self.field_names(&fields, body.members);
        for name in fields.iter().map(|field| &field.name) {
            self.not_reserved(name, &reservations, "field");
        }
        Reservations {
            numbers: made.reserved_numbers,
            names: made.reserved_names,
        } = reservations.finish();
        made
    }

    fn oneof(&mut self, place: Place<'_>, item: &ast::Oneof) -> Oneof {
        let annotations = self.annotations(place, Target::Oneof, &item.annotations);
        if item.fields.is_empty() && !self.lost_in(place.file, item.span) {
            self.report(
                Diagnostic::new(
                    Code::EmptyOneof,
                    item.name.span,
                    format!("the oneof `{}` has no members", item.name.text),
                )
                .label("nothing to choose from")
                .help("add a field, or remove the oneof"),
            );
        }
        Oneof {
            name: item.name.text.to_string(),
            docs: self.docs(item.docs),
            required: annotations.get("required").is_some(),
            span: item.name.span,
        }
    }

    /// Whether the parser lost something in `span` of `file`, so that more is there than the tree says.
    pub(super) fn lost_in(&self, file: usize, span: Span) -> bool {
        self.loaded.files[file].ast.lost.within(span)
    }
}

/// Every field, members of oneofs included, in order.
pub(super) fn fields(members: &[Member]) -> Vec<&ast::Field> {
    let mut fields = Vec::new();
    for member in members {
        match member {
            Member::Field(field) => fields.push(field),
            Member::Oneof(oneof) => fields.extend(&oneof.fields),
            Member::Reserved(_) | Member::Message(_) | Member::Enum(_) => {}
        }
    }
    fields
}
