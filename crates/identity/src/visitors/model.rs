//! What a visit takes and gives.

use chrono::{DateTime, Utc};
use kernel::id::BotId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    ids::{SessionId, UserId},
    tokens::Disclosed,
};

/// With which bot somebody wants to talk without signing in.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewVisit {
    /// Slug of the bot, or `default`, which is meant if no bot is named.
    #[schema(max_length = 128, example = "table-booking")]
    pub bot_name: Option<String>,
    /// Id or slug of the bot. Either this or `bot_name`.
    #[schema(max_length = 128)]
    pub bot_id: Option<String>,
}

/// A visit that has begun.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Visiting {
    /// A user for the time of the visit; no account.
    pub user_id: UserId,
    /// The session.
    pub session_id: SessionId,
    /// To be shown with each request: `Authorization: Bearer …`.
    #[schema(example = "bsv_Zm9yIGRvY3VtZW50cyBvbmx5LCBub3QgYSByZWFsIHRva2Vu")]
    pub token: Disclosed,
    /// Always `authenticated`.
    #[schema(example = "authenticated")]
    pub status: &'static str,
    /// The bot.
    pub bot_id: BotId,
    /// What people call it.
    #[schema(example = "Table booking")]
    pub bot_name: String,
    /// When the visit ends if the visitor stays silent.
    pub expires_at: DateTime<Utc>,
}
