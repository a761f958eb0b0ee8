//! What an operator may set about bots and conversations.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limits of bots, packages and conversations. Every number is a setting with this default.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("x-runtime" = true))]
pub struct Settings {
    /// Bots of one organization; 0 is no limit.
    pub bots_per_organization: u64,
    /// Bytes of a package as it is sent.
    pub package_bytes: u64,
    /// Files of a package.
    pub package_files: usize,
    /// Bytes of a package when it is unpacked.
    pub unpacked_bytes: u64,
    /// Bytes of one script.
    pub script_bytes: u64,
    /// Bytes of all scripts and settings of a package together.
    pub package_script_bytes: u64,
    /// Scripts of a package that a model may call.
    pub tools_per_bot: usize,
    /// Earlier states of a package that are kept.
    pub versions_kept: u32,
    /// Bytes of a message.
    pub message_bytes: usize,
    /// Bytes of a file that is sent in a conversation.
    pub attachment_bytes: u64,
    /// Messages of one conversation that may wait for the turns before them.
    pub waiting_turns: usize,
    /// Seconds that whoever sends a message waits for the answer; after that it is read later.
    pub answer_seconds: u64,
    /// Messages that a turn may send.
    pub talks_per_turn: usize,
    /// Bytes of all messages that a turn may send.
    pub turn_bytes: usize,
    /// Values that are remembered in one place: for one bot, one person with a bot, one conversation.
    pub memory_values: usize,
    /// Bytes of a value that is remembered, as JSON.
    pub memory_value_bytes: usize,
    /// Tables of one bot.
    pub tables_per_bot: usize,
    /// Rows of a table that one command may look at.
    pub table_rows_scanned: usize,
    /// Rows of tables that one turn may change.
    pub table_changes_per_turn: usize,
    /// Quick replies that a conversation offers at once.
    pub suggestions: usize,
    /// Days that a script may wait.
    pub wait_days: u32,
    /// Scripts that wait for each other in one conversation.
    pub call_depth: usize,
    /// Seconds that a script may take that is run once, outside of conversations.
    #[schemars(range(min = 1, max = 300))]
    pub script_run_seconds: u64,
    /// Requests to other servers that a script may send in one turn.
    pub requests_per_turn: usize,
    /// Bytes of an answer to such a request.
    pub response_bytes: usize,
    /// Seconds that such a request may take, to the last byte of its answer.
    #[schemars(range(min = 1, max = 300))]
    pub request_seconds: u64,
    /// Schedules of one bot.
    pub schedules_per_bot: usize,
    /// Hooks of one bot.
    pub hooks_per_bot: usize,
    /// Calls a minute of the hooks of one bot from one address; 0 is no limit.
    pub hook_calls_per_minute: u32,
    /// Lines of its scripts that are kept for each bot.
    pub log_lines_per_bot: u32,
    /// Days for which they are kept.
    #[schemars(range(min = 1, max = 3650))]
    pub log_days: u32,
    /// Bytes of compiled programs that are kept in memory.
    #[schemars(extend("x-runtime" = false))]
    pub program_cache_bytes: u64,
    /// Frames that are replayed to a socket at the most.
    pub replay_frames: u32,
    /// Days for which what was said is replayed to a socket that missed it; 0 is no limit.
    pub replay_days: u32,
    /// Webhooks of one organization; 0 is no limit.
    pub webhooks_per_organization: u64,
    /// Seconds in which a receiver must take what a webhook sends.
    #[schemars(range(min = 1, max = 60))]
    pub webhook_timeout_seconds: u64,
    /// Seconds after which what was not taken is sent again, after each attempt; after the last one it is given up.
    #[schemars(length(max = 50), extend("x-runtime" = false))]
    pub webhook_retry_seconds: Vec<u64>,
    /// Days without success after which a webhook is switched off; with 0 it is after the first failure.
    #[schemars(range(max = 365))]
    pub webhook_days_without_success: u32,
    /// Days for which deliveries are remembered.
    #[schemars(range(min = 1, max = 3650))]
    pub webhook_delivery_days: u32,
    /// Hours for which the secret before the present one signs, too.
    #[schemars(range(max = 8760))]
    pub webhook_secret_overlap_hours: u32,
    /// What a bot says to a question that no dialog waits for, unless its package says otherwise.
    pub fallback_message: String,
    /// What a person reads when a script fails, unless the package says otherwise.
    pub error_message: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bots_per_organization: 100,
            package_bytes: 100 << 20,
            package_files: 10_000,
            unpacked_bytes: 1 << 30,
            script_bytes: 1 << 20,
            package_script_bytes: 32 << 20,
            tools_per_bot: 500,
            versions_kept: 20,
            message_bytes: 32 << 10,
            attachment_bytes: 25 << 20,
            waiting_turns: 64,
            answer_seconds: 30,
            talks_per_turn: 200,
            turn_bytes: 256 << 10,
            memory_values: 10_000,
            memory_value_bytes: 64 << 10,
            tables_per_bot: 200,
            table_rows_scanned: 100_000,
            table_changes_per_turn: 10_000,
            suggestions: 50,
            wait_days: 3660,
            call_depth: 20,
            script_run_seconds: 60,
            requests_per_turn: 100,
            response_bytes: 4 << 20,
            request_seconds: 30,
            schedules_per_bot: 1000,
            hooks_per_bot: 100,
            hook_calls_per_minute: 60,
            log_lines_per_bot: 10_000,
            log_days: 30,
            program_cache_bytes: 64 << 20,
            replay_frames: 500,
            replay_days: 7,
            webhooks_per_organization: 50,
            webhook_timeout_seconds: 10,
            webhook_retry_seconds: vec![10, 60, 300, 1800, 7200, 21_600, 86_400],
            webhook_days_without_success: 3,
            webhook_delivery_days: 30,
            webhook_secret_overlap_hours: 24,
            fallback_message: "I have no answer to that.".to_owned(),
            error_message: "Something went wrong. Please try again later.".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const WEBHOOKS: &str = include_str!("../../../docs/webhooks.md");
    const SCRIPTS: &str = include_str!("../../../docs/scripts.md");

    /// The settings of a section with their defaults.
    fn of(section: &str, settings: &impl Serialize) -> Vec<(String, Value)> {
        let settings = serde_json::to_value(settings).unwrap();
        let settings = settings.as_object().unwrap().clone();
        settings.into_iter().map(|(key, default)| (format!("{section}.{key}"), default)).collect()
    }

    fn has_row(page: &str, (key, default): &(String, Value)) -> bool {
        page.contains(&format!("| `{key}` | `{default}` |"))
    }

    #[test]
    fn the_page_on_webhooks_has_every_setting_with_its_default() {
        let bots = of("bots", &Settings::default());
        let about = bots.into_iter().filter(|(key, _)| key.contains(".webhook"));
        for row in about.chain(of("egress", &platform::egress::Settings::default())) {
            assert!(has_row(WEBHOOKS, &row), "docs/webhooks.md lacks {row:?}");
        }
    }

    #[test]
    fn the_page_on_scripts_has_what_bounds_requests() {
        let bots = of("bots", &Settings::default());
        let about = |key: &str| key.contains(".request") || key.contains(".response");
        let rows: Vec<_> = bots.iter().filter(|(key, _)| about(key)).collect();
        assert_eq!(rows.len(), 3);
        for row in rows {
            assert!(has_row(SCRIPTS, row), "docs/scripts.md lacks {row:?}");
        }
    }
}
