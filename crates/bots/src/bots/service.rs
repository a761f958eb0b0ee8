//! What can be done with bots.

use kernel::{
    Actor, Error, FieldErrors, Id, Patch, Permission, Surroundings, Timestamp,
    id::kind::{Bot as BotKind, Organization},
    list::{ListRequest, ListSpec, Page, SortField},
    text,
};
use platform::{
    audit::{Audit, Category},
    db::{Db, Json, Tx, Unit},
};

use super::{
    Bot, BotError, BotPatch, NewBot, PackageSummary, Status, Visibility, may_use,
    model::{Texts, slug},
    store::{self, BotRow},
};
use crate::Settings;

/// What may be asked of the list.
pub(super) const SPEC: ListSpec = ListSpec {
    sorts: &[SortField::desc("created_at"), SortField::asc("name"), SortField::desc("last_activity")],
    filters: &["status", "visibility"],
    search: true,
};

/// The service of bots. A cheap handle.
#[derive(Clone)]
pub struct BotService {
    db: Db,
    surroundings: Surroundings,
    settings: Settings,
}

impl BotRow {
    pub(crate) fn shown(&self, org: Id<Organization>) -> Bot {
        let config: std::collections::BTreeMap<String, String> = self.config.read().unwrap_or_default();
        Bot {
            bot_id: self.id,
            name: self.name.clone(),
            slug: self.slug.clone(),
            display_name: self.display_name.clone(),
            description: self.description.clone(),
            status: Status::read(&self.status),
            visibility: Visibility::read(&self.visibility),
            default: self.is_default,
            welcome_message: config.get("welcome-message").cloned(),
            organization_id: org,
            version: self.version.unsigned_abs(),
            package: self.package.read().unwrap_or_default(),
            last_activity: self.last_activity,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
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

/// The bot of that name, if the caller may use it.
pub(crate) fn usable(tx: &Tx<'_>, who: &Actor, named: Option<&str>) -> Result<BotRow, BotError> {
    find(tx, named)?.filter(|bot| may_use(who, &bot.visibility, bot.created_by)).ok_or(BotError::NotFound)
}

impl BotService {
    /// The service over the given adapters.
    pub fn new(db: Db, surroundings: Surroundings, settings: Settings) -> Self {
        Self { db, surroundings, settings }
    }

    pub(super) async fn list(&self, who: Actor, request: ListRequest) -> Result<Page<Bot>, Error> {
        let org = who.org;
        let visible = store::visible(who.may(Permission::ADMIN_BOTS), who.user);
        let page: Page<BotRow> = self
            .db
            .read(org, move |tx| tx.list(&store::LIST, &request, Some(visible)).map_err(Error::from))
            .await?;
        Ok(page.map(|bot| bot.shown(org)))
    }

    pub(crate) async fn list_all(&self, org: Id<Organization>) -> Result<Vec<Bot>, Error> {
        let bots = self.db.read(org, store::all).await?;
        Ok(bots.into_iter().map(|bot| bot.shown(org)).collect())
    }

    pub(super) async fn get(&self, who: Actor, named: String) -> Result<Bot, BotError> {
        let org = who.org;
        let bot = self.db.read(org, move |tx| usable(tx, &who, Some(&named))).await?;
        Ok(bot.shown(org))
    }

    pub(super) async fn create(&self, who: Actor, new: NewBot) -> Result<Bot, BotError> {
        let now = self.surroundings.now();
        let row = self.row(&new, now)?;
        let (org, limit) = (who.org, self.settings.bots_per_organization);
        let bot = self
            .db
            .write(org, move |unit| {
                let entry = Audit::by(&who, "bot_created", Category::DataModification);
                make(unit, BotRow { created_by: Some(who.user), ..row }, limit, entry)
            })
            .await?;
        Ok(bot.shown(org))
    }

    /// Makes a bot for whoever operates the server.
    pub(crate) fn create_in(&self, unit: &Unit<'_>, name: &str) -> Result<BotRow, BotError> {
        let new = NewBot { name: name.to_owned(), ..NewBot::default() };
        let row = self.row(&new, self.surroundings.now())?;
        let entry = Audit::system("bot_created", Category::DataModification);
        make(unit, row, self.settings.bots_per_organization, entry)
    }

    /// The row of a new bot, or everything that is wrong with it.
    fn row(&self, new: &NewBot, now: Timestamp) -> Result<BotRow, Error> {
        let mut wrong = FieldErrors::default();
        let texts = Texts::check(&mut wrong, &new.name, new.display_name.clone(), new.description.clone());
        let slug = slug(&mut wrong, new.slug.as_deref(), &texts.name);
        wrong.finish()?;
        Ok(BotRow {
            id: self.surroundings.id_at(now),
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
        })
    }

    pub(super) async fn patch(&self, who: Actor, named: String, patch: BotPatch) -> Result<Bot, BotError> {
        let (org, now) = (who.org, self.surroundings.now());
        let bot = self
            .db
            .write(org, move |unit| {
                let old = usable(unit, &who, Some(&named))?;
                let (bot, texts) = changed(&old, patch, now)?;
                if bot.is_default && !old.is_default {
                    store::clear_default(unit)?;
                }
                store::save(unit, &bot, &text::key(&bot.name), &texts.search_key())?;
                unit.audit(
                    Audit::by(&who, "bot_updated", Category::DataModification)
                        .on("bot", bot.id)
                        .named(&bot.name)
                        .change("name", &old.name, &bot.name)
                        .change("status", &old.status, &bot.status)
                        .change("visibility", &old.visibility, &bot.visibility),
                )?;
                Ok::<_, BotError>(bot)
            })
            .await?;
        Ok(bot.shown(org))
    }

    /// The bot is gone at once; what it had is removed in small units, so that nobody waits long for the writer.
    pub(super) async fn delete(&self, who: Actor, named: String) -> Result<(), BotError> {
        let org = who.org;
        let id = self
            .db
            .write(org, move |unit| {
                let bot = usable(unit, &who, Some(&named))?;
                if bot.is_default && store::has_at_least(unit, 2)? {
                    return Err(BotError::Default);
                }
                store::begin_deletion(unit, bot.id)?;
                let entry = Audit::by(&who, "bot_deleted", Category::DataModification);
                unit.audit(entry.on("bot", bot.id).named(&bot.name))?;
                Ok(bot.id)
            })
            .await?;
        Ok(self.finish_deletion(org, id).await?)
    }

    async fn finish_deletion(&self, org: Id<Organization>, id: Id<BotKind>) -> Result<(), Error> {
        while self.db.write(org, move |unit| store::delete_some(unit, id)).await? {}
        Ok(())
    }

    /// Goes on with deletions that the end of the process broke off.
    pub(crate) async fn finish_deletions(&self) -> Result<(), Error> {
        for (org, id) in self.db.read_server(store::being_deleted).await? {
            self.finish_deletion(org, id).await?;
        }
        Ok(())
    }
}

/// Writes a new bot. The organization's first one is its default.
fn make(unit: &Unit<'_>, row: BotRow, limit: u64, entry: Audit) -> Result<BotRow, BotError> {
    if limit > 0 && store::has_at_least(unit, i64::try_from(limit).unwrap_or(i64::MAX))? {
        return Err(BotError::Limit(limit));
    }
    let bot = BotRow { is_default: !store::has_at_least(unit, 1)?, ..row };
    let search = text::key(&format!("{} {}", bot.name, bot.description.as_deref().unwrap_or_default()));
    store::insert(unit, &bot, &text::key(&bot.name), &search).map_err(|error| {
        if error.violates("bots_slug_key") { BotError::SlugTaken(bot.slug.clone()) } else { error.into() }
    })?;
    unit.audit(entry.on("bot", bot.id).named(&bot.name))?;
    Ok(bot)
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
    wrong.check(
        !(old.is_default && patch.default == Patch::Set(false)),
        "default",
        "can't be taken away; make another bot the default instead",
    );
    let name = patch.name.set().unwrap_or(&old.name).clone();
    let texts = Texts::check(
        &mut wrong,
        &name,
        patch.display_name.apply(old.display_name.clone()),
        patch.description.apply(old.description.clone()),
    );
    wrong.finish()?;
    let bot = BotRow {
        name: texts.name.clone(),
        display_name: texts.display_name.clone(),
        description: texts.description.clone(),
        status: patch.status.set().map_or(old.status.clone(), |status| status.as_str().to_owned()),
        visibility: patch.visibility.set().map_or(old.visibility.clone(), |v| v.as_str().to_owned()),
        is_default: old.is_default || patch.default == Patch::Set(true),
        updated_at: now,
        last_activity: now,
        ..old.clone()
    };
    Ok((bot, texts))
}
