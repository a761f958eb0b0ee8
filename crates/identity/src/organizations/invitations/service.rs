//! What can be done with invitations.

use std::borrow::Cow;

use chrono::TimeDelta;
use kernel::{
    Actor, Error, FieldErrors, Id, Permission, Secret, Timestamp,
    id::kind,
    list::{ListRequest, Page},
    text,
};
use platform::{
    audit::{Audit, Category},
    db::{Json, ServerTx, ServerUnit, Tx, Unit},
    jobs::{JobContext, JobError, in_small_units},
};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use super::{
    mail::{self, Said},
    model::{Answered, Invitation, Invited, InvitedUser, NewInvitations, NotInvited},
    store::{self, InvitationRow},
};
use crate::{
    ids::{InvitationId, RoleId},
    organizations::{
        error::OrganizationError,
        service::{Organizations, Result, acting},
        settings,
        settings::Decided,
        store as organizations_store,
    },
    roles::{self, Assignment, Effective, Role, names},
    tokens::{self, NewToken, TokenKind},
    users::{self, UserError, fields, model::Status, policy, store::Account},
};

/// Addresses that are invited at once.
const MOST: usize = 100;
/// Roles that one invitation brings.
const MOST_ROLES: usize = 20;
/// Days for which an invitation waits where nobody says.
const DAYS: u32 = 7;

/// How long an invitation is remembered after its end, whatever became of it.
const REMEMBERED: TimeDelta = TimeDelta::days(90);

/// What is said with an invitation, whoever it is for.
#[derive(Clone)]
struct Terms {
    roles: Option<Vec<String>>,
    message: Option<String>,
    expires_at: Timestamp,
}

/// Whom an invitation is for.
enum Guest {
    Account(Box<Account>),
    Address(String),
}

/// A message, or nothing.
fn message(given: &str) -> std::result::Result<Option<String>, &'static str> {
    let given = given.trim();
    if given.chars().count() > 500 || given.chars().any(text::disturbs) {
        return Err("must be at most 500 characters, in one line");
    }
    Ok((!given.is_empty()).then(|| given.to_owned()))
}

impl Terms {
    fn read(
        roles: Option<Vec<String>>,
        said: Option<&str>,
        days: Option<u32>,
        now: Timestamp,
        wrong: &mut FieldErrors,
    ) -> Self {
        let message = fields::read("message", said, message, wrong).flatten();
        let days = days.unwrap_or(DAYS);
        wrong.check((1..=90).contains(&days), "expires_in_days", "must be from 1 to 90");
        let fits = roles.as_ref().is_none_or(|roles| (1..=MOST_ROLES).contains(&roles.len()));
        wrong.check(fits, "roles", "must have from 1 to 20 entries");
        Self { roles, message, expires_at: now + TimeDelta::days(days.min(90).into()) }
    }
}

/// The addresses, each once, or what is wrong with them.
fn addresses(new: &NewInvitations, wrong: &mut FieldErrors) -> Vec<String> {
    let (field, given) = match (&new.email, &new.emails) {
        (Some(email), None) => ("email", std::slice::from_ref(email)),
        (None, Some(emails)) => ("emails", emails.as_slice()),
        (None, None) => {
            wrong.add("emails", "is needed, or email instead");
            return Vec::new();
        }
        (Some(_), Some(_)) => {
            wrong.add("email", "can't be combined with emails");
            return Vec::new();
        }
    };
    wrong.check((1..=MOST).contains(&given.len()), field, "must have from 1 to 100 entries");
    let mut found: Vec<String> = Vec::new();
    for email in given.iter().take(MOST) {
        if let Some(email) = wrong.take(field, fields::email(email))
            && !found.iter().any(|other| text::key(other) == text::key(&email))
        {
            found.push(email);
        }
    }
    found
}

impl Organizations {
    /// Invites somebody of this server to the organization that the caller acts in.
    pub(in crate::organizations) async fn invite_user(
        &self,
        who: &Actor,
        org: Id<kind::Organization>,
        new: InvitedUser,
    ) -> Result<Invited> {
        acting(who, org)?;
        let (now, mut wrong) = (self.world.now(), FieldErrors::default());
        let terms = Terms::read(new.roles, new.message.as_deref(), new.expires_in_days, now, &mut wrong);
        wrong.finish()?;
        let (this, who, user) = (self.clone(), who.clone(), new.user_id);
        self.db
            .write(org, move |unit| {
                organizations_store::lock(unit.server(), org)?;
                let account =
                    users::store::find(unit.server(), user)?.filter(|one| one.status == Status::Active);
                let account = account.ok_or_else(|| {
                    Error::invalid("user_id", "must be a user of this server who can sign in")
                })?;
                let (decided, _) = organizations_store::decided(unit.server(), org)?;
                if users::store::is_member(unit, user)? {
                    return Err(OrganizationError::AlreadyMember);
                }
                if !decided.takes_address(&account.email) {
                    return Err(UserError::EmailDomain.into());
                }
                let roles = bestowed(unit, &who, &terms, &decided, "roles")?;
                this.invite_one(unit, &who, Guest::Account(Box::new(account)), &roles, &terms, now)
            })
            .await
    }

    /// Invites addresses.
    pub(in crate::organizations) async fn invite(
        &self,
        who: &Actor,
        org: Id<kind::Organization>,
        new: NewInvitations,
    ) -> Result<Answered> {
        acting(who, org)?;
        let (now, mut wrong) = (self.world.now(), FieldErrors::default());
        let emails = addresses(&new, &mut wrong);
        let roles = new.role.map(|role| vec![role]);
        let terms = Terms::read(roles, new.message.as_deref(), new.expires_in_days, now, &mut wrong);
        wrong.finish()?;
        let (this, who) = (self.clone(), who.clone());
        self.db
            .write(org, move |unit| {
                organizations_store::lock(unit.server(), org)?;
                let (decided, _) = organizations_store::decided(unit.server(), org)?;
                let roles = bestowed(unit, &who, &terms, &decided, "role")?;
                let (mut invitations, mut failed) = (Vec::new(), Vec::new());
                for email in emails {
                    if let Some(reason) = may_invite(unit, &decided, &email)? {
                        failed.push(NotInvited { email, reason });
                        continue;
                    }
                    let guest = Guest::Address(email);
                    invitations.push(this.invite_one(unit, &who, guest, &roles, &terms, now)?);
                }
                Ok(Answered { sent: invitations.len(), invitations, failed })
            })
            .await
    }

    fn invite_one(
        &self,
        unit: &Unit<'_>,
        who: &Actor,
        guest: Guest,
        roles: &[Role],
        terms: &Terms,
        now: Timestamp,
    ) -> Result<Invited> {
        let (server, org) = (unit.server(), unit.org());
        let token = NewToken::of(TokenKind::Invitation, &self.world);
        let (user_id, named, to, email) = match guest {
            Guest::Account(account) => (Some(account.id), account.username, account.email, None),
            Guest::Address(email) => (None, email.clone(), email.clone(), Some(email)),
        };
        let email_key = email.as_deref().map(text::key);
        store::replace(server, org, user_id, email_key.as_deref(), now)?;
        let organization =
            organizations_store::one_of_user(server, who.user, org)?.ok_or(OrganizationError::NotFound)?;
        let row = InvitationRow {
            id: self.world.id_at(now),
            org_id: org,
            organization_name: organization.name,
            user_id,
            email,
            email_key,
            roles: Json::of(&roles.iter().map(|role| role.id).collect::<Vec<RoleId>>()),
            message: terms.message.clone(),
            status: "sent".to_owned(),
            token_hash: token.hash,
            invited_by: who.user,
            expires_at: terms.expires_at,
            created_at: now,
        };
        store::insert(server, &row)?;
        let inviter = users::store::find(server, who.user)?.ok_or(OrganizationError::NotFound)?;
        let said = Said {
            to: &to,
            organization: &row.organization_name,
            inviter: &inviter.display_name,
            message: row.message.as_deref(),
            id: row.id,
            token: &token.text,
            until: row.expires_at,
        };
        let mailed = mail::send(&self.mailer, &self.public_url, unit, &said)?;
        let entry = Audit::by(who, "member_invited", Category::Administrative).on("invitation", row.id);
        unit.audit(entry.named(named).detail("user_id", row.user_id).detail("roles", names(roles)))?;
        let shown: Vec<_> = names(roles).into_iter().map(Cow::into_owned).collect();
        // Who is named needs no token, and who gets a mail has it from there.
        let token = (!mailed && row.user_id.is_none()).then_some(token.text);
        Ok(Invited { invitation: Invitation::of(row, shown, now), mailed, token })
    }

    /// The invitations of the organization that the caller acts in.
    pub(in crate::organizations) async fn invitations(
        &self,
        who: &Actor,
        org: Id<kind::Organization>,
        request: ListRequest,
    ) -> Result<Page<Invitation>> {
        acting(who, org)?;
        let now = self.world.now();
        self.db
            .read(org, move |tx| {
                let page: Page<InvitationRow> = tx.list(&store::LIST, &request, None)?;
                page.try_map(|row| {
                    let roles = role_names(tx, &row)?;
                    Ok(Invitation::of(row, roles, now))
                })
            })
            .await
    }

    /// Takes an invitation back.
    pub(in crate::organizations) async fn revoke(
        &self,
        who: &Actor,
        org: Id<kind::Organization>,
        id: InvitationId,
    ) -> Result<()> {
        acting(who, org)?;
        let (now, who) = (self.world.now(), who.clone());
        self.db
            .write(org, move |unit| {
                let row = store::find(unit.server(), id)?.filter(|row| row.org_id == org);
                row.ok_or(OrganizationError::NoInvitation)?;
                if !store::close(unit.server(), id, "revoked", now)? {
                    return Err(OrganizationError::InvitationClosed);
                }
                let entry = Audit::by(&who, "invitation_revoked", Category::Administrative);
                Ok(unit.audit(entry.on("invitation", id))?)
            })
            .await
    }

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
        let (now, who) = (self.world.now(), who.clone());
        let row = self
            .db
            .write_server(move |unit| {
                let (row, account) = own(unit, &who, id, token.as_ref())?;
                let there = unit.org(row.org_id);
                organizations_store::lock(unit, row.org_id)?;
                // It may have been deleted meanwhile, or the invitation answered.
                if !organizations_store::is_there(unit, row.org_id)? {
                    return Err(OrganizationError::NoInvitation);
                }
                answerable(unit, &row, "accepted", now)?;
                if users::store::is_member(&there, account.id)? {
                    return Err(OrganizationError::AlreadyMember);
                }
                settings::make_room(&there)?;
                let roles = promised(&there, &row)?;
                if !could_still_invite(&there, row.invited_by, &roles, now)? {
                    return Err(OrganizationError::InvitationClosed);
                }
                users::store::join(&there, &account, now)?;
                for role in roles {
                    let assignment = Assignment::lasting(role.id);
                    roles::store::assign(&there, account.id, assignment, Some(row.invited_by), now)?;
                }
                let entry = Audit::by(&who, "member_joined", Category::Administrative);
                let entry = entry.on("user", account.id).named(account.username.as_str());
                there.audit(entry.detail("invitation_id", id))?;
                store::find(unit, id)?.ok_or(OrganizationError::NoInvitation)
            })
            .await?;
        self.shown(row, now).await
    }

    /// Forgets invitations that ended long ago, with the addresses in them.
    pub(in crate::organizations) async fn forget_invitations(
        self,
        job: JobContext,
    ) -> std::result::Result<Value, JobError> {
        let before = self.world.now() - REMEMBERED;
        let some = || self.db.write_server(move |unit| store::forget_some(unit, before));
        let forgotten = in_small_units(|| job.check(), store::FORGOTTEN_AT_ONCE, some).await?;
        Ok(json!({ "invitations": forgotten }))
    }

    /// Says no.
    pub(in crate::organizations) async fn decline(
        &self,
        who: &Actor,
        id: InvitationId,
        token: Option<Secret>,
    ) -> Result<Invitation> {
        let (now, who) = (self.world.now(), who.clone());
        let row = self
            .db
            .write_server(move |unit| {
                let (row, account) = own(unit, &who, id, token.as_ref())?;
                answerable(unit, &row, "declined", now)?;
                let entry = Audit::by(&who, "invitation_declined", Category::Administrative);
                let entry = entry.on("invitation", id).named(account.username.as_str());
                unit.org(row.org_id).audit(entry)?;
                store::find(unit, id)?.ok_or(OrganizationError::NoInvitation)
            })
            .await?;
        self.shown(row, now).await
    }
}

/// Why that address can't be invited, if it can't.
fn may_invite(unit: &Unit<'_>, decided: &Decided, email: &str) -> Result<Option<&'static str>> {
    let account = users::store::by_email(unit.server(), &text::key(email))?;
    let is_member = match account {
        Some(account) => users::store::is_member(unit, account.id)?,
        None => false,
    };
    if is_member {
        Ok(Some("already_member"))
    } else if !decided.takes_address(email) {
        Ok(Some("email_domain_not_allowed"))
    } else {
        Ok(None)
    }
}

/// The roles that come with an invitation: such as the caller could give.
fn bestowed(tx: &Tx<'_>, who: &Actor, terms: &Terms, decided: &Decided, field: &str) -> Result<Vec<Role>> {
    let roles = match &terms.roles {
        None => decided.role(tx)?,
        Some(named) => {
            let catalogue = roles::store::catalogue_for(tx, named)?;
            let mut wrong = FieldErrors::default();
            let found = users::change::roles_named(field, named, &catalogue, &mut wrong);
            wrong.finish()?;
            found
        }
    };
    policy::may_change_roles(who.level, who.permissions, false, &[], &roles)?;
    Ok(roles)
}

/// What is there of the roles that an invitation brings. Where nothing is, the organization's usual one.
fn promised(tx: &Tx<'_>, row: &InvitationRow) -> Result<Vec<Role>> {
    let ids: Vec<RoleId> = row.roles.read().map_err(Error::from)?;
    let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let catalogue = roles::store::catalogue_for(tx, &names)?;
    let found: Vec<Role> = names.iter().filter_map(|name| catalogue.named(name)).collect();
    if found.is_empty() {
        return Ok(organizations_store::decided(tx.server(), tx.org())?.0.role(tx)?);
    }
    Ok(found)
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

fn role_names(tx: &Tx<'_>, row: &InvitationRow) -> Result<Vec<String>> {
    let mut roles = promised(tx, row)?;
    roles.sort_by(|one, other| (other.level, &one.name).cmp(&(one.level, &other.name)));
    Ok(roles.into_iter().map(|role| role.name.into_owned()).collect())
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
