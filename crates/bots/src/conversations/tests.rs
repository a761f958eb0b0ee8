//! The rules of conversations that the database keeps.

use kernel::{
    Error, Surroundings,
    list::{Listed, Order},
};
use platform::{db::DbError, objects::ObjectHash};
use sea_query::{Condition, Expr, ExprTrait};
use test_database::each_database;

use super::{
    search,
    service::{MESSAGES, SPEC, archived_or_not},
    store::{self, AttachmentRow},
};

#[each_database]
async fn no_page_of_conversations_scans_or_sorts() {
    let ((db, _database), world) = (crate::testing::database().await, Surroundings::system());

    for sort in SPEC.sorts {
        for (order, own, asked) in [
            (Order::Asc, true, &[][..]),
            (Order::Desc, true, &[]),
            (Order::Desc, false, &[]),
            (Order::Desc, true, &[("filter[status]", "archived")]),
            (Order::Desc, false, &[("filter[status]", "archived")]),
            (Order::Desc, true, &[("filter[bot_id]", "bot_01jxk6qv9ve7m8g3t5s0c4d2ba")]),
            (Order::Desc, false, &[("filter[bot_id]", "bot_01jxk6qv9ve7m8g3t5s0c4d2ba")]),
        ] {
            let mut request = SPEC.read([("sort", sort.name)].iter().chain(asked).copied()).unwrap();
            request.order = order;
            let user: kernel::id::UserId = world.id();
            let mut which = Condition::all().add_option(archived_or_not(&request));
            if own {
                which = which.add(Expr::cust("c.user_id").eq(user.as_bytes().to_vec()));
            }
            let plan = db.read(world.id(), move |tx| {
                tx.plan_of(&store::LIST, &request, Some(which)).map_err(Error::from)
            });

            let plan = plan.await.unwrap();
            assert!(plan.walks(), "{plan}");
        }
    }
}

#[each_database]
async fn no_page_of_messages_scans_or_sorts() {
    let ((db, _database), world) = (crate::testing::database().await, Surroundings::system());
    let conversation: kernel::id::ConversationId = world.id();
    let request = MESSAGES.read([]).unwrap();

    let extra = Condition::all().add(Expr::cust("m.conversation_id").eq(conversation.as_bytes().to_vec()));
    let plan = db
        .read(world.id(), move |tx| tx.plan_of(&store::MESSAGES, &request, Some(extra)).map_err(Error::from));

    let plan = plan.await.unwrap();
    assert!(plan.walks(), "{plan}");
}

#[each_database]
async fn no_page_of_found_messages_scans_or_sorts() {
    let ((db, _database), world) = (crate::testing::database().await, Surroundings::system());
    let of = |user| [Condition::all(), search::own(user)];

    for which in of(world.id()) {
        let request = search::FoundList::SPEC.read([]).unwrap();
        let plan = db.read(world.id(), move |tx| {
            tx.plan_of(&store::SEARCH, &request, Some(which)).map_err(Error::from)
        });

        let plan = plan.await.unwrap();
        assert!(plan.walks(), "{plan}");
    }
}

#[each_database]
async fn uploads_that_nobody_sends_are_removed_and_others_stay() {
    let ((db, _database), world) = (crate::testing::database().await, Surroundings::system());
    let (org, conversation) = (world.id(), world.id());
    let (now, day) = (world.now(), chrono::TimeDelta::days(1));
    let upload = |at| AttachmentRow {
        id: world.id(),
        user_id: kernel::Id::example(),
        name: "a.txt".to_owned(),
        mime_type: "text/plain".to_owned(),
        size: 1,
        hash: ObjectHash([7; 32]),
        created_at: at,
    };
    let (sent, old, young) = (upload(now - day * 2), upload(now - day * 2), upload(now));
    let kept = [sent.id, young.id];

    let swept = db.write(org, move |unit| {
        for row in [&sent, &old, &young] {
            store::insert_attachment(unit, conversation, row)?;
        }
        assert!(store::send_attachment(unit, conversation, sent.id, 1)?);
        assert!(!store::send_attachment(unit, conversation, sent.id, 2)?, "it is sent once");
        store::delete_unsent(unit, now - day, 100)
    });
    let swept: Result<u64, DbError> = swept.await;

    assert_eq!(swept.unwrap(), 1);
    let left = db.read(org, |tx| {
        tx.all::<(kernel::id::AttachmentId,)>(
            "SELECT id FROM conversation_attachments WHERE org_id = $1 ORDER BY created_at",
            &[],
        )
    });
    let left: Result<Vec<_>, DbError> = left.await;
    assert_eq!(left.unwrap().into_iter().map(|(id,)| id).collect::<Vec<_>>(), kept);
    let claims: Result<Vec<(i64,)>, DbError> =
        db.read(org, |tx| tx.all("SELECT count(*) FROM object_claims WHERE org_id = $1", &[])).await;
    assert_eq!(claims.unwrap(), [(2,)]);
}
