//! A disk that is full, and then is not.

use std::{
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context, ensure};
use tempfile::TempDir;

use super::load::{Load, Target};
use crate::server::Server;

/// A small disk in memory. Mounting it takes an administrator.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> anyhow::Result<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64m", "botserver-bench"])
            .arg(at)
            .status()
            .context("mount")?;
        ensure!(mounted.success(), "a small disk can't be mounted; this takes an administrator");
        Ok(Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open there is about to end.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

pub(super) async fn fills(binary: &Path) -> anyhow::Result<String> {
    let outer = tempfile::tempdir()?;
    let disk = SmallDisk::mount(outer.path())?;
    let folder = TempDir::new_in(outer.path())?;
    let filler = outer.path().join("filler");
    let mut server = Server::start_in(folder, binary, None, Vec::new()).await?;
    let mut load = Load::begin(&server).await?;
    let target = Target::of(&server);
    work_for(&mut load, &target, 500).await;

    fill(&filler)?;
    let refused = work_for(&mut load, &target, 1500).await;
    ensure!(refused > 0, "the disk is full and nobody was refused");
    // Reading goes on.
    server.read("/api/v1/users/me").await?;
    std::fs::remove_file(&filler)?;
    load.check(&target).await?;
    let refused_after = work_for(&mut load, &target, 500).await;
    ensure!(refused_after == 0, "there is room again and {refused_after} were refused");
    server.process.stop();
    server.go_on().await?;
    load.check(&Target::of(&server)).await?;
    let (bots, turns) = load.acknowledged();
    drop(server);
    drop(disk);
    Ok(format!(
        "full disk: {refused} refused while it was full, none after; {bots} bots and {turns} turns acknowledged, \
         all there and once"
    ))
}

async fn work_for(load: &mut Load, target: &Target, milliseconds: u64) -> usize {
    let stop = AtomicBool::new(false);
    let ending = async {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(load.work(target, &stop), ending).0
}

/// Writes until nothing fits any more.
fn fill(path: &Path) -> anyhow::Result<()> {
    use std::io::Write;
    let mut file = std::fs::File::create(path)?;
    for size in [1 << 20, 4 << 10] {
        while file.write_all(&vec![7; size]).is_ok() {}
    }
    Ok(())
}
