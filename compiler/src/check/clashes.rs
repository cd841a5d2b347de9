//! Names that meet only once they are Rust or protobuf: after case conversion, and with what the compiler makes.

use std::collections::HashSet;

use heck::{ToShoutySnakeCase, ToSnakeCase, ToUpperCamelCase};

use crate::source::Span;
use crate::syntax::ast::{self, Ident, Item, Member};

use super::claims::{Claim, Claims, Space};
use super::enums::descriptor_name;
use super::{Check, join, package};

/// What the compiler makes of a service in each major, by the end of its name.
const OF_A_SERVICE: [&str; 5] = ["", "Client", "BlockingClient", "Server", "Mock"];

/// A scope of names: in `.rpc` and protobuf, and in Rust.
struct Scope {
    full: String,
    module: String,
}

impl Check<'_> {
    /// Reports every pair of names that meet.
    pub(super) fn clashes(&mut self) {
        let mut claims = Claims::default();
        for (id, decl) in self.names.iter() {
            let first = self.names.named(&decl.name.0)[0];
            if first != id
                && let (Some(first), Some(second)) = (self.names.decl(first).span, decl.span)
            {
                claims.known(first, second);
            }
        }
        for file in &self.loaded.files {
            let Some(path) = &file.ast.package else {
                continue;
            };
            let full = package(&file.ast);
            let mut scope = Scope {
                full: String::new(),
                module: String::new(),
            };
            for part in &path.parts {
                let what = format!("the package `{}`", join(&scope.full, &part.text));
                let claim = Claim {
                    span: part.span,
                    what,
                    generated: false,
                };
                let module = part.text.to_snake_case();
                claims.claim(Space::Protobuf, &scope.full, &part.text, claim.clone());
                claims.claim(Space::Module, &scope.module, &module, claim);
                scope = Scope {
                    full: join(&scope.full, &part.text),
                    module: join(&scope.module, &module),
                };
            }
            debug_assert_eq!(scope.full, full);
            let what = format!("the descriptor set of the package `{}`", scope.full);
            let claim = made(path.span, what);
            claims.claim(Space::Value, &scope.module, "FILE_DESCRIPTOR_SET", claim);
            for item in &file.ast.items {
                self.item_claims(&mut claims, &scope, item);
            }
        }
        self.out.append(&mut claims.out);
    }

    fn item_claims(&self, claims: &mut Claims, scope: &Scope, item: &Item) {
        match item {
            Item::Const(item) => {
                let claim = declared("the constant", &item.name);
                claims.claim(
                    Space::Value,
                    &scope.module,
                    &item.name.text.to_shouty_snake_case(),
                    claim,
                );
            }
            Item::Message(item) => {
                message_claims(claims, scope, "the message", &item.name, &item.members);
            }
            Item::Error(item) => {
                message_claims(claims, scope, "the error", &item.name, &item.members);
            }
            Item::Enum(item) => enum_claims(claims, scope, item),
            Item::Service(item) => self.service_claims(claims, scope, item),
        }
    }

    fn service_claims(&self, claims: &mut Claims, scope: &Scope, item: &ast::Service) {
        let name = item.name.text.to_upper_camel_case();
        let service = declared("the service", &item.name);
        claims.claim(
            Space::Protobuf,
            &scope.full,
            &item.name.text,
            service.clone(),
        );
        let group = made(
            item.name.span,
            format!("the group enum of the service `{}`", item.name.text),
        );
        claims.claim(Space::Type, &scope.module, &format!("{name}Group"), group);
        for method in &item.methods {
            if let Some(request) = self.requests.get(&method.name.span) {
                let what = format!(
                    "the request message of `{}.{}`",
                    item.name.text, method.name.text
                );
                let claim = made(method.name.span, what);
                claims.claim(Space::Protobuf, &scope.full, request, claim.clone());
                claims.claim(Space::Type, &scope.module, request, claim);
            }
        }
        for major in majors(item) {
            let module = format!("v{major}");
            let what = format!(
                "the module of major {major} of the services of `{}`",
                scope.full
            );
            claims.claim(
                Space::Module,
                &scope.module,
                &module,
                made(item.name.span, what),
            );
            let module = join(&scope.module, &module);
            for end in OF_A_SERVICE {
                let claim = match end {
                    "" => service.clone(),
                    end => made(
                        item.name.span,
                        format!(
                            "the {} of the service `{}`",
                            end.to_snake_case().replace('_', " "),
                            item.name.text
                        ),
                    ),
                };
                claims.claim(Space::Type, &module, &format!("{name}{end}"), claim);
            }
            let throwing = item
                .methods
                .iter()
                .filter(|method| !method.throws.is_empty());
            for method in throwing {
                let error = format!("{name}{}Error", method.name.text.to_upper_camel_case());
                let what = format!(
                    "the error enum of `{}.{}`",
                    item.name.text, method.name.text
                );
                claims.claim(Space::Type, &module, &error, made(method.name.span, what));
            }
        }
    }
}

fn message_claims(
    claims: &mut Claims,
    scope: &Scope,
    kind: &str,
    name: &Ident,
    members: &[Member],
) {
    let claim = declared(kind, name);
    claims.claim(Space::Protobuf, &scope.full, &name.text, claim.clone());
    claims.claim(
        Space::Type,
        &scope.module,
        &name.text.to_upper_camel_case(),
        claim.clone(),
    );
    let inner = Scope {
        full: join(&scope.full, &name.text),
        module: join(&scope.module, &name.text.to_snake_case()),
    };
    let nests = members.iter().any(|member| {
        matches!(
            member,
            Member::Message(_) | Member::Enum(_) | Member::Oneof(_)
        )
    });
    if nests {
        let what = format!("what is inside {}", claim.what);
        claims.claim(
            Space::Module,
            &scope.module,
            &name.text.to_snake_case(),
            made(name.span, what),
        );
    }
    let mut fields: Vec<&ast::Field> = Vec::new();
    // Two members of one name are reported with the fields; here they meet only other things.
    let mut names = HashSet::new();
    for member in members {
        match member {
            Member::Field(field) => fields.push(field),
            Member::Oneof(oneof) => {
                fields.extend(&oneof.fields);
                let claim = declared("the oneof", &oneof.name);
                claims.claim(
                    Space::Type,
                    &inner.module,
                    &oneof.name.text.to_upper_camel_case(),
                    claim.clone(),
                );
                if names.insert(&*oneof.name.text) {
                    claims.claim(Space::Protobuf, &inner.full, &oneof.name.text, claim);
                }
            }
            Member::Reserved(_) => {}
            Member::Message(nested) => {
                message_claims(claims, &inner, "the message", &nested.name, &nested.members);
            }
            Member::Enum(nested) => enum_claims(claims, &inner, nested),
        }
    }
    for field in fields {
        if !names.insert(&field.name.text) {
            continue;
        }
        let claim = declared("the field", &field.name);
        claims.claim(Space::Protobuf, &inner.full, &field.name.text, claim);
        if matches!(field.ty.kind, ast::TypeKind::Map(..)) {
            let entry = format!("{}Entry", field.name.text.to_upper_camel_case());
            let what = format!("the entry message of the map `{}`", field.name.text);
            claims.claim(
                Space::Protobuf,
                &inner.full,
                &entry,
                made(field.name.span, what),
            );
        }
    }
}

fn enum_claims(claims: &mut Claims, scope: &Scope, item: &ast::Enum) {
    let claim = declared("the enum", &item.name);
    claims.claim(Space::Protobuf, &scope.full, &item.name.text, claim.clone());
    claims.claim(
        Space::Type,
        &scope.module,
        &item.name.text.to_upper_camel_case(),
        claim,
    );
    let bare = item
        .annotations
        .iter()
        .any(|annotation| &*annotation.name.text == "bare_names");
    let mut names = HashSet::new();
    for value in &item.values {
        // Protobuf puts the values of an enum beside the enum, not inside.
        let name = descriptor_name(&item.name.text, &value.name.text, bare);
        if !names.insert(name.clone()) {
            // Two of one enum are reported with the enum.
            continue;
        }
        let what = format!(
            "the value `{}` of the enum `{}`",
            value.name.text, item.name.text
        );
        let claim = Claim {
            span: value.name.span,
            what,
            generated: false,
        };
        claims.claim(Space::Protobuf, &scope.full, &name, claim);
    }
}

fn declared(kind: &str, name: &Ident) -> Claim {
    Claim {
        span: name.span,
        what: format!("{kind} `{}`", name.text),
        generated: false,
    }
}

fn made(span: Span, what: String) -> Claim {
    Claim {
        span,
        what,
        generated: true,
    }
}

/// The majors of a service.
fn majors(item: &ast::Service) -> Vec<u32> {
    let mut majors: Vec<u32> = item
        .versions
        .iter()
        .take(1)
        .flat_map(|line| &line.releases)
        .map(|release| release.value.major)
        .collect();
    if majors.is_empty() {
        majors.push(1);
    }
    majors.sort_unstable();
    majors.dedup();
    majors
}
