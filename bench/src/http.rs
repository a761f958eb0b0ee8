//! Load over HTTP/1.1: as many connections as asked, each with one request under way.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use futures_util::future::try_join_all;
use hdrhistogram::Histogram;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::process::Process;

/// How much load, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) connections: usize,
    pub(crate) duration: Duration,
}

/// What came of it.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    /// Answers a second.
    pub(crate) per_second: f64,
    /// Latencies in microseconds.
    pub(crate) latency: Histogram<u64>,
    /// CPU time of the server for each answer, in microseconds.
    pub(crate) cpu_micros: f64,
}

impl Measured {
    /// From latencies, the time that passed and the CPU time that was used.
    pub(crate) fn of(latency: Histogram<u64>, elapsed: Duration, cpu_seconds: f64) -> Self {
        let answers = latency.len() as f64;
        Self {
            per_second: answers / elapsed.as_secs_f64(),
            cpu_micros: cpu_seconds * 1e6 / answers.max(1.0),
            latency,
        }
    }
}

/// A histogram of microseconds up to a minute.
pub(crate) fn latencies() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}

impl Load {
    /// Sends what `make` gives for each number, to the end of the time, and measures the process meanwhile.
    pub(crate) async fn run(
        &self,
        address: SocketAddr,
        process: &Process,
        make: &(dyn Fn(u64) -> Vec<u8> + Sync),
    ) -> anyhow::Result<Measured> {
        let next = AtomicU64::new(0);
        self.rounds(address, make, &next, Duration::from_millis(500)).await?;
        let (cpu, started) = (process.cpu_seconds()?, Instant::now());
        let latency = self.rounds(address, make, &next, self.duration).await?;
        Ok(Measured::of(latency, started.elapsed(), process.cpu_seconds()? - cpu))
    }

    async fn rounds(
        &self,
        address: SocketAddr,
        make: &(dyn Fn(u64) -> Vec<u8> + Sync),
        next: &AtomicU64,
        duration: Duration,
    ) -> anyhow::Result<Histogram<u64>> {
        let until = Instant::now() + duration;
        let connections = (0..self.connections).map(|_| async {
            let mut latency = latencies()?;
            let mut connection = Connection::open(address).await?;
            while Instant::now() < until {
                let request = make(next.fetch_add(1, Ordering::Relaxed));
                let started = Instant::now();
                connection.exchange(&request).await?;
                latency.record(started.elapsed().as_micros() as u64)?;
            }
            anyhow::Ok(latency)
        });
        let mut all = latencies()?;
        for latency in try_join_all(connections).await? {
            all.add(latency)?;
        }
        Ok(all)
    }
}

/// A connection that is kept.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 << 10) })
    }

    /// Sends a request and reads its answer, which must be a success. Gives the body.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
        };
        let text = std::str::from_utf8(&self.buffer[..head])?;
        let length = content_length(text).context("an answer without a length")?;
        if !text.starts_with("HTTP/1.1 2") {
            bail!("refused: {}", text.lines().next().unwrap_or_default());
        }
        while self.buffer.len() < head + length {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
        }
        Ok(&self.buffer[head..head + length])
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn content_length(head: &str) -> Option<usize> {
    let value = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then_some(value)
    });
    value?.trim().parse().ok()
}

/// The size of the answer's body.
pub(crate) async fn body_size(address: SocketAddr, request: &[u8]) -> anyhow::Result<usize> {
    Ok(Connection::open(address).await?.exchange(request).await?.len())
}

/// A GET request.
pub(crate) fn get(path: &str, address: SocketAddr, token: Option<&str>) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{}\r\n", authorization(token)).into_bytes()
}

/// A request with a body.
pub(crate) fn with_body(
    method: &str,
    path: &str,
    address: SocketAddr,
    token: Option<&str>,
    kind: &str,
    body: &[u8],
) -> Vec<u8> {
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\n{}content-type: {kind}\r\ncontent-length: {}\r\n\r\n",
        authorization(token),
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

fn authorization(token: Option<&str>) -> String {
    token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default()
}
