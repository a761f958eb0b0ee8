//! The host of the language: runs a machine from one stop to the next and performs what it asks for. The only place
//! that knows the language's machine.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use basic::{Answer, ErrorCode, HostError, Limits, Machine, Program, Reply, Resume, Step};
use chrono::{DateTime, FixedOffset};
use kernel::Error;
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::model::Suggestion;

/// What drives a run.
#[derive(Debug, Clone)]
pub(super) enum Input {
    /// It begins.
    Start,
    /// The state that it stopped in, and the answer that it waits for.
    Reply(Arc<[u8]>, String),
}

/// What the machine is given besides.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    /// The language of the conversation, for what the language itself says.
    pub(super) language: Option<String>,
    pub(super) now: DateTime<FixedOffset>,
    pub(super) seed: u64,
    /// Messages it may send.
    pub(super) talks: usize,
    /// Bytes of all of them.
    pub(super) bytes: usize,
}

/// What came of a run.
#[derive(Debug)]
pub(super) struct Outcome {
    /// What the bot says, in order.
    pub(super) says: Vec<String>,
    /// Quick replies to the last of it.
    pub(super) suggestions: Vec<Suggestion>,
    /// How it ended.
    pub(super) end: End,
}

#[derive(Debug)]
pub(super) enum End {
    /// It waits for an answer, in this state.
    Waits(Vec<u8>),
    /// It is done.
    Finished,
    /// It failed. All of it is for the author.
    Failed(String),
}

/// Where machines run: off the async threads, at most as many at once as there are cores.
#[derive(Clone)]
pub(super) struct Stage(Arc<Semaphore>);

impl Default for Stage {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self(Arc::new(Semaphore::new(cores)))
    }
}

impl Outcome {
    /// A run that could not go on.
    pub(super) fn failed(cause: impl Into<String>) -> Self {
        Self { says: Vec::new(), suggestions: Vec::new(), end: End::Failed(cause.into()) }
    }
}

impl Stage {
    /// Runs until the machine waits, is done, or fails.
    pub(super) async fn run(
        &self,
        program: Arc<Program>,
        input: Input,
        moment: Moment,
    ) -> Result<Outcome, Error> {
        let place = Arc::clone(&self.0).acquire_owned().await.map_err(Error::internal)?;
        let ran = spawn_blocking(move || {
            let _place = place;
            run(program, input, &moment)
        });
        ran.await.map_err(Error::internal)
    }
}

/// The state of a machine that waits, unless it is larger than may be stored.
fn kept(machine: &Machine) -> End {
    let (state, limit) = (machine.save(), Limits::default().state_bytes);
    if state.len() > limit {
        return End::Failed(format!("the dialog's values take {} bytes, more than {limit}", state.len()));
    }
    End::Waits(state)
}

fn run(program: Arc<Program>, input: Input, moment: &Moment) -> Outcome {
    let script = program.name().to_owned();
    let limits = Limits::default();
    let time = Duration::from_secs(limits.seconds_per_stop);
    let (mut machine, mut answer) = match input {
        Input::Start => (Machine::start(program, limits, Vec::new()), Answer::Start),
        Input::Reply(state, text) => {
            // A state that cannot be read is no dialog any more: it ends, and the author is told.
            let machine = match Machine::load(program, limits, &state) {
                Ok(machine) => machine,
                Err(error) => return Outcome::failed(error.to_string()),
            };
            (machine, Answer::Reply(Reply { text, attachments: Vec::new() }))
        }
    };
    if let Some(language) = &moment.language {
        machine.set_language(language);
    }
    let mut outcome = Outcome { says: Vec::new(), suggestions: Vec::new(), end: End::Finished };
    loop {
        let resume = Resume { now: moment.now, seed: moment.seed, answer };
        let begun = Instant::now();
        answer = match machine.run_unless(resume, &mut || begun.elapsed() > time) {
            Step::Talk(_) if outcome.says.len() >= moment.talks => {
                outcome.end =
                    End::Failed(format!("the script says more than {} things in one turn", moment.talks));
                return outcome;
            }
            Step::Talk(text)
                if outcome.says.iter().map(String::len).sum::<usize>() + text.len() > moment.bytes =>
            {
                outcome.end =
                    End::Failed(format!("the script says more than {} bytes in one turn", moment.bytes));
                return outcome;
            }
            Step::Talk(text) => {
                outcome.says.push(text);
                Answer::Done
            }
            Step::Print(text) => {
                tracing::info!(target: "bots::script", script, text, "PRINT");
                Answer::Done
            }
            Step::Hear(hear) => {
                let button = |text: String| Suggestion { value: text.clone(), text };
                outcome.suggestions = hear.options.into_iter().map(button).collect();
                outcome.end = kept(&machine);
                return outcome;
            }
            Step::Command(command) => Answer::Failed(HostError {
                code: ErrorCode::Unknown,
                message: format!("this server does not have {}", command.keyword.phrase),
            }),
            Step::Finished(_) => return outcome,
            Step::Failed(error) => {
                outcome.end = End::Failed(error.to_string());
                return outcome;
            }
        };
    }
}
