//! The mark to measure against: axum with one route and nothing else.

use std::net::SocketAddr;

use axum::{Json, Router, extract::Path, routing::get};
use serde::Serialize;
use tokio::net::TcpListener;

#[derive(Serialize)]
struct Answer {
    success: bool,
    data: String,
}

/// The bytes of the answer around its padding.
const FRAME: usize = r#"{"success":true,"data":""}"#.len();

pub(crate) async fn serve(address: SocketAddr) -> anyhow::Result<()> {
    let router = Router::new().route("/json/{size}", get(answer));
    Ok(axum::serve(TcpListener::bind(address).await?, router).await?)
}

async fn answer(Path(size): Path<usize>) -> Json<Answer> {
    Json(Answer { success: true, data: "x".repeat(size.saturating_sub(FRAME)) })
}
