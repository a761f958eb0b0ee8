//! What whoever is invited does with an invitation: sees it, accepts it, declines it.

use kernel::{
    Actor, Id, Permission, Secret, Timestamp,
    id::kind,
    list::{ListRequest, Page},
    text,
};
use platform::{
    audit::{Audit, Category},
    db::{ServerTx, ServerUnit, Tx},
};
use subtle::ConstantTimeEq;

use super::{
    model::Invitation,
    service::{promised, role_names},
    store::{self, InvitationRow},
};
use crate::{
    ids::InvitationId,
    organizations::{
        error::OrganizationError,
        service::{Organizations, Result},
        settings, store as organizations_store,
    },
    roles::{self, Assignment, Effective, Role},
    tokens::{self, TokenKind},
    users::{self, UserError, model::Status, policy, store::Account},
};

impl Organizations {
    /// The invitations that wait for the caller's answer.
    pub(in crate::organizations) async fn own_invitations(
        &self,
        who: &Actor,
        request: ListRequest,
    ) -> Result<Page<Invitation>> {
        let (now, user) = (self.world.now(), who.user);
        let rows = self
            .db
            .read_server(move |tx| {
                let account = users::store::find(tx, user)?.ok_or(UserError::NotFound)?;
                let key = account.email_verified.then(|| text::key(&account.email));
                let mut rows = store::waiting_for(tx, user, key.as_deref(), now)?;
                rows.retain(|row| is_for(row, &account));
                Ok::<_, OrganizationError>(rows)
            })
            .await?;
        let page = request.cut(rows.into_iter().map(|row| (row.place(), row)).collect());
        let mut shown = Vec::with_capacity(page.items.len());
        for row in &page.items {
            shown.push(self.shown(row.clone(), now).await?);
        }
        let mut shown = shown.into_iter();
        page.try_map(|_| shown.next().ok_or(OrganizationError::NoInvitation))
    }

    async fn shown(&self, row: InvitationRow, now: Timestamp) -> Result<Invitation> {
        self.db
            .read(row.org_id, move |tx| {
                let roles = role_names(tx, &row)?;
                Ok(Invitation::of(row, roles, now))
            })
            .await
    }

    /// One invitation, for whom it is for, or who brings its token.
    pub(in crate::organizations) async fn invitation(
        &self,
        who: Option<Actor>,
        id: InvitationId,
        token: Option<Secret>,
    ) -> Result<Invitation> {
        let now = self.world.now();
        let row = self
            .db
            .read_server(move |tx| {
                let row = store::find(tx, id)?.ok_or(OrganizationError::NoInvitation)?;
                let user = who.filter(|who| !who.is_visitor()).map(|who| who.user);
                let account = match user {
                    Some(user) => users::store::find(tx, user)?,
                    None => None,
                };
                let is_own = account.is_some_and(|account| is_for(&row, &account));
                if is_own || is_token_of(&row, token.as_ref()) {
                    Ok(row)
                } else {
                    Err(OrganizationError::NoInvitation)
                }
            })
            .await?;
        self.shown(row, now).await
    }

    /// Makes the caller a member. Of two who accept at once one is too late; so is who comes to the last place second.
    pub(in crate::organizations) async fn accept(
        &self,
        who: &Actor,
        id: InvitationId,
        token: Option<Secret>,
    ) -> Result<Invitation> {
        self.answer(who, id, token, |unit, who, row, account, now| {
            let there = unit.org(row.org_id);
            organizations_store::lock(unit, row.org_id)?;
            // It may have been deleted meanwhile, or the invitation answered.
            if !organizations_store::is_there(unit, row.org_id)? {
                return Err(OrganizationError::NoInvitation);
            }
            answerable(unit, row, "accepted", now)?;
            if users::store::is_member(&there, account.id)? {
                return Err(OrganizationError::AlreadyMember);
            }
            settings::make_room(&there)?;
            let roles = promised(&there, row)?;
            if !could_still_invite(&there, row.invited_by, &roles, now)? {
                return Err(OrganizationError::InvitationClosed);
            }
            users::store::join(&there, account, now)?;
            for role in roles {
                let assignment = Assignment::lasting(role.id);
                roles::store::assign(&there, account.id, assignment, Some(row.invited_by), now)?;
            }
            let entry = Audit::by(who, "member_joined", Category::Administrative);
            let entry = entry.on("user", account.id).named(account.username.as_str());
            Ok(there.audit(entry.detail("invitation_id", row.id))?)
        })
        .await
    }

    /// Says no.
    pub(in crate::organizations) async fn decline(
        &self,
        who: &Actor,
        id: InvitationId,
        token: Option<Secret>,
    ) -> Result<Invitation> {
        self.answer(who, id, token, |unit, who, row, account, now| {
            answerable(unit, row, "declined", now)?;
            let entry = Audit::by(who, "invitation_declined", Category::Administrative);
            let entry = entry.on("invitation", row.id).named(account.username.as_str());
            Ok(unit.org(row.org_id).audit(entry)?)
        })
        .await
    }

    /// Answers an invitation of the caller's in one unit, and shows it as it is then.
    async fn answer(
        &self,
        who: &Actor,
        id: InvitationId,
        token: Option<Secret>,
        answer: fn(&ServerUnit<'_>, &Actor, &InvitationRow, &Account, Timestamp) -> Result<()>,
    ) -> Result<Invitation> {
        let (now, who) = (self.world.now(), who.clone());
        let row = self
            .db
            .write_server(move |unit| {
                let (row, account) = own(unit, &who, id, token.as_ref())?;
                answer(unit, &who, &row, &account, now)?;
                store::find(unit, id)?.ok_or(OrganizationError::NoInvitation)
            })
            .await?;
        self.shown(row, now).await
    }
}

/// Might whoever invited somebody still do so? They may have been suspended since, or have lost their rank.
fn could_still_invite(tx: &Tx<'_>, by: Id<kind::User>, roles: &[Role], now: Timestamp) -> Result<bool> {
    let account = users::store::find(tx.server(), by)?;
    let held = roles::store::holdings(tx, by)?;
    let (Some(account), Some(held)) = (account, held) else { return Ok(false) };
    let present = Effective::of(&held, now);
    let may_give = policy::may_change_roles(present.level, present.permissions, false, &[], roles);
    let may_invite = present.permissions.contains(Permission::ORG_MEMBERS);
    Ok(account.status == Status::Active && may_invite && may_give.is_ok())
}

/// Is it for that account, without a token?
fn is_for(row: &InvitationRow, account: &Account) -> bool {
    match row.user_id {
        Some(user) => user == account.id,
        // Somebody can have registered the address of who is invited, and whoever reads it have confirmed that; the token
        // alone shows then that they are one.
        None => account.email_verified && account.created_at <= row.created_at && names_address(row, account),
    }
}

fn names_address(row: &InvitationRow, account: &Account) -> bool {
    row.email_key.as_deref() == Some(text::key(&account.email).as_str())
}

fn is_token_of(row: &InvitationRow, token: Option<&Secret>) -> bool {
    let shown = token.and_then(|token| tokens::read(TokenKind::Invitation, token.reveal()));
    shown.is_some_and(|shown| shown.ct_eq(&row.token_hash).into())
}

/// An invitation and the account of the caller, whom it is for.
fn own(
    tx: &ServerTx<'_>,
    who: &Actor,
    id: InvitationId,
    token: Option<&Secret>,
) -> Result<(InvitationRow, Account)> {
    let row = store::find(tx, id)?.ok_or(OrganizationError::NoInvitation)?;
    let account = users::store::find(tx, who.user)?.ok_or(UserError::NotFound)?;
    if is_for(&row, &account) {
        return Ok((row, account));
    }
    if !is_token_of(&row, token) {
        return Err(OrganizationError::NoInvitation);
    }
    // Whoever has the token knows of the invitation already.
    if row.user_id.is_none() && names_address(&row, &account) {
        Ok((row, account))
    } else {
        Err(OrganizationError::InvitationMismatch)
    }
}

/// Answers an invitation that waits for it.
fn answerable(unit: &ServerUnit<'_>, row: &InvitationRow, status: &str, now: Timestamp) -> Result<()> {
    if !store::close(unit, row.id, status, now)? {
        return Err(OrganizationError::InvitationClosed);
    }
    // What is undone with the unit was never answered.
    if row.expires_at <= now { Err(OrganizationError::InvitationExpired) } else { Ok(()) }
}
