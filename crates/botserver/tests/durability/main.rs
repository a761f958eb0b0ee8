//! What was acknowledged is on the disk: the sync of the write-ahead log comes before the answer.
//!
//! Killing a process proves little about this, since the system's cache survives it. So the program runs under strace
//! (installed by `scripts/services`), and the order of its calls is read.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that can not go on fails")]

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
};

/// What the tracer saw, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen<'a> {
    /// A write into the log, as the tracer prints it.
    Logged(&'a str),
    /// A sync of the log came back, which began when that many things had been seen.
    Synced { since: usize },
    /// The head of an answer with that status went out.
    Answered(u16),
}

/// Reads strace's lines, in which a call that others overlap stands in two parts.
fn read_trace(trace: &str) -> Vec<Seen<'_>> {
    let mut syncing: HashMap<&str, usize> = HashMap::new();
    let mut seen = Vec::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        let on_log = call.contains("-wal>");
        if call.starts_with("pwrite64(") && on_log {
            seen.push(Seen::Logged(call));
        } else if call.starts_with("fdatasync(") || call.starts_with("fsync(") {
            if on_log && call.ends_with("<unfinished ...>") {
                syncing.insert(thread, seen.len());
            } else if on_log && call.ends_with("= 0") {
                seen.push(Seen::Synced { since: seen.len() });
            }
        } else if call.contains("sync resumed>") && call.ends_with("= 0") {
            if let Some(since) = syncing.remove(thread) {
                seen.push(Seen::Synced { since });
            }
        } else if let Some((_, head)) = call.split_once("\"HTTP/1.1 ") {
            seen.extend(head.get(..3).and_then(|status| status.parse().ok()).map(Seen::Answered));
        }
    }
    seen
}

/// That what holds this text was written into the log, and then the log synced, before the end of what was seen.
fn is_durable(seen: &[Seen<'_>], text: &str) -> bool {
    let written = seen.iter().position(|seen| matches!(seen, Seen::Logged(call) if call.contains(text)));
    let Some(written) = written else { return false };
    seen.iter().any(|seen| matches!(seen, Seen::Synced { since } if *since > written))
}

#[test]
fn a_trace_is_read_also_where_calls_overlap() {
    let trace = "\
1 pwrite64(7</d/botserver.db-wal>, \"x\", 24, 0) = 24
1 fdatasync(7</d/botserver.db-wal> <unfinished ...>
2 fdatasync(9</d/other> <unfinished ...>
2 <... fdatasync resumed>) = 0
1 <... fdatasync resumed>) = 0
3 writev(12<socket:[1]>, [{iov_base=\"HTTP/1.1 201 Created\\r\\n\", iov_len=9}], 1) = 9
1 fsync(7</d/botserver.db-wal>) = 0";

    let logged =
        trace.lines().next().and_then(|line| line.split_once(' ')).map(|(_, call)| Seen::Logged(call));
    let expected =
        [logged.unwrap(), Seen::Synced { since: 1 }, Seen::Answered(201), Seen::Synced { since: 3 }];
    assert_eq!(read_trace(trace), expected);
}

#[test]
fn a_sync_that_began_before_a_write_does_not_make_it_durable() {
    let (write, early, late) = (Seen::Logged("\"x\""), Seen::Synced { since: 0 }, Seen::Synced { since: 2 });

    assert!(!is_durable(&[write], "x"));
    assert!(!is_durable(&[write, early], "x"));
    assert!(!is_durable(&[early, write], "x"));
    assert!(!is_durable(&[Seen::Logged("\"y\""), write, Seen::Synced { since: 1 }], "x"));
    assert!(is_durable(&[write, early, late], "x"));
}

/// A server under the tracer. Killed when dropped.
struct Traced {
    child: Child,
    address: String,
    password: String,
}

impl Traced {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new("strace")
            // Long enough to show a page of the log whole.
            .args([
                "-f",
                "-y",
                "-s",
                "8192",
                "-e",
                "trace=pwrite64,fdatasync,fsync,write,writev,sendto",
                "-o",
            ])
            .arg(folder.join("trace"))
            .arg(env!("CARGO_BIN_EXE_botserver"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.join("data"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("strace is missing: run scripts/services");
        let mut lines = BufReader::new(child.stdout.take().expect("an output")).lines();
        let (mut address, mut password) = (None, None);
        while address.is_none() || password.is_none() {
            let line = lines.next().expect("a greeting").expect("a line");
            let words: Vec<_> = line.split_whitespace().collect();
            match words[..] {
                ["API", url, ..] => {
                    let rest = url.strip_prefix("http://").and_then(|rest| rest.split('/').next());
                    address = rest.map(str::to_owned);
                }
                ["password", text, ..] => password = Some(text.to_owned()),
                _ => {}
            }
        }
        // Nobody reads the rest; the server must not wait for that.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: address.unwrap_or_default(), password: password.unwrap_or_default() }
    }

    fn post(&self, path: &str, token: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }
}

impl Traced {
    /// The process ids of what the tracer started.
    fn servers(&self) -> Vec<String> {
        let tracer = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{tracer}/task/{tracer}/children"));
        children.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    }

    /// Ends the server; the tracer then writes the rest and ends by itself.
    fn stop(mut self) {
        for server in self.servers() {
            Command::new("kill").arg(server).status().expect("kill");
        }
        self.child.wait().expect("an end");
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        // A tracer that is killed leaves its child running, so the child goes first. Both may have ended already.
        for server in self.servers() {
            let _ = Command::new("kill").args(["-9", &server]).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_log_is_synced_before_a_change_is_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Traced::start(folder.path());
    let login = format!(r#"{{"username":"admin","password":"{}"}}"#, server.password);
    let answer = server.post("/api/auth/login", "", &login);
    let token = answer.split("\"access_token\":\"").nth(1).and_then(|rest| rest.split('"').next());
    let token = token.unwrap_or_else(|| panic!("no token in {answer}")).to_owned();
    for number in 0..5 {
        let answer = server.post("/api/bots", &token, &format!(r#"{{"name":"Bot {number}"}}"#));
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }
    server.stop();

    let trace = std::fs::read_to_string(folder.path().join("trace")).expect("a trace");
    let seen = read_trace(&trace);
    let answers = seen.iter().enumerate().filter(|(_, seen)| **seen == Seen::Answered(201)).map(|(at, _)| at);
    let answers: Vec<_> = answers.collect();
    assert_eq!(answers.len(), 5, "{seen:?}");
    for (number, at) in answers.into_iter().enumerate() {
        let name = format!("Bot {number}");
        assert!(is_durable(&seen[..at], &name), "{name} was answered before its sync: {:?}", &seen[..at]);
    }
}
