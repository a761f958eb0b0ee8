//! Remembering: for scripts, through the drafts of their turn, and for whoever looks after a bot, over the API.

use basic::{Data, ErrorCode};
use gateway::command::{Run, Unperformed};
use kernel::{
    Actor, Error, Expected, Id, Surroundings, Timestamp, Versioned,
    id::kind::Bot,
    list::{FilterField, ListRequest, ListSpec, Listed, Page, SortField, SortValue},
};
use platform::{
    audit::{Audit, Category},
    db::{Db, DbError, Extra, Json, Tx, Unit},
    settings::Live,
};
use sea_query::{Condition, Expr, ExprTrait};
use serde_json::Value;

use super::{
    draft::Recollection,
    model::{KEY, Memory, MemoryError, Owner},
    store::{self, MemoryRow},
};
use crate::{
    Settings,
    bots::{self, store::BotRow},
};

/// The list of a bot's memory.
pub(super) enum MemoryList {}

impl Listed for MemoryList {
    const SPEC: ListSpec = SPEC;
}

/// What may be asked of the list.
pub(super) const SPEC: ListSpec = ListSpec {
    sorts: &[SortField::asc("key")],
    filters: &[FilterField::texts("prefix", "Whose keys begin with one of these.")],
    search: None,
};

/// Bytes that one turn may remember in all.
const TURN_BYTES: usize = 4 << 20;

/// What is remembered. A cheap handle.
#[derive(Clone)]
pub struct Memories {
    db: Db,
    surroundings: Surroundings,
    settings: Live<Settings>,
}

impl MemoryRow {
    fn shown(self) -> Memory {
        Memory {
            key: self.key,
            value: self.value.read().unwrap_or_default(),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    fn versioned(self) -> Versioned<Memory> {
        Versioned::new(self.rev, self.shown())
    }
}

impl Memories {
    /// The service over the given adapters.
    pub(crate) fn new(db: Db, surroundings: Surroundings, settings: Live<Settings>) -> Self {
        Self { db, surroundings, settings }
    }

    pub(super) fn db(&self) -> &Db {
        &self.db
    }

    pub(super) fn now(&self) -> Timestamp {
        self.surroundings.now()
    }

    // ---- for scripts ----

    /// The value under a key, as the turn sees it; null where there is none.
    pub(crate) async fn recall(&self, run: &Run, owner: Owner, key: &str) -> Result<Data, Unperformed> {
        check_key(key)?;
        let place = (owner, key.to_owned());
        if let Some(value) = run.drafts.with(|memory: &mut Recollection| memory.known(&place)) {
            return Ok(value.read()?);
        }
        let (key, now) = (key.to_owned(), run.now);
        let row = self.db.read(run.org, move |tx| store::get(tx, &owner, &key, now)).await?;
        let value = row.as_ref().map(|row| row.value.read()).transpose()?;
        let found = row.map(|row| (row.rev, row.value));
        run.drafts.with(|memory: &mut Recollection| memory.note(place, found));
        Ok(value.unwrap_or_default())
    }

    /// Keeps a value under a key with the turn, until that time if there is one. Null forgets.
    pub(crate) fn keep(
        &self,
        run: &Run,
        owner: Owner,
        key: &str,
        value: &Data,
        until: Option<Timestamp>,
    ) -> Result<(), Unperformed> {
        check_key(key)?;
        let value = (!value.is_null()).then(|| Json::of(value));
        let settings = self.settings.get();
        let (most, entries) = (settings.memory_value_bytes, settings.memory_values);
        if value.as_ref().is_some_and(|value| value.size() > most) {
            let message = format!("what is remembered under one key has at most {most} bytes");
            return Err(Unperformed::argument(message));
        }
        let fits = run.drafts.with(|memory: &mut Recollection| {
            memory.entries = entries;
            memory.change((owner, key.to_owned()), value, until, TURN_BYTES)
        });
        if fits {
            return Ok(());
        }
        let message = format!("one turn remembers at most {TURN_BYTES} bytes");
        Err(Unperformed::failed(ErrorCode::Limit, message))
    }

    /// Forgets everything of an owner with the turn.
    pub(crate) fn clear(run: &Run, owner: Owner) {
        run.drafts.with(|memory: &mut Recollection| memory.clear(owner));
    }

    /// All values of an owner by key, as the turn sees them.
    pub(crate) async fn recall_all(
        &self,
        run: &Run,
        owner: Owner,
    ) -> Result<Vec<(String, Data)>, Unperformed> {
        let (cleared, changes) = run.drafts.with(|memory: &mut Recollection| memory.of(owner));
        let mut values = std::collections::BTreeMap::new();
        if !cleared {
            let (now, most) = (run.now, i64::try_from(self.settings.get().memory_values).unwrap_or(i64::MAX));
            let rows = self.db.read(run.org, move |tx| store::all(tx, &owner, now, most)).await?;
            values.extend(rows.into_iter().map(|row| (row.key, row.value)));
        }
        for (key, change) in changes {
            match change {
                Some(value) => values.insert(key, value),
                None => values.remove(&key),
            };
        }
        values.into_iter().map(|(key, value)| Ok((key, value.read()?))).collect()
    }

    // ---- for whoever looks after a bot ----

    pub(super) async fn list(
        &self,
        who: Actor,
        bot: String,
        request: ListRequest,
    ) -> Result<Page<Memory>, MemoryError> {
        let now = self.now();
        let page = self.db.read(who.org, move |tx| {
            let bot = bots::service::usable(tx, &who, Some(&bot), now)?;
            let page: Page<MemoryRow> =
                tx.list(&store::LIST, &request, of_bot(bot.id, &request)).map_err(Error::from)?;
            Ok::<_, MemoryError>(page)
        });
        Ok(page.await?.map(MemoryRow::shown))
    }

    pub(super) async fn set(
        &self,
        who: Actor,
        bot: String,
        key: String,
        expected: Expected,
        value: serde_json::Value,
    ) -> Result<Versioned<Memory>, MemoryError> {
        let value = self.checked(&key, &value)?;
        let (now, most) = (self.now(), self.settings.get().memory_values);
        let kept = self.db.write(who.org, move |unit| {
            let bot = bots::service::for_change(unit, &who, &bot, now)?;
            let owner = Owner::bot(bot.id);
            let present = store::get(unit, &owner, &key, now)?;
            expected.check(present.as_ref().map_or(0, |row| row.rev))?;
            let updated = store::update(unit, &owner, &key, (&value, None), None, now)? == 1;
            if !updated && !store::insert(unit, &owner, &key, (&value, None), now)? {
                // Between the two statements somebody else kept something.
                store::update(unit, &owner, &key, (&value, None), None, now)?;
            }
            if !updated && store::has_more_than(unit, &owner, most, now)? {
                return Err(MemoryError::Full(most));
            }
            audit(unit, &who, "bot_memory_changed", &bot, &key)?;
            store::get(unit, &owner, &key, now)?.ok_or(MemoryError::NotFound)
        });
        Ok(kept.await?.versioned())
    }

    pub(super) async fn delete(
        &self,
        who: Actor,
        bot: String,
        key: String,
        expected: Expected,
    ) -> Result<(), MemoryError> {
        let now = self.now();
        self.db
            .write(who.org, move |unit| {
                let bot = bots::service::for_change(unit, &who, &bot, now)?;
                let owner = Owner::bot(bot.id);
                let present = store::get(unit, &owner, &key, now)?.ok_or(MemoryError::NotFound)?;
                expected.check(present.rev)?;
                store::delete(unit, &owner, &key, None)?;
                audit(unit, &who, "bot_memory_deleted", &bot, &key)
            })
            .await
    }

    /// The value as it is kept, or everything that is wrong.
    fn checked(&self, key: &str, value: &serde_json::Value) -> Result<Json, Error> {
        let most = self.settings.get().memory_value_bytes;
        let kept = Json::of(value);
        let mut wrong = kernel::FieldErrors::default();
        wrong.check(is_key(key), "key", "must have 1 to 200 characters, without U+0000");
        wrong.check(!value.is_null(), "value", "must not be null; DELETE forgets a value");
        wrong.check(kept.size() <= most, "value", format!("must have at most {most} bytes as JSON"));
        wrong.finish()?;
        Ok(kept)
    }
}

fn audit(
    unit: &Unit<'_>,
    who: &Actor,
    action: &'static str,
    bot: &BotRow,
    key: &str,
) -> Result<(), MemoryError> {
    let audit = Audit::by(who, action, Category::DataModification);
    Ok(unit.audit(audit.on("bot", bot.id).named(&bot.name).detail("key", key))?)
}

/// The rows of one bot's memory, whose keys begin as the request says.
pub(super) fn of_bot(bot: Id<Bot>, request: &ListRequest) -> Extra {
    let owner = Owner::bot(bot);
    let is = |column: &'static str, bytes: &[u8; 16]| Expr::cust(column).eq(bytes.to_vec());
    let bot = Extra::within(
        Condition::all()
            .add(Expr::cust("m.scope").eq(owner.scope()))
            .add(is("m.bot_id", owner.bot_bytes()))
            .add(is("m.subject_id", owner.subject_bytes())),
    );
    let prefixes = request.filters.iter().find(|(field, _)| *field == "prefix");
    match prefixes.map(|(_, prefixes)| prefixes.as_slice()) {
        None => bot,
        // Such keys stand next to each other, as those of several don't.
        Some([prefix]) => {
            let end = kernel::text::after_prefix(prefix).map(SortValue::Text);
            bot.between("m.key", SortValue::Text(prefix.clone()), end)
        }
        Some(several) => {
            bot.each(several.iter().fold(Condition::any(), |any, prefix| any.add(begins_with(prefix))))
        }
    }
}

fn begins_with(prefix: &str) -> Condition {
    Condition::all()
        .add(Expr::cust("m.key").gte(prefix))
        .add_option(kernel::text::after_prefix(prefix).map(|end| Expr::cust("m.key").lt(end)))
}

fn is_key(key: &str) -> bool {
    (1..=KEY).contains(&key.chars().count()) && !key.contains('\0')
}

fn check_key(key: &str) -> Result<(), Unperformed> {
    if is_key(key) {
        return Ok(());
    }
    Err(Unperformed::argument(format!("a key has 1 to {KEY} characters, and none of them is U+0000")))
}

/// All values of an owner whose time is not over, by key.
pub(crate) fn all(
    tx: &Tx<'_>,
    owner: &Owner,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(String, Value)>, DbError> {
    let rows = store::all(tx, owner, now, limit)?;
    Ok(rows.into_iter().map(|row| (row.key, row.value.read().unwrap_or_default())).collect())
}
