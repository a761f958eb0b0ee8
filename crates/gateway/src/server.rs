//! Connections: accepting, time limits, and the graceful stop.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::body::Body;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::CancellationToken;

use crate::{Door, Settings};

/// Serves until told to stop, then lets requests under way finish, for as long as the settings allow.
pub async fn serve(listener: TcpListener, door: Door, settings: Settings, stop: CancellationToken) {
    let connections = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(settings.max_connections));
    let builder = builder(&settings);
    loop {
        let place = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let Ok(place) = place else { break };
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => connect(stream, peer, door.clone(), &builder, &connections, place),
            Err(cause) => {
                // Out of file descriptors, most likely: wait for some to be given back instead of spinning.
                tracing::warn!(%cause, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    let limit = Duration::from_secs(settings.shutdown_seconds);
    if tokio::time::timeout(limit, connections.shutdown()).await.is_err() {
        tracing::warn!(seconds = limit.as_secs(), "some requests did not finish in time");
    }
}

fn builder(settings: &Settings) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout())
        .pipeline_flush(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(128)
        .keep_alive_interval(Duration::from_secs(30))
        .max_header_list_size(32 << 10);
    builder
}

fn connect(
    stream: TcpStream,
    peer: SocketAddr,
    door: Door,
    builder: &Builder<TokioExecutor>,
    connections: &GracefulShutdown,
    place: OwnedSemaphorePermit,
) {
    // Answers are small and written whole: waiting for more to send with them only costs time.
    if let Err(cause) = stream.set_nodelay(true) {
        tracing::debug!(%cause, "a connection closed at once");
        return;
    }
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let door = door.clone();
        async move { Ok::<_, std::convert::Infallible>(door.serve(request.map(Body::new), peer).await) }
    });
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    let watched = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(cause) = watched.await {
            tracing::debug!(%peer, %cause, "a connection ended with an error");
        }
        drop(place);
    });
}
