//! Measures the server, and breaks it: each in one run on one machine.
//!
//! Every server is a process of its own, so that its CPU time can be told from that of the load, and so that it can be
//! killed.

mod bare;
mod compare;
mod database;
mod fanout;
mod faults;
mod http;
mod idle;
mod pocketbase;
mod process;
mod report;
mod scale;
mod server;
mod socket;
mod waiting;

use std::net::SocketAddr;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures and breaks the server.
#[derive(Debug, Parser)]
enum Command {
    /// Measure it beside a bare axum and a peer
    Compare(compare::Options),
    /// Kill it, fill its disk, move its clock, take its database away, and look whether anything is lost
    Faults(faults::Options),
    /// Be the bare axum
    #[command(hide = true)]
    Bare {
        /// Where it listens
        address: SocketAddr,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let report = match Command::parse() {
        Command::Bare { address } => return bare::serve(address).await,
        Command::Compare(options) => options.measure().await?.to_string(),
        Command::Faults(options) => options.run().await?,
    };
    #[allow(clippy::print_stdout)]
    {
        println!("{report}");
    }
    Ok(())
}
