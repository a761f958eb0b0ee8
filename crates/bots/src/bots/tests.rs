//! The rules of bots that the database keeps.

use std::sync::Arc;

use kernel::{
    Actor, Error, Expected, Origin, Patch, PermissionSet, Principal, Surroundings, Timestamp, list::Order,
};
use platform::db::{DbError, Json};
use test_database::each_database;

use super::{BotPatch, BotService, NewBot, NewStatus, service::SPEC, store};
use crate::Settings;

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
    bots.delete(who.clone(), bot.clone(), Expected::Any).await.unwrap();

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

fn actor(world: &Surroundings) -> Actor {
    let principal = Principal {
        user: world.id(),
        org: world.id(),
        session: world.id(),
        permissions: PermissionSet::all(),
        level: 100,
        expires_at: Timestamp::UNIX_EPOCH,
    };
    let origin = Origin {
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        user_agent: None,
        request_id: "req".into(),
        secure: false,
    };
    Actor { principal: Arc::new(principal), origin: Arc::new(origin) }
}
