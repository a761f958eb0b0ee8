//! A session as the API shows one.

use chrono::{DateTime, Utc};
use kernel::{
    id::{BotId, kind::User},
    list::{FilterField, ListSpec, Listed, SortField},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{device, store::SessionRow};
use crate::{
    ids::{SessionId, UserId},
    visitors::store::VisitRow,
};

/// The lists of sessions.
pub(crate) enum SessionList {}

impl Listed for SessionList {
    const SPEC: ListSpec = LIST;
}

/// What a list of sessions can be asked.
pub(crate) const LIST: ListSpec = ListSpec {
    sorts: &[SortField::desc("last_activity"), SortField::desc("created_at")],
    filters: &[
        FilterField::id::<User>("user_id", "Of these people."),
        FilterField::one_of("kind", &["login", "anonymous", "api"], "Begun in one of these ways."),
    ],
    search: None,
};

/// A sign-in that has not ended, or a visit.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Session {
    /// The session's id.
    pub session_id: SessionId,
    /// Who signed in; a visitor's is no account.
    pub user_id: UserId,
    /// Their address; visitors have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ann@example.com")]
    pub user_email: Option<String>,
    /// The bot that a visitor talks with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_id: Option<BotId>,
    /// How it began: `login`, or `anonymous`.
    #[schema(pattern = "^(login|anonymous|api)$", example = "login")]
    pub kind: &'static str,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// The same as `created_at`.
    pub started_at: DateTime<Utc>,
    /// The last request, to the minute.
    pub last_activity: DateTime<Utc>,
    /// When it ends if nobody refreshes it.
    pub expires_at: DateTime<Utc>,
    /// Where the sign-in came from.
    #[schema(example = "203.0.113.7")]
    pub ip_address: String,
    /// What the client called itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0")]
    pub user_agent: Option<String>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Firefox on Linux")]
    pub device: Option<String>,
    /// Is it the one of this request?
    pub current: bool,
    /// Was `remember_me` asked for?
    pub remember: bool,
    /// Was a second factor shown?
    pub two_factor: bool,
}

impl Session {
    pub(crate) fn of(row: SessionRow, current: SessionId) -> Self {
        Self {
            session_id: row.id,
            user_id: row.user_id,
            user_email: Some(row.user_email),
            bot_id: None,
            kind: KIND,
            created_at: row.created_at,
            started_at: row.created_at,
            last_activity: row.last_activity,
            expires_at: row.expires_at,
            device: row.user_agent.as_deref().and_then(device::describe),
            ip_address: row.ip_address,
            user_agent: row.user_agent,
            current: row.id == current,
            remember: row.remember,
            two_factor: row.two_factor,
        }
    }

    /// A visit, as its visitor sees it.
    pub(crate) fn of_visit(row: VisitRow) -> Self {
        Self {
            session_id: row.id,
            user_id: row.user_id,
            user_email: None,
            bot_id: Some(row.bot_id),
            kind: "anonymous",
            created_at: row.created_at,
            started_at: row.created_at,
            last_activity: row.last_activity,
            expires_at: row.expires_at,
            device: row.user_agent.as_deref().and_then(device::describe),
            ip_address: row.ip_address,
            user_agent: row.user_agent,
            current: true,
            remember: false,
            two_factor: false,
        }
    }
}

/// The kind of session that lists have. Visits are not among them.
pub(crate) const KIND: &str = "login";

/// What ending several sessions did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EndedSessions {
    /// Sessions that were ended.
    #[schema(example = 3)]
    pub terminated_count: u64,
    /// Always `terminated`.
    #[schema(example = "terminated")]
    pub status: &'static str,
}

/// Which of a user's sessions are ended.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EndAll {
    /// Spare the session of this request.
    #[serde(default)]
    #[param(default = false, example = true)]
    pub(crate) keep_current: bool,
}
