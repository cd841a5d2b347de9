//! Calls as spans and lines of `tracing`, after the semantic conventions of OpenTelemetry for RPC.

use std::time::Duration;

use tokio::time::Instant;
use tracing::field::{Empty, display};
use tracing::{Level, Span, info_span};

use super::client_call::millis;
use super::note::Note;
use super::quota::{Line, Quota};
use super::traces::Traces;
use crate::context::Context;
use crate::contract::{MethodDescriptor, MethodKind};
use crate::metadata::Metadata;
use crate::printable::printable;
use crate::random::{self, Random};
use crate::status::Code;
use crate::trace::{KEY, Part, Position};

/// The most of a notice that is written: panics and peers may say anything.
const NOTICE: usize = 512;

/// Records calls.
#[derive(Debug)]
pub(super) struct Spans {
    traces: Traces,
    chance: Random,
    access: Quota,
    slow: Quota,
}

/// The span of one call, where it is recorded, and its place in the trace.
#[derive(Debug)]
pub(super) struct CallSpan {
    span: Span,
    position: Option<Position>,
}

impl CallSpan {
    pub(super) fn none() -> Self {
        Self {
            span: Span::none(),
            position: None,
        }
    }

    /// Runs a part of the call.
    pub(super) fn within<T>(&self, run: impl FnOnce() -> T) -> T {
        self.span.in_scope(run)
    }

    pub(super) fn trace_id(&self) -> Option<String> {
        let position = self.position?;
        Some(format!("{:032x}", position.trace))
    }

    /// A try is over.
    pub(super) fn tried(&self, instance: &str, why: &str, code: Code, took: Duration) {
        if self.span.is_disabled() {
            return;
        }
        tracing::event!(
            target: "callsheet::call",
            parent: &self.span,
            Level::INFO,
            server.address = instance,
            rpc.response.status_code = code.as_str(),
            why,
            ms = millis(took),
            "try"
        );
    }

    fn ends(&self, code: Code) {
        if self.span.is_disabled() {
            return;
        }
        self.span.record("rpc.response.status_code", code.as_str());
        if code == Code::Ok {
            self.span.record("otel.status_code", "OK");
        } else {
            self.span.record("otel.status_code", "ERROR");
            self.span.record("error.type", code.as_str());
        }
    }
}

macro_rules! call_span {
    ($target:literal, $name:literal, $kind:literal, $method:expr, $parent:expr) => {
        info_span!(
            target: $target,
            parent: $parent,
            $name,
            otel.name = $method.path,
            otel.kind = $kind,
            otel.status_code = Empty,
            rpc.system.name = "callsheet",
            rpc.method = $method.path,
            rpc.response.status_code = Empty,
            error.type = Empty,
            client.address = Empty,
            trace_id = Empty,
            span_id = Empty,
            parent_id = Empty,
        )
    };
}

impl Spans {
    pub(super) fn new(traces: Traces) -> Self {
        Self {
            chance: Random::new(random::seed()),
            access: Quota::new(traces.lines),
            slow: Quota::new(traces.lines),
            traces,
        }
    }

    /// Has `seed` decide which traces are recorded, and their ids.
    pub(super) fn seed(&self, seed: u64) {
        self.chance.reseed(seed);
    }

    /// Whether a trace that begins here is recorded.
    fn samples(&self) -> bool {
        self.traces.sampled >= 1.0 || self.chance.unit() < self.traces.sampled
    }

    /// A client's call begins; the server is told in `metadata`, unless the caller has said something of it there.
    pub(super) fn client(
        &self,
        method: &'static MethodDescriptor,
        metadata: &mut Metadata,
        context: Option<&Context>,
    ) -> CallSpan {
        let given = metadata.text(KEY);
        let has_said = given.is_some();
        let part = context.and_then(Context::part);
        let inherited = || context.and_then(|context| context.metadata().text(KEY));
        let above = match (given, part) {
            (Some(given), _) => Position::parse(given),
            (None, Some(part)) => Some(part.position),
            (None, None) => inherited().and_then(Position::parse),
        };
        let mut tell = |position: Position| {
            if !has_said {
                let told = metadata.insert(KEY, position.to_string());
                told.unwrap_or_else(|error| unreachable!("it is text: {error}"));
            }
        };
        let sampled = above.map_or_else(|| self.samples(), |above| above.sampled);
        if !sampled {
            // Whoever comes later does not decide anew.
            tell(above.unwrap_or_else(|| Position::root(&self.chance, false)));
            return CallSpan::none();
        }
        let current = Span::current();
        let local = if current.is_none() {
            part.map(|part| part.span.clone())
        } else {
            Some(current)
        };
        let parent = local.as_ref().and_then(Span::id);
        let is_local = parent.is_some();
        let span = call_span!("callsheet::call", "call", "client", method, parent);
        let position = self.place(&span, above, is_local);
        tell(position);
        CallSpan {
            span,
            position: Some(position),
        }
    }

    /// A handler is asked.
    pub(super) fn server(
        &self,
        method: &'static MethodDescriptor,
        context: Option<&Context>,
    ) -> CallSpan {
        // A call that was turned away before it had a context: its client records it.
        let Some(context) = context else {
            return CallSpan::none();
        };
        let above = context.metadata().text(KEY).and_then(Position::parse);
        let sampled = above.map_or_else(|| self.samples(), |above| above.sampled);
        let traced = if sampled {
            let span = call_span!("callsheet::serve", "serve", "server", method, None);
            if let Some(peer) = context.peer() {
                span.record("client.address", peer);
            }
            let position = self.place(&span, above, false);
            CallSpan {
                span,
                position: Some(position),
            }
        } else {
            CallSpan {
                span: Span::none(),
                position: Some(above.unwrap_or_else(|| Position::root(&self.chance, false))),
            }
        };
        if let Some(position) = traced.position {
            context.is_part(Part {
                position,
                span: traced.span.clone(),
            });
        }
        traced
    }

    /// Where in its trace the work of `span` is. `above` is where it was begun from.
    fn place(&self, span: &Span, above: Option<Position>, is_local: bool) -> Position {
        let open = above.map_or_else(
            || Position::root(&self.chance, true),
            |above| above.child(&self.chance),
        );
        let position = open_telemetry(span, above.filter(|_| !is_local)).unwrap_or(open);
        if !span.is_disabled() {
            span.record("trace_id", display(format_args!("{:032x}", position.trace)));
            span.record("span_id", display(format_args!("{:016x}", position.span)));
            if let Some(above) = above {
                span.record("parent_id", display(format_args!("{:016x}", above.span)));
            }
        }
        position
    }

    /// A client's call is over.
    pub(super) fn called(
        &self,
        span: &CallSpan,
        method: &MethodDescriptor,
        code: Code,
        took: Duration,
        retries: u64,
    ) {
        span.ends(code);
        if let Line::Written { left_out } = self.slow(method, took) {
            tracing::warn!(
                target: "callsheet::slow",
                parent: &span.span,
                side = "client",
                method = method.path,
                code = code.as_str(),
                ms = millis(took),
                retries,
                trace = span.trace_id().as_deref(),
                left_out = (left_out > 0).then_some(left_out),
                "slow call"
            );
        }
    }

    /// A handler is done.
    pub(super) fn answered(
        &self,
        span: &CallSpan,
        method: &MethodDescriptor,
        peer: Option<&str>,
        code: Code,
        took: Duration,
        (request_bytes, reply_bytes): (usize, usize),
    ) {
        span.ends(code);
        if self.traces.access
            && let Line::Written { left_out } = self.access.take(Instant::now())
        {
            tracing::info!(
                target: "callsheet::access",
                parent: &span.span,
                method = method.path,
                peer,
                code = code.as_str(),
                ms = millis(took),
                request_bytes,
                reply_bytes,
                trace = span.trace_id().as_deref(),
                left_out = (left_out > 0).then_some(left_out),
                "answered"
            );
        }
        if let Line::Written { left_out } = self.slow(method, took) {
            tracing::warn!(
                target: "callsheet::slow",
                parent: &span.span,
                side = "server",
                method = method.path,
                peer,
                code = code.as_str(),
                ms = millis(took),
                request_bytes,
                reply_bytes,
                trace = span.trace_id().as_deref(),
                left_out = (left_out > 0).then_some(left_out),
                "slow call"
            );
        }
    }

    /// What is to be written of a call, if it was slow.
    fn slow(&self, method: &MethodDescriptor, took: Duration) -> Line {
        let streams = matches!(
            method.kind,
            MethodKind::ServerStream | MethodKind::BidiStream | MethodKind::ClientStream
        );
        if streams || self.traces.slow.is_none_or(|slow| took < slow) {
            return Line::LeftOut;
        }
        self.slow.take(Instant::now())
    }
}

/// What OpenTelemetry made of a span, where a layer of it listens. `above` is where in another process it was begun
/// from.
#[cfg(feature = "otel")]
fn open_telemetry(span: &Span, above: Option<Position>) -> Option<Position> {
    use opentelemetry::Context as OtelContext;
    use opentelemetry::trace::{
        SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState,
    };
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    if let Some(above) = above {
        let remote = SpanContext::new(
            TraceId::from(above.trace),
            SpanId::from(above.span),
            TraceFlags::default().with_sampled(above.sampled),
            true,
            TraceState::default(),
        );
        // It fails where no layer listens; then there is nothing to continue.
        let _ = span.set_parent(OtelContext::new().with_remote_span_context(remote));
    }
    let context = span.context();
    let made = context.span().span_context().clone();
    made.is_valid().then(|| Position {
        trace: u128::from_be_bytes(made.trace_id().to_bytes()),
        span: u64::from_be_bytes(made.span_id().to_bytes()),
        sampled: made.is_sampled(),
    })
}

#[cfg(not(feature = "otel"))]
fn open_telemetry(_: &Span, _: Option<Position>) -> Option<Position> {
    None
}

/// Writes what has happened beside calls.
pub(super) fn log(note: &Note<'_>) {
    match *note {
        Note::Told(text) => {
            let text = text.to_string();
            tracing::warn!(target: "callsheet::notice", "{}", printable(&text, NOTICE));
        }
        Note::Document { name, revision } => {
            tracing::info!(target: "callsheet::notice", name, revision, "document applied");
        }
        Note::DocumentRejected { name, reason } => {
            tracing::warn!(target: "callsheet::notice", name, reason, "document rejected");
        }
        // Each would be a line per call; what breakers do is told as a notice.
        Note::Throttled(_)
        | Note::BudgetSpent(_)
        | Note::Rejected { .. }
        | Note::Breaker { .. } => {}
    }
}
