//! What can be done with bots.

use chrono::TimeDelta;
use identity::{membership, visitors::Open};
use kernel::{
    Actor, Error, Expected, FieldErrors, Id, Patch, Permission, Surroundings, Timestamp, Versioned,
    id::{JobId, kind::Organization},
    list::{FilterField, ListRequest, ListSpec, Listed, Page, SortField},
    text,
};
use platform::{
    audit::{Audit, Category},
    db::{Db, Json, ServerTx, Tx, Unit},
    settings::Live,
};

use super::{
    Bot, BotError, BotPatch, Guard, NewBot, NewStatus, PackageSummary, Status, Visibility, deletion,
    events::{About, BotCreated, BotDeleted, BotUpdated},
    model::{Texts, slug},
    policy,
    store::{self, BotRow},
};
use crate::{
    Settings,
    config::known,
    packages::{self, state::State},
};

/// Conversations of a bot that are counted at the most.
const COUNTED: i64 = 1000;

/// The list of bots.
pub(super) enum BotList {}

impl Listed for BotList {
    const SPEC: ListSpec = SPEC;
}

/// What may be asked of the list.
pub(super) const SPEC: ListSpec = ListSpec {
    sorts: &[SortField::desc("created_at"), SortField::asc("name"), SortField::desc("last_activity")],
    filters: &[
        FilterField::one_of(
            "status",
            &["active", "inactive", "error", "maintenance"],
            "In one of these states.",
        ),
        FilterField::one_of(
            "visibility",
            &["public", "organization", "private", "admin"],
            "Seen by one of these circles.",
        ),
    ],
    search: Some("names and descriptions"),
};

/// The service of bots. A cheap handle.
#[derive(Clone)]
pub struct BotService {
    db: Db,
    surroundings: Surroundings,
    settings: Live<Settings>,
}

impl BotRow {
    /// The instant since when whoever said something is here.
    fn sessions_since(&self, now: Timestamp) -> Timestamp {
        now - session_timeout(&self.config)
    }

    /// As the API shows it to whoever reads it, with the conversations that are held.
    fn counted(&self, tx: &Tx<'_>, now: Timestamp) -> Result<Bot, platform::db::DbError> {
        let count = store::active_conversations(tx, self.id, self.sessions_since(now), COUNTED)?;
        Ok(Bot { session_count: Some(count.unsigned_abs()), ..self.shown(tx.org()) })
    }

    /// May one more conversation be held with it? The bot is locked.
    pub(crate) fn check_sessions(&self, unit: &Unit<'_>, now: Timestamp) -> Result<(), BotError> {
        let Some(most) = self.max_sessions else { return Ok(()) };
        let held = store::active_conversations(unit, self.id, self.sessions_since(now), most)?;
        if held < most { Ok(()) } else { Err(BotError::TooManySessions(most)) }
    }

    /// What decides whether somebody may use it.
    pub(crate) fn guard(&self) -> Guard<'_> {
        Guard {
            bot: self.id,
            visibility: &self.visibility,
            created_by: self.created_by,
            is_listed: self.is_listed,
            anonymous_allowed: self.anonymous_allowed,
        }
    }

    /// As it is shown when it was made: nobody talks to it yet.
    pub(crate) fn made(&self, org: Id<Organization>) -> Versioned<Bot> {
        Versioned::new(self.rev, Bot { session_count: Some(0), ..self.shown(org) })
    }

    /// What one of its settings says, or what holds without it.
    pub(crate) fn setting(&self, key: &str) -> Option<String> {
        setting(&self.config.read().unwrap_or_default(), key)
    }

    pub(crate) fn shown(&self, org: Id<Organization>) -> Bot {
        let config: std::collections::BTreeMap<String, String> = self.config.read().unwrap_or_default();
        let setting = |key| setting(&config, key);
        Bot {
            bot_id: self.id,
            name: self.name.clone(),
            slug: self.slug.clone(),
            display_name: self.display_name.clone(),
            description: self.description.clone(),
            status: Status::read(&self.status),
            status_reason: self.status_reason.clone(),
            visibility: Visibility::read(&self.visibility),
            anonymous_allowed: self.anonymous_allowed,
            default: self.is_default,
            avatar_url: setting("avatar-url"),
            language: setting("language").unwrap_or_default(),
            welcome_message: setting("welcome-message"),
            organization_id: org,
            version: self.version.unsigned_abs(),
            session_count: None,
            package: self.package.read().unwrap_or_default(),
            last_activity: self.last_activity,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// What a known setting says. What doesn't fit doesn't hold.
fn setting(config: &std::collections::BTreeMap<String, String>, key: &str) -> Option<String> {
    let known = known::known(key)?;
    let set = config.get(key).filter(|text| !text.is_empty() && known.takes.problem(text).is_none());
    set.cloned().or_else(|| known.default.map(str::to_owned))
}

/// A bot as it is named in a path or a body: by id or by slug, or not at all, which means the default.
pub(crate) fn find(tx: &Tx<'_>, named: Option<&str>) -> Result<Option<BotRow>, platform::db::DbError> {
    match named {
        None | Some("default") => store::default(tx),
        Some(name) => match name.parse() {
            Ok(id) => store::by_id(tx, id),
            Err(_) => store::by_slug(tx, name),
        },
    }
}

/// How long somebody may be silent and is still here, as the bot's `session-timeout` has it.
fn session_timeout(config: &Json) -> TimeDelta {
    let config: std::collections::BTreeMap<String, String> = config.read().unwrap_or_default();
    let known = known::known("session-timeout");
    let set = config.get("session-timeout").map(String::as_str);
    let fits = |text: &&str| known.is_some_and(|known| known.takes.problem(text).is_none());
    let seconds = set.filter(fits).or(known.and_then(|known| known.default));
    TimeDelta::seconds(seconds.and_then(|text| text.parse().ok()).unwrap_or_default())
}

/// The bot of that id or slug if it is open to visitors; the default one of the server's first organization, if none is
/// named.
pub(crate) fn open_to_visitors(
    tx: &ServerTx<'_>,
    named: Option<&str>,
) -> Result<Option<Open>, platform::db::DbError> {
    let found = match named {
        Some(named) => store::anywhere(tx, named)?,
        None => store::first_default(tx)?,
    };
    let Some((org, bot)) = found else { return Ok(None) };
    let visited =
        store::visited(tx, bot)?.filter(|bot| policy::is_open(&bot.visibility, bot.anonymous_allowed));
    Ok(visited.map(|found| Open { org, bot, name: found.name, idle: session_timeout(&found.config) }))
}

/// The bot that is called so: the one with that name as its slug, or else the only one of that name.
pub(crate) fn called(tx: &Tx<'_>, name: &str) -> Result<Option<BotRow>, BotError> {
    if let Some(bot) = store::by_slug(tx, &text::slug(name))? {
        return Ok(Some(bot));
    }
    let mut bots = store::some_by_name(tx, &text::key(name.trim()))?;
    if bots.len() > 1 {
        return Err(BotError::NotTheOnlyOne(name.to_owned()));
    }
    Ok(bots.pop())
}

/// The bot of that name, if the caller may use it now.
pub(crate) fn usable(
    tx: &Tx<'_>,
    who: &Actor,
    named: Option<&str>,
    now: Timestamp,
) -> Result<BotRow, BotError> {
    let bot = find(tx, named)?.ok_or(BotError::NotFound)?;
    if bot.guard().lets_in(tx, who, now)? { Ok(bot) } else { Err(BotError::NotFound) }
}

/// The bot of that name, if the caller may use it, to be changed: until the unit ends it stays as it is read here.
pub(crate) fn for_change(
    unit: &Unit<'_>,
    who: &Actor,
    named: &str,
    now: Timestamp,
) -> Result<BotRow, BotError> {
    let found = usable(unit, who, Some(named), now)?;
    store::lock(unit, found.id)?;
    // Whoever held the lock may have changed it, or who may use it; it is read again. The default may be another by now.
    usable(unit, who, Some(&found.id.to_string()), now)
}

impl BotService {
    /// The service over the given adapters.
    pub fn new(db: Db, surroundings: Surroundings, settings: Live<Settings>) -> Self {
        Self { db, surroundings, settings }
    }

    pub(super) async fn list(&self, who: Actor, request: ListRequest) -> Result<Page<Bot>, Error> {
        let org = who.org;
        let now = self.now();
        let page: Page<Bot> = self
            .db
            .read(org, move |tx| {
                let belonging = membership::belonging(tx, who.user, now)?;
                let visible = store::visible(who.may(Permission::ADMIN_BOTS), who.user, &belonging);
                let page: Page<BotRow> = tx.list(&store::LIST, &request, visible).map_err(Error::from)?;
                let asked: Vec<_> = page.items.iter().map(|bot| (bot.id, bot.sessions_since(now))).collect();
                let mut counts = store::active_conversations_of_each(tx, &asked, COUNTED)?.into_iter();
                Ok::<_, Error>(page.map(|bot| Bot {
                    session_count: counts.next().map(i64::unsigned_abs),
                    ..bot.shown(tx.org())
                }))
            })
            .await?;
        Ok(page)
    }

    pub(crate) async fn list_all(&self, org: Id<Organization>) -> Result<Vec<Bot>, Error> {
        let bots = self.db.read(org, store::all).await?;
        Ok(bots.into_iter().map(|bot| bot.shown(org)).collect())
    }

    pub(crate) async fn get(&self, who: Actor, named: String) -> Result<Versioned<Bot>, BotError> {
        let org = who.org;
        let now = self.now();
        let bot = self.db.read(org, move |tx| {
            let bot = usable(tx, &who, Some(&named), now)?;
            Ok::<_, BotError>(Versioned::new(bot.rev, bot.counted(tx, now)?))
        });
        bot.await
    }

    pub(crate) async fn create(&self, who: Actor, new: NewBot) -> Result<Versioned<Bot>, BotError> {
        let now = self.surroundings.now();
        let row = self.row(&new, now)?;
        let (org, limit) = (who.org, self.settings.get().bots_per_organization);
        let bot = self
            .db
            .write(org, move |unit| {
                let entry = Audit::by(&who, "bot_created", Category::DataModification);
                make(unit, BotRow { created_by: Some(who.user), ..row }, limit, entry)
            })
            .await?;
        Ok(bot.made(org))
    }

    /// The row of a new bot, or everything that is wrong with it.
    pub(crate) fn row(&self, new: &NewBot, now: Timestamp) -> Result<BotRow, Error> {
        let mut wrong = FieldErrors::default();
        let texts = Texts::check(&mut wrong, &new.name, new.display_name.clone(), new.description.clone());
        let id: kernel::id::BotId = self.surroundings.id_at(now);
        let slug = slug(&mut wrong, new.slug.as_deref(), &texts.name, &id.to_string());
        wrong.finish()?;
        Ok(BotRow {
            id,
            rev: 1,
            slug,
            name: texts.name,
            display_name: texts.display_name,
            description: texts.description,
            status: Status::Active.as_str().to_owned(),
            visibility: new.visibility.unwrap_or(Visibility::Organization).as_str().to_owned(),
            is_default: false,
            config: Json::of(&serde_json::Map::new()),
            version: 0,
            start_program: None,
            package: Json::of(&PackageSummary::default()),
            created_by: None,
            created_at: now,
            updated_at: now,
            last_activity: now,
            status_reason: None,
            is_listed: false,
            anonymous_allowed: false,
            max_sessions: None,
        })
    }

    pub(super) async fn patch(
        &self,
        who: Actor,
        named: String,
        expected: Expected,
        patch: BotPatch,
    ) -> Result<Versioned<Bot>, BotError> {
        if !patch.visibility.is_keep() {
            // As the lists of its access are.
            who.require_in_person()?;
        }
        let (org, now) = (who.org, self.surroundings.now());
        self.db
            .write(org, move |unit| {
                unit.lock(BOTS)?;
                let old = for_change(unit, &who, &named, now)?;
                expected.check(old.rev)?;
                if old.is_default && patch.default == Patch::Set(false) {
                    return Err(BotError::StaysDefault);
                }
                let activates = patch.status == Patch::Set(NewStatus::Active);
                let (mut bot, texts) = changed(&old, patch, now)?;
                if activates {
                    bot = as_its_package_can(unit, bot)?;
                }
                if bot.is_default && !old.is_default {
                    store::clear_default(unit)?;
                }
                store::save(unit, &bot, &text::key(&bot.name), &texts.search_key())?;
                unit.emit(&BotUpdated(About::from(&bot)))?;
                unit.audit(
                    Audit::by(&who, "bot_updated", Category::DataModification)
                        .on("bot", bot.id)
                        .named(&bot.name)
                        .change("name", &old.name, &bot.name)
                        .change("status", &old.status, &bot.status)
                        .change("visibility", &old.visibility, &bot.visibility),
                )?;
                Ok::<_, BotError>(Versioned::new(bot.rev, bot.counted(unit, now)?))
            })
            .await
    }

    /// The bot is gone at once; what it had is removed by the job that this gives, which takes the conversations along
    /// before that if it is to `export` them.
    pub(super) async fn delete(
        &self,
        who: Actor,
        named: String,
        expected: Expected,
        export: bool,
    ) -> Result<JobId, BotError> {
        if export {
            who.require(Permission::CONVERSATIONS_READ)?;
        }
        let now = self.now();
        self.db
            .write(who.org, move |unit| {
                unit.lock(BOTS)?;
                let bot = for_change(unit, &who, &named, now)?;
                expected.check(bot.rev)?;
                if bot.is_default && store::has_at_least(unit, 2)? {
                    return Err(BotError::Default);
                }
                store::begin_deletion(unit, bot.id)?;
                if export {
                    let name = format!("{}-conversations.zip", bot.slug);
                    store::want_export(unit, bot.id, who.user, &name)?;
                }
                unit.emit(&BotDeleted(About::from(&bot)))?;
                let entry = Audit::by(&who, "bot_deleted", Category::DataModification);
                unit.audit(entry.on("bot", bot.id).named(&bot.name))?;
                Ok(deletion::enqueue(unit, bot.id, Some(who.user))?)
            })
            .await
    }

    pub(super) fn now(&self) -> Timestamp {
        self.surroundings.now()
    }

    pub(super) fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// The database, for the domain's jobs.
    pub(super) fn db(&self) -> &Db {
        &self.db
    }
}

/// The lock of whoever changes the organization's set of bots: which is the default, and how many there are, depends on
/// what is there. It is taken before that of a bot.
pub(crate) const BOTS: &str = "bots";

/// Writes a new bot. The organization's first one is its default.
pub(crate) fn make(unit: &Unit<'_>, row: BotRow, limit: u64, entry: Audit) -> Result<BotRow, BotError> {
    unit.lock(BOTS)?;
    if limit > 0 && store::has_at_least(unit, i64::try_from(limit).unwrap_or(i64::MAX))? {
        return Err(BotError::Limit(limit));
    }
    let bot = BotRow { is_default: !store::has_at_least(unit, 1)?, ..row };
    let search = text::key(&format!("{} {}", bot.name, bot.description.as_deref().unwrap_or_default()));
    store::insert(unit, &bot, &text::key(&bot.name), &search).map_err(|error| {
        if error.violates("bots_slug_key") { BotError::SlugTaken(bot.slug.clone()) } else { error.into() }
    })?;
    unit.emit(&BotCreated(About::from(&bot)))?;
    unit.audit(entry.on("bot", bot.id).named(&bot.name))?;
    Ok(bot)
}

/// The bot that is to be active; in error if its package can't run.
fn as_its_package_can(unit: &Unit<'_>, bot: BotRow) -> Result<BotRow, BotError> {
    if bot.start_program.is_some() {
        return Ok(bot);
    }
    let Some(version) = packages::store::version(unit, bot.id, bot.version)? else { return Ok(bot) };
    let state = State::read(&version).map_err(Error::from)?;
    Ok(packages::install::standing(bot, &state))
}

/// The bot after the patch, or everything that is wrong with it.
fn changed(old: &BotRow, patch: BotPatch, now: Timestamp) -> Result<(BotRow, Texts), Error> {
    let mut wrong = FieldErrors::default();
    for (field, cleared) in [
        ("name", patch.name == Patch::Clear),
        ("status", patch.status == Patch::Clear),
        ("visibility", patch.visibility == Patch::Clear),
    ] {
        wrong.check(!cleared, field, "can't be cleared");
    }
    let name = patch.name.set().unwrap_or(&old.name).clone();
    let texts = Texts::check(
        &mut wrong,
        &name,
        patch.display_name.apply(old.display_name.clone()),
        patch.description.apply(old.description.clone()),
    );
    wrong.finish()?;
    let bot = BotRow {
        rev: old.rev + 1,
        name: texts.name.clone(),
        display_name: texts.display_name.clone(),
        description: texts.description.clone(),
        status: patch
            .status
            .set()
            .map_or(old.status.clone(), |status| Status::from(*status).as_str().to_owned()),
        status_reason: old.status_reason.clone().filter(|_| patch.status.is_keep()),
        visibility: patch.visibility.set().map_or(old.visibility.clone(), |v| v.as_str().to_owned()),
        is_default: old.is_default || patch.default == Patch::Set(true),
        updated_at: now,
        last_activity: now,
        ..old.clone()
    };
    Ok((bot, texts))
}
