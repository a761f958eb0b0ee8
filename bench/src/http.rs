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

/// Turns that sides take in a comparison.
const TURNS: u32 = 5;

/// How much load, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) connections: usize,
    pub(crate) duration: Duration,
}

/// What is measured: a server, and what it is asked for each number.
pub(crate) struct Side<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) process: &'a Process,
    pub(crate) make: &'a (dyn Fn(u64) -> Vec<u8> + Sync),
}

/// What came of it.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    /// Latencies in microseconds.
    pub(crate) latency: Histogram<u64>,
    elapsed: Duration,
    cpu_seconds: f64,
}

impl Measured {
    /// From latencies, the time that passed and the CPU time that was used.
    pub(crate) fn of(latency: Histogram<u64>, elapsed: Duration, cpu_seconds: f64) -> Self {
        Self { latency, elapsed, cpu_seconds }
    }

    /// Answers a second.
    pub(crate) fn per_second(&self) -> f64 {
        self.latency.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency of that quantile, in milliseconds.
    pub(crate) fn millis(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1000.0
    }

    /// CPU time of the server for each answer, in microseconds.
    pub(crate) fn cpu_micros(&self) -> f64 {
        self.cpu_seconds * 1e6 / (self.latency.len() as f64).max(1.0)
    }

    fn add(&mut self, more: &Self) -> anyhow::Result<()> {
        self.latency.add(&more.latency)?;
        self.elapsed += more.elapsed;
        self.cpu_seconds += more.cpu_seconds;
        Ok(())
    }
}

/// A histogram of microseconds up to a minute.
pub(crate) fn latencies() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}

impl Load {
    /// Asks the sides in turn, each until the time is over, a little at a time: what else the machine does meanwhile
    /// then burdens all of them alike.
    pub(crate) async fn compare<const N: usize>(
        &self,
        sides: [&Side<'_>; N],
    ) -> anyhow::Result<[Measured; N]> {
        let next = AtomicU64::new(0);
        for side in sides {
            self.rounds(side.address, side.make, &next, Duration::from_millis(500)).await?;
        }
        let nothing = Measured::of(latencies()?, Duration::ZERO, 0.0);
        let mut all = [(); N].map(|()| nothing.clone());
        for _ in 0..TURNS {
            for (side, measured) in sides.iter().zip(&mut all) {
                let (cpu, started) = (side.process.cpu_seconds()?, Instant::now());
                let latency = self.rounds(side.address, side.make, &next, self.duration / TURNS).await?;
                let cpu = side.process.cpu_seconds()? - cpu;
                measured.add(&Measured::of(latency, started.elapsed(), cpu))?;
            }
        }
        Ok(all)
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
        let (status, body) = self.ask(request).await?;
        if !(200..300).contains(&status) {
            bail!("refused with {status}: {}", String::from_utf8_lossy(body));
        }
        Ok(body)
    }

    /// Sends a request and reads its answer, whatever it is. Gives status and body.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> anyhow::Result<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
            self.read_more().await?;
        };
        let text = std::str::from_utf8(&self.buffer[..head])?;
        let status =
            text.get(9..12).and_then(|status| status.parse().ok()).context("an answer without a status")?;
        let length = match header(text, "content-length") {
            Some(length) => length.parse()?,
            None if header(text, "transfer-encoding") == Some("chunked") => self.read_chunks(head).await?,
            None if status == 204 => 0,
            None => bail!("an answer without a length"),
        };
        while self.buffer.len() < head + length {
            self.read_more().await?;
        }
        Ok((status, &self.buffer[head..head + length]))
    }

    /// Reads a body in chunks and puts their contents in its place. Gives its length.
    async fn read_chunks(&mut self, head: usize) -> anyhow::Result<usize> {
        let (mut end, mut at) = (head, head);
        loop {
            let size = match httparse::parse_chunk_size(&self.buffer[at..]) {
                Ok(httparse::Status::Complete((line, size))) => {
                    at += line;
                    size as usize
                }
                Ok(httparse::Status::Partial) => {
                    self.read_more().await?;
                    continue;
                }
                Err(_) => bail!("a chunk without a size"),
            };
            while self.buffer.len() < at + size + 2 {
                self.read_more().await?;
            }
            self.buffer.copy_within(at..at + size, end);
            (end, at) = (end + size, at + size + 2);
            if size == 0 {
                return Ok(end - head);
            }
        }
    }

    async fn read_more(&mut self) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn header<'a>(head: &'a str, wanted: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case(wanted).then_some(value.trim())
    })
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
