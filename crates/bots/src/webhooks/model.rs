//! Webhooks and deliveries as the API shows them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use identity::tokens::Disclosed;
use kernel::{
    Error, Kind, Patch, Secret,
    id::{BotId, DeliveryId, EventId, UserId, WebhookId},
    text,
};
use platform::{db::DbError, egress::Refused, secrets::SecretsError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type, schema::SchemaType},
};

use super::catalogue::Catalogue;

/// Characters of a name.
pub(super) const NAME: usize = 80;
/// Headers of one's own.
pub(super) const HEADERS: usize = 20;
/// Characters of a header's value.
pub(super) const HEADER_VALUE: usize = 2048;

/// How a webhook is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WebhookStatus {
    /// What was sent last was taken, or nothing was sent yet.
    Active,
    /// The last attempt failed. It is tried again.
    Failing,
    /// It is switched off, by somebody or by the server.
    Disabled,
}

/// Why the server switched a webhook off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DisabledReason {
    /// Nothing was taken for too long.
    Failing,
    /// The receiver said 410: it wants nothing any more.
    Gone,
}

impl DisabledReason {
    /// As it is stored and shown.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Gone => "gone",
        }
    }

    pub(super) fn read(text: &str) -> Self {
        if text == "gone" { Self::Gone } else { Self::Failing }
    }
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Webhook {
    /// The webhook.
    pub webhook_id: WebhookId,
    /// Where events are sent.
    #[schema(example = "https://example.com/hooks/bots")]
    pub url: String,
    /// What it is told of.
    #[schema(example = json!(["bot.created", "conversation.*"]))]
    pub events: Vec<String>,
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Sync to CRM")]
    pub name: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Keeps the contacts up to date.")]
    pub description: Option<String>,
    /// The bot whose events alone it is told of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_id: Option<BotId>,
    /// Is anything sent?
    pub enabled: bool,
    /// Headers that are sent along. Their values are not shown.
    #[schema(example = json!({ "Authorization": "***" }))]
    pub headers: BTreeMap<String, String>,
    /// How it is.
    pub status: WebhookStatus,
    /// Why the server switched it off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<DisabledReason>,
    /// Attempts that failed since the last one that succeeded.
    pub failure_count: u64,
    /// When something was taken last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_delivery_at: Option<DateTime<Utc>>,
    /// Whose it is: it is told of what they may read.
    pub owner_id: UserId,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// A webhook with its secret, in the answer that makes the secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct WebhookWithSecret {
    /// The webhook.
    #[serde(flatten)]
    pub(super) webhook: Webhook,
    /// What its messages are signed with. Shown here only.
    #[schema(example = "whsec_Zm9yIGRvY3VtZW50cyBvbmx5LCBub3QgYSBzZWNyZXQ=")]
    pub(super) secret: Disclosed,
}

/// A webhook to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Where events are sent: an `https` address of the public internet.
    #[schema(max_length = 2048, pattern = "^https?://[^\\s@]+$", example = "https://example.com/hooks/bots")]
    pub url: String,
    /// Names of events, all of a resource (`conversation.*`), or all there are (`*`).
    #[schema(value_type = Vec<EventName>, min_items = 1, max_items = 100, example = json!(["bot.created"]))]
    pub events: Vec<String>,
    /// What it is called. Blank is nothing.
    #[schema(schema_with = name_schema, required = false)]
    pub name: Option<String>,
    /// What it is for.
    #[schema(max_length = 2000, example = "Keeps the contacts up to date.")]
    pub description: Option<String>,
    /// Only events of this bot.
    pub bot_id: Option<BotId>,
    /// Is anything sent? True if absent.
    pub enabled: Option<bool>,
    /// Headers that are sent along, 20 at the most.
    #[schema(schema_with = headers_schema, required = false)]
    pub headers: Option<BTreeMap<String, String>>,
    /// A secret of your own, `whsec_` and 24 to 64 bytes in base64; one is made if absent.
    #[schema(schema_with = secret_schema, required = false)]
    pub secret: Option<Secret>,
}

/// A change of a webhook; absent keeps, null clears.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookPatch {
    /// Where events are sent.
    #[serde(default)]
    #[schema(value_type = String, required = false, max_length = 2048, pattern = "^https?://[^\\s@]+$", example = "https://example.com/hooks/bots")]
    pub url: Patch<String>,
    /// What it is told of.
    #[serde(default)]
    #[schema(value_type = Vec<EventName>, required = false, min_items = 1, max_items = 100, example = json!(["*"]))]
    pub events: Patch<Vec<String>>,
    /// What it is called.
    #[serde(default)]
    #[schema(schema_with = name_schema, required = false)]
    pub name: Patch<String>,
    /// What it is for.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000, example = "Keeps the contacts up to date.")]
    pub description: Patch<String>,
    /// Only events of this bot.
    #[serde(default)]
    #[schema(value_type = Option<BotId>)]
    pub bot_id: Patch<BotId>,
    /// Is anything sent? True begins anew after the server switched it off.
    #[serde(default)]
    #[schema(value_type = bool, required = false)]
    pub enabled: Patch<bool>,
    /// Headers to add or to replace; null removes one, and in place of the object all.
    #[serde(default)]
    #[schema(schema_with = header_changes_schema, required = false)]
    pub headers: Patch<BTreeMap<String, Option<String>>>,
}

fn name_schema() -> Schema {
    let line = text::line_schema("What it is called. Blank is nothing.", 0, NAME, "Sync to CRM");
    line.schema_type(SchemaType::from_iter([Type::String, Type::Null])).into()
}

/// 24 to 64 bytes in base64, with as many signs at the end as belong there, and no bits that say nothing.
const SECRET: &str = "^whsec_(([A-Za-z0-9+/]{4}){8,20}([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=|\
     [A-Za-z0-9+/][AQgw]==)?|([A-Za-z0-9+/]{4}){21}[A-Za-z0-9+/][AQgw]==)$";

fn secret_schema() -> Schema {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .description(Some(
            "A secret of your own, whsec_ and 24 to 64 bytes in base64; one is made if absent.",
        ))
        .pattern(Some(SECRET))
        .write_only(true)
        .examples([Value::from("whsec_Zm9yIGRvY3VtZW50cyBvbmx5LCBub3QgYSBzZWNyZXQ=")])
        .into()
}

fn headers_schema() -> Schema {
    headers_of("Headers that are sent along.", &[Type::String])
}

fn header_changes_schema() -> Schema {
    headers_of(
        "Headers to add or to replace; null removes one, and in place of the object all.",
        &[Type::String, Type::Null],
    )
}

fn headers_of(about: &str, values: &[Type]) -> Schema {
    let name = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"));
    let value = ObjectBuilder::new()
        .schema_type(values.iter().cloned().collect::<SchemaType>())
        .max_length(Some(HEADER_VALUE))
        .pattern(Some(r"^[^\u0000-\u0008\u000a-\u001f\u007f]*$"));
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
        .description(Some(about))
        .property_names(Some(name))
        .additional_properties(Some(Schema::from(value.build())))
        .max_properties(Some(HEADERS))
        .examples([json!({ "Authorization": "Bearer 1234" })])
        .into()
}

/// What can be subscribed to, as the contract says it: only the running program knows all of it.
pub(super) enum EventName {}

impl EventName {
    pub(super) fn of(catalogue: &Catalogue) -> Schema {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("The name of an event, all of a resource, or all there are."))
            .enum_values(Some(catalogue.names()))
            .examples([Value::from("bot.created")])
            .into()
    }
}

impl PartialSchema for EventName {
    fn schema() -> RefOr<Schema> {
        Self::of(&Catalogue::default()).into()
    }
}

impl ToSchema for EventName {}

/// A type of event that can be subscribed to.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct EventInfo {
    /// Its name.
    #[schema(example = "bot.created")]
    pub(super) event: &'static str,
    /// What happened.
    #[schema(example = "A bot was made.")]
    pub(super) description: &'static str,
    /// A message as it is sent.
    #[schema(value_type = Object, example = json!({
        "event": "bot.created", "id": "evt_01jxk6qv9ve7m8g3t5s0c4d2ba", "timestamp": "2026-01-31T12:00:00Z",
        "organization_id": "org_01jxk6qv9ve7m8g3t5s0c4d2ba", "data": { "bot_id": "bot_01jxk6qv9ve7m8g3t5s0c4d2ba" },
    }))]
    pub(super) example: Value,
}

/// What has become of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryStatus {
    /// It is being sent, or will be tried again.
    Pending,
    /// It was taken.
    Delivered,
    /// It was given up.
    Failed,
}

impl DeliveryStatus {
    /// As it is stored and shown.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    pub(super) fn read(text: &str) -> Self {
        match text {
            "pending" => Self::Pending,
            "delivered" => Self::Delivered,
            _ => Self::Failed,
        }
    }
}

/// One message to one webhook, with all its attempts.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Delivery {
    /// The delivery.
    pub delivery_id: DeliveryId,
    /// The event that it tells of, or `ping`.
    #[schema(example = "bot.created")]
    pub event: String,
    /// The event's id, which is the message's id in `webhook-id`: the same at each attempt.
    pub event_id: EventId,
    /// What has become of it.
    pub status: DeliveryStatus,
    /// Attempts so far.
    pub attempts: u64,
    /// The status of the last answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 204)]
    pub response_status: Option<u16>,
    /// Milliseconds that the last attempt took.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 85)]
    pub response_time_ms: Option<u64>,
    /// When it is sent, or tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// What is sent, its first 4 KiB.
    #[schema(example = "{\"event\":\"bot.created\"}")]
    pub request: String,
    /// What was answered last, its first 4 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Thank you.")]
    pub response: Option<String>,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "The server did not answer within 10 seconds.")]
    pub error: Option<String>,
    /// When the event became this delivery.
    pub created_at: DateTime<Utc>,
}

/// What can go wrong with webhooks.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// There is no such webhook, or it is somebody else's.
    #[error("There is no such webhook.")]
    NotFound,
    /// It has no such delivery, or that is too long ago.
    #[error("There is no such delivery.")]
    NoDelivery,
    /// The organization has as many as it may.
    #[error("The organization has {0} webhooks already, as many as it may.")]
    Limit(u64),
    /// Requests may not go there.
    #[error("{0}")]
    UrlNotAllowed(Refused),
    /// It is switched off.
    #[error("The webhook is switched off; enable it first.")]
    Disabled,
    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<DbError> for WebhookError {
    fn from(error: DbError) -> Self {
        Self::Other(error.into())
    }
}

impl From<SecretsError> for WebhookError {
    fn from(error: SecretsError) -> Self {
        Self::Other(error.into())
    }
}

impl From<WebhookError> for Error {
    fn from(error: WebhookError) -> Self {
        let message = error.to_string();
        match error {
            WebhookError::NotFound | WebhookError::NoDelivery => Self::new(Kind::NotFound, message),
            WebhookError::Limit(limit) => Self::conflict(message, "webhook_limit").detail("limit", limit),
            WebhookError::UrlNotAllowed(_) => Self::invalid("url", message).reason("url_not_allowed"),
            WebhookError::Disabled => Self::conflict(message, "webhook_disabled"),
            WebhookError::Other(error) => error,
        }
    }
}
