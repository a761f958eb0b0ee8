//! `botserver config`.

use std::process::ExitCode;

use clap::ValueEnum;
use platform::config::Loaded;

use super::say;
use crate::Config;

/// How to print it.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) fn run(loaded: &Loaded<Config>, options: &Options) -> anyhow::Result<ExitCode> {
    match options.format {
        Format::Json => say(&serde_json::to_string_pretty(&loaded.items)?),
        Format::Text => {
            let key_width = loaded.items.iter().map(|item| item.key.len()).max().unwrap_or_default();
            let value_width =
                loaded.items.iter().map(|item| item.value.to_string().len()).max().unwrap_or_default();
            for item in &loaded.items {
                let value = item.value.to_string();
                say(&format!("{:key_width$}  {value:value_width$}  {}", item.key, item.origin));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
