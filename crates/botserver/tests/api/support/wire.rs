//! A connection that says exactly what a test wants it to, byte for byte.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

/// How long a test waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection, plain or under TLS.
pub(crate) struct Wire<S = TcpStream>(BufReader<S>);

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl RawAnswer {
    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|cause| panic!("{cause}: {}", String::from_utf8_lossy(&self.body)))
    }
}

impl Wire {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.expect("a connection"))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self(BufReader::new(stream))
    }

    /// Sends as much as the server takes; it may have closed already.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.write_all(bytes.as_ref()).await;
        let _ = self.0.flush().await;
    }

    /// The next answer, or none if the server closed the connection instead.
    pub(crate) async fn answer(&mut self) -> Option<RawAnswer> {
        timeout(PATIENCE, self.read_answer()).await.expect("the server does something")
    }

    /// The next answer to a HEAD.
    pub(crate) async fn head(&mut self) -> RawAnswer {
        timeout(PATIENCE, self.read_head()).await.expect("the server does something").expect("an answer")
    }

    async fn read_head(&mut self) -> Option<RawAnswer> {
        let mut head = String::new();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).await.unwrap_or(0) == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            head.push_str(&line);
        }
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
        Some(RawAnswer { status, head, body: Vec::new() })
    }

    async fn read_answer(&mut self) -> Option<RawAnswer> {
        let mut answer = self.read_head().await?;
        if answer.status == 100 {
            return Some(answer);
        }
        if let Some(length) = answer.header("content-length") {
            answer.body = vec![0; length.parse().expect("a length")];
            self.0.read_exact(&mut answer.body).await.ok()?;
        } else if answer.header("transfer-encoding").is_some() {
            loop {
                let mut size = String::new();
                self.0.read_line(&mut size).await.ok()?;
                let size = usize::from_str_radix(size.trim(), 16).expect("a chunk's size");
                let mut chunk = vec![0; size + 2];
                self.0.read_exact(&mut chunk).await.ok()?;
                if size == 0 {
                    break;
                }
                answer.body.extend_from_slice(&chunk[..size]);
            }
        }
        Some(answer)
    }

    /// Waits until the server closes the connection and gives what it still said.
    pub(crate) async fn closed(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let read = timeout(PATIENCE, self.0.read_to_end(&mut rest)).await.expect("the server closes");
        // A reset is an end, too.
        let _ = read;
        rest
    }
}
