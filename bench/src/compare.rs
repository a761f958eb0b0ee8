//! The server beside a bare axum answering JSON of the same size and beside PocketBase, on SQLite and on PostgreSQL,
//! with few users and with many.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{
    database::Database,
    http::{self, Load, Side},
    pocketbase::PocketBase,
    process::{self, Process},
    report::{Case, Report},
    scale,
    server::Server,
    socket,
};

/// Users that lists are made of, where their number is not what is measured.
const USERS: usize = 200;

/// Where numbers go on that make names of their own, when a case is measured again.
const AGAIN: u64 = 1 << 32;

/// Measures the server.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The server's binary
    #[arg(long)]
    server: PathBuf,
    /// PocketBase's binary, to be compared with
    #[arg(long)]
    pocketbase: Option<PathBuf>,
    /// A PostgreSQL server, to measure on as well: `postgres://user@host:port/database`
    #[arg(long)]
    postgres: Option<String>,
    /// How many users are many; 0 leaves them out
    #[arg(long, default_value_t = 1_000_000)]
    users: usize,
    /// Seconds for each case
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Connections at once
    #[arg(long, default_value_t = 32)]
    connections: usize,
}

impl Options {
    fn load(&self) -> Load {
        Load { connections: self.connections, duration: Duration::from_secs(self.seconds) }
    }

    async fn server(&self, postgres: Option<&str>) -> anyhow::Result<Server> {
        Server::start(&self.server, postgres.map(Database::make).transpose()?.map(Arc::new)).await
    }

    /// Measures everything and gives the table.
    pub(crate) async fn measure(&self) -> anyhow::Result<Report> {
        let mut report = Report::new();
        report.note("start to first answer, empty folder", Server::cold_start(&self.server).await?);
        let mut server = self.server(None).await?;
        report.note("start to first answer, existing folder", server.restart().await?);
        report.note("idle memory", format!("{:.1} MiB", server.process.resident_mib()?));
        let sync = format!("{:.3} ms", process::sync_p50_ms(server.folder())?);
        report.note("this disk: write 4 KiB and fdatasync, p50", sync);

        self.cases(&mut report, &server, "").await?;
        report.note("memory after the load", format!("{:.1} MiB", server.process.resident_mib()?));
        if let Some(binary) = &self.pocketbase {
            self.peer(&mut report, &PocketBase::start(binary, USERS).await?, &server).await?;
        }
        drop(server);
        if let Some(postgres) = self.postgres.as_deref() {
            let server = self.server(Some(postgres)).await?;
            self.cases(&mut report, &server, ", PostgreSQL").await?;
        }
        for postgres in [None].into_iter().chain(self.postgres.as_deref().map(Some)) {
            if self.users > 0 {
                let few = 10_000.min(self.users);
                scale::measure(&mut report, &self.load(), few, self.users, async || {
                    self.server(postgres).await
                })
                .await?;
            }
        }
        Ok(report)
    }

    /// Our cases beside the bare axum.
    async fn cases(&self, report: &mut Report, server: &Server, on: &str) -> anyhow::Result<()> {
        let bare_address = process::free_address()?;
        let bare = Process::spawn(&std::env::current_exe()?, &["bare", &bare_address.to_string()], &[])?;
        process::until_listening(bare_address).await?;
        let load = self.load();
        server.fill(USERS).await?;
        let mut size = 0;
        for (name, request) in server.cases() {
            // A create answers with another body each time; it is compared with the read before.
            if request.is_read() {
                size = http::body_size(server.address, &request.make(0)).await?;
            }
            let bare_request = http::get(&format!("/json/{size}"), bare_address, None);
            let mark = Side { address: bare_address, process: &bare, make: &|_| bare_request.clone() };
            let before = Database::cpu_seconds();
            let make = |number| request.make(number);
            let [bare_measured, measured] = load.compare([&mark, &server.side(&make)]).await?;
            let database = Database::cpu_seconds() - before;
            let mark = format!("bare axum, {size} bytes");
            let case = Case::beside(format!("{name}{on}"), measured, &mark, &bare_measured);
            report.case(if server.database().is_some() { case.with_database(database) } else { case });
            report.case(Case::mark(mark, bare_measured));
        }
        for clients in [1, self.connections] {
            let measured = socket::turns(server, clients, load.duration).await?;
            report.case(Case::mark(format!("turn over WebSocket, {clients} client(s){on}"), measured));
        }
        Ok(())
    }

    /// The peer's cases beside ours.
    async fn peer(&self, report: &mut Report, peer: &PocketBase, server: &Server) -> anyhow::Result<()> {
        for (at, (name, request)) in server.cases().iter().enumerate() {
            let theirs = |number| match at {
                0 => peer.me(number),
                1 => peer.list(number),
                _ => peer.create(number),
            };
            let ours = |number| request.make(number + AGAIN);
            let side = Side { address: peer.address, process: &peer.process, make: &theirs };
            let [measured, theirs] = self.load().compare([&server.side(&ours), &side]).await?;
            report.case(Case::beside(format!("PocketBase, like {name}"), theirs, name, &measured));
            report.case(Case::mark(format!("{name}, beside PocketBase"), measured));
        }
        Ok(())
    }
}
