//! Where machines run: off the async threads, at most as many at once as there are cores.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use basic::{Answer, Command, Data, Hear, Machine, Resume, RuntimeError, Step};
use chrono::{DateTime, FixedOffset};
use gateway::command::Drafts;
use kernel::Error;
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::Semaphore,
    task::{block_in_place, spawn_blocking},
};
use tokio_util::sync::CancellationToken;

use crate::logs::Notes;

/// The places of this node. A cheap handle.
#[derive(Clone)]
pub(super) struct Stage(Arc<Semaphore>);

impl Default for Stage {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self(Arc::new(Semaphore::new(cores)))
    }
}

/// What machines of one turn are given, and what they have used of it.
#[derive(Debug)]
pub(super) struct Allowance {
    pub(super) now: DateTime<FixedOffset>,
    /// Random numbers until the next stop come of it.
    pub(super) seed: u64,
    /// Messages that they may still send.
    pub(super) talks: usize,
    /// Bytes of these.
    pub(super) bytes: usize,
    /// How long they may still run.
    pub(super) time: Duration,
    /// What they said.
    pub(super) says: Vec<String>,
    /// Where what they print is noted.
    pub(super) notes: Drafts,
    /// Cancelled when they are to stop.
    pub(super) stop: CancellationToken,
}

/// Where a machine needs more than its stage.
#[derive(Debug)]
pub(super) enum Stop {
    /// It waits for an answer.
    Hears(Hear),
    /// It wants a command performed.
    Wants(Box<Command>),
    /// It is done, with this.
    Finished(Data),
    /// Its script failed.
    Failed(Box<RuntimeError>),
    /// It used more than it may. No script can catch that.
    Exceeded(String),
    /// Somebody wants no more of it.
    Stopped,
}

impl Stage {
    /// Runs the machine to where it needs more than the stage.
    pub(super) async fn run(
        &self,
        mut machine: Box<Machine>,
        answer: Answer,
        mut allowance: Allowance,
    ) -> Result<(Box<Machine>, Stop, Allowance), Error> {
        let place = Arc::clone(&self.0).acquire_owned().await.map_err(Error::internal)?;
        let play = move || {
            let _place = place;
            let stop = allowance.play(&mut machine, answer);
            (machine, stop, allowance)
        };
        // Most turns take less time than waking another thread and being woken by it: this one runs the machine, and
        // another takes over what it had to do.
        if Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
            let played = catch_unwind(AssertUnwindSafe(|| block_in_place(play)));
            return played.map_err(|_| Error::internal("a machine panicked"));
        }
        spawn_blocking(play).await.map_err(Error::internal)
    }
}

impl Allowance {
    fn play(&mut self, machine: &mut Machine, mut answer: Answer) -> Stop {
        loop {
            let resume = Resume { now: self.now, seed: self.next_seed(), answer };
            let (begun, time, token) = (Instant::now(), self.time, &self.stop);
            let mut is_over = || begun.elapsed() > time || token.is_cancelled();
            let step = machine.run_unless(resume, &mut is_over);
            self.time = time.saturating_sub(begun.elapsed());
            if self.stop.is_cancelled() {
                return Stop::Stopped;
            }
            match step {
                Step::Talk(text) => {
                    if let Err(exceeded) = self.say(text) {
                        return Stop::Exceeded(exceeded);
                    }
                }
                Step::Print(text) => {
                    let script = machine.program().name();
                    tracing::info!(target: "bots::script", script, text, "PRINT");
                    self.notes.with(|notes: &mut Notes| notes.print(script, &text));
                }
                Step::Hear(hear) => return Stop::Hears(hear),
                Step::Command(command) => return Stop::Wants(command),
                Step::Finished(value) => return Stop::Finished(value),
                Step::Failed(error) => return Stop::Failed(error),
            }
            answer = Answer::Done;
        }
    }

    fn say(&mut self, text: String) -> Result<(), String> {
        let Some(talks) = self.talks.checked_sub(1) else {
            return Err(format!("the script says more than {} things in one turn", self.says.len()));
        };
        let Some(bytes) = self.bytes.checked_sub(text.len()) else {
            let said: usize = self.says.iter().map(String::len).sum();
            return Err(format!("the script says more than {} bytes in one turn", said + self.bytes));
        };
        (self.talks, self.bytes) = (talks, bytes);
        self.says.push(text);
        Ok(())
    }

    /// Every stop has a seed of its own, made of the turn's.
    fn next_seed(&mut self) -> u64 {
        // The golden ratio as a fraction of 2^64: no two stops of a turn have the same.
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.seed
    }
}
