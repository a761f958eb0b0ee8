//! The span of a request, for OpenTelemetry (W3C Trace Context; semantic conventions for HTTP servers).
//!
//! Without a collector nobody listens to its target, and it is disabled: it then costs the look at one flag.

use axum::http::{HeaderMap, Method};
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use tracing::{Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// What a caller says of the trace that its request belongs to: a valid `traceparent` (section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceParent {
    pub(crate) trace: TraceId,
    parent: SpanId,
    sampled: bool,
}

impl TraceParent {
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut fields = headers.get("traceparent")?.to_str().ok()?.split('-');
        let (version, trace, parent, flags) =
            (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        // Later versions may have more fields; this one has four.
        let whole = version != "00" || fields.next().is_none();
        let hex = |text: &str, length| {
            text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let reads = hex(version, 2) && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
        if !(whole && reads) || version == "ff" {
            return None;
        }
        let (trace, parent) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(parent).ok()?);
        let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        let valid = trace != TraceId::INVALID && parent != SpanId::INVALID;
        valid.then_some(Self { trace, parent, sampled })
    }

    fn context(self, headers: &HeaderMap) -> Context {
        let states = headers.get_all("tracestate").into_iter().filter_map(|value| value.to_str().ok());
        // One that can't be read is dropped; the trace goes on (section 3.3).
        let state = states.collect::<Vec<_>>().join(",").parse::<TraceState>().unwrap_or_default();
        let flags = TraceFlags::default().with_sampled(self.sampled);
        Context::new().with_remote_span_context(SpanContext::new(self.trace, self.parent, flags, true, state))
    }
}

/// The span of a request, as a child of the caller's.
pub(crate) fn span(method: &Method, headers: &HeaderMap, parent: Option<TraceParent>) -> Span {
    let span = tracing::info_span!(
        target: "telemetry",
        "request",
        otel.kind = "server",
        http.request.method = Empty,
        http.route = Empty,
        http.response.status_code = Empty,
        request_id = Empty,
    );
    if span.is_disabled() {
        return span;
    }
    span.record("http.request.method", method.as_str());
    if let Some(parent) = parent
        && let Err(error) = span.set_parent(parent.context(headers))
    {
        tracing::debug!(?error, "the caller's trace could not be continued");
    }
    span
}

/// Says how the request ended.
pub(crate) fn end(span: &Span, method: &Method, route: Option<&str>, status: u16, request_id: &str) {
    if span.is_disabled() {
        return;
    }
    span.record("http.response.status_code", i64::from(status));
    span.record("request_id", request_id);
    let context = span.context();
    let trace = context.span();
    match route {
        Some(route) => {
            span.record("http.route", route);
            trace.update_name(format!("{method} {route}"));
        }
        // Whatever was tried: names of spans have few values.
        None => trace.update_name("unknown route"),
    }
    if status >= 500 {
        trace.set_status(Status::error(""));
    }
}

/// The trace that the span belongs to, for the log.
pub(crate) fn trace_of(span: &Span, parent: Option<TraceParent>) -> Option<TraceId> {
    let given = parent.map(|parent| parent.trace);
    if span.is_disabled() || given.is_some() {
        return given;
    }
    Some(span.context().span().span_context().trace_id()).filter(|trace| *trace != TraceId::INVALID)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_a_valid_traceparent_is_honoured() {
        let read = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", HeaderValue::from_static(text));
            TraceParent::of(&headers).map(|parent| (parent.trace.to_string(), parent.sampled))
        };
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";

        assert_eq!(
            read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            Some((trace.to_owned(), true))
        );
        assert_eq!(
            read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"),
            Some((trace.to_owned(), false))
        );
        assert_eq!(
            read("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x").map(|p| p.0),
            Some(trace.to_owned())
        );
        for bad in [
            "x",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
