//! How calls may be treated: what goes with what.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Balance, Cluster, Compression, MethodPolicy, Priority, Request, Retry};
use crate::source::Span;
use crate::syntax::ast::{self, Ident, ValueKind};

use super::annotations::{Annotations, Checked};
use super::{Check, Place};

/// The policy that annotations ask for, with the places that reports point at.
#[derive(Debug, Default)]
pub(super) struct Effects<'a> {
    pub(super) policy: MethodPolicy,
    pub(super) retry: Option<Span>,
    pub(super) hedge: Option<Span>,
    pub(super) oneway: Option<Span>,
    /// Whether `@cluster` and `@balance` are written, right or wrong.
    pub(super) cluster: Option<Span>,
    pub(super) balance: Option<Span>,
    pub(super) hash_path: Option<(&'a [Ident], Span)>,
}

impl Effects<'_> {
    /// The policy of a method, with the defaults of its service where it says nothing.
    pub(super) fn over(&self, defaults: &Effects<'_>) -> MethodPolicy {
        let (own, service) = (&self.policy, &defaults.policy);
        MethodPolicy {
            timeout: own.timeout.or(service.timeout),
            balance: own.balance.clone().or_else(|| service.balance.clone()),
            cluster: own.cluster.or(service.cluster),
            limit: own.limit.or(service.limit),
            max_size: own.max_size.or(service.max_size),
            compress: own.compress.or(service.compress),
            priority: own.priority.or(service.priority),
            ..own.clone()
        }
    }
}

impl Check<'_> {
    /// What the annotations of a service or method ask for.
    pub(super) fn effects<'t>(
        &mut self,
        place: Place<'_>,
        annotations: &Annotations<'t>,
    ) -> Effects<'t> {
        let mut effects = Effects::default();
        for given in annotations.iter() {
            let policy = &mut effects.policy;
            match (given.name, given.argument(0)) {
                ("timeout", Some(Checked::Duration(micros))) => policy.timeout = Some(*micros),
                ("hedge", argument) => {
                    effects.hedge = Some(given.span);
                    if let Some(Checked::Duration(micros)) = argument {
                        policy.hedge = Some(*micros);
                    }
                }
                ("idempotent", _) => policy.idempotent = true,
                ("oneway", _) => {
                    policy.oneway = true;
                    effects.oneway = Some(given.span);
                }
                ("limit", Some(Checked::Count(calls))) => policy.limit = Some(*calls),
                ("max_size", Some(Checked::Size(bytes))) => policy.max_size = Some(*bytes),
                ("compress", Some(Checked::Word(word))) => {
                    policy.compress = Some(match *word {
                        "zstd" => Compression::Zstd,
                        "gzip" => Compression::Gzip,
                        _ => Compression::Identity,
                    });
                }
                ("priority", Some(Checked::Word(word))) => {
                    policy.priority = Some(match *word {
                        "low" => Priority::Low,
                        "high" => Priority::High,
                        _ => Priority::Normal,
                    });
                }
                ("retry", attempts) => {
                    effects.retry = Some(given.span);
                    policy.retry = Some(Retry {
                        attempts: match attempts {
                            Some(Checked::Count(attempts)) => *attempts,
                            // Two more attempts find another instance when one is down and one is slow.
                            _ => 2,
                        },
                        on: match given.argument(1) {
                            Some(Checked::Codes(codes)) => codes.clone(),
                            _ => Vec::new(),
                        },
                        backoff: match given.argument(2) {
                            Some(Checked::Backoff(backoff)) => Some(*backoff),
                            _ => None,
                        },
                    });
                }
                ("cluster", argument) => {
                    effects.cluster = Some(given.span);
                    if let Some(Checked::Own(value)) = argument {
                        effects.policy.cluster = self.cluster(place, value);
                    }
                }
                ("balance", argument) => {
                    effects.balance = Some(given.span);
                    if let Some(Checked::Own(value)) = argument {
                        let value = *value;
                        effects.policy.balance = self.balance(value);
                        if let (Some(Balance::ConsistentHash(_)), ValueKind::Call(_, arguments)) =
                            (&effects.policy.balance, &value.kind)
                            && let [ast::Argument { value, .. }] = &arguments[..]
                            && let ValueKind::FieldPath(path) = &value.kind
                        {
                            effects.hash_path = Some((path, value.span));
                        }
                    }
                }
                _ => {}
            }
        }
        effects
    }

    /// Whether what a method asks for goes with what it is.
    pub(super) fn own_policy(
        &mut self,
        method: &ast::Method,
        own: &Effects<'_>,
        request: Option<&Request>,
    ) {
        let mut out = Vec::new();
        if let Some(oneway) = own.oneway {
            oneway_method(method, oneway, &mut out);
        }
        for (code, span, text) in faults(&Shape::of(method, own), own) {
            // One report for all that repeats calls: `@idempotent` mends them together.
            if let Some(report) = out
                .iter_mut()
                .find(|report: &&mut Diagnostic| report.code == code)
            {
                report.labels.push(crate::diagnostic::Label {
                    span,
                    text: text.to_owned(),
                });
                continue;
            }
            out.push(
                Diagnostic::new(
                    code,
                    span,
                    format!("`{}` {}", method.name.text, what_is(code)),
                )
                .label(text)
                .also(method.name.span, "the method")
                .help(advice(code)),
            );
        }
        self.out.extend(out);
        if let (Some((path, span)), Some(request)) = (own.hash_path, request) {
            let fault = if request.stream {
                Some((
                    Code::StreamPolicy,
                    "a hash path cannot look into a request stream".to_owned(),
                    span,
                    None,
                ))
            } else {
                self.hash_fault(&request.message, path)
            };
            if let Some((code, message, span, help)) = fault {
                let help = help.unwrap_or_else(|| advice(code).to_owned());
                self.report(
                    Diagnostic::new(code, span, message)
                        .label(match code {
                            Code::HashPathUnknown => "no such field",
                            Code::HashPathType => "does not lead to a scalar or enum",
                            _ => "a stream has no one value to hash",
                        })
                        .also(method.name.span, "the method")
                        .help(help),
                );
            }
        }
    }

    /// Whether the defaults of a service go with every method that does not override them.
    pub(super) fn default_policy(
        &mut self,
        item: &ast::Service,
        defaults: &Effects<'_>,
        own: &[Effects<'_>],
        taken: &[Option<Request>],
    ) {
        let mut reports: Vec<Diagnostic> = Vec::new();
        let mut add = |code: Code, span: Span, text: &str, place: Span, help: &str| {
            // A report with a hundred places helps nobody.
            const MOST: usize = 8;
            let report = if let Some(known) = reports
                .iter()
                .position(|report| report.code == code && report.primary.span == span)
            {
                &mut reports[known]
            } else {
                let message = format!(
                    "a default of `{}` does not go with all its methods",
                    item.name.text
                );
                reports.push(
                    Diagnostic::new(code, span, message)
                        .label("the default")
                        .help(help),
                );
                let last = reports.len() - 1;
                &mut reports[last]
            };
            if report.labels.len() < MOST {
                report.labels.push(crate::diagnostic::Label {
                    span: place,
                    text: text.to_owned(),
                });
            }
        };
        for ((method, own), taken) in item.methods.iter().zip(own).zip(taken) {
            if own.cluster.is_none() {
                let merged = Effects {
                    policy: MethodPolicy {
                        cluster: defaults.policy.cluster,
                        ..MethodPolicy::default()
                    },
                    cluster: defaults.cluster,
                    ..Effects::default()
                };
                let shape = Shape::of(method, own);
                for (code, span, text) in faults(&shape, &merged) {
                    let help =
                        "give this method a `@cluster` of its own, such as `@cluster(failover)`";
                    add(code, span, text, method.name.span, help);
                }
            }
            if let (None, Some((path, span)), Some(request)) =
                (own.balance, defaults.hash_path, taken)
            {
                let help = "give this method a `@balance` of its own";
                if request.stream {
                    add(
                        Code::StreamPolicy,
                        span,
                        "takes a stream",
                        method.name.span,
                        help,
                    );
                } else if let Some((code, message, _, _)) = self.hash_fault(&request.message, path)
                {
                    add(code, span, &message, method.name.span, help);
                }
            }
        }
        self.out.extend(reports);
    }
}

/// What a policy must go with.
struct Shape {
    idempotent: bool,
    oneway: bool,
    request_stream: bool,
    reply_stream: bool,
}

impl Shape {
    fn of(method: &ast::Method, own: &Effects<'_>) -> Self {
        Self {
            idempotent: own.policy.idempotent,
            oneway: own.policy.oneway,
            request_stream: matches!(&method.request, ast::Request::Message(payload) if payload.stream.is_some()),
            reply_stream: method
                .reply
                .as_ref()
                .is_some_and(|reply| reply.stream.is_some()),
        }
    }
}

/// What of `effects` does not go with a method of this shape; the first reason for each.
fn faults(shape: &Shape, effects: &Effects<'_>) -> Vec<(Code, Span, &'static str)> {
    let any_stream = shape.request_stream || shape.reply_stream;
    let forking = matches!(effects.policy.cluster, Some(Cluster::Forking(_)));
    let broadcast = matches!(effects.policy.cluster, Some(Cluster::Broadcast));
    let spread = effects.cluster.filter(|_| forking || broadcast);
    // What is asked for, whether it repeats the call, whether it goes with these streams.
    let asked = [
        (
            effects.retry,
            true,
            !shape.request_stream,
            "goes with unary methods and server streams",
        ),
        (
            effects.hedge,
            true,
            !any_stream,
            "goes with unary methods only",
        ),
        (spread, forking, !any_stream, "goes with unary methods only"),
    ];
    let mut faults = Vec::new();
    let replaced = matches!(
        effects.policy.cluster,
        Some(Cluster::Failsafe | Cluster::Failback)
    );
    if let Some(span) = effects.cluster.filter(|_| replaced && any_stream) {
        faults.push((Code::StreamPolicy, span, "goes with unary methods only"));
    }
    for (span, repeats, streams, fits) in asked {
        let Some(span) = span else { continue };
        if shape.oneway {
            faults.push((Code::OnewayPolicy, span, "waits for an answer"));
        } else if !streams {
            faults.push((Code::StreamPolicy, span, fits));
        } else if repeats && !shape.idempotent {
            faults.push((Code::NotIdempotent, span, "may run the call more than once"));
        }
    }
    faults
}

fn what_is(code: Code) -> &'static str {
    match code {
        Code::OnewayPolicy => "is one-way, and this needs an answer",
        Code::StreamPolicy => "has a stream that this does not go with",
        _ => "is not idempotent, and this may repeat it",
    }
}

fn advice(code: Code) -> &'static str {
    match code {
        Code::OnewayPolicy => "remove it, or remove `@oneway`",
        Code::StreamPolicy => "remove it, or make the method one without such a stream",
        _ => "add `@idempotent` if running it twice does no harm, or remove it",
    }
}

fn oneway_method(method: &ast::Method, oneway: Span, out: &mut Vec<Diagnostic>) {
    let name = &method.name.text;
    let thrown = method
        .throws
        .first()
        .map(|path| (path.span, "throws errors"));
    let answer = method.reply.as_ref().map(|reply| (reply.span, "replies"));
    if let Some((span, text)) = answer.or(thrown) {
        let mut report = Diagnostic::new(
            Code::OnewayAnswer,
            span,
            format!("`{name}` is one-way, and nobody waits for its answer"),
        )
        .label(text)
        .also(oneway, "one-way")
        .help("remove the reply and `throws`, or remove `@oneway`");
        if let (Some(_), Some((span, text))) = (answer, thrown) {
            report = report.also(span, text);
        }
        out.push(report);
    }
    if let ast::Request::Message(payload) = &method.request
        && let Some(stream) = payload.stream
    {
        out.push(
            Diagnostic::new(
                Code::OnewayStream,
                stream,
                format!("`{name}` is one-way, and its request is a stream"),
            )
            .label("a stream needs an answer to end with")
            .also(oneway, "one-way")
            .help("remove `stream`, or remove `@oneway`"),
        );
    }
}
