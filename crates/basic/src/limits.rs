//! What a run may use. A script cannot catch a passed limit.

use serde::{Deserialize, Serialize};

/// The limits of a run, each a setting of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Instructions between two stops. Counted at loops and calls, so a run may pass it by one body of a loop.
    pub instructions_per_stop: u64,
    /// Instructions in a run. A reply of the user begins the count anew: a dialog may last for years.
    pub instructions_per_run: u64,
    /// Procedures that wait for each other.
    pub call_depth: u32,
    /// Bytes of all values of one machine.
    pub memory_bytes: usize,
    /// Bytes of one text.
    pub text_bytes: usize,
    /// Entries of one array or object.
    pub entries: usize,
    /// Bytes of a stored state; kept by the host, which sees the bytes.
    pub state_bytes: usize,
    /// Commands of a run that go to the host, TALK and HEAR included. A reply of the user begins the count anew.
    pub effects_per_run: u32,
    /// TALK between two replies of the user.
    pub talks_per_turn: u32,
    /// Rows of one answer of the host.
    pub rows: usize,
    /// Seconds between two stops; kept by the host, since the machine has no clock.
    pub seconds_per_stop: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            instructions_per_stop: 1_000_000,
            instructions_per_run: 50_000_000,
            call_depth: 100,
            memory_bytes: 32 << 20,
            text_bytes: 10 << 20,
            entries: 1_000_000,
            state_bytes: 4 << 20,
            effects_per_run: 10_000,
            talks_per_turn: 200,
            rows: 10_000,
            seconds_per_stop: 300,
        }
    }
}
