//! HAProxy.

use std::{ffi::OsStr, fmt::Write, net::SocketAddr, path::Path};

use tempfile::TempDir;

use crate::process::{Process, on_a_free_port};

/// How a proxy chooses the node that answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balance {
    /// One after the other.
    Spread,
    /// By the credentials, so that each caller stays with a node.
    Sticky,
}

/// A proxy in front of several nodes. One that isn't ready gets no requests.
pub struct HaProxy {
    address: SocketAddr,
    _process: Process,
    _folder: TempDir,
}

impl HaProxy {
    /// Starts one.
    pub fn start(nodes: &[SocketAddr], balance: Balance) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("haproxy.cfg");
        let (port, process) = on_a_free_port(|port| {
            std::fs::write(&file, configuration(port, nodes, balance)).expect("the proxy's configuration");
            let arguments = [OsStr::new("-db"), OsStr::new("-f"), file.as_os_str()];
            Process::start_listening(Path::new("haproxy"), &arguments, port)
        });
        Self { address: SocketAddr::from(([127, 0, 0, 1], port)), _process: process, _folder: folder }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn configuration(port: u16, nodes: &[SocketAddr], balance: Balance) -> String {
    let balance = match balance {
        Balance::Spread => "balance roundrobin",
        Balance::Sticky => "balance hdr(authorization)\n  hash-type consistent",
    };
    let mut text = format!(
        // A node that has gone refuses the connection; one that is only slow is still there.
        "defaults\n  mode http\n  timeout connect 10s\n  timeout check 10s\n  timeout client 60s\n  timeout server 60s\n\
         listen nodes\n  bind 127.0.0.1:{port}\n  {balance}\n  option httpchk GET /api/v1/monitoring/health/ready\n  \
         option redispatch\n  retries 3\n"
    );
    for (number, node) in nodes.iter().enumerate() {
        // Writing to a text can't fail.
        let _ = writeln!(text, "  server node{number} {node} check inter 200ms fall 1 rise 1");
    }
    text
}
