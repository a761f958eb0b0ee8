//! What happens to webhooks, told to whoever subscribed: notifications for the owner, other webhooks.

use kernel::{
    Event, Hearer, Permission, PublicEvent,
    id::{UserId, WebhookId},
};
use serde::Serialize;
use serde_json::Value;

use super::{model::DisabledReason, store::WebhookRow};

/// The server switched a webhook off.
#[derive(Debug, Serialize)]
pub(super) struct WebhookDisabled {
    webhook_id: WebhookId,
    owner_id: UserId,
    name: Option<String>,
    reason: DisabledReason,
}

impl WebhookDisabled {
    pub(super) fn of(hook: &WebhookRow, reason: DisabledReason) -> Self {
        Self { webhook_id: hook.id, owner_id: hook.owner_id, name: hook.name.clone(), reason }
    }
}

impl Event for WebhookDisabled {
    const NAME: &'static str = "webhook.disabled";

    fn subject(&self) -> String {
        self.webhook_id.to_string()
    }
}

impl PublicEvent for WebhookDisabled {
    const ABOUT: &'static str =
        "The server switched a webhook off, because it failed for too long or was gone.";

    fn example() -> Self {
        Self {
            webhook_id: WebhookId::example(),
            owner_id: UserId::example(),
            name: Some("Sync to CRM".to_owned()),
            reason: DisabledReason::Failing,
        }
    }

    fn may_hear(who: &Hearer, data: &Value) -> bool {
        who.is(&data["owner_id"]) || who.may(Permission::ADMIN_BOTS)
    }
}
