//! What can be done with API keys.

use std::sync::Arc;

use chrono::TimeDelta;
use kernel::{
    Actor, Error, Expected, FieldErrors, Id, NEVER, Permission, PermissionSet, Surroundings, Timestamp,
    Versioned,
    id::kind,
    list::{ListRequest, Page},
};
use platform::{
    audit::{Audit, Category},
    db::{Db, DbError, Extra, Json, ServerUnit, Unit},
};
use sea_query::{Condition, Expr, ExprTrait};

use super::{
    Networks,
    model::{ApiKey, CreatedKey, KeyPatch, KeyStatus, NewKey, Rotation, scopes_of},
    policy::{self, KeyError},
    store::{self, KeyRow, SecretOf},
};
use crate::{
    Settings,
    roles::Effective,
    sessions::{revocation::Callers, store::Live},
    tokens::{NewToken, TokenKind},
    users::{self, model::Status, store::Account},
};

type Result<T> = std::result::Result<T, KeyError>;

/// API keys. A cheap handle.
#[derive(Clone)]
pub struct ApiKeys {
    pub(super) db: Db,
    pub(super) world: Surroundings,
    pub(super) settings: Arc<Settings>,
    callers: Callers,
}

/// Seconds that a secret may go on working after another one took its place.
const LONGEST_GRACE: u32 = 86_400;
/// Days that a key works of which nobody says how long.
const USUAL_DAYS: i64 = 90;

/// A new key whose fields are all allowed.
#[derive(Clone)]
struct Checked {
    name: String,
    scopes: PermissionSet,
    networks: Networks,
    expires_at: Timestamp,
}

impl ApiKeys {
    pub(crate) fn new(db: Db, world: Surroundings, settings: Arc<Settings>, callers: Callers) -> Self {
        Self { db, world, settings, callers }
    }

    /// The caller's keys, or the organization's for who administers them.
    pub async fn list(&self, who: &Actor, mut request: ListRequest) -> Result<Page<ApiKey>> {
        if !who.may(Permission::ADMIN_KEYS) {
            let own = who.user.to_string();
            let others = request
                .filters
                .iter()
                .any(|(field, values)| *field == "user_id" && values.iter().any(|value| *value != own));
            if others {
                return Err(KeyError::Lacks(Permission::ADMIN_KEYS));
            }
            only_of(&mut request, who.user);
        }
        self.page(who, request, None).await
    }

    /// The keys of one user. The gateway has seen to it that it is the caller, or one who administers keys.
    pub async fn list_of(
        &self,
        who: &Actor,
        user: Id<kind::User>,
        mut request: ListRequest,
    ) -> Result<Page<ApiKey>> {
        let excluded = request
            .filters
            .iter()
            .any(|(field, values)| *field == "user_id" && !values.contains(&user.to_string()));
        if excluded {
            return Ok(Page::of_all(Vec::new()));
        }
        only_of(&mut request, user);
        self.page(who, request, Some(user)).await
    }

    async fn page(
        &self,
        who: &Actor,
        request: ListRequest,
        of: Option<Id<kind::User>>,
    ) -> Result<Page<ApiKey>> {
        let now = self.world.now();
        self.db
            .read(who.org, move |tx| {
                if let Some(user) = of
                    && !users::store::is_member(tx, user)?
                {
                    return Err(KeyError::NoSuchUser);
                }
                let page: Page<KeyRow> = tx.list(&store::LIST, &request, in_state(&request, now))?;
                Ok(page.try_map(|row| ApiKey::of(row, now))?)
            })
            .await
    }

    /// One key.
    pub async fn get(&self, who: &Actor, id: Id<kind::ApiKey>) -> Result<Versioned<ApiKey>> {
        let (now, who) = (self.world.now(), who.clone());
        self.db
            .read_server(move |tx| {
                let row = store::find(tx, id)?.filter(|row| policy::may_see(&who, row));
                let row = row.ok_or(KeyError::NotFound)?;
                Ok(Versioned::new(row.rev, ApiKey::of(row, now)?))
            })
            .await
    }

    /// Makes a key for the caller, or for somebody whose keys they administer.
    pub async fn create(&self, who: &Actor, owner: Id<kind::User>, new: NewKey) -> Result<CreatedKey> {
        let now = self.world.now();
        let checked = self.check(&new, now)?;
        let (id, secret) = (self.world.id_at(now), NewToken::of(TokenKind::ApiKey, &self.world));
        let (who, most) = (who.clone(), self.settings.api_keys.max_per_user);
        self.db
            .write(who.org, move |unit| {
                let theirs = owner_of(unit, &who, owner, now)?;
                policy::may_give(&who, who.is(owner), theirs.level, theirs.permissions, checked.scopes)?;
                has_room(unit, owner, most, now)?;
                let row = KeyRow {
                    id,
                    rev: 1,
                    org_id: who.org,
                    user_id: owner,
                    name: checked.name,
                    prefix: secret.prefix(),
                    scopes: Json::of(&checked.scopes),
                    ip_allowlist: checked.networks.stored(),
                    expires_at: checked.expires_at,
                    revoked_at: None,
                    last_used_at: Timestamp::UNIX_EPOCH,
                    last_used_ip: None,
                    created_at: now,
                    updated_at: now,
                };
                store::insert(unit.server(), &row)?;
                store::insert_secret(unit.server(), &secret.hash, id, NEVER, now)?;
                let entry = audit(&who, "api_key_created", &row).detail("scopes", checked.scopes);
                unit.audit(entry.detail("user_id", owner))?;
                Ok(CreatedKey { key: ApiKey::of(row, now)?, api_key: secret.text })
            })
            .await
    }

    fn check(&self, new: &NewKey, now: Timestamp) -> Result<Checked> {
        let mut wrong = FieldErrors::default();
        let policy = &self.settings.api_keys;
        let end = policy::end(&new.expires_at, new.expires_in_days, policy, now, &mut wrong);
        let checked = Checked {
            name: policy::name(&new.name, &mut wrong),
            scopes: policy::scopes(&new.scopes, &mut wrong),
            networks: policy::networks(&new.ip_allowlist, &mut wrong),
            expires_at: end.unwrap_or(now + TimeDelta::days(USUAL_DAYS)),
        };
        wrong.finish()?;
        Ok(checked)
    }

    /// Changes a key, if it is as expected.
    pub async fn change(
        &self,
        who: &Actor,
        id: Id<kind::ApiKey>,
        expected: Expected,
        patch: KeyPatch,
    ) -> Result<Versioned<ApiKey>> {
        let (now, who, callers) = (self.world.now(), who.clone(), self.callers.clone());
        let settings = Arc::clone(&self.settings);
        self.db
            .write(who.org, move |unit| {
                let before = lock(unit, &who, id)?;
                expected.check(before.rev)?;
                if before.revoked_at.is_some() {
                    return Err(KeyError::Ended(KeyStatus::Revoked));
                }
                let owned = owner_of(unit, &who, before.user_id, now)?;
                let after = patched(&before, &patch, &settings, now)?;
                let (own, scopes) = (who.is(before.user_id), scopes_of(&after.scopes)?);
                if after.scopes != before.scopes || !own {
                    policy::may_give(&who, own, owned.level, owned.permissions, scopes)?;
                }
                if before.status(now) != KeyStatus::Active {
                    has_room(unit, before.user_id, settings.api_keys.max_per_user, now)?;
                }
                if after != before {
                    store::save(unit.server(), &after)?;
                    unit.audit(changes(audit(&who, "api_key_changed", &before), &before, &after)?)?;
                    if after.worth() != before.worth() {
                        let secrets = store::secrets_of_key(unit.server(), id)?;
                        tell_ended(unit.server(), &callers, secrets);
                    }
                }
                let row = store::find(unit.server(), id)?.ok_or(KeyError::NotFound)?;
                Ok(Versioned::new(row.rev, ApiKey::of(row, now)?))
            })
            .await
    }

    /// Ends a key for good, if it is as expected.
    pub async fn revoke(&self, who: &Actor, id: Id<kind::ApiKey>, expected: Expected) -> Result<()> {
        let (now, who, callers) = (self.world.now(), who.clone(), self.callers.clone());
        self.db
            .write(who.org, move |unit| {
                let before = lock(unit, &who, id)?;
                expected.check(before.rev)?;
                if before.revoked_at.is_some() {
                    return Ok(());
                }
                let after = KeyRow { revoked_at: Some(now), updated_at: now, ..before.clone() };
                store::save(unit.server(), &after)?;
                unit.audit(audit(&who, "api_key_revoked", &before).detail("user_id", before.user_id))?;
                let secrets = store::secrets_of_key(unit.server(), id)?;
                tell_ended(unit.server(), &callers, secrets);
                Ok(())
            })
            .await
    }

    /// Gives a key another secret.
    pub async fn rotate(&self, who: &Actor, id: Id<kind::ApiKey>, rotation: Rotation) -> Result<CreatedKey> {
        if rotation.grace_seconds > LONGEST_GRACE {
            let problem = format!("must be from 0 to {LONGEST_GRACE}");
            return Err(Error::invalid("grace_seconds", problem).into());
        }
        let (now, who, callers) = (self.world.now(), who.clone(), self.callers.clone());
        let secret = NewToken::of(TokenKind::ApiKey, &self.world);
        self.db
            .write(who.org, move |unit| {
                let before = lock(unit, &who, id)?;
                let status = before.status(now);
                if status != KeyStatus::Active {
                    return Err(KeyError::Ended(status));
                }
                let owned = owner_of(unit, &who, before.user_id, now)?;
                let own = who.is(before.user_id);
                // Of one's own key the scopes may be more than one has by now: its use is narrowed.
                if !own {
                    let scopes = scopes_of(&before.scopes)?;
                    policy::may_give(&who, own, owned.level, owned.permissions, scopes)?;
                }
                let secrets = store::secrets_of_key(unit.server(), id)?;
                let until = now + TimeDelta::seconds(rotation.grace_seconds.into());
                store::retire_secrets(unit.server(), id, until, now)?;
                store::insert_secret(unit.server(), &secret.hash, id, NEVER, now)?;
                let after = KeyRow { prefix: secret.prefix(), updated_at: now, ..before.clone() };
                store::save(unit.server(), &after)?;
                let entry = audit(&who, "api_key_rotated", &before);
                unit.audit(entry.detail("grace_seconds", rotation.grace_seconds))?;
                if rotation.grace_seconds == 0 {
                    tell_ended(unit.server(), &callers, secrets);
                } else {
                    callers.changed(unit.server(), secrets.iter().map(|of| of.secret_hash).collect());
                }
                let row = store::find(unit.server(), id)?.ok_or(KeyError::NotFound)?;
                Ok(CreatedKey { key: ApiKey::of(row, now)?, api_key: secret.text })
            })
            .await
    }
}

/// Only keys of that user.
fn only_of(request: &mut ListRequest, user: Id<kind::User>) {
    request.filters.retain(|(field, _)| *field != "user_id");
    request.filters.push(("user_id", vec![user.to_string()]));
}

/// What the filter `status` says, which depends on the time.
fn in_state(request: &ListRequest, now: Timestamp) -> Extra {
    let asked = request.filters.iter().find(|(field, _)| *field == "status");
    let Some((_, states)) = asked else { return Extra::default().each(Condition::all()) };
    let (revoked, ends) = (|| Expr::col(("k", "revoked_at")), || Expr::col(("k", "expires_at")));
    let now = now.timestamp_micros();
    let any = states.iter().fold(Condition::any(), |any, state| match state.as_str() {
        "revoked" => any.add(revoked().is_not_null()),
        "expired" => any.add(Condition::all().add(revoked().is_null()).add(ends().lte(now))),
        _ => any.add(Condition::all().add(revoked().is_null()).add(ends().gt(now))),
    });
    Extra::default().each(any)
}

/// The owner, locked until the unit ends, so that of two keys made at once each counts the other; with what they may.
fn owner_of(unit: &Unit<'_>, who: &Actor, owner: Id<kind::User>, now: Timestamp) -> Result<Effective> {
    users::store::lock(unit.server(), owner)?;
    let (account, effective): (Account, Effective) = users::load(unit, owner, now)?;
    if !who.is(owner) && account.home_org_id != who.org {
        return Err(KeyError::NotHome);
    }
    if account.status != Status::Active {
        return Err(KeyError::OwnerInactive);
    }
    Ok(effective)
}

fn has_room(unit: &Unit<'_>, owner: Id<kind::User>, most: u32, now: Timestamp) -> Result<()> {
    let present = store::count_active(unit.server(), unit.org(), owner, now)?;
    if present < i64::from(most) { Ok(()) } else { Err(KeyError::KeyLimit(most)) }
}

/// A key that the caller may change, locked.
fn lock(unit: &Unit<'_>, who: &Actor, id: Id<kind::ApiKey>) -> Result<KeyRow> {
    store::lock(unit.server(), id)?;
    store::find(unit.server(), id)?.filter(|row| policy::may_see(who, row)).ok_or(KeyError::NotFound)
}

fn patched(before: &KeyRow, patch: &KeyPatch, settings: &Settings, now: Timestamp) -> Result<KeyRow> {
    let (mut after, mut wrong) = (before.clone(), FieldErrors::default());
    if matches!(patch.name, kernel::Patch::Clear) {
        wrong.add("name", "can't be cleared");
    }
    if matches!(patch.scopes, kernel::Patch::Clear) {
        wrong.add("scopes", "can't be cleared");
    }
    if let Some(name) = patch.name.set() {
        after.name = policy::name(name, &mut wrong);
    }
    if let Some(names) = patch.scopes.set() {
        after.scopes = Json::of(&policy::scopes(names, &mut wrong));
    }
    let end = policy::end(&patch.expires_at, patch.expires_in_days, &settings.api_keys, now, &mut wrong);
    after.expires_at = end.unwrap_or(before.expires_at);
    match &patch.ip_allowlist {
        kernel::Patch::Keep => {}
        kernel::Patch::Clear => after.ip_allowlist = Networks::default().stored(),
        kernel::Patch::Set(texts) => after.ip_allowlist = policy::networks(texts, &mut wrong).stored(),
    }
    wrong.finish()?;
    if after != *before {
        after.updated_at = now;
    }
    Ok(after)
}

fn audit(who: &Actor, action: &'static str, key: &KeyRow) -> Audit {
    Audit::by(who, action, Category::Security).on("api_key", key.id).named(key.name.as_str())
}

fn changes(entry: Audit, before: &KeyRow, after: &KeyRow) -> std::result::Result<Audit, DbError> {
    let mut entry = entry;
    if before.name != after.name {
        entry = entry.change("name", &before.name, &after.name);
    }
    if before.scopes != after.scopes {
        entry = entry.change("scopes", scopes_of(&before.scopes)?, scopes_of(&after.scopes)?);
    }
    if before.ip_allowlist != after.ip_allowlist {
        let texts = |row: &KeyRow| Networks::of_stored(&row.ip_allowlist).map(|networks| networks.texts());
        entry = entry.change("ip_allowlist", texts(before)?, texts(after)?);
    }
    if before.expires_at != after.expires_at {
        let end = |row: &KeyRow| (row.expires_at < NEVER).then_some(row.expires_at);
        entry = entry.change("expires_at", end(before), end(after));
    }
    Ok(entry)
}

/// Once the unit is committed: what these secrets are worth is read again, and sockets opened with them close.
fn tell_ended(unit: &ServerUnit<'_>, callers: &Callers, secrets: Vec<SecretOf>) {
    let ended = secrets.into_iter().map(|of| Live {
        id: Id::from_uuid(of.key_id.uuid()),
        user_id: of.user_id,
        token_hash: of.secret_hash,
    });
    callers.ended(unit, ended.collect());
}

/// Closes what was opened with keys of the user, who can't use them any more, and lets all nodes look at them again.
pub(crate) fn stop_all_of(
    unit: &ServerUnit<'_>,
    callers: &Callers,
    user: Id<kind::User>,
) -> std::result::Result<(), DbError> {
    let secrets = store::secrets_of_user(unit, user)?;
    tell_ended(unit, callers, secrets);
    Ok(())
}

/// The user leaves the unit's organization: their keys there are revoked.
pub(crate) fn stop_those_in(
    unit: &Unit<'_>,
    callers: &Callers,
    user: Id<kind::User>,
    now: Timestamp,
) -> std::result::Result<(), DbError> {
    let secrets = store::secrets_of_user_in(unit.server(), user, unit.org())?;
    store::revoke_those_in(unit.server(), user, unit.org(), now)?;
    tell_ended(unit.server(), callers, secrets);
    Ok(())
}
