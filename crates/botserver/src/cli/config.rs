//! `botserver config`.

use std::process::ExitCode;

use clap::ValueEnum;
use operations::configuration::Setting;
use platform::config::{Layers, Values};

use super::say;
use crate::Config;

/// How to print it.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Say what each key means, too
    #[arg(long)]
    explain: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Prints what was said at the start of the server. What was changed while it ran is in its database: ask it.
pub(super) fn run(layers: &Layers<Config>, options: &Options) -> anyhow::Result<ExitCode> {
    let items = layers.load(&Values::new())?.items;
    match options.format {
        Format::Json => {
            let settings: Vec<Setting> = items.iter().map(Setting::from).collect();
            say(&serde_json::to_string_pretty(&settings)?);
        }
        Format::Text => {
            let key_width = items.iter().map(|item| item.key.name.len()).max().unwrap_or_default();
            let value_width = items.iter().map(|item| item.value.to_string().len()).max().unwrap_or_default();
            for item in &items {
                if options.explain {
                    say(&format!("# {}", item.key.description));
                }
                let value = item.value.to_string();
                say(&format!("{:key_width$}  {value:value_width$}  {}", item.key.name, item.origin));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
