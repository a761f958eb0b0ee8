//! What an operator may set about requests to the outside.

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where requests to the outside may go.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Networks that requests may reach although they are not public, such as `10.1.0.0/16`. Whoever may set an address,
    /// as that of a webhook, reaches everything in them.
    #[schemars(with = "Vec<String>")]
    pub allow: Vec<IpNet>,
    /// May requests go over plain HTTP, which anybody on the way can read and change?
    pub http: bool,
}
