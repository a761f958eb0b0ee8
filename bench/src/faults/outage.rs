//! PostgreSQL stopped in the middle of work, and started again.

use std::{
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, ensure};
use tempfile::TempDir;

use super::load::{Load, Target};
use crate::{database::Database, server::Server};

/// A PostgreSQL of its own. It refuses to run as root, so it runs as whoever owns its folder.
struct Cluster {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
    user: Option<(u32, u32)>,
}

impl Cluster {
    fn make(programs: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let user = postgres_user()?;
        if let Some((user, group)) = user {
            std::os::unix::fs::chown(folder.path(), Some(user), Some(group))?;
        }
        let cluster = Self { programs: programs.to_owned(), folder, port, user };
        let data = cluster.data();
        cluster.run("initdb", &["-D", &data, "-A", "trust", "-U", "postgres"])?;
        cluster.start()?;
        Ok(cluster)
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let mut command = Command::new(self.programs.join(program));
        command.args(arguments).current_dir(self.folder.path()).stdout(std::process::Stdio::null());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        ensure!(command.status().with_context(|| program.to_owned())?.success(), "{program} failed");
        Ok(())
    }

    fn start(&self) -> anyhow::Result<()> {
        let options =
            format!("-p {} -c listen_addresses=127.0.0.1 -k {}", self.port, self.folder.path().display());
        let log = self.folder.path().join("log").display().to_string();
        self.run("pg_ctl", &["-w", "-D", &self.data(), "-l", &log, "-o", &options, "start"])
    }

    /// As if the power went.
    fn stop(&self) -> anyhow::Result<()> {
        self.run("pg_ctl", &["-w", "-D", &self.data(), "-m", "immediate", "stop"])
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // It may be stopped already.
        let _ = self.stop();
    }
}

/// The user and group `postgres`, where we are root.
fn postgres_user() -> anyhow::Result<Option<(u32, u32)>> {
    let own = std::fs::metadata("/proc/self").map(|of| std::os::unix::fs::MetadataExt::uid(&of))?;
    if own != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    let line = users.lines().find(|line| line.starts_with("postgres:")).context("no user postgres")?;
    let mut numbers = line.split(':').skip(2).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(user)), Some(Ok(group))) => Ok(Some((user, group))),
        _ => anyhow::bail!("the user postgres can't be read"),
    }
}

pub(super) async fn of_postgres(binary: &Path, programs: &Path) -> anyhow::Result<String> {
    let cluster = Cluster::make(programs)?;
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", cluster.port);
    let server = Server::start(binary, Some(Arc::new(Database::make(&url)?))).await?;
    let mut load = Load::begin(&server).await?;
    let target = Target::of(&server);
    let mut refused = 0;
    for _ in 0..5 {
        let stop = AtomicBool::new(false);
        let outage = async {
            let pause = |milliseconds| tokio::time::sleep(Duration::from_millis(milliseconds));
            pause(400).await;
            cluster.stop()?;
            pause(600).await;
            cluster.start()?;
            pause(1500).await;
            stop.store(true, Ordering::Relaxed);
            anyhow::Ok(())
        };
        let (some, done) = tokio::join!(load.work(&target, &stop), outage);
        done?;
        refused += some;
        load.check(&target).await?;
    }
    ensure!(refused > 0, "the database was away and nobody was told");
    let (bots, turns) = load.acknowledged();
    drop(server);
    Ok(format!(
        "PostgreSQL stopped and started 5 times: {refused} refused meanwhile; {bots} bots and {turns} turns \
         acknowledged, all there and once"
    ))
}
