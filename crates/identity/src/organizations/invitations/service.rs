//! What an organization does with invitations: makes them, lists them, takes them back, forgets them.

use std::borrow::Cow;

use chrono::TimeDelta;
use kernel::{
    Actor, Error, FieldErrors, Id, Timestamp,
    id::kind,
    list::{ListRequest, Page},
    text,
};
use platform::{
    audit::{Audit, Category},
    db::{Json, Tx, Unit},
    jobs::{JobContext, JobError, in_small_units},
};
use serde_json::{Value, json};

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
        settings::Decided,
        store as organizations_store,
    },
    roles::{self, Role, names},
    tokens::{NewToken, TokenKind},
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
pub(super) fn promised(tx: &Tx<'_>, row: &InvitationRow) -> Result<Vec<Role>> {
    let ids: Vec<RoleId> = row.roles.read().map_err(Error::from)?;
    let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let catalogue = roles::store::catalogue_for(tx, &names)?;
    let found: Vec<Role> = names.iter().filter_map(|name| catalogue.named(name)).collect();
    if found.is_empty() {
        return Ok(organizations_store::decided(tx.server(), tx.org())?.0.role(tx)?);
    }
    Ok(found)
}

pub(super) fn role_names(tx: &Tx<'_>, row: &InvitationRow) -> Result<Vec<String>> {
    let mut roles = promised(tx, row)?;
    roles.sort_by(|one, other| (other.level, &one.name).cmp(&(one.level, &other.name)));
    Ok(roles.into_iter().map(|role| role.name.into_owned()).collect())
}
