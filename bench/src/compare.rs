//! The server beside a bare axum answering JSON of the same size and beside PocketBase, on SQLite and on PostgreSQL,
//! with little and with much in the database, with few sockets and with many.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{
    database::Database,
    fanout,
    http::{self, Load, Side},
    idle::{self, Holder},
    pocketbase::PocketBase,
    process::{self, Process},
    report::{Case, Report},
    scale,
    server::Server,
    socket, waiting,
};

/// Users that lists are made of, where their number is not what is measured.
const USERS: usize = 200;

/// Where numbers go on that make names of their own, when a case is measured again.
const AGAIN: u64 = 1 << 32;

/// Conversations that are busy at once.
const CONVERSATIONS: usize = 64;

/// What a turn may take beyond the disk's own sync, in milliseconds.
const ASKED_TURN: f64 = 0.5;

/// How few are beside how many.
const FEW: usize = 10_000;

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
    /// How many waiting conversations are many; 0 leaves them out
    #[arg(long, default_value_t = 1_000_000)]
    conversations: usize,
    /// How many WebSockets idle; 0 leaves them out
    #[arg(long, default_value_t = 10_000)]
    sockets: usize,
    /// How many listen to one conversation; 0 leaves them out
    #[arg(long, default_value_t = 1_000)]
    listeners: usize,
    /// Seconds for each case
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Connections at once
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Only these: requests, turns, users, conversations, sockets, listeners
    #[arg(long)]
    only: Vec<String>,
}

impl Options {
    fn load(&self) -> Load {
        Load { connections: self.connections, duration: Duration::from_secs(self.seconds) }
    }

    fn does(&self, what: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == what)
    }

    async fn server(&self, postgres: Option<&str>) -> anyhow::Result<Server> {
        Server::start(&self.server, postgres.map(Database::make).transpose()?.map(Arc::new)).await
    }

    /// Measures everything and gives the table.
    pub(crate) async fn measure(&self) -> anyhow::Result<Report> {
        let mut report = Report::new();
        if self.does("requests") {
            self.starts(&mut report).await?;
        }
        for postgres in [None].into_iter().chain(self.postgres.as_deref().map(Some)) {
            let on = postgres.map_or("", |_| ", PostgreSQL");
            if self.does("requests") {
                self.requests(&mut report, postgres, on).await?;
            }
            if self.does("turns") {
                self.turns(&mut report, postgres, on).await?;
            }
            if self.users > 0 && self.does("users") {
                let few = FEW.min(self.users);
                let start = async || self.server(postgres).await;
                scale::measure(&mut report, &self.load(), few, self.users, start).await?;
            }
            if self.conversations > 0 && self.does("conversations") {
                let few = FEW.min(self.conversations);
                let start = async || self.server(postgres).await;
                waiting::measure(&mut report, few, self.conversations, on, start).await?;
            }
        }
        self.sockets(&mut report).await?;
        Ok(report)
    }

    async fn starts(&self, report: &mut Report) -> anyhow::Result<()> {
        report.note("start to first answer, empty folder", Server::cold_start(&self.server).await?);
        let mut server = self.server(None).await?;
        report.note("start to first answer, existing folder", server.restart().await?);
        report.note("idle memory", format!("{:.1} MiB", server.process.resident_mib()?));
        let sync = format!("{:.3} ms", process::sync_p50_ms(server.folder())?);
        report.note("this disk: write 4 KiB and fdatasync, p50", sync);
        Ok(())
    }

    async fn requests(&self, report: &mut Report, postgres: Option<&str>, on: &str) -> anyhow::Result<()> {
        let server = self.server(postgres).await?;
        self.cases(report, &server, on).await?;
        report
            .note(format!("memory after the load{on}"), format!("{:.1} MiB", server.process.resident_mib()?));
        match &self.pocketbase {
            Some(binary) if postgres.is_none() => {
                self.peer(report, &PocketBase::start(binary, USERS).await?, &server).await
            }
            _ => Ok(()),
        }
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

    /// Turns of one conversation, and of many at once. Those of one beside the disk's own sync, which is taken before
    /// and after.
    async fn turns(&self, report: &mut Report, postgres: Option<&str>, on: &str) -> anyhow::Result<()> {
        let (server, duration) = (self.server(postgres).await?, self.load().duration);
        socket::turns(&server, 4, Duration::from_millis(500)).await?;
        let before = process::sync_p50_ms(server.folder())?;
        let one = socket::turns(&server, 1, duration).await?;
        let sync = f64::midpoint(before, process::sync_p50_ms(server.folder())?);
        let name = format!("turn over WebSocket, durable, p50 less {sync:.3} ms, a sync of this disk{on}");
        report.at_most(name, one.millis(0.5) - sync, "ms", ASKED_TURN);
        report.case(Case::mark(format!("turn over WebSocket, 1 conversation{on}"), one));

        let cpu = Database::cpu_seconds();
        let many = socket::turns(&server, CONVERSATIONS, duration).await?;
        let cpu = Database::cpu_seconds() - cpu;
        let case = Case::mark(format!("turn over WebSocket, {CONVERSATIONS} conversations{on}"), many);
        report.case(if postgres.is_some() { case.with_database(cpu) } else { case });
        Ok(())
    }

    /// Sockets that idle, and sockets that listen.
    async fn sockets(&self, report: &mut Report) -> anyhow::Result<()> {
        if self.sockets > 0 && self.does("sockets") {
            for holder in [Holder::Account, Holder::Visitors] {
                idle::measure(report, &self.server, self.sockets, holder).await?;
            }
        }
        if self.listeners > 0 && self.does("listeners") {
            fanout::measure(report, &self.server(None).await?, self.listeners).await?;
        }
        Ok(())
    }
}
