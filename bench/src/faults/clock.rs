//! A clock that jumps forward and back while the server works.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context, ensure};

use super::load::{Load, Target};
use crate::server::Server;

/// Where Debian's faketime keeps its library.
const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

pub(super) async fn jumps(binary: &Path) -> anyhow::Result<String> {
    ensure!(Path::new(LIBRARY).exists(), "faketime is missing: apt-get install faketime");
    let folder = tempfile::tempdir()?;
    let offset = folder.path().join("offset");
    let set = |text: &str| std::fs::write(&offset, text).context("the clock");
    set("+0")?;
    let variables = vec![
        ("LD_PRELOAD", LIBRARY.to_owned()),
        ("FAKETIME_TIMESTAMP_FILE", offset.display().to_string()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        // Only the wall clock jumps; the monotonic one never does.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    let server = Server::start_in(folder, binary, None, variables).await?;
    let mut load = Load::begin(&server).await?;
    for jump in ["+0", "+600", "-900", "+300", "+0"] {
        set(jump)?;
        let (target, stop) = (Target::of(&server), AtomicBool::new(false));
        let ending = async {
            tokio::time::sleep(Duration::from_millis(700)).await;
            stop.store(true, Ordering::Relaxed);
        };
        let (refused, ()) = tokio::join!(load.work(&target, &stop), ending);
        ensure!(refused == 0, "{refused} were refused after the clock jumped to {jump}");
        load.check(&target).await?;
    }
    let (bots, turns) = load.acknowledged();
    Ok(format!(
        "clock jumped by +10, -25, +20 and -5 minutes: nobody refused; {bots} bots and {turns} turns acknowledged, \
         all there and once"
    ))
}
