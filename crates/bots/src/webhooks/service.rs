//! What can be done with webhooks.

use std::sync::{Arc, OnceLock};

use chrono::TimeDelta;
use dashmap::DashMap;
use identity::{Identity, tokens::Disclosed};
use kernel::{
    Actor, Error, Expected, Id, Patch, Permission, Surroundings, Timestamp, Versioned,
    id::{BotId, EventId, WebhookId},
    list::{Cursor, ListRequest, ListSpec, Listed, Page, SortField, SortValue},
};
use platform::{
    audit::{Audit, Category},
    db::{Db, Json, Tx},
    egress::Egress,
    secrets::Secrets,
    settings::Live,
};
use serde_json::json;
use tokio::sync::Semaphore;
use url::Url;

use super::{
    Catalogue, NewWebhook, Webhook, WebhookError, WebhookPatch,
    checks::Checks,
    dispatch::Message,
    model::{DisabledReason, EventInfo, WebhookStatus, WebhookWithSecret},
    secrets::{Headers, seal_headers, seal_secret},
    signing::SigningSecret,
    store::{self, WebhookRow},
    upkeep::{Deleted, FORGET},
};
use crate::{Settings, bots};

/// The list of webhooks.
pub(super) enum WebhookList {}

impl Listed for WebhookList {
    const SPEC: ListSpec = ListSpec { sorts: &[SortField::desc("created_at")], filters: &[], search: None };
}

/// The list of types of events.
pub(super) enum EventList {}

impl Listed for EventList {
    const SPEC: ListSpec =
        ListSpec { sorts: &[SortField::asc("event")], filters: &[], search: Some("names and descriptions") };
}

/// What the service works with.
#[derive(Clone)]
pub struct Parts {
    /// The database.
    pub db: Db,
    /// What owners may do.
    pub identity: Identity,
    /// The way to the receivers.
    pub egress: Egress,
    /// What seals.
    pub secrets: Secrets,
    /// Clock and randomness.
    pub surroundings: Surroundings,
    /// Limits.
    pub settings: Live<Settings>,
}

/// The service of webhooks. A cheap handle.
#[derive(Clone)]
pub struct Webhooks(Arc<Inner>);

struct Inner {
    parts: Parts,
    catalogue: OnceLock<Catalogue>,
    /// Room for attempts, by webhook.
    rooms: DashMap<WebhookId, Arc<Semaphore>>,
}

impl WebhookRow {
    fn versioned(&self, secrets: &Secrets) -> Result<Versioned<Webhook>, WebhookError> {
        Ok(Versioned::new(self.rev, self.shown(secrets)?))
    }

    fn shown(&self, secrets: &Secrets) -> Result<Webhook, WebhookError> {
        let headers = self.headers(secrets)?;
        let status = match (self.enabled, self.failure_count) {
            (false, _) => WebhookStatus::Disabled,
            (true, 0) => WebhookStatus::Active,
            (true, _) => WebhookStatus::Failing,
        };
        Ok(Webhook {
            webhook_id: self.id,
            url: self.url.clone(),
            events: self.events.read()?,
            name: self.name.clone(),
            description: self.description.clone(),
            bot_id: self.bot_id,
            enabled: self.enabled,
            headers: headers.into_keys().map(|name| (name, "***".to_owned())).collect(),
            status,
            disabled_reason: self.disabled_reason.as_deref().map(DisabledReason::read),
            failure_count: self.failure_count.unsigned_abs(),
            last_delivery_at: self.last_delivery_at,
            owner_id: self.owner_id,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// The webhook, if the caller may know of it: its owner, and who administers bots.
pub(super) fn known(tx: &Tx<'_>, who: &Actor, id: WebhookId) -> Result<WebhookRow, WebhookError> {
    let hook =
        store::get(tx, id)?.filter(|hook| hook.owner_id == who.user || who.may(Permission::ADMIN_BOTS));
    hook.ok_or(WebhookError::NotFound)
}

/// 422 unless the caller may use the bot.
fn check_bot(tx: &Tx<'_>, who: &Actor, bot: BotId, now: Timestamp) -> Result<(), WebhookError> {
    match bots::service::usable(tx, who, Some(&bot.to_string()), now) {
        Ok(_) => Ok(()),
        Err(bots::BotError::NotFound) => {
            Err(Error::invalid("bot_id", "names no bot that you may use").into())
        }
        Err(error) => Err(Error::from(error).into()),
    }
}

impl Webhooks {
    /// The service over the given adapters.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner { parts, catalogue: OnceLock::new(), rooms: DashMap::new() }))
    }

    /// What can be subscribed to. It is known once all modules are.
    pub(super) fn learn(&self, catalogue: Catalogue) {
        // A second list of the same modules says the same.
        let _ = self.0.catalogue.set(catalogue);
    }

    pub(super) fn catalogue(&self) -> &Catalogue {
        self.0.catalogue.get_or_init(Catalogue::default)
    }

    pub(super) fn db(&self) -> &Db {
        &self.0.parts.db
    }

    pub(super) fn identity(&self) -> &Identity {
        &self.0.parts.identity
    }

    pub(super) fn egress(&self) -> &Egress {
        &self.0.parts.egress
    }

    pub(super) fn secrets(&self) -> &Secrets {
        &self.0.parts.secrets
    }

    pub(super) fn settings(&self) -> Arc<Settings> {
        self.0.parts.settings.snapshot()
    }

    pub(super) fn rooms(&self) -> &DashMap<WebhookId, Arc<Semaphore>> {
        &self.0.rooms
    }

    pub(super) fn now(&self) -> Timestamp {
        self.0.parts.surroundings.now()
    }

    pub(super) fn new_id<K>(&self, at: Timestamp) -> Id<K> {
        self.0.parts.surroundings.id_at(at)
    }

    /// The caller's; with `admin:bots` all of the organization.
    pub(super) async fn list(&self, who: Actor, request: ListRequest) -> Result<Page<Webhook>, WebhookError> {
        let own = (!who.may(Permission::ADMIN_BOTS)).then(|| store::owned_by(who.user));
        let page: Page<WebhookRow> = self
            .db()
            .read(who.org, move |tx| tx.list(&store::LIST, &request, own).map_err(Error::from))
            .await?;
        page.try_map(|row| row.shown(self.secrets()))
    }

    pub(super) async fn get(&self, who: Actor, id: WebhookId) -> Result<Versioned<Webhook>, WebhookError> {
        self.db().read(who.org, move |tx| known(tx, &who, id)).await?.versioned(self.secrets())
    }

    /// The types of events that the caller's webhooks may be told of, with a message as it is sent.
    pub(super) fn events(&self, who: &Actor, request: &ListRequest) -> Page<EventInfo> {
        let is_found = request.finder();
        let fits = |kind: &&kernel::EventType| is_found(&format!("{} {}", kind.name, kind.about));
        let at = Timestamp::UNIX_EPOCH + TimeDelta::days(20_484);
        let info = |kind: &kernel::EventType| EventInfo {
            event: kind.name,
            description: kind.about,
            example: json!(Message {
                event: kind.name,
                id: EventId::example(),
                timestamp: at,
                organization_id: who.org,
                data: &kind.example(),
            }),
        };
        let place = |kind: &kernel::EventType| {
            let value = SortValue::Text(kind.name.to_owned());
            (Cursor { value, id: [0; 16], skip: 0 }, info(kind))
        };
        request.cut(self.catalogue().all().filter(fits).map(place).collect())
    }

    /// Refuses an address that requests may not go to, as far as can be told now.
    async fn check_address(&self, url: &Url) -> Result<(), WebhookError> {
        self.egress().check(url).await.map_err(WebhookError::UrlNotAllowed)
    }

    pub(super) async fn create(
        &self,
        who: Actor,
        new: NewWebhook,
    ) -> Result<Versioned<WebhookWithSecret>, WebhookError> {
        let (now, org) = (self.now(), who.org);
        let limit = self.settings().webhooks_per_organization;
        let (row, url, secret) = self.row(&who, new, now)?;
        self.check_address(&url).await?;
        let created = row.clone();
        self.db()
            .write(org, move |unit| {
                unit.lock(WEBHOOKS)?;
                if limit > 0 && store::count(unit)? >= limit {
                    return Err(WebhookError::Limit(limit));
                }
                if let Some(bot) = row.bot_id {
                    check_bot(unit, &who, bot, now)?;
                }
                store::insert(unit, &row)?;
                unit.audit(entry(&who, "webhook_created", &row))?;
                Ok(())
            })
            .await?;
        self.with_secret(&created, &secret)
    }

    /// The row of a new webhook, or everything that is wrong with it.
    fn row(
        &self,
        who: &Actor,
        new: NewWebhook,
        now: Timestamp,
    ) -> Result<(WebhookRow, Url, SigningSecret), WebhookError> {
        let (id, mut checks): (WebhookId, _) = (self.new_id(now), Checks::default());
        let url = checks.url(&new.url);
        let events = checks.events(&new.events, self.catalogue());
        let (name, description) = (checks.name(new.name), checks.description(new.description));
        let headers = new.headers.unwrap_or_default();
        checks.headers(&headers);
        let secret = match &new.secret {
            None => Some(SigningSecret::new(&self.0.parts.surroundings)),
            Some(brought) => SigningSecret::read(brought),
        };
        if secret.is_none() {
            checks.wrong("secret", "must be whsec_ and 24 to 64 bytes in base64");
        }
        checks.finish()?;
        let (Some(url), Some(secret)) = (url, secret) else {
            return Err(Error::internal("a checked webhook lacks a part").into());
        };
        let row = WebhookRow {
            id,
            rev: 1,
            owner_id: who.user,
            url: url.to_string(),
            events: Json::of(&events),
            name,
            description,
            bot_id: new.bot_id,
            enabled: new.enabled.unwrap_or(true),
            headers: seal_headers(self.secrets(), id, &headers)?,
            secret: seal_secret(self.secrets(), id, &secret)?,
            previous_secret: None,
            previous_until: None,
            failure_count: 0,
            failing_since: None,
            disabled_reason: None,
            last_delivery_at: None,
            created_at: now,
            updated_at: now,
        };
        Ok((row, url, secret))
    }

    fn with_secret(
        &self,
        row: &WebhookRow,
        secret: &SigningSecret,
    ) -> Result<Versioned<WebhookWithSecret>, WebhookError> {
        let webhook = row.shown(self.secrets())?;
        let secret = Disclosed::new(secret.text());
        Ok(Versioned::new(row.rev, WebhookWithSecret { webhook, secret }))
    }

    pub(super) async fn patch(
        &self,
        who: Actor,
        id: WebhookId,
        expected: Expected,
        patch: WebhookPatch,
    ) -> Result<Versioned<Webhook>, WebhookError> {
        let (org, this, now) = (who.org, self.clone(), self.now());
        if let Patch::Set(text) = &patch.url
            && let Some(url) = Checks::default().url(text)
        {
            // What it leads to is looked up before the unit of work, in which nothing may wait. Only the owner learns
            // what is allowed.
            let reader = who.clone();
            self.db().read(org, move |tx| known(tx, &reader, id)).await?;
            self.check_address(&url).await?;
        }
        let row = self
            .db()
            .write(org, move |unit| {
                store::lock(unit, id)?;
                let old = known(unit, &who, id)?;
                expected.check(old.rev)?;
                let row = this.changed(&old, patch)?;
                if let Some(bot) = row.bot_id.filter(|bot| old.bot_id != Some(*bot)) {
                    check_bot(unit, &who, bot, now)?;
                }
                store::save(unit, &row)?;
                let entry = entry(&who, "webhook_updated", &row);
                unit.audit(entry.change("url", &old.url, &row.url).change(
                    "enabled",
                    old.enabled,
                    row.enabled,
                ))?;
                Ok::<_, WebhookError>(row)
            })
            .await?;
        row.versioned(self.secrets())
    }

    /// The webhook after the patch, or everything that is wrong with it.
    fn changed(&self, old: &WebhookRow, patch: WebhookPatch) -> Result<WebhookRow, WebhookError> {
        let (now, mut checks) = (self.now(), Checks::default());
        checks.not_cleared("url", patch.url == Patch::Clear);
        checks.not_cleared("events", patch.events == Patch::Clear);
        checks.not_cleared("enabled", patch.enabled == Patch::Clear);
        let url = match patch.url.set() {
            Some(text) => checks.url(text).map(String::from),
            None => Some(old.url.clone()),
        };
        let events = match patch.events.set() {
            Some(names) => Json::of(&checks.events(names, self.catalogue())),
            None => old.events.clone(),
        };
        let headers = merged(old.headers(self.secrets())?, patch.headers);
        checks.headers(&headers);
        let name = checks.name(patch.name.apply(old.name.clone()));
        let description = checks.description(patch.description.apply(old.description.clone()));
        checks.finish()?;
        let enabled = patch.enabled.set().copied().unwrap_or(old.enabled);
        let anew = enabled && !old.enabled;
        Ok(WebhookRow {
            rev: old.rev + 1,
            url: url.unwrap_or_default(),
            events,
            name,
            description,
            bot_id: patch.bot_id.apply(old.bot_id),
            enabled,
            headers: seal_headers(self.secrets(), old.id, &headers)?,
            failure_count: if anew { 0 } else { old.failure_count },
            failing_since: old.failing_since.filter(|_| !anew),
            disabled_reason: old.disabled_reason.clone().filter(|_| !enabled),
            updated_at: now,
            ..old.clone()
        })
    }

    pub(super) async fn delete(
        &self,
        who: Actor,
        id: WebhookId,
        expected: Expected,
    ) -> Result<(), WebhookError> {
        self.db()
            .write(who.org, move |unit| {
                store::lock(unit, id)?;
                let hook = known(unit, &who, id)?;
                expected.check(hook.rev)?;
                store::delete(unit, id)?;
                // Of its deliveries there may be many.
                unit.enqueue(&FORGET.job(&Deleted { webhook_id: id }).unique(id.to_string()))?;
                unit.audit(entry(&who, "webhook_deleted", &hook))?;
                Ok(())
            })
            .await
    }

    /// A new secret. The one before signs, too, for a while.
    pub(super) async fn rotate_secret(
        &self,
        who: Actor,
        id: WebhookId,
    ) -> Result<Versioned<WebhookWithSecret>, WebhookError> {
        let now = self.now();
        let until = now + TimeDelta::hours(self.settings().webhook_secret_overlap_hours.into());
        let secret = SigningSecret::new(&self.0.parts.surroundings);
        let sealed = seal_secret(self.secrets(), id, &secret)?;
        let row = self
            .db()
            .write(who.org, move |unit| {
                store::lock(unit, id)?;
                let old = known(unit, &who, id)?;
                let row = WebhookRow {
                    rev: old.rev + 1,
                    previous_secret: Some(old.secret.clone()),
                    previous_until: Some(until),
                    secret: sealed,
                    updated_at: now,
                    ..old
                };
                store::save(unit, &row)?;
                unit.audit(entry(&who, "webhook_secret_rotated", &row))?;
                Ok::<_, WebhookError>(row)
            })
            .await?;
        self.with_secret(&row, &secret)
    }
}

/// The lock of whoever adds one: how many there may be depends on how many there are.
const WEBHOOKS: &str = "webhooks";

fn entry(who: &Actor, action: &'static str, hook: &WebhookRow) -> Audit {
    let entry = Audit::by(who, action, Category::DataModification).on("webhook", hook.id);
    match &hook.name {
        Some(name) => entry.named(name),
        None => entry,
    }
}

/// The headers after a merge patch (RFC 7396). Names of headers are the same in whatever case.
fn merged(mut headers: Headers, patch: Patch<std::collections::BTreeMap<String, Option<String>>>) -> Headers {
    match patch {
        Patch::Keep => headers,
        Patch::Clear => Headers::new(),
        Patch::Set(changes) => {
            for (name, value) in changes {
                headers.retain(|known, _| !known.eq_ignore_ascii_case(&name));
                headers.extend(value.map(|value| (name, value)));
            }
            headers
        }
    }
}
