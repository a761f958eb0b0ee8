//! What can be done with preferences.

use kernel::{Actor, Expected, FieldErrors, Id, Patch, Surroundings, Timestamp, Versioned, id::kind};
use platform::{
    audit::{Audit, Category},
    db::{Db, Tx},
};

use super::{
    model::{Decided, UserSettings, UserSettingsPatch},
    store,
};
use crate::{
    users::{self, UserError},
    visitors::Visitors,
};

type Result<T> = std::result::Result<T, UserError>;

/// What people prefer. A cheap handle.
#[derive(Clone)]
pub struct Preferences {
    db: Db,
    world: Surroundings,
    /// Who has the bots is known there.
    visitors: Visitors,
}

impl Preferences {
    pub(crate) fn new(db: Db, world: Surroundings, visitors: Visitors) -> Self {
        Self { db, world, visitors }
    }

    /// Somebody's preferences. The gateway has seen to it that it is the caller, or one who administers users; those
    /// administer the accounts of their own organization.
    pub async fn get(&self, who: &Actor, user: Id<kind::User>) -> Result<Versioned<UserSettings>> {
        let (now, this, who) = (self.world.now(), self.clone(), who.clone());
        self.db
            .read(who.org, move |tx| {
                may_see(tx, &who, user)?;
                let (decided, rev) = store::decided(tx.server(), user)?;
                Ok(Versioned::new(rev, this.shown(tx, user, &decided, now)?))
            })
            .await
    }

    /// Changes them, if they are as expected.
    pub async fn change(
        &self,
        who: &Actor,
        user: Id<kind::User>,
        expected: Expected,
        patch: UserSettingsPatch,
    ) -> Result<Versioned<UserSettings>> {
        let (now, this, who) = (self.world.now(), self.clone(), who.clone());
        self.db
            .write(who.org, move |unit| {
                // Of two changes at once the second merges into what the first left.
                let (account, roles) = users::lock(unit, user, now)?;
                may_see(unit, &who, user)?;
                if !who.is(user) && roles.level > who.level {
                    return Err(UserError::LevelTooHigh(
                        "This person has a higher rank than yours.".to_owned(),
                    ));
                }
                let (present, rev) = store::decided(unit.server(), user)?;
                expected.check(rev)?;
                let before = this.shown(unit, user, &present, now)?;
                let mut wrong = FieldErrors::default();
                if let Patch::Set(bot) = &patch.default_bot {
                    let usable = this.visitors.may_use(unit, *bot, user, now)?;
                    wrong.check(usable, "default_bot", "must be a bot that the user may use");
                }
                let wanted = patch.default_bot;
                let decided = present.clone().patched(patch, &mut wrong);
                wrong.finish()?;
                let bot = wanted.apply(before.default_bot);
                let after = decided.shown(bot);
                if after != before || decided != present {
                    store::save(unit.server(), user, &decided, now)?;
                    store::set_default_bot(unit, user, bot)?;
                    let entry = Audit::by(&who, "user_settings_changed", Category::DataModification);
                    let entry = entry.on("user", user).named(account.username.as_str());
                    let differences = before.differences(&after).into_iter();
                    unit.audit(
                        differences.fold(entry, |entry, (field, old, new)| entry.change(field, old, new)),
                    )?;
                }
                let (_, rev) = store::decided(unit.server(), user)?;
                Ok(Versioned::new(rev, after))
            })
            .await
    }

    fn shown(
        &self,
        tx: &Tx<'_>,
        user: Id<kind::User>,
        decided: &Decided,
        now: Timestamp,
    ) -> Result<UserSettings> {
        let chosen = store::default_bot(tx, user)?;
        let usable = match chosen {
            Some(bot) => self.visitors.may_use(tx, bot, user, now)?,
            None => false,
        };
        Ok(decided.shown(chosen.filter(|_| usable)))
    }
}

/// Everybody sees their own; of others, those whose home it is.
fn may_see(tx: &Tx<'_>, who: &Actor, user: Id<kind::User>) -> Result<()> {
    let account = users::store::find(tx.server(), user)?;
    let home = account.ok_or(UserError::NotFound)?.home_org_id;
    if who.is(user) || home == who.org { Ok(()) } else { Err(UserError::NotFound) }
}
