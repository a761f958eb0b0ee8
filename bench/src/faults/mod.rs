//! What becomes of acknowledged work when things break.
//!
//! The load writes down what the server acknowledged. After each fault everything acknowledged must be there, nothing
//! may be there in part, and what was under way must be possible to do once more without doing it twice.

mod clock;
mod cluster;
mod dialog;
mod disk;
mod kill;
mod load;
mod outage;
mod scripts;
mod takeover;

use std::{path::PathBuf, sync::Arc};

use rand::{SeedableRng, rngs::StdRng};

use crate::{database::Database, server::Server};

/// Breaks the server.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The server's binary
    #[arg(long)]
    server: PathBuf,
    /// A PostgreSQL server, to break on as well: `postgres://user@host:port/database`
    #[arg(long)]
    postgres: Option<String>,
    /// The folder of PostgreSQL's programs, for one that is stopped and started
    #[arg(long)]
    postgres_programs: Option<PathBuf>,
    /// How often it is killed on each database
    #[arg(long, default_value_t = 100)]
    kills: usize,
    /// What the moments of the kills are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A Redis server that several nodes share: `redis://host:port`
    #[arg(long)]
    redis: Option<String>,
    /// Only these: kill, conversations, scripts, disk, clock, outage, cluster, takeover
    #[arg(long)]
    only: Vec<String>,
}

impl Options {
    /// Breaks it in every way, and says what was seen. Fails at the first thing that is lost.
    pub(crate) async fn run(&self) -> anyhow::Result<String> {
        let mut seen = Vec::new();
        for postgres in [None].into_iter().chain(self.postgres.as_deref().map(Some)) {
            if self.does("kill") {
                seen.push(kill::often(self.server(postgres).await?, self.kills, self.dice()).await?);
            }
            if self.does("conversations") {
                seen.push(kill::in_dialogs(self.server(postgres).await?, self.kills, self.dice()).await?);
            }
        }
        if self.does("scripts") {
            seen.push(scripts::are_hostile(self.server(None).await?, self.fewer()).await?);
        }
        if self.does("disk") {
            seen.push(disk::fills(&self.server).await?);
        }
        if self.does("clock") {
            seen.push(clock::jumps(&self.server).await?);
        }
        if let Some(programs) = self.postgres_programs.as_deref().filter(|_| self.does("outage")) {
            seen.push(outage::of_postgres(&self.server, programs).await?);
        }
        if let (Some(postgres), true) = (self.postgres.as_deref(), self.does("cluster")) {
            for redis in [None].into_iter().chain(self.redis.as_deref().map(Some)) {
                seen.push(cluster::behind_a_proxy(&self.server, postgres, redis).await?);
            }
        }
        if let Some(postgres) = self.postgres.as_deref().filter(|_| self.does("takeover")) {
            seen.push(takeover::by_another_node(&self.server, postgres, self.fewer(), self.dice()).await?);
        }
        Ok(seen.join("\n"))
    }

    async fn server(&self, postgres: Option<&str>) -> anyhow::Result<Server> {
        Server::start(&self.server, postgres.map(Database::make).transpose()?.map(Arc::new)).await
    }

    /// How often what takes longer than a kill is done.
    fn fewer(&self) -> usize {
        self.kills.div_ceil(5)
    }

    fn dice(&self) -> StdRng {
        StdRng::seed_from_u64(self.seed)
    }

    fn does(&self, what: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == what)
    }
}
