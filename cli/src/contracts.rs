//! Services and methods of contracts, found by the names that people write.

use std::path::PathBuf;

use callsheet::governance::{Document, Fault};
use callsheet::resilience::check_reply;
use callsheet::{MethodDescriptor, MethodKind, Policy, Release, Schema, ServiceDescriptor};
use callsheet_build::descriptor;
use callsheet_build::model::{self, Method, Model, Service};
use prost::Message as _;
use prost_types::FileDescriptorSet;

use crate::arguments::{Colours, Format, Input, When};
use crate::check::analyse;
use crate::report::Failure;

/// What the contracts at these paths mean.
pub(crate) fn model(paths: &[PathBuf]) -> Result<Model, Failure> {
    let input = Input {
        paths: paths.to_vec(),
        roots: Vec::new(),
        format: Format::Short,
        deny: Vec::new(),
        warn: Vec::new(),
        allow: Vec::new(),
        colours: Colours { when: When::Auto },
    };
    let (analysis, _) = analyse(&input)?;
    analysis
        .model
        .ok_or_else(|| Failure("the contracts have errors: mend them first".into()))
}

/// The service with this full name.
pub(crate) fn service<'a>(model: &'a Model, name: &str) -> Option<&'a Service> {
    let mut services = model.files.iter().flat_map(|file| &file.services);
    services.find(|service| service.name.to_string() == name)
}

/// The names of all services.
pub(crate) fn services(model: &Model) -> String {
    let services = model.files.iter().flat_map(|file| &file.services);
    let mut names: Vec<String> = services.map(|one| one.name.to_string()).collect();
    names.sort();
    if names.is_empty() {
        return "none".to_owned();
    }
    names.join(", ")
}

/// The newest method of a service with this name.
pub(crate) fn method<'a>(service: &'a Service, name: &str) -> Option<&'a Method> {
    service
        .methods
        .iter()
        .rev()
        .find(|method| method.name == name)
}

/// What travels each way.
pub(crate) fn kind(method: &Method) -> MethodKind {
    match (
        method.policy.oneway,
        method.request.stream,
        method.reply_stream,
    ) {
        (true, ..) => MethodKind::OneWay,
        (_, false, false) => MethodKind::Unary,
        (_, true, false) => MethodKind::ClientStream,
        (_, false, true) => MethodKind::ServerStream,
        (_, true, true) => MethodKind::BidiStream,
    }
}

/// What in a document does not fit a service: what its clients and servers would refuse it for.
pub(crate) fn misfits(model: &Model, service: &Service, document: &Document) -> Vec<Fault> {
    let schema = FileDescriptorSet {
        file: descriptor::lower(model),
    };
    // As generated code has it: for as long as the process runs, which is one command.
    let schema = Box::leak(Box::new(Schema::new(schema.encode_to_vec().leak(), &[])));
    let majors = service.majors().into_iter();
    let faults = majors.map(|newest| {
        let contract = at(service, newest, schema);
        document.check_contract(&contract, &check_reply)
    });
    // As they do: one of several majors may lack what another has.
    faults.min_by_key(Vec::len).unwrap_or_default()
}

/// A service at one release, as generated code describes it, but for what documents have no part in.
fn at(service: &Service, release: model::Release, schema: &'static Schema) -> ServiceDescriptor {
    let name = leaked(service.name.to_string());
    let since = Release::new(release.major, release.minor);
    let methods = service.methods_at(release).enumerate();
    let methods = methods.map(|(index, method)| MethodDescriptor {
        service: name,
        name: leaked(method.name.clone()),
        path: leaked(format!("{name}/{}", method.name)),
        index,
        since,
        kind: kind(method),
        request: leaked(method.request.message.to_string()),
        reply: leaked(method.reply.to_string()),
        policy: Policy::UNSET,
    });
    ServiceDescriptor {
        name,
        release: since,
        releases: &[],
        groups: &[],
        open_groups: service.groups.open,
        methods: methods.collect::<Vec<_>>().leak(),
        schema,
    }
}

fn leaked(text: String) -> &'static str {
    text.leak()
}
