//! What an operator may set about the audit log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long entries of the audit log are kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("x-runtime" = true))]
pub struct Settings {
    /// Days for which entries are kept; 0 is for ever. Older ones are removed each night.
    #[schemars(range(max = 36_500))]
    pub keep_days: u32,
}
