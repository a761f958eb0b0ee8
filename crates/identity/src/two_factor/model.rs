//! The second factor as the API shows it, and what may be asked of it.

use chrono::{DateTime, Utc};
use kernel::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::tokens::Disclosed;

/// How it stands with somebody's second factor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TwoFactorStatus {
    /// Is it asked for at sign-in?
    pub enabled: bool,
    /// `totp` where it is enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "totp")]
    pub method: Option<&'static str>,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<DateTime<Utc>>,
    /// Backup codes that were not used yet.
    #[schema(example = 10)]
    pub backup_codes_remaining: i64,
    /// Does a policy ask this user for one?
    pub required: bool,
}

/// What begins the setup.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TwoFactorSetupRequest, example = json!({ "password": "Correct-Horse-7-Battery" }))]
pub struct SetupRequest {
    /// The present password.
    pub password: Secret,
    /// `totp`; `sms` needs a provider, which this server has none of.
    #[serde(default = "totp")]
    #[schema(default = "totp", pattern = "^(totp|sms)$", example = "totp")]
    pub method: String,
}

fn totp() -> String {
    "totp".to_owned()
}

/// What an authenticator needs, shown once. Not in force until it is confirmed.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = TwoFactorSetup)]
pub struct Setup {
    /// The shared secret in base32, to type in.
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    pub secret: Disclosed,
    /// The same as an address that authenticators read.
    #[schema(
        example = "otpauth://totp/BotServer:ann?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=BotServer"
    )]
    pub otpauth_url: Disclosed,
    /// The address as a picture to be scanned: a PNG as a data URL.
    #[schema(example = "data:image/png;base64,iVBORw0KGgo=")]
    pub qr_code: Disclosed,
    /// Ten codes of eight digits, each good once in place of one of the authenticator.
    pub backup_codes: Vec<Disclosed>,
    /// Seconds within which it has to be confirmed.
    #[schema(example = 600)]
    pub expires_in: i64,
}

/// A code that confirms the setup.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TwoFactorConfirmation, example = json!({ "code": "123456" }))]
pub struct Confirmation {
    /// What the authenticator shows.
    #[schema(example = "123456")]
    pub code: Secret,
}

/// What proves that it is the user: either of both.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TwoFactorProof, example = json!({ "code": "123456" }))]
pub struct Proof {
    /// The present password.
    #[serde(default)]
    pub password: Option<Secret>,
    /// What the authenticator shows, or a backup code.
    #[serde(default)]
    #[schema(example = "123456")]
    pub code: Option<Secret>,
}

/// New backup codes, shown once.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BackupCodes {
    /// Ten codes of eight digits. Those before them no longer work.
    pub backup_codes: Vec<Disclosed>,
}
