//! The operations on policies.

use gateway::{Body, Caller, Envelope, IfMatch, IfNoneMatch, Reply, Result, State};

use super::{Security, SecuritySettings, model::SecuritySettingsPatch};

/// The organization's policies.
///
/// For passwords, sessions, the second factor and failed sign-ins. What the organization has not decided is as the
/// server's configuration says.
#[utoipa::path(get, path = "/settings/security", params(IfNoneMatch),
    responses((status = 200, body = Envelope<SecuritySettings>)))]
pub(super) async fn get(
    State(security): State<Security>,
    Caller(who): Caller,
) -> Result<Reply<SecuritySettings>> {
    Ok(Reply::versioned(security.get(&who).await?))
}

/// Change the organization's policies.
///
/// Merged field by field: absent keeps, null goes back to the server's configuration. A stricter password policy is in
/// force at the next change of a password, expiry and second factor at the next sign-in.
#[utoipa::path(patch, path = "/settings/security", params(IfMatch), request_body = SecuritySettingsPatch,
    responses((status = 200, body = Envelope<SecuritySettings>)))]
pub(super) async fn change(
    State(security): State<Security>,
    Caller(who): Caller,
    IfMatch(expected): IfMatch,
    Body(patch): Body<SecuritySettingsPatch>,
) -> Result<Reply<SecuritySettings>> {
    Ok(Reply::versioned(security.change(&who, expected, patch).await?))
}
