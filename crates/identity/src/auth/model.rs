//! What sign-in takes and gives.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use kernel::{PermissionSet, Secret, id::ApiKeyId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    ids::{OrganizationId, SessionId, UserId},
    roles::RoleName,
    tokens::Disclosed,
    users::fields::{EmailAddress, NamePart, ShownName, Username},
};

/// A sign-in with name or address.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "username": "ann", "password": "Correct-Horse-7-Battery" }))]
pub struct Login {
    /// The username, in any case. Either this or `email`.
    #[serde(default)]
    #[schema(example = "ann")]
    pub username: Option<String>,
    /// The e-mail address, in any case.
    #[serde(default)]
    #[schema(example = "ann@example.com")]
    pub email: Option<String>,
    /// The password.
    pub password: Secret,
    /// What the authenticator shows, or a backup code: then there is no second step.
    #[serde(default)]
    #[schema(example = "123456")]
    pub two_factor_code: Option<Secret>,
    /// Keep the session for 30 days after its last refresh, instead of an hour.
    #[serde(default, alias = "remember")]
    pub remember_me: bool,
    /// The organization to act in; the user's home organization if absent.
    #[serde(default)]
    pub organization_id: Option<OrganizationId>,
}

/// What a sign-in leads to: the tokens, or the question for the second factor.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub enum LoginAnswer {
    /// The sign-in is complete.
    SignedIn(Box<SignedIn>),
    /// The second factor is asked for.
    Challenge(Challenge),
}

/// The password is right, and the second factor is asked for at `/auth/2fa/verify`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = TwoFactorChallenge)]
pub struct Challenge {
    /// Always true here: there are no tokens yet.
    #[schema(example = true)]
    pub requires_2fa: bool,
    /// To be shown with the code.
    #[schema(example = "bsc_Zm9yIGRvY3VtZW50cyBvbmx5LCBub3QgYSByZWFsIHRva2Vu")]
    pub session_token: Disclosed,
    /// Seconds that it is good.
    #[schema(example = 300)]
    pub expires_in: i64,
    /// What can be shown: `totp`, which a backup code stands in for.
    #[schema(example = json!(["totp"]))]
    pub methods: Vec<&'static str>,
}

/// The second step of a sign-in.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TwoFactorAnswer, example = json!({
    "session_token": "bsc_Zm9yIGRvY3VtZW50cyBvbmx5LCBub3QgYSByZWFsIHRva2Vu", "code": "123456"
}))]
pub struct SecondStep {
    /// What the first step answered.
    pub session_token: Secret,
    /// What the authenticator shows, or a backup code.
    #[schema(example = "123456")]
    pub code: Secret,
}

/// The tokens of a sign-in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SignedIn {
    /// Who signed in.
    pub user_id: UserId,
    /// To be shown with each request: `Authorization: Bearer …`.
    #[schema(example = "bsa_Zm9yIGRvY3VtZW50cyBvbmx5LCBub3QgYSByZWFsIHRva2Vu")]
    pub access_token: Disclosed,
    /// To be exchanged, once, for new tokens at `/auth/refresh`.
    #[schema(example = "bsr_Zm9yIGRvY3VtZW50cyBvbmx5LCBub3QgYSByZWFsIHRva2Vu")]
    pub refresh_token: Disclosed,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds that the access token works.
    #[schema(example = 3600)]
    pub expires_in: i64,
    /// Always false here: the sign-in is complete.
    #[schema(example = false)]
    pub requires_2fa: bool,
    /// What has to be done before the tokens are good for anything else: `two_factor_setup_required` or
    /// `password_expired`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(two_factor_setup_required|password_expired)$", example = "password_expired")]
    pub reason: Option<&'static str>,
    /// Where the console goes on.
    #[schema(example = "/")]
    pub redirect: &'static str,
    /// The user in short.
    pub user: SignedInUser,
}

/// A user in short.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SignedInUser {
    /// The user's id.
    pub user_id: UserId,
    /// The name to sign in with.
    #[schema(example = "ann")]
    pub username: String,
    /// The address.
    #[schema(example = "ann@example.com")]
    pub email: String,
    /// The name to show.
    #[schema(example = "Ann Lee")]
    pub display_name: String,
    /// The name of the highest role.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RoleName>)]
    pub role: Option<Cow<'static, str>>,
    /// The names of all roles, highest first.
    #[schema(value_type = Vec<RoleName>, example = json!(["member"]))]
    pub roles: Vec<Cow<'static, str>>,
    /// The organization that the tokens act in.
    pub organization_id: OrganizationId,
}

/// A refresh token to be exchanged.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "refresh_token": "bsr_Zm9yIGRvY3VtZW50cyBvbmx5LCBub3QgYSByZWFsIHRva2Vu" }))]
pub struct Refresh {
    /// The last refresh token of the session.
    pub refresh_token: Secret,
}

/// What a program asks of the token endpoint.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "grant_type": "refresh_token", "refresh_token": "bsr_Zm9yIGRvY3VtZW50cyBvbmx5LCBub3QgYSByZWFsIHRva2Vu"
}))]
pub struct Grant {
    /// `refresh_token`.
    #[schema(pattern = "^refresh_token$", example = "refresh_token")]
    pub grant_type: String,
    /// The last refresh token of the session.
    pub refresh_token: Secret,
}

/// New tokens of a session.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Tokens {
    /// Whose they are.
    pub user_id: UserId,
    /// To be shown with each request. The one before it is worth nothing from now on.
    #[schema(example = "bsa_Zm9yIGRvY3VtZW50cyBvbmx5LCBub3QgYSByZWFsIHRva2Vu")]
    pub access_token: Disclosed,
    /// To be exchanged next, once.
    #[schema(example = "bsr_Zm9yIGRvY3VtZW50cyBvbmx5LCBub3QgYSByZWFsIHRva2Vu")]
    pub refresh_token: Disclosed,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds that the access token works.
    #[schema(example = 3600)]
    pub expires_in: i64,
}

/// What else to end when signing out.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "everywhere": true }))]
pub struct Logout {
    /// End the session of this refresh token, too, if it is one of the caller's.
    #[serde(default)]
    pub refresh_token: Option<Secret>,
    /// End all sessions of the caller.
    #[serde(default)]
    pub everywhere: bool,
}

/// The sign-out is done.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LoggedOut {
    /// Always `logged_out`.
    #[schema(example = "logged_out")]
    pub status: &'static str,
}

/// What a token is worth.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Verified {
    /// Always true; a bad token is refused with 401.
    #[schema(example = true)]
    pub valid: bool,
    /// Whose it is.
    pub user_id: UserId,
    /// Its session; an API key has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// The API key, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<ApiKeyId>,
    /// The organization that it acts in.
    pub organization_id: OrganizationId,
    /// What its bearer may do.
    #[schema(value_type = Vec<String>, example = json!(["chat:read", "chat:write", "bots:use"]))]
    pub scopes: PermissionSet,
    /// When it ends; absent if it has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// The first organization and its administrator.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "bootstrap_secret": "as-configured", "organization_name": "Example Ltd", "first_name": "Ann",
    "last_name": "Lee", "username": "ann", "email": "ann@example.com", "password": "Correct-Horse-7-Battery"
}))]
pub struct Bootstrap {
    /// The secret that the server was started with.
    pub bootstrap_secret: Secret,
    /// The organization's name.
    #[schema(value_type = ShownName)]
    pub organization_name: String,
    /// The administrator's first name.
    #[schema(value_type = NamePart)]
    pub first_name: String,
    /// The administrator's last name.
    #[schema(value_type = NamePart)]
    pub last_name: String,
    /// The name to sign in with.
    #[schema(value_type = Username)]
    pub username: String,
    /// The administrator's address.
    #[schema(value_type = EmailAddress)]
    pub email: String,
    /// The administrator's password.
    pub password: Secret,
}

/// What bootstrap made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Bootstrapped {
    /// The administrator, with the role `owner`.
    pub user_id: UserId,
    /// The server's first organization.
    pub organization_id: OrganizationId,
}

/// A new password by a one-time token.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "token": "bsp_Zm9yIGRvY3VtZW50cyBvbmx5LCBub3QgYSByZWFsIHRva2Vu", "password": "Correct-Horse-7-Battery"
}))]
pub struct PasswordReset {
    /// The token from the link.
    pub token: Secret,
    /// The new password.
    pub password: Secret,
}

/// A new password for one's own account.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "current_password": "Correct-Horse-7-Battery", "new_password": "Another-Horse-8-Battery"
}))]
pub struct PasswordChange {
    /// The present password.
    pub current_password: Secret,
    /// The new one.
    pub new_password: Secret,
}

/// Locks were lifted.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Unlocked {
    /// Whose sign-in was locked.
    pub user_id: UserId,
    /// Addresses that had been locked out.
    #[schema(example = 1)]
    pub locks_lifted: u64,
}

/// The password is set.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PasswordSet {
    /// Whose it is.
    pub user_id: UserId,
    /// The name to sign in with.
    #[schema(example = "ann")]
    pub username: String,
}
