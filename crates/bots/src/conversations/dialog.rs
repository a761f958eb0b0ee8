//! The host of the language: runs scripts from one question to the next, and has performed what they ask for.
//!
//! A run is a stack of scripts: each that calls another waits below it, as the bytes of its machine. Commands are
//! performed by the modules of the server; only what changes where the run goes on is done here: CALL and WAIT.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use basic::{Answer, Command, Data, ErrorCode, HostError, Limits, Machine, Program, Reply, hear::HearKind};
use chrono::TimeDelta;
use gateway::command::{Commands, Performed, Run, Unperformed};
use identity::membership;
use kernel::{
    Error, Id, Surroundings,
    id::kind::{Bot, Organization, User},
};
use platform::{db::Db, secrets::Secrets, settings::Live};

use super::{
    attachments::Outgoing,
    behalf, calls,
    message::Suggestion,
    stage::{Allowance, Stage, Stop},
    stopping::Stoppable,
};
use crate::{
    Settings, config::known, hooks, logs::Notes, memory::keywords::text, scripts::programs::Programs,
};

/// A script that waits: its program, and the state of its machine.
#[derive(Debug, Clone)]
pub(super) struct Suspended {
    pub(super) program: [u8; 32],
    pub(super) state: Arc<[u8]>,
}

/// The scripts of a run, the one that goes on first on top.
#[derive(Debug, Clone)]
pub(super) struct Stack {
    pub(super) callers: Vec<Suspended>,
    pub(super) top: Suspended,
    /// Does the one on top wait for a secret?
    pub(super) asks_secret: bool,
    /// What commands keep for the run, sealed.
    pub(super) kept: Option<Vec<u8>>,
}

/// What drives a run.
#[derive(Debug, Clone)]
pub(super) enum Input {
    /// It begins with this program.
    Start([u8; 32]),
    /// It begins with this program, which finds these values in its PARAMs.
    Call([u8; 32], Vec<(String, Data)>),
    /// Where it stopped, and the answer that it waits for.
    Reply(Stack, Reply),
    /// Where it stopped, when it has waited long enough.
    Wake(Stack),
}

/// What a run is part of.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) run: Run,
    /// The package's version that the run began with.
    pub(super) version: i64,
    /// The language of the conversation, for what the language itself says.
    pub(super) language: Option<String>,
    /// What stops it.
    pub(super) stop: Arc<Stoppable>,
}

/// What came of a run.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    /// What the bot says, in order.
    pub(super) says: Vec<String>,
    /// What may be answered to the question that it waits with.
    pub(super) options: Vec<Suggestion>,
    /// How it ended.
    pub(super) end: End,
}

#[derive(Debug, Clone)]
pub(super) enum End {
    /// It waits for an answer.
    Waits(Stack),
    /// It goes on by itself after that time.
    Sleeps(Stack, TimeDelta),
    /// It is done.
    Finished,
    /// It failed. All of it is for the author.
    Failed(String),
    /// Somebody stopped it.
    Stopped,
}

/// What runs scripts. A cheap handle.
#[derive(Clone)]
pub(super) struct Dialogs {
    db: Db,
    secrets: Secrets,
    programs: Programs,
    stage: Stage,
    commands: Arc<OnceLock<Commands>>,
    surroundings: Surroundings,
    settings: Live<Settings>,
}

/// What happens next.
enum Next {
    /// The script on top goes on with this.
    On(Box<Machine>, Answer),
    /// The run ends.
    Ends(End),
}

/// The scripts below, while the one on top runs.
struct Below {
    callers: Vec<Suspended>,
    top: [u8; 32],
}

impl Scene {
    /// The run as commands see it: for whom it goes on by now.
    fn acting(&self) -> Run {
        let run = self.run.clone();
        Run { user: behalf::of(&run).unwrap_or(run.user), ..run }
    }
}

impl Outcome {
    /// A run that could not go on.
    pub(super) fn failed(cause: impl Into<String>) -> Self {
        Self { says: Vec::new(), options: Vec::new(), end: End::Failed(cause.into()) }
    }
}

impl Below {
    /// All of the run as it is stored, unless it is larger than that may be.
    fn stack(self, machine: &Machine, kept: Option<Vec<u8>>) -> Result<Stack, String> {
        let top = Suspended { program: self.top, state: machine.save().into() };
        let size = self.callers.iter().map(|caller| caller.state.len()).sum::<usize>() + top.state.len();
        let limit = Limits::default().state_bytes;
        if size > limit {
            return Err(format!("the dialog's values take {size} bytes, more than {limit}"));
        }
        let asks_secret = machine.waits_for() == Some(HearKind::Password);
        Ok(Stack { callers: self.callers, top, asks_secret, kept })
    }
}

impl Dialogs {
    pub(super) fn new(
        db: Db,
        secrets: Secrets,
        programs: Programs,
        surroundings: Surroundings,
        settings: Live<Settings>,
    ) -> Self {
        Self {
            db,
            secrets,
            programs,
            stage: Stage::default(),
            commands: Arc::default(),
            surroundings,
            settings,
        }
    }

    /// What scripts can ask for. Until it is said they can only talk.
    pub(super) fn perform(&self, commands: Commands) {
        if self.commands.set(commands).is_err() {
            tracing::error!("the commands of scripts were given twice; the first stay");
        }
    }

    /// Runs until an answer is needed, or time, or nothing more.
    pub(super) async fn run(&self, scene: &Scene, input: Input) -> Result<Outcome, Error> {
        let settings = self.settings.get();
        let mut allowance = Allowance {
            now: scene.run.now.fixed_offset(),
            seed: self.surroundings.seed(),
            talks: settings.talks_per_turn,
            bytes: settings.turn_bytes,
            time: Duration::from_secs(Limits::default().seconds_per_stop),
            says: Vec::new(),
            notes: scene.run.drafts.clone(),
            stop: scene.stop.token().clone(),
        };
        drop(settings);
        let (mut below, mut next) = self.begin(scene, input).await?;
        let mut options = Vec::new();
        let end = loop {
            let (machine, answer) = match next {
                Next::On(machine, answer) => (machine, answer),
                Next::Ends(end) => break end,
            };
            let (machine, stop, left) = self.stage.run(machine, answer, allowance).await?;
            allowance = left;
            note(scene, &machine, &stop, below.callers.is_empty());
            next = match stop {
                Stop::Hears(hear) => {
                    let button = |text: String| Suggestion { value: text.clone(), text };
                    options = hear.options.into_iter().map(button).collect();
                    let kept = self.kept(scene)?;
                    break below.stack(&machine, kept).map_or_else(End::Failed, End::Waits);
                }
                Stop::Wants(command) if command.keyword.phrase == "WAIT" => {
                    match calls::seconds(&command, self.settings.get().wait_days) {
                        Ok(None) => Next::On(machine, Answer::Done),
                        Ok(Some(time)) => {
                            let sleeps = |stack| End::Sleeps(stack, time);
                            let kept = self.kept(scene)?;
                            break below.stack(&machine, kept).map_or_else(End::Failed, sleeps);
                        }
                        Err(wrong) => Next::On(machine, answered(Err(wrong))?),
                    }
                }
                Stop::Wants(command) if calls::is_script(&command) => {
                    self.call(scene, &mut below, machine, &command).await?
                }
                Stop::Wants(command) => {
                    let may_send = command.keyword.phrase == "SEND FILE";
                    let performing = self.performed(scene, *command);
                    match scene.stop.token().run_until_cancelled(performing).await {
                        Some(performed) => {
                            if may_send {
                                let said = allowance.says.len();
                                let captions = scene.run.drafts.with(|sent: &mut Outgoing| sent.place(said));
                                allowance.says.extend(captions);
                            }
                            Next::On(machine, answered(performed)?)
                        }
                        None => break End::Stopped,
                    }
                }
                Stop::Finished(value) => {
                    self.go_back(scene, &mut below, Answer::Value(value), || End::Finished).await?
                }
                Stop::Failed(error) => {
                    let message = error.to_string();
                    let told = Answer::Failed(HostError { code: error.code, message: message.clone() });
                    self.go_back(scene, &mut below, told, || End::Failed(message)).await?
                }
                Stop::Exceeded(cause) => break End::Failed(cause),
                Stop::Stopped => break End::Stopped,
            };
        };
        if let End::Failed(cause) = &end {
            tracing::warn!(bot = %scene.run.bot, cause, "a script failed");
            scene.run.drafts.with(|notes: &mut Notes| notes.failed(cause));
        }
        Ok(Outcome { says: allowance.says, options, end })
    }

    async fn begin(&self, scene: &Scene, input: Input) -> Result<(Below, Next), Error> {
        Ok(match input {
            Input::Start(hash) => self.start(scene, hash, Vec::new()).await?,
            Input::Call(hash, inputs) => self.start(scene, hash, inputs).await?,
            Input::Reply(stack, reply) => self.resume(scene, stack, Answer::Reply(reply)).await?,
            Input::Wake(stack) => self.resume(scene, stack, Answer::Done).await?,
        })
    }

    async fn start(
        &self,
        scene: &Scene,
        hash: [u8; 32],
        inputs: Vec<(String, Data)>,
    ) -> Result<(Below, Next), Error> {
        let below = Below { callers: Vec::new(), top: hash };
        let program = match self.program(scene, hash).await? {
            Ok(program) => program,
            Err(cause) => return Ok((below, Next::Ends(End::Failed(cause)))),
        };
        if let Some(roles) = self.denied(scene, &program).await? {
            return Ok((below, Next::Ends(End::Failed(denied(&roles)))));
        }
        let mut provided = self.provided(scene).await?;
        provided.extend(inputs);
        Ok((below, Next::On(start(scene, program, provided), Answer::Start)))
    }

    async fn resume(&self, scene: &Scene, stack: Stack, answer: Answer) -> Result<(Below, Next), Error> {
        let below = Below { callers: stack.callers, top: stack.top.program };
        if let Some(kept) = &stack.kept {
            let stored = self.secrets.unseal(&context(scene), kept)?;
            scene.run.kept.restore(&stored).map_err(Error::internal)?;
        }
        let next = self.load(scene, &stack.top, answer).await?;
        Ok((below, next))
    }

    /// What commands keep for the run, as it is stored: headers of requests hold passwords.
    fn kept(&self, scene: &Scene) -> Result<Option<Vec<u8>>, Error> {
        let stored = scene.run.kept.stored();
        Ok(stored.map(|stored| self.secrets.seal(&context(scene), &stored)).transpose()?)
    }

    /// A script that waited. A state that cannot be read is no dialog any more: it ends, and the author is told.
    async fn load(&self, scene: &Scene, waited: &Suspended, answer: Answer) -> Result<Next, Error> {
        let loaded = self.program(scene, waited.program).await?.and_then(|program| {
            let machine = Machine::load(program, Limits::default(), &waited.state);
            machine.map_err(|error| error.to_string())
        });
        Ok(match loaded {
            Ok(mut machine) => {
                speak(&mut machine, scene);
                Next::On(Box::new(machine), answer)
            }
            Err(cause) => Next::Ends(End::Failed(cause)),
        })
    }

    async fn program(&self, scene: &Scene, hash: [u8; 32]) -> Result<Result<Arc<Program>, String>, Error> {
        self.program_of(scene.run.org, scene.run.bot, hash).await
    }

    /// The hash of the program of a script in that version of the package, if it can run.
    pub(super) async fn named(
        &self,
        org: Id<Organization>,
        bot: Id<Bot>,
        version: i64,
        name: &str,
    ) -> Result<Option<[u8; 32]>, Error> {
        self.programs.named(org, bot, version, name).await
    }

    /// The program of a bot that runs name by that hash, or why it can't be read.
    pub(super) async fn program_of(
        &self,
        org: Id<Organization>,
        bot: Id<Bot>,
        hash: [u8; 32],
    ) -> Result<Result<Arc<Program>, String>, Error> {
        let program = self.programs.get(org, bot, hash).await?;
        Ok(program.map_err(|error| error.to_string()))
    }

    /// The roles of which the run's person needs one, where they have none. The bot itself may run all of its scripts.
    async fn denied(&self, scene: &Scene, program: &Program) -> Result<Option<String>, Error> {
        if scene.run.is_of_bot() {
            return Ok(None);
        }
        self.denial(scene.run.org, scene.run.user, program).await
    }

    /// The roles of which somebody needs one to run a script, where they have none: `ALLOW ROLE` names them.
    pub(super) async fn denial(
        &self,
        org: Id<Organization>,
        user: Id<User>,
        program: &Program,
    ) -> Result<Option<String>, Error> {
        let allowed = &program.declarations().roles;
        if allowed.is_empty() {
            return Ok(None);
        }
        let now = self.surroundings.now();
        let roles = self.db.read(org, move |tx| membership::roles_of(tx, user, now)).await?;
        let has = allowed.iter().any(|name| membership::is_among(&roles, name));
        Ok((!has).then(|| allowed.join(" or ")))
    }

    /// The variables that every script finds: those of the package's settings, and the server's own.
    async fn provided(&self, scene: &Scene) -> Result<Vec<(String, Data)>, Error> {
        let run = &scene.run;
        let mut provided = self.programs.parameters(run.org, run.bot, scene.version).await?.to_vec();
        provided.extend(calls::provided(&scene.acting()));
        Ok(provided)
    }

    /// The sealed settings that scripts of that version find among their variables.
    pub(super) async fn sealed(
        &self,
        org: Id<Organization>,
        bot: Id<Bot>,
        version: i64,
    ) -> Result<Vec<String>, Error> {
        let parameters = self.programs.parameters(org, bot, version).await?;
        let secrets = parameters.iter().filter_map(|(name, value)| match value {
            Data::Text(text) if known::is_secret(&name.replace('_', "-")) && !text.is_empty() => {
                Some(text.clone())
            }
            _ => None,
        });
        Ok(secrets.collect())
    }

    async fn performed(&self, scene: &Scene, command: Command) -> Performed {
        let run = scene.acting();
        match self.commands.get() {
            Some(commands) => commands.perform(run, command).await,
            None => Commands::default().perform(run, command).await,
        }
    }

    /// Puts the script that a command names on top.
    async fn call(
        &self,
        scene: &Scene,
        below: &mut Below,
        caller: Box<Machine>,
        command: &Command,
    ) -> Result<Next, Error> {
        let most = self.settings.get().call_depth;
        if below.callers.len() >= most {
            let error = format!("more than {most} scripts wait for each other");
            return Ok(Next::On(caller, failed(ErrorCode::Limit, error)));
        }
        let name = calls::script_name(&text(command, 0));
        let run = &scene.run;
        let Some(hash) = self.programs.named(run.org, run.bot, scene.version, &name).await? else {
            let error = format!("the package has no script {name} that can run");
            return Ok(Next::On(caller, failed(ErrorCode::NotFound, error)));
        };
        let program = match self.program(scene, hash).await? {
            Ok(program) => program,
            Err(cause) => return Ok(Next::On(caller, failed(ErrorCode::NotFound, cause))),
        };
        if let Some(roles) = self.denied(scene, &program).await? {
            return Ok(Next::On(caller, failed(ErrorCode::Denied, denied(&roles))));
        }
        let mut inputs = self.provided(scene).await?;
        match calls::arguments(
            &program,
            command.arguments.get(1..).unwrap_or_default(),
            run.now.fixed_offset(),
        ) {
            Ok(own) => inputs.extend(own),
            Err(wrong) => return Ok(Next::On(caller, failed(ErrorCode::Argument, wrong))),
        }
        let state = caller.save().into();
        below.callers.push(Suspended { program: std::mem::replace(&mut below.top, hash), state });
        Ok(Next::On(start(scene, program, inputs), Answer::Start))
    }

    /// The script on top has ended: the one that called it goes on, or the run ends.
    async fn go_back(
        &self,
        scene: &Scene,
        below: &mut Below,
        answer: Answer,
        end: impl FnOnce() -> End,
    ) -> Result<Next, Error> {
        let Some(caller) = below.callers.pop() else { return Ok(Next::Ends(end())) };
        below.top = caller.program;
        self.load(scene, &caller, answer).await
    }
}

/// Notes what a stop says of the run: what it took, and what came of it.
fn note(scene: &Scene, machine: &Machine, stop: &Stop, is_last: bool) {
    let ends = matches!(stop, Stop::Finished(_) | Stop::Failed(_) | Stop::Exceeded(_) | Stop::Hears(_));
    scene.run.drafts.with(|notes: &mut Notes| {
        if ends {
            notes.steps += machine.steps();
        }
        match stop {
            Stop::Finished(value) if is_last => {
                notes.result = Some(value.clone());
                if value.is_null() && scene.run.is_of_bot() {
                    notes.results = results(machine);
                }
            }
            Stop::Failed(error) if is_last => notes.failed_at(error),
            _ => {}
        }
    });
}

/// What a script without RETURN leaves for whoever called it.
fn results(machine: &Machine) -> Vec<(String, Data)> {
    let all = machine.variables().into_iter().filter(|(name, _)| name.starts_with(hooks::RESULT));
    all.filter_map(|(name, value)| Some((name, value?))).collect()
}

fn start(scene: &Scene, program: Arc<Program>, inputs: Vec<(String, Data)>) -> Box<Machine> {
    let mut machine = Machine::start(program, Limits::default(), inputs);
    speak(&mut machine, scene);
    Box::new(machine)
}

fn speak(machine: &mut Machine, scene: &Scene) {
    if let Some(language) = &scene.language {
        machine.set_language(language);
    }
}

/// What is sealed for a run opens in its conversation only.
fn context(scene: &Scene) -> Vec<u8> {
    [b"conversation_runs.kept:", scene.run.conversation.as_bytes().as_slice()].concat()
}

fn denied(roles: &str) -> String {
    format!("the script is for people with the role {roles}")
}

fn failed(code: ErrorCode, message: String) -> Answer {
    Answer::Failed(HostError { code, message })
}

fn answered(performed: Performed) -> Result<Answer, Error> {
    match performed {
        Ok(answer) => Ok(answer),
        Err(Unperformed::Failed(error)) => Ok(Answer::Failed(error)),
        Err(Unperformed::Server(error)) => Err(error),
    }
}
