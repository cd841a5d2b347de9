//! Names that meet only once they are Rust or protobuf: after case conversion, and with what the compiler makes.

use std::collections::HashSet;

use rustc_hash::FxHashSet;

use crate::case;
use crate::source::Span;
use crate::syntax::ast::{self, Ident, Item, Member};

use super::claims::{Claim, Claims, Space};
use super::enums::{prefix, with_prefix};
use super::join;
use super::whole::Whole;

/// What the compiler makes of a service in each major, by the end of its name.
const OF_A_SERVICE: [&str; 5] = ["", "Client", "BlockingClient", "Server", "Mock"];

/// A scope of names: in `.rpc` and protobuf, and in Rust.
struct Scope {
    full: String,
    module: String,
}

/// The majors of packages whose modules are claimed.
type Majors = HashSet<(String, u32)>;

impl Whole<'_> {
    /// Reports every pair of names that meet.
    pub(super) fn clashes(&mut self) {
        let mut claims = Claims::at_a_glance();
        self.all_claims(&mut claims);
        if !claims.look_closer() {
            return;
        }
        for (id, decl) in self.names.iter() {
            let first = self.names.named(&decl.name.0)[0];
            if first != id
                && let (Some(first), Some(second)) = (self.names.decl(first).span, decl.span)
            {
                claims.known(first, second);
            }
        }
        self.all_claims(&mut claims);
        self.out.append(&mut claims.out);
    }

    fn all_claims(&self, claims: &mut Claims) {
        // What every file of a package claims in the same words is claimed once.
        let mut packages = HashSet::new();
        let mut majors = HashSet::new();
        for file in &self.loaded.files {
            let Some(path) = &file.ast.package else {
                continue;
            };
            let mut scope = Scope {
                full: String::new(),
                module: String::new(),
            };
            for part in &path.parts {
                let full = join(&scope.full, &part.text);
                let module = case::snake(&part.text);
                if packages.insert(full.clone()) {
                    let claim = || Claim {
                        span: part.span,
                        what: format!("the package `{full}`"),
                        generated: false,
                    };
                    claims.claim(Space::Protobuf, &scope.full, &part.text, claim);
                    claims.claim(Space::Module, &scope.module, &module, claim);
                }
                scope = Scope {
                    module: join(&scope.module, &module),
                    full,
                };
            }
            if packages.insert(format!("{} itself", scope.full)) {
                claims.claim(Space::Value, &scope.module, "FILE_DESCRIPTOR_SET", || {
                    let what = format!("the descriptor set of the package `{}`", scope.full);
                    made(path.span, what)
                });
            }
            for item in &file.ast.items {
                self.item_claims(claims, &scope, &mut majors, item);
            }
        }
    }

    fn item_claims(&self, claims: &mut Claims, scope: &Scope, majors: &mut Majors, item: &Item) {
        match item {
            Item::Const(item) => {
                let claim = || declared("the constant", &item.name);
                claims.claim(
                    Space::Value,
                    &scope.module,
                    &case::shouty(&item.name.text),
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
            Item::Service(item) => self.service_claims(claims, scope, majors, item),
        }
    }

    fn service_claims(
        &self,
        claims: &mut Claims,
        scope: &Scope,
        known: &mut Majors,
        item: &ast::Service,
    ) {
        let name = case::upper_camel(&item.name.text);
        let service = || declared("the service", &item.name);
        claims.claim(Space::Protobuf, &scope.full, &item.name.text, service);
        let group = || {
            let what = format!("the group enum of the service `{}`", item.name.text);
            made(item.name.span, what)
        };
        claims.claim(Space::Type, &scope.module, &format!("{name}Group"), group);
        for method in &item.methods {
            if let Some(request) = self.requests.get(&method.name.span) {
                let claim = || {
                    let (service, method_name) = (&item.name.text, &method.name.text);
                    let what = format!("the request message of `{service}.{method_name}`");
                    made(method.name.span, what)
                };
                claims.claim(Space::Protobuf, &scope.full, request, claim);
                claims.claim(Space::Type, &scope.module, request, claim);
            }
        }
        for major in majors(item) {
            let module = format!("v{major}");
            if known.insert((scope.full.clone(), major)) {
                claims.claim(Space::Module, &scope.module, &module, || {
                    let what = format!(
                        "the module of major {major} of the services of `{}`",
                        scope.full
                    );
                    made(item.name.span, what)
                });
            }
            let module = join(&scope.module, &module);
            for end in OF_A_SERVICE {
                let claim = || match end {
                    "" => service(),
                    end => made(
                        item.name.span,
                        format!(
                            "the {} of the service `{}`",
                            case::snake(end).replace('_', " "),
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
                let error = format!("{name}{}Error", case::upper_camel(&method.name.text));
                claims.claim(Space::Type, &module, &error, || {
                    let what = format!(
                        "the error enum of `{}.{}`",
                        item.name.text, method.name.text
                    );
                    made(method.name.span, what)
                });
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
    let claim = || declared(kind, name);
    claims.claim(Space::Protobuf, &scope.full, &name.text, claim);
    claims.claim(
        Space::Type,
        &scope.module,
        &case::upper_camel(&name.text),
        claim,
    );
    let inner = Scope {
        full: join(&scope.full, &name.text),
        module: join(&scope.module, &case::snake(&name.text)),
    };
    let nests = members.iter().any(|member| {
        matches!(
            member,
            Member::Message(_) | Member::Enum(_) | Member::Oneof(_)
        )
    });
    if nests {
        claims.claim(
            Space::Module,
            &scope.module,
            &case::snake(&name.text),
            || made(name.span, format!("what is inside {}", claim().what)),
        );
    }
    let mut fields: Vec<&ast::Field> = Vec::new();
    // Two members of one name are reported with the fields; here they meet only other things.
    let mut names = FxHashSet::default();
    for member in members {
        match member {
            Member::Field(field) => fields.push(field),
            Member::Oneof(oneof) => {
                fields.extend(&oneof.fields);
                let claim = || declared("the oneof", &oneof.name);
                claims.claim(
                    Space::Type,
                    &inner.module,
                    &case::upper_camel(&oneof.name.text),
                    claim,
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
        claims.claim(Space::Protobuf, &inner.full, &field.name.text, || {
            declared("the field", &field.name)
        });
        if matches!(field.ty.kind, ast::TypeKind::Map(..)) {
            let entry = format!("{}Entry", case::upper_camel(&field.name.text));
            claims.claim(Space::Protobuf, &inner.full, &entry, || {
                let what = format!("the entry message of the map `{}`", field.name.text);
                made(field.name.span, what)
            });
        }
    }
}

fn enum_claims(claims: &mut Claims, scope: &Scope, item: &ast::Enum) {
    let claim = || declared("the enum", &item.name);
    claims.claim(Space::Protobuf, &scope.full, &item.name.text, claim);
    claims.claim(
        Space::Type,
        &scope.module,
        &case::upper_camel(&item.name.text),
        claim,
    );
    let bare = item
        .annotations
        .iter()
        .any(|annotation| &*annotation.name.text == "bare_names");
    let prefix = prefix(&item.name.text);
    let mut names = FxHashSet::default();
    for value in &item.values {
        // Protobuf puts the values of an enum beside the enum, not inside.
        let name = with_prefix(&prefix, &value.name.text, bare);
        // Two of one enum are reported with the enum.
        if !names.insert(name.clone()) {
            continue;
        }
        claims.claim(Space::Protobuf, &scope.full, &name, || Claim {
            span: value.name.span,
            what: format!(
                "the value `{}` of the enum `{}`",
                value.name.text, item.name.text
            ),
            generated: false,
        });
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
