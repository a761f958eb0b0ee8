//! `botserver basic`: scripts without a server.

use std::{
    collections::HashMap,
    io::{BufRead, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, bail};
use basic::{
    Answer, Attachment, Command as Asked, Data, File, Hear, HearKind, Known, Limits, Machine, Program, Reply,
    Resume, Severity, Step, fake::FakeHost,
};
use chrono::{DateTime, FixedOffset, Timelike};
use clap::{Subcommand, ValueEnum};
use kernel::Surroundings;

use super::{
    say, say_error,
    surrounding::{Surrounding, package_of, script_name},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Report the errors and warnings of scripts; exits with 1 if there are errors
    Check {
        /// The scripts
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// How to report
        #[arg(long, value_enum, default_value_t = Report::Text)]
        format: Report,
    },
    /// Hold a script's dialog in the terminal
    Run(Run),
    /// Bring scripts into their canonical layout
    Fmt {
        /// The scripts
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Change nothing; name the scripts that would change, and exit with 1 if there are any
        #[arg(long)]
        check: bool,
    },
    /// Print the reference of the language, or of some of its commands, functions and statements
    Keywords {
        /// Names of commands, functions or statements, such as `FIND` or `"SET BOT MEMORY"`; all without one
        names: Vec<String>,
    },
    /// Print the definitions of the tools that scripts are, for a language model
    Tools {
        /// The scripts
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Whose form the definitions take
        #[arg(long, value_enum, default_value_t = Protocol::Openai)]
        format: Protocol,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Run {
    /// The script
    file: PathBuf,
    /// What the script finds outside of itself, as JSON: `tables`, `http`, `session`, `memory`, `user`, `files`, `model`
    #[arg(long, value_name = "FILE")]
    host: Option<PathBuf>,
    /// A variable that has a value before the first line, such as a PARAM; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = input)]
    input: Vec<(String, Data)>,
    /// The time the script sees (RFC 3339); the clock's without it
    #[arg(long, value_name = "TIME", value_parser = DateTime::parse_from_rfc3339)]
    now: Option<DateTime<FixedOffset>>,
    /// Makes random numbers and ids the same at each run
    #[arg(long)]
    seed: Option<u64>,
    /// The language of the machine's own sentences, such as `pt-BR`
    #[arg(long, default_value = "en")]
    language: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Report {
    /// For people
    Text,
    /// One JSON array
    Json,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Protocol {
    /// Functions, as chat models take them
    Openai,
    /// Tools of the Model Context Protocol
    Mcp,
}

pub(super) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check { files, format } => check(files, *format),
        Command::Run(options) => hold_dialog(options),
        Command::Fmt { files, check } => format(files, *check),
        Command::Keywords { names } => keywords(names),
        Command::Tools { files, format } => tools(files, *format),
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))
}

/// `name=value`; what is JSON is that value, everything else a text.
fn input(text: &str) -> Result<(String, Data), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Data::Text(value.to_owned()));
    Ok((name.trim().to_owned(), value))
}

// ---- check ----

fn check(files: &[PathBuf], format: Report) -> anyhow::Result<ExitCode> {
    let mut reports = Vec::new();
    let mut failed = false;
    let mut packages: HashMap<Option<PathBuf>, Surrounding> = HashMap::new();
    for file in files {
        let source = read(file)?;
        let path = std::path::absolute(file)?;
        let package = package_of(&path).map(Path::to_owned);
        let surrounding = packages.entry(package).or_insert_with(|| Surrounding::of(&path));
        for diagnostic in basic::compile(&script_name(file), &source, &surrounding.known()).diagnostics {
            failed |= diagnostic.severity == Severity::Error;
            match format {
                Report::Text => say(&diagnostic.render(&file.display().to_string(), &source)),
                Report::Json => {
                    let mut report = serde_json::to_value(&diagnostic)?;
                    report["file"] = file.display().to_string().into();
                    reports.push(report);
                }
            }
        }
    }
    if matches!(format, Report::Json) {
        say(&serde_json::to_string_pretty(&reports)?);
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The program of a script; its errors and warnings go to the standard error.
fn compile(file: &Path, known: &Known<'_>) -> anyhow::Result<Option<Program>> {
    let source = read(file)?;
    let compiled = basic::compile(&script_name(file), &source, known);
    for diagnostic in &compiled.diagnostics {
        remark(&diagnostic.render(&file.display().to_string(), &source));
    }
    Ok(compiled.program)
}

/// Writes a line beside the dialog, to the standard error.
fn remark(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

// ---- fmt, keywords, tools ----

fn format(files: &[PathBuf], check: bool) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for file in files {
        let source = read(file)?;
        match basic::format(&script_name(file), &source) {
            Err(errors) => {
                code = ExitCode::FAILURE;
                for error in errors {
                    remark(&error.render(&file.display().to_string(), &source));
                }
            }
            Ok(formatted) if formatted == source => {}
            Ok(_) if check => {
                code = ExitCode::FAILURE;
                say(&format!("{} would change", file.display()));
            }
            Ok(formatted) => replace(file, &formatted)?,
        }
    }
    Ok(code)
}

/// Writes a file whole or not at all.
fn replace(file: &Path, text: &str) -> anyhow::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = file.file_name().context("a script has a file name")?.to_string_lossy();
    let beside = folder.join(format!(".{name}.{}", std::process::id()));
    let written = std::fs::write(&beside, text)
        .and_then(|()| std::fs::set_permissions(&beside, std::fs::metadata(file)?.permissions()))
        .and_then(|()| std::fs::rename(&beside, file));
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written.with_context(|| format!("{} can't be written", file.display()))
}

fn keywords(names: &[String]) -> anyhow::Result<ExitCode> {
    if names.is_empty() {
        say(&basic::reference::reference());
    }
    for name in names {
        match basic::reference::entry(name) {
            Some(text) => say(&text),
            None => bail!("there is no command or function {name}, and no statement"),
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tools(files: &[PathBuf], format: Protocol) -> anyhow::Result<ExitCode> {
    let mut definitions = Vec::new();
    let mut failed = false;
    for file in files {
        let surrounding = Surrounding::of(&std::path::absolute(file)?);
        let Some(program) = compile(file, &surrounding.known())? else {
            failed = true;
            continue;
        };
        match &program.declarations().tool {
            Some(tool) => definitions.push(match format {
                Protocol::Openai => tool.openai(),
                Protocol::Mcp => tool.mcp(),
            }),
            None => remark(&format!("{} is no tool: it has neither PARAM nor DESCRIPTION", file.display())),
        }
    }
    say(&serde_json::to_string_pretty(&definitions)?);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

// ---- run ----

/// Plays the host on the standard input and output, with what a file says is outside.
fn hold_dialog(options: &Run) -> anyhow::Result<ExitCode> {
    let mut host: FakeHost = match &options.host {
        Some(file) => serde_json::from_str(&read(file)?)
            .with_context(|| format!("{} doesn't describe what is outside of a script", file.display()))?,
        None => FakeHost::default(),
    };
    let surrounding = Surrounding::of(&std::path::absolute(&options.file)?);
    let mut known = surrounding.known();
    known.variables.extend(options.input.iter().map(|(name, _)| name.as_str()));
    known.variables.extend(PROVIDED);
    let Some(program) = compile(&options.file, &known)? else { return Ok(ExitCode::FAILURE) };
    let Some(mut inputs) = inputs(&program, options) else { return Ok(ExitCode::FAILURE) };
    for (name, value) in surrounding.variables.into_iter().chain(provided(&mut host, options)) {
        if !inputs.iter().any(|(given, _)| given.eq_ignore_ascii_case(&name)) {
            inputs.push((name, value));
        }
    }
    let world = Surroundings::system();
    let mut machine = Machine::start(Arc::new(program), Limits::default(), inputs);
    machine.set_language(&options.language);
    let mut answer = Answer::Start;
    let mut lines = std::io::stdin().lock().lines();
    loop {
        let now = options.now.unwrap_or_else(|| chrono::Local::now().fixed_offset());
        let seed = options.seed.unwrap_or_else(|| world.seed());
        answer = match machine.run(Resume { now, seed, answer }) {
            Step::Talk(text) => {
                say(&text);
                Answer::Done
            }
            Step::Print(text) => {
                remark(&text);
                Answer::Done
            }
            Step::Hear(hear) => {
                let Some(line) = ask(&hear, &mut lines)? else { return Ok(ExitCode::SUCCESS) };
                Answer::Reply(line)
            }
            Step::Command(command) => {
                wait(&command);
                let known = host.log.len();
                let answer = host.perform(&command, now);
                for line in host.log.iter().skip(known) {
                    remark(&format!("({line})"));
                }
                answer
            }
            Step::Finished(Data::Null) => return Ok(ExitCode::SUCCESS),
            Step::Finished(value) => {
                say(&format!("= {value}"));
                return Ok(ExitCode::SUCCESS);
            }
            Step::Failed(error) => {
                say_error(&error.to_string());
                for call in error.calls.iter().skip(1) {
                    remark(&format!("  called at line {}", call.position.line));
                }
                return Ok(ExitCode::FAILURE);
            }
        };
    }
}

/// What every script finds, whatever its package: the hour of the day and the conversation.
const PROVIDED: [&str; 2] = ["hour", "session"];

fn provided(host: &mut FakeHost, options: &Run) -> [(String, Data); 2] {
    host.session.entry("id".to_owned()).or_insert_with(|| Data::Text("terminal".to_owned()));
    let session = host.session.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let now = options.now.unwrap_or_else(|| chrono::Local::now().fixed_offset());
    let [hour, conversation] = PROVIDED.map(str::to_owned);
    [(hour, Data::Integer(now.hour().into())), (conversation, Data::Object(session))]
}

/// What the script has before its first line: checked and converted where it declares PARAMs.
fn inputs(program: &Program, options: &Run) -> Option<Vec<(String, Data)>> {
    let Some(tool) = &program.declarations().tool else { return Some(options.input.clone()) };
    let given = options.input.iter().map(|(name, value)| (name.clone(), value.to_json()));
    let now = options.now.unwrap_or_else(|| chrono::Local::now().fixed_offset());
    match tool.inputs(&serde_json::Value::Object(given.collect()), now) {
        Ok(inputs) => Some(inputs),
        Err(error) => {
            say_error(&error.to_string());
            None
        }
    }
}

/// Shows the options and reads a reply; nothing where the input ends. A reply to a HEAR for a file is its path.
fn ask(
    hear: &Hear,
    lines: &mut impl Iterator<Item = std::io::Result<String>>,
) -> anyhow::Result<Option<Reply>> {
    for (number, option) in hear.options.iter().enumerate() {
        say(&format!("  {}. {option}", number + 1));
    }
    write!(std::io::stdout(), "> ")?;
    std::io::stdout().flush()?;
    let Some(line) = lines.next().transpose()? else { return Ok(None) };
    let wants_file = matches!(
        hear.kind,
        HearKind::File
            | HearKind::Document
            | HearKind::Image
            | HearKind::Video
            | HearKind::Audio
            | HearKind::QrCode
    );
    let path = Path::new(line.trim());
    if !wants_file || !path.is_file() {
        return Ok(Some(line.as_str().into()));
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let fields = [
        ("filename", Data::Text(name.clone())),
        ("name", Data::Text(name)),
        ("path", Data::Text(line.trim().to_owned())),
        ("url", Data::Text(format!("file://{}", std::path::absolute(path)?.display()))),
        ("size", Data::Integer(i64::try_from(path.metadata()?.len())?)),
    ];
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let attachment = Attachment { file: File { fields }, text: None };
    Ok(Some(Reply { text: String::new(), attachments: vec![attachment] }))
}

/// WAIT waits here as it does for a user.
fn wait(command: &Asked) {
    if command.keyword.phrase == "WAIT"
        && let Some(seconds) = command.arguments.first().and_then(Data::as_number)
        && let Ok(time) = std::time::Duration::try_from_secs_f64(seconds.min(10.0))
    {
        std::thread::sleep(time);
    }
}
