//! Services as `.proto` text: for each source and major a file of its own package.

use std::collections::BTreeSet;

use prost_types::{
    FileDescriptorProto, MethodDescriptorProto, MethodOptions, ServiceDescriptorProto,
    ServiceOptions, method_options::IdempotencyLevel,
};

use crate::model::{Docs, File, FullName, Method, Model, Release, Service};
use crate::print;

use super::Written;
use super::comment::Comment;
use super::context::Context;
use super::declarations::head;
use super::write::Writer;

/// Where in a `FileDescriptorProto` services are, and in a `ServiceDescriptorProto` methods.
const FILE_SERVICES: i32 = 6;
const SERVICE_METHODS: i32 = 2;

/// What one source offers at one major.
pub(super) struct Offer<'m> {
    file: &'m File,
    /// Of the `.proto` file.
    pub(super) path: String,
    /// `shop.orders.v1`
    package: String,
    /// Each with the release it is shown at: the newest minor of the major.
    services: Vec<(&'m Service, Release)>,
}

/// Every offer of a model, by the position of the source and the major. `paths` are taken.
pub(super) fn offers<'m>(
    model: &'m Model,
    paths: &[String],
    at: Option<Release>,
) -> Vec<Offer<'m>> {
    let mut taken: BTreeSet<String> = paths.iter().cloned().collect();
    let mut offers = Vec::new();
    for file in &model.files {
        let mut majors: BTreeSet<u32> = BTreeSet::new();
        for service in &file.services {
            majors.extend(shown(service, at).iter().map(|release| release.major));
        }
        for major in majors {
            let services = file.services.iter().filter_map(|service| {
                let release = shown(service, at)
                    .into_iter()
                    .find(|release| release.major == major)?;
                Some((service, release))
            });
            offers.push(Offer {
                file,
                path: path(file, major, &mut taken),
                package: format!("{}.v{major}", file.package),
                services: services.collect(),
            });
        }
    }
    offers
}

/// The newest release of each major that had begun at `at`.
fn shown(service: &Service, at: Option<Release>) -> Vec<Release> {
    let mut service = Service {
        methods: Vec::new(),
        docs: Docs::default(),
        ..service.clone()
    };
    service
        .releases
        .retain(|release| at.is_none_or(|at| *release <= at));
    service.majors()
}

/// `shop/orders/v1/orders.proto`: in the folder of the package, under the name of the source; with underscores where two
/// sources of one package have one name.
fn path(file: &File, major: u32, taken: &mut BTreeSet<String>) -> String {
    let folder = file.package.0.replace('.', "/");
    let source = file.import_path.rsplit('/').next().unwrap_or_default();
    let mut stem = source.strip_suffix(".rpc").unwrap_or(source).to_owned();
    loop {
        let path = format!("{folder}/v{major}/{stem}.proto");
        if taken.insert(path.clone()) {
            return path;
        }
        stem.push('_');
    }
}

/// The text of an offer.
pub(super) fn write(context: &Context<'_>, offer: &Offer<'_>, source_info: bool) -> Written {
    let imports = imports(context, offer);
    let mut out = Writer::new(source_info);
    head(
        &mut out,
        &offer.file.import_path,
        &[],
        &offer.package,
        &imports,
        |_| {},
    );
    for (index, (service, release)) in (0..).zip(&offer.services) {
        out.blank();
        let comment = Comment::of(&service.docs)
            .deprecated(service.deprecated.as_ref().map(|why| &*why.reason))
            .mark(&[said_of_service(service)]);
        out.element(&[FILE_SERVICES, index], &comment, None, |out| {
            out.block(format_args!("service {}", service.name.simple()), |out| {
                if service.deprecated.is_some() {
                    out.line(format_args!("option deprecated = true;"));
                }
                for (index, method) in (0..).zip(service.methods_at(*release)) {
                    rpc(context, offer, out, index, service, method, *release);
                }
            });
        });
    }
    let (text, info) = out.finish();
    Written {
        text,
        imports,
        info,
    }
}

fn rpc(
    context: &Context<'_>,
    offer: &Offer<'_>,
    out: &mut Writer,
    index: i32,
    service: &Service,
    method: &Method,
    release: Release,
) {
    let comment = Comment::of(&method.docs).mark(&said_of_method(service, method));
    // Protobuf looks a method's types up among the methods first.
    let hidden = |name: &str| {
        let first = name.split('.').next();
        service.methods.iter().any(|one| Some(&*one.name) == first)
    };
    let name = |name: &FullName| {
        let scope = format!("{}.{}", offer.package, service.name.simple());
        let written = context.symbols.written(&offer.package, &scope, &name.0);
        if hidden(&written) {
            format!(".{name}")
        } else {
            written.into_owned()
        }
    };
    let stream = |is: bool| if is { "stream " } else { "" };
    if !comment.lines.is_empty() {
        out.blank();
    }
    out.element(&[SERVICE_METHODS, index], &comment, None, |out| {
        let head = format!(
            "rpc {}({}{}) returns ({}{})",
            method.name,
            stream(method.request.stream),
            name(&method.request.message),
            stream(method.reply_stream),
            name(&method.reply)
        );
        let deprecated = is_deprecated(method, release);
        if !deprecated && !method.policy.idempotent {
            out.line(format_args!("{head};"));
            return;
        }
        out.block(format_args!("{head}"), |out| {
            if deprecated {
                out.line(format_args!("option deprecated = true;"));
            }
            if method.policy.idempotent {
                out.line(format_args!("option idempotency_level = IDEMPOTENT;"));
            }
        });
    });
}

fn is_deprecated(method: &Method, release: Release) -> bool {
    let since = method.deprecated.as_ref();
    since.is_some_and(|(since, _)| *since <= release)
}

/// `versions 1.0, 1.1; groups default, wholesale;`
fn said_of_service(service: &Service) -> String {
    format!("{} {}", print::versions(service), print::groups(service))
}

/// `(…) @added(1.1) @idempotent throws shop.orders.OutOfStock`
fn said_of_method(service: &Service, method: &Method) -> Vec<String> {
    let mut words = Vec::new();
    if method.request.arguments {
        words.push("arguments".to_owned());
    }
    let first = service.releases.first().copied();
    words.extend(print::window(method, first.unwrap_or(method.window.added)));
    words.extend(print::policy(&method.policy));
    if !method.throws.is_empty() {
        let names: Vec<String> = method.throws.iter().map(FullName::to_string).collect();
        words.push(format!("throws {}", names.join(", ")));
    }
    words
}

fn imports(context: &Context<'_>, offer: &Offer<'_>) -> Vec<String> {
    let mut found: BTreeSet<&str> = BTreeSet::new();
    for (service, release) in &offer.services {
        for method in service.methods_at(*release) {
            found.extend(context.home(&method.request.message));
            found.extend(context.home(&method.reply));
        }
    }
    found.into_iter().map(str::to_owned).collect()
}

/// The descriptor of an offer.
pub(super) fn lower(
    context: &Context<'_>,
    offer: &Offer<'_>,
    source_info: bool,
) -> FileDescriptorProto {
    let written = write(context, offer, source_info);
    let services = offer
        .services
        .iter()
        .map(|(service, release)| ServiceDescriptorProto {
            name: Some(service.name.simple().to_owned()),
            method: service
                .methods_at(*release)
                .map(|method| lower_method(method, *release))
                .collect(),
            options: service.deprecated.as_ref().map(|_| ServiceOptions {
                deprecated: Some(true),
                ..ServiceOptions::default()
            }),
        });
    FileDescriptorProto {
        name: Some(offer.path.clone()),
        package: Some(offer.package.clone()),
        dependency: written.imports,
        service: services.collect(),
        source_code_info: written.info,
        syntax: Some("proto3".to_owned()),
        ..FileDescriptorProto::default()
    }
}

fn lower_method(method: &Method, release: Release) -> MethodDescriptorProto {
    let deprecated = is_deprecated(method, release).then_some(true);
    let idempotent = method.policy.idempotent;
    MethodDescriptorProto {
        name: Some(method.name.clone()),
        input_type: Some(format!(".{}", method.request.message)),
        output_type: Some(format!(".{}", method.reply)),
        client_streaming: method.request.stream.then_some(true),
        server_streaming: method.reply_stream.then_some(true),
        options: (idempotent || deprecated.is_some()).then(|| MethodOptions {
            deprecated,
            idempotency_level: idempotent.then_some(IdempotencyLevel::Idempotent.into()),
            ..MethodOptions::default()
        }),
    }
}
