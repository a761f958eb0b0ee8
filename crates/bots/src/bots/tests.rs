//! The rules of bots that the database keeps.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use kernel::{
    Actor, Error, Expected, Patch, Permission, PermissionSet, Principal, Revision, Surroundings, id::BotId,
    list::Order,
};
use platform::db::{Db, DbError, Json, Unit};
use test_database::{Engine, each_database};
use tokio::sync::Notify;

use super::{BotError, BotPatch, BotService, NewBot, NewStatus, access::NewAccess, service::SPEC, store};
use crate::{Settings, testing::actor};

#[each_database]
async fn no_page_of_bots_scans_or_sorts() {
    let (db, _database) = crate::testing::database().await;
    let world = Surroundings::system();

    for sort in SPEC.sorts {
        for order in [Order::Asc, Order::Desc] {
            let mut request = SPEC.read([("sort", sort.name)]).unwrap();
            request.order = order;
            let plan =
                db.read(world.id(), move |tx| tx.plan_of(&store::LIST, &request, None).map_err(Error::from));

            let plan = plan.await.unwrap();
            assert!(plan.walks(), "{plan}");
        }
    }
}

#[each_database]
async fn what_happens_to_a_bot_is_told_in_the_unit_in_which_it_happens() {
    let (db, _database) = crate::testing::database().await;
    let world = Surroundings::system();
    let who = actor(&world);
    let bots = BotService::new(db.clone(), world, Settings::default().into());
    let new = |name: &str| NewBot { name: name.to_owned(), ..NewBot::default() };

    bots.create(who.clone(), new("First")).await.unwrap();
    let bot = bots.create(who.clone(), new("Echo")).await.unwrap().value.bot_id.to_string();
    assert!(bots.create(who.clone(), new("Echo")).await.is_err(), "what is refused is not told");
    let patch = BotPatch { status: Patch::Set(NewStatus::Inactive), ..BotPatch::default() };
    bots.patch(who.clone(), bot.clone(), Expected::Any, patch).await.unwrap();
    bots.delete(who.clone(), bot.clone(), Expected::Any, false).await.unwrap();

    let told = db.read(who.org, |tx| {
        tx.all::<(String, String, Json)>(
            "SELECT name, subject, data FROM outbox WHERE org_id = $1 ORDER BY seq",
            &[],
        )
    });
    let told = told.await.map_err(|error: DbError| error).unwrap();
    let of_bot: Vec<_> = told.iter().filter(|(_, subject, _)| *subject == bot).collect();
    let names: Vec<&str> = of_bot.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!((told.len(), names), (4, vec!["bot.created", "bot.updated", "bot.deleted"]));
    let data: serde_json::Value = of_bot[1].2.read().unwrap();
    assert_eq!((&data["slug"], &data["status"]), (&"echo".into(), &"inactive".into()));
}

#[each_database]
async fn who_may_not_read_conversations_takes_none_along() {
    let (db, _database) = crate::testing::database().await;
    let world = Surroundings::system();
    let maker = actor(&world);
    let bots = BotService::new(db.clone(), world, Settings::default().into());
    let bot =
        bots.create(maker.clone(), NewBot { name: "Echo".to_owned(), ..NewBot::default() }).await.unwrap();
    let cleans = PermissionSet::all().without(Permission::CONVERSATIONS_READ);
    let principal = Principal { permissions: cleans, ..(*maker.principal).clone() };
    let cleaner = Actor { principal: Arc::new(principal), origin: Arc::clone(&maker.origin) };
    let named = bot.value.bot_id.to_string();

    let refused = bots.delete(cleaner.clone(), named.clone(), Expected::Any, true).await.unwrap_err();

    assert_eq!(Error::from(refused).kind(), kernel::Kind::Forbidden);
    bots.get(maker, named.clone()).await.unwrap();
    bots.delete(cleaner, named, Expected::Any, false).await.unwrap();
}

/// Does another unit wait for this one to end? SQLite has one writer, so there nobody needs to be waited for.
fn somebody_waits(unit: &Unit<'_>) -> Result<bool, DbError> {
    let waiting = unit.server().across_organizations::<(i64,)>(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid",
    )?;
    Ok(waiting.iter().any(|(count,)| *count > 0))
}

/// What comes of a change that began while another one had been written and not committed.
async fn overtaken<T>(
    db: &Db,
    org: kernel::id::OrganizationId,
    bot: BotId,
    change: impl Future<Output = Result<T, BotError>>,
) -> Result<T, BotError> {
    let (holds, has_ended) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
    let (told, ended) = (Arc::clone(&holds), Arc::clone(&has_ended));
    let waits_for_rows = Engine::current() == Engine::Postgres;
    let other = db.write(org, move |unit| {
        unit.execute("UPDATE bots SET rev = rev + 1 WHERE org_id = $1 AND id = $2", &[&bot])?;
        told.notify_one();
        while waits_for_rows && !ended.load(Ordering::Relaxed) && !somebody_waits(unit)? {}
        Ok::<_, DbError>(())
    });
    let change = async {
        holds.notified().await;
        let changed = change.await;
        has_ended.store(true, Ordering::Relaxed);
        changed
    };
    let (other, changed) = tokio::join!(other, change);
    other.unwrap();
    changed
}

#[each_database]
async fn a_change_that_waited_for_another_one_is_checked_against_it() {
    let (db, _database) = crate::testing::database().await;
    let world = Surroundings::system();
    let who = actor(&world);
    let bots = BotService::new(db.clone(), world, Settings::default().into());
    let new = NewBot { name: "Echo".to_owned(), ..NewBot::default() };
    let bot = bots.create(who.clone(), new).await.unwrap().value.bot_id;
    let (named, first) = (bot.to_string(), Expected::OneOf(vec![Revision(1)]));

    let patch = BotPatch { status: Patch::Set(NewStatus::Inactive), ..BotPatch::default() };
    let patch = bots.patch(who.clone(), named.clone(), first.clone(), patch);
    let access = bots.set_access(who.clone(), named.clone(), first.clone(), NewAccess::default());
    let refused = [
        overtaken(&db, who.org, bot, patch).await.err(),
        overtaken(&db, who.org, bot, access).await.err(),
        overtaken(&db, who.org, bot, bots.delete(who.clone(), named.clone(), first.clone(), false))
            .await
            .err(),
    ];

    for error in refused {
        let error = Error::from(error.expect("it expected what is no more"));
        assert_eq!(error.kind(), kernel::Kind::PreconditionFailed, "{error}");
    }
    let left = bots.get(who, named).await.unwrap();
    assert_eq!((left.revision, left.value.status), (Revision(4), super::Status::Active));
}

#[each_database]
async fn a_role_that_is_let_in_lets_in_until_it_ends() {
    let (db, _database) = crate::testing::database().await;
    let world = Surroundings::system();
    let maker = actor(&world);
    let bots = BotService::new(db.clone(), world.clone(), Settings::default().into());
    let principal =
        Principal { user: world.id(), permissions: PermissionSet::EMPTY, ..(*maker.principal).clone() };
    let other = Actor { principal: Arc::new(principal), origin: Arc::clone(&maker.origin) };
    bots.create(maker.clone(), NewBot { name: "Echo".to_owned(), ..NewBot::default() }).await.unwrap();
    let access = serde_json::json!({ "visibility": "private", "allowed_roles": ["manager"] });
    let access = serde_json::from_value(access).unwrap();
    bots.set_access(maker.clone(), "echo".to_owned(), Expected::Any, access).await.unwrap();
    crate::testing::join(&db, &other).await;
    let (user, ends) = (other.user, world.now());
    let assigned = db.write(maker.org, move |unit| {
        let (manager, _) = identity::membership::role_named(unit, "manager")?.unwrap();
        unit.execute(
            "INSERT INTO member_roles (org_id, user_id, role_id, expires_at, created_at) VALUES ($1, $2, $3, $4, $4)",
            &[&user, &manager, &ends],
        )
    });
    assigned.await.map_err(|error: DbError| error).unwrap();

    let is_let_in = async |now: kernel::Timestamp| {
        let other = other.clone();
        let found = db.read(other.org, move |tx| super::service::usable(tx, &other, Some("echo"), now));
        found.await.is_ok()
    };

    assert!(is_let_in(ends - chrono::TimeDelta::microseconds(1)).await);
    assert!(!is_let_in(ends).await);
}
