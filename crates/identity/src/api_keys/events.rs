//! What is told of API keys.

use chrono::{DateTime, Utc};
use gateway::Module;
use kernel::{
    Event, Hearer, Id, Permission, PublicEvent,
    id::{ApiKeyId, UserId},
};
use serde::Serialize;
use serde_json::Value;

/// Declares them.
pub(super) fn declare(module: Module) -> Module {
    module.event::<ApiKeyExpiring>()
}

/// An API key ends within seven days.
#[derive(Debug, Serialize)]
pub(super) struct ApiKeyExpiring {
    pub(super) key_id: ApiKeyId,
    pub(super) user_id: UserId,
    pub(super) name: String,
    pub(super) expires_at: DateTime<Utc>,
}

impl Event for ApiKeyExpiring {
    const NAME: &'static str = "api_key.expiring";

    fn subject(&self) -> String {
        self.key_id.to_string()
    }
}

impl PublicEvent for ApiKeyExpiring {
    const ABOUT: &'static str = "An API key ends within seven days.";

    fn example() -> Self {
        Self {
            key_id: Id::example(),
            user_id: Id::example(),
            name: "Nightly export".to_owned(),
            expires_at: DateTime::UNIX_EPOCH,
        }
    }

    /// The owner, and who administers keys.
    fn may_hear(who: &Hearer, data: &Value) -> bool {
        who.is(&data["user_id"]) || who.may(Permission::ADMIN_KEYS)
    }
}
