//! Scripts that use whatever they can get, beside conversations that behave.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use futures_util::future::try_join_all;
use hdrhistogram::Histogram;

use crate::{http::latencies, server::Server};

/// What a script does, the script, and what the bot's log says of its end.
const HOSTILE: &[(&str, &str, &str)] = &[
    ("loops", "HEAR go\nDO\n  x = x + 1\nLOOP", "instructions without talking to anybody"),
    (
        "grows",
        "HEAR go\nparts = []\nDO\n  text = \"0123456789abcdef\"\n  FOR i = 1 TO 16\n    text = text + text\n  NEXT\n  \
         parts.push(text)\nLOOP",
        "the values of the script take more than",
    ),
    (
        "doubles",
        "HEAR go\ntext = \"0123456789abcdef\"\nDO\n  text = text + text\nLOOP",
        "the text would be longer than",
    ),
    (
        "recurses",
        "FUNCTION deeper(n)\n  RETURN deeper(n + 1)\nEND FUNCTION\nHEAR go\nx = deeper(1)",
        "procedures wait for each other",
    ),
    ("floods", "HEAR go\nDO\n  TALK \"and again\"\nLOOP", "messages without a reply of the user"),
    ("makes a huge array", "HEAR go\nlist = []\nlist[50000000] = 1", "entries"),
];

/// Conversations that behave, and conversations of a hostile script at once.
const GOOD: usize = 8;
const AT_ONCE: usize = 4;
/// How much more memory the server may hold after all of them than after the same before, in MiB. The first time fills
/// what the database and the allocator keep; what grows with each time does so the second time, too.
const KEPT_MIB: f64 = 32.0;
/// How long the others converse alone.
const ALONE: Duration = Duration::from_secs(3);
/// How long memory may take to come back.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn are_hostile(server: Server, times: usize) -> anyhow::Result<String> {
    let alone = beside(&server, async {
        tokio::time::sleep(ALONE).await;
        Ok(())
    });
    let mut lines = vec![told("nothing", &alone.await?)];
    let (times, mut most) = (times.div_ceil(2), 0_f64);
    let mut after = Vec::new();
    for round in 0..2 {
        for (does, script, limit) in HOSTILE {
            let bot = server.make_bot(&format!("One that {does} {round}"), &[("start", *script)]).await?;
            let hostile = async {
                try_join_all((0..AT_ONCE).map(|_| run(&server, &bot, times))).await?;
                anyhow::Ok(())
            };
            let latency =
                beside(&server, hostile).await.with_context(|| format!("the script that {does}"))?;
            most = most.max(server.process.resident_mib()?);
            logged(&server, &bot, limit, times * AT_ONCE)
                .await
                .with_context(|| format!("the script that {does}"))?;
            if round > 0 {
                lines.push(told(&format!("one that {does}"), &latency));
            }
        }
        let settled = match after.first() {
            None => server.process.resident_mib()?,
            Some(before) => settled(&server, before + KEPT_MIB).await?,
        };
        after.push(settled);
    }
    Ok(format!(
        "hostile scripts, 2 times {times} times {AT_ONCE} at once, each ended with its limit in the log; memory {:.0} MiB \
         after the first time, {most:.0} at the most after one script, {:.0} at the end; turns of {GOOD} others, ms p50 \
         and p99, beside {}",
        after[0],
        after[1],
        lines.join("; ")
    ))
}

fn told(beside: &str, latency: &Histogram<u64>) -> String {
    let millis = |quantile| latency.value_at_quantile(quantile) as f64 / 1000.0;
    format!("{beside}: {:.1} and {:.1}", millis(0.5), millis(0.99))
}

/// Begins the script so many times anew; each time it is to fail, and the person reads one sentence.
async fn run(server: &Server, bot: &str, times: usize) -> anyhow::Result<()> {
    for _ in 0..times {
        let conversation = server.converse(bot).await?;
        let answers = server.say(&conversation, "go").await?;
        ensure!(answers.len() == 1 && answers[0].contains("went wrong"), "it answered {answers:?}");
    }
    Ok(())
}

/// Others converse while that happens; gives how long their turns took, in microseconds.
async fn beside(
    server: &Server,
    happens: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<Histogram<u64>> {
    let over = AtomicBool::new(false);
    let good = (0..GOOD).map(|_| async {
        let conversation = server.converse(&server.bot).await?;
        let mut latency = latencies()?;
        while !over.load(Ordering::Relaxed) {
            let sent = Instant::now();
            let answers = server.say(&conversation, "hello").await?;
            ensure!(answers == ["You said hello"], "somebody else was answered {answers:?}");
            latency.record(sent.elapsed().as_micros() as u64)?;
        }
        anyhow::Ok(latency)
    });
    let happening = async {
        let happened = happens.await;
        over.store(true, Ordering::Relaxed);
        happened
    };
    let (all, ()) = tokio::try_join!(try_join_all(good), happening)?;
    let mut together = latencies()?;
    for latency in all {
        together.add(latency)?;
    }
    Ok(together)
}

/// The bot's log has the limit, once for each run.
async fn logged(server: &Server, bot: &str, limit: &str, runs: usize) -> anyhow::Result<()> {
    let path = format!("/api/v1/bots/{bot}/logs?limit=100&filter[level]=error");
    let lines = server.read(&path).await?;
    let lines = lines["items"].as_array().context("no log")?;
    ensure!(lines.len() >= runs.min(100), "of {runs} runs that failed the log has {}", lines.len());
    for line in lines {
        let message = line["message"].as_str().unwrap_or_default();
        ensure!(message.contains(limit), "the log says \"{message}\", not \"{limit}\"");
    }
    Ok(())
}

/// Waits until the server holds no more than that.
async fn settled(server: &Server, most: f64) -> anyhow::Result<f64> {
    let until = Instant::now() + PATIENCE;
    loop {
        let now = server.process.resident_mib()?;
        if now <= most {
            return Ok(now);
        }
        ensure!(Instant::now() < until, "the memory does not come back: {now:.0} MiB, not {most:.0}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
