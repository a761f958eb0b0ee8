//! Processes under measurement, and what the machine says of them.

use std::{
    io::Write,
    net::{SocketAddr, TcpListener as StdListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use tokio::net::TcpStream;

/// Clock ticks a second in `/proc`; fixed by the kernel's interface on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// A server in a process of its own. Killed when dropped.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn spawn(
        binary: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(binary);
        command.args(arguments).envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::null());
        Ok(Self(command.spawn().with_context(|| format!("{} does not start", binary.display()))?))
    }

    /// What the process prints.
    pub(crate) fn stdout(&mut self) -> anyhow::Result<std::process::ChildStdout> {
        self.0.stdout.take().context("the output is taken already")
    }

    /// Asks it to end, as an operator does, and waits until it has.
    pub(crate) async fn end(&mut self) -> anyhow::Result<()> {
        let asked = Command::new("kill").arg(self.0.id().to_string()).status()?;
        anyhow::ensure!(asked.success(), "the process can't be asked to end");
        let deadline = Instant::now() + Duration::from_secs(40);
        while self.0.try_wait()?.is_none() {
            anyhow::ensure!(Instant::now() < deadline, "the process does not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Waits for a program that ends by itself.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        let status = self.0.wait()?;
        if status.success() { Ok(()) } else { bail!("a program ended with {status}") }
    }

    fn file(&self, name: &str) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(format!("/proc/{}/{name}", self.0.id()))?)
    }

    /// CPU time used so far, user and system, in seconds.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        cpu_of(&self.file("stat")?).context("/proc says nothing of the CPU")
    }

    /// Memory held, in MiB.
    pub(crate) fn resident_mib(&self) -> anyhow::Result<f64> {
        let status = self.file("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kib / 1024.0)
    }
}

impl Process {
    /// Kills it and waits until it is gone.
    pub(crate) fn stop(&mut self) {
        // It may have ended by itself; there is nothing else to do about either.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// CPU time in seconds of all processes of that name that run now.
pub(crate) fn cpu_seconds_of(name: &str) -> f64 {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let stats = processes.filter_map(|process| std::fs::read_to_string(process.path().join("stat")).ok());
    stats.filter(|stat| stat.contains(&format!("({name})"))).filter_map(|stat| cpu_of(&stat)).sum()
}

fn cpu_of(stat: &str) -> Option<f64> {
    let fields: Vec<_> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

/// An address that nobody listens on.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(StdListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Waits until somebody listens there.
pub(crate) async fn until_listening(address: SocketAddr) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(address).await.is_err() {
        if Instant::now() > deadline {
            bail!("nobody listens on {address}");
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// The median of writing 4 KiB to a file and waiting until the disk has it, in milliseconds.
pub(crate) fn sync_p50_ms(folder: &Path) -> anyhow::Result<f64> {
    let mut file = std::fs::File::create(folder.join("sync-probe"))?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let started = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}
