//! What these operations take and give.

use chrono::{DateTime, Utc};
use kernel::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    ids::UserId,
    users::{
        Status,
        fields::{EmailAddress, ShownName, Username},
    },
};

/// Whose account it is about, by its address.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MailRequest, example = json!({ "email": "ann@example.com" }))]
pub struct ResetRequest {
    /// The address of the account, in any case.
    #[schema(value_type = EmailAddress)]
    pub email: String,
}

/// It is seen to. Says nothing of whether there is such an account.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = MailRequested)]
pub struct AskedFor {
    /// Always `accepted`.
    #[schema(example = "accepted")]
    pub status: &'static str,
}

/// A one-time token that confirms an address.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EmailConfirmation, example = json!({ "token": "bse_Zm9yIGRvY3VtZW50cyBvbmx5LCBub3QgYSByZWFsIHRva2Vu" }))]
pub struct AddressConfirmation {
    /// The token from the link.
    pub token: Secret,
}

/// The address is confirmed.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = EmailConfirmed)]
pub struct AddressConfirmed {
    /// Whose it is.
    pub user_id: UserId,
    /// The address, which is that of the account now.
    #[schema(example = "ann@example.com")]
    pub email: String,
    /// What the account can do; one that waited for this is active.
    pub status: Status,
}

/// An account of one's own.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "username": "ann", "email": "ann@example.com", "password": "Correct-Horse-7-Battery", "display_name": "Ann Lee"
}))]
pub struct Registration {
    /// The name to sign in with.
    #[schema(value_type = Username)]
    pub username: String,
    /// The address, to which a link is mailed that confirms it.
    #[schema(value_type = EmailAddress)]
    pub email: String,
    /// The password.
    pub password: Secret,
    /// The name to show; the username if absent.
    #[serde(default)]
    #[schema(value_type = Option<ShownName>)]
    pub display_name: Option<String>,
}

/// An account that waits for its address to be confirmed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Registered {
    /// The new user.
    pub user_id: UserId,
    /// Always `pending_verification`.
    pub status: Status,
}

/// How a user gets a new password.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordResetOrder, example = json!({ "force": true }))]
pub struct ForcedReset {
    /// The present password is good for nothing from now on, and all sessions end.
    #[serde(default)]
    pub force: bool,
}

/// A link is mailed that sets a new password.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ResetMailed {
    /// Whose password it sets.
    pub user_id: UserId,
    /// Did the present password end?
    #[schema(example = true)]
    pub forced: bool,
    /// Until when the link works.
    pub link_expires_at: DateTime<Utc>,
}
