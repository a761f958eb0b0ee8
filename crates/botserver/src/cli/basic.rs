//! `botserver basic`: scripts without a server.

use std::{
    io::{BufRead, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use basic::{Answer, ErrorCode, HostError, Known, Limits, Machine, Program, Reply, Resume, Severity, Step};
use clap::{Subcommand, ValueEnum};
use kernel::Surroundings;

use super::{say, say_error};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Report the errors and warnings of scripts; exits with 1 if there are errors
    Check {
        /// The scripts
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// How to report
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Hold a script's dialog in the terminal
    Run {
        /// The script
        file: PathBuf,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// One JSON array
    Json,
}

pub(super) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check { files, format } => check(files, *format),
        Command::Run { file } => hold_dialog(file),
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))
}

fn script_name(file: &Path) -> String {
    file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn check(files: &[PathBuf], format: Format) -> anyhow::Result<ExitCode> {
    let mut reports = Vec::new();
    let mut failed = false;
    for file in files {
        let source = read(file)?;
        for diagnostic in basic::compile(&script_name(file), &source, &Known::default()).diagnostics {
            failed |= diagnostic.severity == Severity::Error;
            match format {
                Format::Text => say(&diagnostic.render(&file.display().to_string(), &source)),
                Format::Json => {
                    let mut report = serde_json::to_value(&diagnostic)?;
                    report["file"] = file.display().to_string().into();
                    reports.push(report);
                }
            }
        }
    }
    if matches!(format, Format::Json) {
        say(&serde_json::to_string_pretty(&reports)?);
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn compile(file: &Path) -> anyhow::Result<Option<Program>> {
    let source = read(file)?;
    let compiled = basic::compile(&script_name(file), &source, &Known::default());
    for diagnostic in &compiled.diagnostics {
        say_error(&diagnostic.render(&file.display().to_string(), &source));
    }
    Ok(compiled.program)
}

/// Plays the host on the standard input and output. What needs a server is refused, and the script told so.
fn hold_dialog(file: &Path) -> anyhow::Result<ExitCode> {
    let Some(program) = compile(file)? else { return Ok(ExitCode::FAILURE) };
    let world = Surroundings::system();
    let mut machine = Machine::start(Arc::new(program), Limits::default(), Vec::new());
    let mut answer = Answer::Start;
    let mut lines = std::io::stdin().lock().lines();
    loop {
        let resume = Resume { now: chrono::Local::now().fixed_offset(), seed: world.seed(), answer };
        answer = match machine.run(resume) {
            Step::Talk(text) => {
                say(&text);
                Answer::Done
            }
            Step::Print(text) => {
                say_error(&text);
                Answer::Done
            }
            Step::Hear(hear) => {
                for (number, option) in hear.options.iter().enumerate() {
                    say(&format!("  {}. {option}", number + 1));
                }
                write!(std::io::stdout(), "> ")?;
                std::io::stdout().flush()?;
                let Some(line) = lines.next() else { return Ok(ExitCode::SUCCESS) };
                Answer::Reply(Reply { text: line?, attachments: Vec::new() })
            }
            Step::Command(command) => Answer::Failed(HostError {
                code: ErrorCode::Unknown,
                message: format!("{} needs a server", command.keyword.phrase),
            }),
            Step::Finished(_) => return Ok(ExitCode::SUCCESS),
            Step::Failed(error) => {
                say_error(&error.to_string());
                return Ok(ExitCode::FAILURE);
            }
        };
    }
}
