//! The views of services.

use std::collections::BTreeMap;

use callsheet_templates as views;
use heck::ToUpperCamelCase as _;
use prost_types::FileDescriptorProto;

use crate::codegen::docs;
use crate::codegen::lints::{self, MethodLints};
use crate::descriptor;
use crate::model::{Error, FullName, Groups, Message, Method, Model, Release, Service, StatusCode};

use super::calls::{Reply, Request, behind_comma};
use super::names::{bare, camel, derived, method, shouty, snake};
use super::policy;
use super::rules::Rules;
use super::types::Scope;

/// What a service refers to: every declaration of the model by name.
pub(in crate::codegen) struct Catalogue<'a> {
    messages: BTreeMap<&'a FullName, &'a Message>,
    errors: BTreeMap<&'a FullName, &'a Error>,
    /// What messages have rules.
    pub(in crate::codegen) rules: Rules<'a>,
    model: &'a Model,
    well_known: &'a [FileDescriptorProto],
}

impl<'a> Catalogue<'a> {
    pub(in crate::codegen) fn new(model: &'a Model, well_known: &'a [FileDescriptorProto]) -> Self {
        let files = || model.files.iter();
        Self {
            messages: files()
                .flat_map(|file| &file.messages)
                .map(|message| (&message.name, message))
                .collect(),
            errors: files()
                .flat_map(|file| &file.errors)
                .map(|error| (&error.message.name, error))
                .collect(),
            rules: Rules::new(model),
            model,
            well_known,
        }
    }

    pub(super) fn message(&self, name: &FullName) -> Option<&'a Message> {
        self.messages.get(name).copied()
    }

    /// The numbers of the fields on a path from a message.
    pub(super) fn field_numbers(&self, message: &FullName, path: &[String]) -> Vec<i32> {
        descriptor::field_numbers(self.model, self.well_known, message, path)
    }
}

/// A service as it is at one release, which is the newest that is generated of its major.
pub(in crate::codegen) struct Surface<'a> {
    service: &'a Service,
    release: Release,
}

/// The majors of a service: at `at`, those that had begun, each at its newest minor that is not newer.
pub(in crate::codegen) fn surfaces(service: &Service, at: Option<Release>) -> Vec<Surface<'_>> {
    let mut surfaces: Vec<Surface<'_>> = Vec::new();
    for &release in &service.releases {
        if at.is_some_and(|at| release > at) {
            continue;
        }
        match surfaces.last_mut() {
            Some(last) if last.release.major == release.major => last.release = release,
            _ => surfaces.push(Surface { service, release }),
        }
    }
    surfaces
}

impl Surface<'_> {
    pub(in crate::codegen) fn major(&self) -> u32 {
        self.release.major
    }

    /// Its view, and the lints that it sets off.
    pub(in crate::codegen) fn view(
        &self,
        scope: Scope<'_>,
        catalogue: &Catalogue<'_>,
        lints: &mut MethodLints,
    ) -> views::Service {
        let service = self.service;
        let base = service.name.simple();
        let methods: Vec<&Method> = service.methods_at(self.release).collect();
        let reason = service.deprecated.as_ref().map(|d| &*d.reason);
        lints.named(&camel(base));
        views::Service {
            docs: docs::comment_or(&service.docs, &format!("`{}`", service.name), reason),
            full_name: service.name.to_string(),
            descriptor: shouty(service.name.simple()),
            client: derived(base, "Client"),
            blocking_client: derived(base, "BlockingClient"),
            server: derived(base, "Server"),
            mock: derived(base, "Mock"),
            handler: format!("__Rpc{}", derived(base, "Handler").trim_start_matches('_')),
            group: format!("super::{}", derived(base, "Group")),
            release: arguments(self.release),
            releases: self.releases().map(arguments).collect(),
            group_names: service
                .groups
                .named
                .iter()
                .map(|g| g.name.clone())
                .collect(),
            open_groups: service.groups.open,
            errors: methods
                .iter()
                .filter(|method| !method.throws.is_empty())
                .map(|method| typed_error(base, method, scope, catalogue))
                .collect(),
            methods: methods
                .iter()
                .enumerate()
                .map(|(index, method)| self.method(base, index, method, scope, catalogue, lints))
                .collect(),
            name: camel(base),
        }
    }

    /// The releases of this major that are generated.
    fn releases(&self) -> impl Iterator<Item = Release> {
        let newest = self.release;
        self.service
            .releases
            .iter()
            .copied()
            .filter(move |release| release.major == newest.major && *release <= newest)
    }

    fn method(
        &self,
        service: &str,
        index: usize,
        declared: &Method,
        scope: Scope<'_>,
        catalogue: &Catalogue<'_>,
        lints: &mut MethodLints,
    ) -> views::Method {
        let name = method(&declared.name);
        lints.method(&name);
        let deprecated = declared
            .deprecated
            .as_ref()
            .filter(|(since, _)| *since <= self.release)
            .map(|(since, reason)| match reason {
                Some(reason) => format!("since release {since}: {reason}"),
                None => format!("since release {since}"),
            });
        if deprecated.is_some() {
            lints.deprecated();
        }
        if declared.throws.len() > 1 {
            lints.several_errors();
        }
        for error in &declared.throws {
            lints.named(&camel(error.simple()));
        }

        let request = Request::new(declared, scope, catalogue, lints);
        let reply = Reply::new(declared, service, scope);
        let first = self.releases().next().unwrap_or(self.release);
        views::Method {
            docs: docs::comment_or(&declared.docs, &format!("`{}`", declared.name), None),
            attributes: deprecated
                .map(|text| docs::deprecated(&text) + "\n")
                .unwrap_or_default(),
            contract_name: declared.name.clone(),
            index,
            setter: format!(
                "on_{}",
                bare(&snake(&declared.name)).trim_start_matches('_')
            ),
            parameters: request.parameters,
            client_parameters: request.client_parameters,
            parameter_types: request.types,
            arguments: request.arguments.join(", "),
            more_arguments: behind_comma(&request.arguments),
            result: reply.result,
            call: reply.call,
            shape: shape(declared).0.to_owned(),
            payload: request.payload,
            handler_parameter: request.handler_parameter,
            handler_arguments: behind_comma(&request.handler_arguments),
            path: format!(
                "{}.v{}.{}/{}",
                scope.package_name(),
                self.major(),
                self.service.name.simple(),
                declared.name
            ),
            since: arguments(declared.window.added.max(first)),
            kind: shape(declared).1.to_owned(),
            request_name: declared.request.message.to_string(),
            reply_name: declared.reply.to_string(),
            policy: policy::expression(declared, catalogue),
            accept: request.accept,
            name,
        }
    }
}

fn typed_error(
    service: &str,
    declared: &Method,
    scope: Scope<'_>,
    catalogue: &Catalogue<'_>,
) -> views::TypedError {
    views::TypedError {
        name: error_name(service, declared),
        method: declared.name.clone(),
        variants: declared
            .throws
            .iter()
            .filter_map(|name| catalogue.errors.get(name))
            .map(|error| views::Variant {
                name: camel(error.message.name.simple()),
                path: scope.path(&error.message.name),
                full_name: error.message.name.to_string(),
                code: code(error.code).to_owned(),
                foreign: scope.is_foreign(&error.message.name),
            })
            .collect(),
    }
}

/// The enum of a method that throws: `OrdersPlaceError`.
pub(super) fn error_name(service: &str, declared: &Method) -> String {
    derived(service, &(declared.name.to_upper_camel_case() + "Error"))
}

/// The enum of a service's groups.
pub(in crate::codegen) fn group_enum(service: &Service) -> views::GroupEnum {
    let Groups { named, open } = &service.groups;
    let name = derived(service.name.simple(), "Group");
    let groups: Vec<views::Group> = named
        .iter()
        .map(|group| views::Group {
            variant: camel(&group.name),
            name: group.name.clone(),
        })
        .collect();
    let variants: Vec<String> = groups.iter().map(|group| group.variant.clone()).collect();
    let attributes = lints::enumeration(&name, &variants);
    let free = if variants.iter().any(|variant| variant == "Other") {
        "Other_"
    } else {
        "Other"
    };
    views::GroupEnum {
        service: service.name.to_string(),
        name,
        derives: if *open {
            "Clone, Debug, PartialEq, Eq, Hash".to_owned()
        } else {
            "Clone, Copy, Debug, PartialEq, Eq, Hash".to_owned()
        },
        attributes,
        groups,
        open: open.then(|| free.to_owned()),
    }
}

/// The function that makes or takes such a call, and the runtime's name of the kind.
fn shape(declared: &Method) -> (&'static str, &'static str) {
    match (declared.request.stream, declared.reply_stream) {
        (false, false) if declared.policy.oneway => ("one_way", "OneWay"),
        (false, false) => ("unary", "Unary"),
        (true, false) => ("client_stream", "ClientStream"),
        (false, true) => ("server_stream", "ServerStream"),
        (true, true) => ("bidi_stream", "BidiStream"),
    }
}

pub(super) fn code(code: StatusCode) -> &'static str {
    match code {
        StatusCode::Cancelled => "Cancelled",
        StatusCode::Unknown => "Unknown",
        StatusCode::InvalidArgument => "InvalidArgument",
        StatusCode::DeadlineExceeded => "DeadlineExceeded",
        StatusCode::NotFound => "NotFound",
        StatusCode::AlreadyExists => "AlreadyExists",
        StatusCode::PermissionDenied => "PermissionDenied",
        StatusCode::ResourceExhausted => "ResourceExhausted",
        StatusCode::FailedPrecondition => "FailedPrecondition",
        StatusCode::Aborted => "Aborted",
        StatusCode::OutOfRange => "OutOfRange",
        StatusCode::Unimplemented => "Unimplemented",
        StatusCode::Internal => "Internal",
        StatusCode::Unavailable => "Unavailable",
        StatusCode::DataLoss => "DataLoss",
        StatusCode::Unauthenticated => "Unauthenticated",
    }
}

fn arguments(release: Release) -> String {
    format!("{}, {}", release.major, release.minor)
}
