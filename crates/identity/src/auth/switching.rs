//! Acting in another of one's organizations.
//!
//! What hangs on a session is of one organization: its sockets, what is remembered of its token. So whoever goes elsewhere
//! begins another session, with the same assurance, and the one before ends with its whole family of tokens.

use std::sync::Arc;

use gateway::{Body, Caller, Envelope, Reply, Result as Answer, State};
use kernel::{Actor, Confinement, Id, id::kind};
use platform::audit::{Audit, Category};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Auth, error::AuthError, model::SignedIn, pair::Pair, service::Result};
use crate::{
    ids::OrganizationId,
    organizations, security,
    sessions::{self, store::NewSession},
    users,
};

/// Where to act from now on.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Switch {
    /// One of the caller's organizations.
    organization_id: OrganizationId,
}

/// Act in another of one's organizations.
///
/// Ends this session with all its tokens, and begins one in that organization; sockets are closed with 4401. A second
/// factor that was shown counts there, too. `Idempotency-Key` is ignored.
#[utoipa::path(post, path = "/auth/switch-organization", request_body = Switch, responses(
    (status = 200, body = Envelope<SignedIn>),
    (status = 404, description = "The caller belongs to no such organization"),
))]
pub(super) async fn switch_organization(
    State(auth): State<Auth>,
    Caller(who): Caller,
    Body(switch): Body<Switch>,
) -> Answer<Reply<SignedIn>> {
    Ok(Reply::ok(auth.switch(&who, switch.organization_id).await?))
}

impl Auth {
    /// Ends the caller's session, and begins one in another organization of theirs.
    pub(crate) async fn switch(&self, who: &Actor, to: Id<kind::Organization>) -> Result<SignedIn> {
        let (world, who, callers) = (self.world.clone(), who.clone(), self.callers.clone());
        let settings = Arc::clone(&self.settings);
        self.db
            .write_server(move |unit| {
                // In the order of sign-in: the account first. A suspension at this moment ends the session before or
                // after it is another one.
                users::store::lock(unit, who.user)?;
                let arrived = world.now();
                let session =
                    sessions::store::find(unit, who.session, arrived)?.ok_or_else(AuthError::ended)?;
                let account = users::store::find(unit, who.user)?.ok_or_else(AuthError::ended)?;
                if let Some(refusal) = AuthError::of_status(account.status) {
                    return Err(refusal);
                }
                if !organizations::store::is_there(unit, to)? {
                    return Err(AuthError::NoSuchOrganization);
                }
                let Ok((_, roles)) = users::load(&unit.org(to), account.id, arrived) else {
                    return Err(AuthError::NoSuchOrganization);
                };
                let policies = security::store::policies(unit, &settings, account.home_org_id)?;
                let pair = Pair::new(&policies.session, session.remember, &world);
                let confined: Option<Confinement> = None;
                let new = NewSession {
                    id: world.id_at(pair.now),
                    user: account.id,
                    home: account.home_org_id,
                    org: to,
                    token: pair.access.hash,
                    token_expires_at: pair.access_expires_at,
                    remember: session.remember,
                    two_factor: session.two_factor,
                    confined,
                    ip_address: who.origin.address.to_canonical().to_string(),
                    user_agent: who.origin.user_agent.clone(),
                    expires_at: pair.session_expires_at,
                    now: pair.now,
                };
                let live = sessions::store::live(unit, who.session)?.ok_or_else(AuthError::ended)?;
                sessions::end_all(unit, &callers, vec![live], pair.now)?;
                sessions::store::insert(unit, &new)?;
                pair.keep_refresh(unit, new.id)?;
                let entry = Audit::by(&who, "organization_switched", Category::Authentication);
                let entry = entry.on("session", new.id).detail("organization_id", to);
                unit.org(account.home_org_id).audit(entry)?;
                Ok(pair.signed_in(&account, &roles, to, confined))
            })
            .await
    }
}
