//! What is kept of the logs, and how they are read.

use gateway::command::Draft;
use kernel::{
    Surroundings,
    id::{BotId, ConversationId},
    list::{Listed, Order},
};
use platform::db::DbError;
use test_database::each_database;

use super::{Logs, Notes, service::LogList, store};
use crate::Settings;

#[each_database]
async fn no_page_of_lines_scans_or_sorts() {
    let (db, _database) = crate::testing::database().await;
    let world = Surroundings::system();
    for order in [Order::Asc, Order::Desc] {
        let (bot, mut request) = (world.id(), LogList::SPEC.read([]).unwrap());
        request.order = order;

        let plan =
            db.read(world.id(), move |tx| tx.plan_of(&store::LIST, &request, Some(store::of_bot(bot)))).await;

        let plan = plan.unwrap();
        assert!(plan.walks(), "{plan}");
    }
}

#[each_database]
async fn the_last_lines_of_each_bot_are_kept() {
    let (db, _database) = crate::testing::database().await;
    let world = Surroundings::system();
    let settings = Settings { log_lines_per_bot: 2, ..Settings::default() };
    let logs = Logs::new(db.clone(), world.clone(), settings.into());
    let (org, conversation): (_, ConversationId) = (world.id(), world.id());
    let (busy, quiet): (BotId, BotId) = (world.id(), world.id());
    let now = world.now();
    for (bot, age, text) in [(busy, 4, "a"), (busy, 3, "b"), (busy, 2, "c"), (busy, 1, "d"), (quiet, 9, "e")]
    {
        let at = now - chrono::TimeDelta::seconds(age);
        let wrote = db.write(org, move |unit| {
            let mut notes = Notes::default();
            notes.begin(bot, conversation);
            notes.print("start", text);
            notes.write(unit, at).map_err(|error| panic!("{error:?}"))
        });
        let wrote: Result<(), DbError> = wrote.await;
        wrote.unwrap();
    }

    logs.tidy(None).await.unwrap();

    let kept = db.read(org, |tx| {
        tx.all::<(String,)>("SELECT message FROM bot_logs WHERE org_id = $1 ORDER BY message", &[])
    });
    let kept: Result<_, DbError> = kept.await;
    let kept: Vec<_> = kept.unwrap().into_iter().map(|(text,)| text).collect();
    assert_eq!(kept, ["c", "d", "e"]);
}
