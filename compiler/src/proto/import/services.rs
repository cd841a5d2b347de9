//! Services. Those of packages `x.v1`, `x.v2` that hold nothing else are the majors of one service of `x`.

use std::collections::{BTreeMap, BTreeSet};

use heck::ToUpperCamelCase as _;
use prost_types::method_options::IdempotencyLevel;
use prost_types::{MethodDescriptorProto, ServiceDescriptorProto};

use super::catalogue::made_from;
use super::{Source, catalogue, marks};
use crate::print::deprecated;
use crate::print::form::{self, Field, Item, Member, Method, Request};

const SERVICES: i32 = 6;
const METHODS: i32 = 2;
const SERVICE_OPTIONS: i32 = 3;
const METHOD_OPTIONS: i32 = 4;

const EMPTY: &str = ".google.protobuf.Empty";

/// A service as one file has it.
pub(super) struct Offer {
    /// The file that it stood in.
    file: String,
    /// The import path of the contract that it goes to, and its package.
    path: String,
    package: String,
    major: u32,
    service: form::Service,
    /// Whether it is one that was exported: then windows are said.
    marked: bool,
    methods: Vec<Called>,
    /// The contracts whose types it uses.
    used: BTreeSet<String>,
}

/// A method, and the message that its argument list was, if that is marked.
#[derive(Clone, PartialEq)]
struct Called {
    method: Method,
    arguments: Option<String>,
    /// Of an unmarked one: since when it is deprecated is not known.
    deprecated: Option<String>,
}

impl Source<'_, '_> {
    /// The services of the file.
    pub(super) fn offers(&mut self) -> Vec<Offer> {
        let services = (0..).zip(&self.file.service);
        services
            .map(|(index, service)| self.offer(&[SERVICES, index], service))
            .collect()
    }

    fn offer(&mut self, path: &[i32], service: &ServiceDescriptorProto) -> Offer {
        let imported = self.package.clone();
        let major = split_major(&imported);
        let (package, major, path_of_contract) = match major {
            Some((outer, major)) if !self.catalogue.declares(&imported) => {
                (outer.to_owned(), major, self.without_version(outer))
            }
            _ => {
                let major = major.map_or(1, |(_, major)| major);
                let what = format!(
                    "`{}` is called as `{imported}.v{major}.{}` from now on: a service stands in the package `x` of its \
                     major `x.v{major}`",
                    service.name(),
                    service.name(),
                );
                self.note(path, what);
                (imported.clone(), major, catalogue::path(self.file))
            }
        };
        let options = service.options.clone().unwrap_or_default();
        self.custom_options(path, SERVICE_OPTIONS, "ServiceOptions");
        let said = self.comments.said(path, options.deprecated());
        let mut made = form::Service {
            above: said.above,
            name: service.name().to_owned(),
            ..form::Service::default()
        };
        let mut marked = false;
        for mark in &said.marks {
            if let Some(of_service) = marks::service(mark) {
                marked = true;
                made.versions = of_service.versions;
                made.groups = of_service.groups;
            } else if let Some(annotations) = marks::annotations(mark) {
                made.above.annotations.extend(annotations);
            } else {
                self.note(path, format!("`callsheet: {mark}` is not understood"));
            }
        }
        let known = |annotation: &String| annotation.starts_with("@deprecated(");
        if options.deprecated() && !made.above.annotations.iter().any(known) {
            let reason = said.deprecated.as_deref().unwrap_or("no reason is given");
            made.above.annotations.push(deprecated(reason));
        }
        let used = std::mem::take(&mut self.used);
        let package_of_file = std::mem::replace(&mut self.package, package.clone());
        let scope = format!("{package}.{}", service.name());
        let methods = (0..).zip(&service.method);
        let methods: Vec<Called> = methods
            .map(|(index, method)| {
                let path = [path, &[METHODS, index]].concat();
                self.method(&path, &scope, service.name(), method)
            })
            .collect();
        self.package = package_of_file;
        Offer {
            file: self.file.name().to_owned(),
            path: path_of_contract,
            package,
            major,
            service: made,
            marked,
            methods,
            used: std::mem::replace(&mut self.used, used),
        }
    }

    /// The contract of a file `shop/orders/v1/orders.proto`: what it was made from, or else `shop/orders/orders.rpc`.
    fn without_version(&self, package: &str) -> String {
        if let Some(source) = made_from(self.file) {
            return source;
        }
        let name = self.file.name();
        let stem = name.rsplit('/').next().unwrap_or(name);
        let stem = stem.strip_suffix(".proto").unwrap_or(stem);
        format!("{}/{stem}.rpc", package.replace('.', "/"))
    }

    fn method(
        &mut self,
        path: &[i32],
        scope: &str,
        service: &str,
        method: &MethodDescriptorProto,
    ) -> Called {
        let options = method.options.clone().unwrap_or_default();
        self.custom_options(path, METHOD_OPTIONS, "MethodOptions");
        let said = self.comments.said(path, false);
        let mut above = said.above;
        let mut of_method: Option<marks::OfMethod> = None;
        for mark in &said.marks {
            match marks::method(mark) {
                Some(found) => of_method = Some(found),
                None => self.note(path, format!("`callsheet: {mark}` is not understood")),
            }
        }
        let marked = of_method.is_some();
        let of_method = of_method.unwrap_or_default();
        above.annotations.extend(of_method.annotations);
        let idempotent = matches!(
            options.idempotency_level(),
            IdempotencyLevel::Idempotent | IdempotencyLevel::NoSideEffects
        );
        if !marked && idempotent {
            above.annotations.push("@idempotent".to_owned());
        }
        let name = method.input_type();
        let request = if name == EMPTY && !method.client_streaming() {
            Request::Nothing
        } else {
            let stream = if method.client_streaming() {
                "stream "
            } else {
                ""
            };
            Request::Message(format!("{stream}{}", self.name(scope, name)))
        };
        let arguments = of_method
            .arguments
            .then(|| name.rsplit('.').next().unwrap_or(name).to_owned())
            .filter(|simple| is_request_of(simple, service, method.name()));
        let stream = if method.server_streaming() {
            "stream "
        } else {
            ""
        };
        let reply = (method.output_type() != EMPTY || method.server_streaming())
            .then(|| format!("{stream}{}", self.name(scope, method.output_type())));
        let throws = of_method
            .throws
            .iter()
            .map(|name| self.name(scope, name))
            .collect();
        let is_deprecated = options.deprecated() && !marked;
        Called {
            method: Method {
                above,
                name: method.name().to_owned(),
                request,
                reply,
                throws,
            },
            arguments,
            deprecated: is_deprecated.then(|| {
                let said = self.comments.said(path, true);
                said.deprecated.unwrap_or_default()
            }),
        }
    }

    fn name(&mut self, scope: &str, name: &str) -> String {
        let (written, import) = self.catalogue.written(&self.package, scope, name);
        self.used.extend(import);
        written
    }
}

/// `shop.orders.v2` in its parts.
fn split_major(package: &str) -> Option<(&str, u32)> {
    let (outer, last) = package.rsplit_once('.')?;
    let digits = last.strip_prefix('v')?;
    let plain = digits.starts_with(|first: char| matches!(first, '1'..='9'))
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| Some((outer, digits.parse().ok()?))).flatten()
}

/// Whether the compiler would give this name to the request of a method.
fn is_request_of(name: &str, service: &str, method: &str) -> bool {
    let mut service = service.to_upper_camel_case();
    if service.starts_with(|first: char| first.is_ascii_digit()) {
        service.insert(0, '_');
    }
    let start = format!("{service}{}Request", method.to_upper_camel_case());
    let version = |rest: &str| {
        rest.strip_prefix('V')
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    name.strip_prefix(&start)
        .is_some_and(|rest| rest.is_empty() || version(rest))
}

/// Puts every service into its contract, the majors of one together.
pub(super) fn settle(
    offers: Vec<Offer>,
    forms: &mut BTreeMap<String, form::File>,
    imports: &mut BTreeMap<String, BTreeSet<String>>,
) {
    let mut services: Vec<((String, String), Vec<Offer>)> = Vec::new();
    // A service stands behind the one that it stood behind.
    let (mut file, mut cursor) = (String::new(), 0);
    for offer in offers {
        if offer.file != file {
            file.clone_from(&offer.file);
            cursor = 0;
        }
        let key = (offer.package.clone(), offer.service.name.clone());
        if let Some(known) = services.iter().position(|(known, _)| *known == key) {
            services[known].1.push(offer);
            cursor = known + 1;
        } else {
            services.insert(cursor, (key, vec![offer]));
            cursor += 1;
        }
    }
    for ((package, _), mut majors) in services {
        majors.sort_by_key(|offer| offer.major);
        let mut path = majors[0].path.clone();
        // Two packages cannot share a contract.
        while forms
            .get(&path)
            .is_some_and(|form| !form.package.is_empty() && form.package != package)
        {
            path = format!("{}_.rpc", path.strip_suffix(".rpc").unwrap_or(&path));
        }
        let used = imports.entry(path.clone()).or_default();
        for offer in &mut majors {
            used.append(&mut offer.used);
        }
        let service = united(majors, &path, &package, forms);
        let form = forms.entry(path).or_default();
        form.package = package;
        form.items.push(Item::Service(service));
    }
}

/// One service of its majors.
fn united(
    majors: Vec<Offer>,
    path: &str,
    package: &str,
    forms: &mut BTreeMap<String, form::File>,
) -> form::Service {
    struct Life {
        called: Called,
        first: u32,
        last: u32,
    }
    let marked = majors.iter().all(|offer| offer.marked);
    let numbers: Vec<u32> = majors.iter().map(|offer| offer.major).collect();
    let mut service = form::Service::default();
    let mut lives: Vec<Life> = Vec::new();
    for offer in majors {
        if service.name.is_empty() || (service.above.docs.is_empty() && !offer.marked) {
            service = offer.service;
        }
        // A method stands behind the one that it stood behind.
        let mut cursor = 0;
        for called in offer.methods {
            if let Some(known) = lives.iter().position(|life| life.called == called) {
                lives[known].last = offer.major;
                cursor = known + 1;
            } else {
                let (first, last) = (offer.major, offer.major);
                lives.insert(
                    cursor,
                    Life {
                        called,
                        first,
                        last,
                    },
                );
                cursor += 1;
            }
        }
    }
    let (oldest, newest) = (numbers[0], numbers[numbers.len() - 1]);
    if !marked {
        service.versions = numbers.iter().map(|major| format!("{major}.0")).collect();
    }
    for life in lives {
        let Life {
            mut called,
            first,
            last,
        } = life;
        let annotations = &mut called.method.above.annotations;
        if !marked {
            if let Some(reason) = &called.deprecated {
                let reason = match &**reason {
                    "" => String::new(),
                    reason => format!(", {}", crate::print::string(reason)),
                };
                annotations.insert(0, format!("@deprecated({first}.0{reason})"));
            }
            if first != oldest {
                annotations.insert(0, format!("@added({first}.0)"));
            }
            if last != newest {
                let next = numbers.iter().find(|major| **major > last);
                annotations.extend(next.map(|next| format!("@removed({next}.0)")));
            }
        }
        if let Some(name) = &called.arguments
            && let Some(fields) = take_message(forms, path, package, name)
        {
            called.method.request = Request::Arguments(fields);
        }
        service.methods.push(called.method);
    }
    if service.versions == ["1.0"] {
        service.versions.clear();
    }
    if service.groups == ["default"] {
        service.groups.clear();
    }
    service
}

/// Takes a message out of the contracts of its package, where it can be an argument list.
fn take_message(
    forms: &mut BTreeMap<String, form::File>,
    path: &str,
    package: &str,
    name: &str,
) -> Option<Vec<Field>> {
    // Most stand in the contract that their service goes to.
    let first = forms
        .get_mut(path)
        .filter(|form| form.package == package)
        .and_then(|form| take_from(form, name));
    first.or_else(|| {
        let mut others = forms.values_mut().filter(|form| form.package == package);
        others.find_map(|form| take_from(form, name))
    })
}

fn take_from(form: &mut form::File, name: &str) -> Option<Vec<Field>> {
    let position = form.items.iter().position(|item| {
        matches!(item, Item::Message(message) if message.name == name
                && message.code.is_none()
                && message.above == form::Above::default()
                && !message.members.is_empty()
                && message.members.iter().all(|member| matches!(member, Member::Field(_))))
    });
    if let Some(position) = position
        && let Item::Message(message) = form.items.remove(position)
    {
        let fields = message
            .members
            .into_iter()
            .filter_map(|member| match member {
                Member::Field(field) => Some(field),
                _ => None,
            });
        return Some(fields.collect());
    }
    None
}
