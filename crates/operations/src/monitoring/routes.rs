//! Monitoring over HTTP.

use axum::{
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use gateway::{Envelope, MaybeCaller, Reply, Result, State};

use super::{
    Monitor,
    model::{Health, Live, Ready},
};
use crate::meters::OPENMETRICS;

/// How the server is.
///
/// Callers with `monitoring:read` see each component and the uptime, too. 503 if the server can't take traffic.
#[utoipa::path(get, path = "/monitoring/health", responses((status = 200, body = Envelope<Health>)))]
pub(super) async fn health(
    State(monitor): State<Monitor>,
    MaybeCaller(who): MaybeCaller,
) -> Result<Reply<Health>> {
    Ok(Reply::ok(monitor.health(who.as_ref()).await?))
}

/// How the server is, for load balancers.
///
/// The same answer as `/monitoring/health`, at an address without a version.
#[utoipa::path(get, path = "/health", responses((status = 200, body = Envelope<Health>)))]
pub(super) async fn root_health(
    State(monitor): State<Monitor>,
    MaybeCaller(who): MaybeCaller,
) -> Result<Reply<Health>> {
    Ok(Reply::ok(monitor.health(who.as_ref()).await?))
}

/// Does the process run?
///
/// Asks nothing of any component.
#[utoipa::path(get, path = "/monitoring/health/live", responses((status = 200, body = Envelope<Live>)))]
pub(super) async fn live() -> Result<Reply<Live>> {
    Ok(Reply::ok(Live { live: true }))
}

/// Can the server take traffic?
///
/// 503 tells what is missing. A server that stops is no longer ready while it finishes what is under way.
#[utoipa::path(get, path = "/monitoring/health/ready", responses((status = 200, body = Envelope<Ready>)))]
pub(super) async fn ready(State(monitor): State<Monitor>) -> Result<Reply<Ready>> {
    Ok(Reply::ok(monitor.ready().await?))
}

/// All metrics.
///
/// In the Prometheus text format, without the envelope; in the OpenMetrics format where `Accept` asks for it.
#[utoipa::path(
    get,
    path = "/monitoring/metrics",
    responses((status = 200, description = "The metrics", content(
        (String = "text/plain; version=0.0.4"),
        (String = "application/openmetrics-text; version=1.0.0"),
    ))),
)]
pub(super) async fn metrics(State(monitor): State<Monitor>, headers: HeaderMap) -> Response {
    let asked = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    let (kind, text) = if asks_for_openmetrics(asked) {
        (OPENMETRICS, monitor.meters().render_openmetrics())
    } else {
        (PROMETHEUS, monitor.meters().render())
    };
    ([(header::CONTENT_TYPE, kind), (header::VARY, "accept")], text).into_response()
}

const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Is OpenMetrics what the client likes best? Prometheus asks for it with a higher weight than for its own format.
fn asks_for_openmetrics<'a>(accept: impl Iterator<Item = &'a str>) -> bool {
    let (mut open, mut plain) = (0.0_f32, 0.0_f32);
    for range in accept.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
        if kind.eq_ignore_ascii_case("application/openmetrics-text") {
            open = open.max(weight);
        } else {
            plain = plain.max(weight);
        }
    }
    open > 0.0 && open >= plain
}

#[cfg(test)]
mod tests {
    use super::asks_for_openmetrics;

    #[test]
    fn openmetrics_is_for_those_who_like_it_best() {
        let asks = |accept: &'static str| asks_for_openmetrics([accept].into_iter());

        assert!(asks(
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
        ));
        assert!(asks("application/openmetrics-text"));
        assert!(!asks("text/plain, application/openmetrics-text;q=0.1"));
        assert!(!asks("application/openmetrics-text;q=0"));
        assert!(!asks("*/*"));
    }
}
