//! Measures the server beside a bare axum answering JSON of the same size, in one run on one machine.
//!
//! Every server is a process of its own, so that its CPU time can be told from that of the load.

mod bare;
mod http;
mod process;
mod report;
mod server;
mod socket;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Parser;

use http::Load;
use process::Process;
use report::{Case, Report};
use server::Server;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the server beside a bare axum.
#[derive(Debug, Parser)]
struct Options {
    /// The server's binary
    #[arg(long, required_unless_present = "bare")]
    server: Option<PathBuf>,
    /// Seconds for each case
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Connections at once
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Be the bare axum, listening there
    #[arg(long, hide = true)]
    bare: Option<SocketAddr>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if let Some(address) = options.bare {
        return bare::serve(address).await;
    }
    let binary = options.server.clone().unwrap_or_default();
    let report = measure(&options, &binary).await?;
    #[allow(clippy::print_stdout)]
    {
        println!("{report}");
    }
    Ok(())
}

async fn measure(options: &Options, binary: &std::path::Path) -> anyhow::Result<Report> {
    let mut report = Report::new();
    report.note("start to first answer, empty folder", Server::cold_start(binary).await?);
    let mut server = Server::start(binary).await?;
    report.note("start to first answer, existing folder", server.restart(binary).await?);
    report.note("idle memory", format!("{:.1} MiB", server.process.resident_mib()?));
    report.note(
        "this disk: write 4 KiB and fdatasync, p50",
        format!("{:.3} ms", process::sync_p50_ms(server.folder())?),
    );

    let bare_address = process::free_address()?;
    let bare = Process::spawn(&std::env::current_exe()?, &["--bare", &bare_address.to_string()], &[])?;
    process::until_listening(bare_address).await?;

    let load = Load { connections: options.connections, duration: Duration::from_secs(options.seconds) };
    server.fill(200).await?;
    for (name, request) in server.cases() {
        // A create has no bare counterpart; it is compared with the last read's.
        if request.is_read() {
            let size = http::body_size(server.address, &request.make(0)).await?;
            let bare_request = http::get(&format!("/json/{size}"), bare_address, None);
            let measured = load.run(bare_address, &bare, &|_| bare_request.clone()).await?;
            report.case(Case::bare(format!("bare axum, {size} bytes"), measured));
        }
        let measured = load.run(server.address, &server.process, &|n| request.make(n)).await?;
        report.case(Case::ours(name.to_owned(), measured));
    }
    for clients in [1, options.connections] {
        let measured = socket::turns(&server, clients, load.duration).await?;
        report.case(Case::ours(format!("turn over WebSocket, {clients} client(s)"), measured));
    }
    report.note("memory after the load", format!("{:.1} MiB", server.process.resident_mib()?));
    Ok(report)
}
