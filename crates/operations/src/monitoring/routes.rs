//! Monitoring over HTTP.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use gateway::{Envelope, MaybeCaller, Reply, Result, State};

use super::{
    Monitor,
    model::{Health, Live, Ready},
};

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
/// In the Prometheus text format, without the envelope.
#[utoipa::path(
    get,
    path = "/monitoring/metrics",
    responses((status = 200, content_type = "text/plain; version=0.0.4", body = String)),
)]
pub(super) async fn metrics(State(monitor): State<Monitor>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], monitor.metrics()).into_response()
}
