//! What an operator may set about bots and conversations.

use serde::{Deserialize, Serialize};

/// Limits of bots, packages and conversations. Every number is a setting with this default.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
    /// Earlier states of a package that are kept.
    pub versions_kept: u32,
    /// Bytes of a message.
    pub message_bytes: usize,
    /// Messages of one conversation that may wait for the turns before them.
    pub waiting_turns: usize,
    /// Messages that a turn may send.
    pub talks_per_turn: usize,
    /// Bytes of all messages that a turn may send.
    pub turn_bytes: usize,
    /// Bytes of compiled programs that are kept in memory.
    pub program_cache_bytes: u64,
    /// Frames that are replayed to a socket at the most.
    pub replay_frames: u32,
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
            versions_kept: 20,
            message_bytes: 32 << 10,
            waiting_turns: 64,
            talks_per_turn: 200,
            turn_bytes: 256 << 10,
            program_cache_bytes: 64 << 20,
            replay_frames: 500,
            fallback_message: "I have no answer to that.".to_owned(),
            error_message: "Something went wrong. Please try again later.".to_owned(),
        }
    }
}
