//! The rules of conversations that the database keeps.

use kernel::{Error, Surroundings, list::Order};
use platform::db::{Db, DbOptions};
use sea_query::{Condition, Expr, ExprTrait};

use super::{
    service::{MESSAGES, SPEC},
    store,
};

#[allow(clippy::unwrap_used)]
async fn db(folder: &tempfile::TempDir) -> Db {
    let url = format!("sqlite:{}", folder.path().join("t.db").display());
    let db = Db::open(&DbOptions::new(&url)).unwrap();
    db.migrate(crate::migrations()).await.unwrap();
    db
}

fn assert_walks_an_index(plan: &str) {
    assert!(plan.contains("USING INDEX") || plan.contains("PRIMARY KEY"), "{plan}");
    assert!(!plan.contains("SCAN") && !plan.contains("B-TREE"), "{plan}");
}

#[tokio::test]
async fn no_page_of_conversations_scans_or_sorts() {
    let folder = tempfile::tempdir().unwrap();
    let (db, world) = (db(&folder).await, Surroundings::system());

    for sort in SPEC.sorts {
        for (order, own) in [(Order::Asc, true), (Order::Desc, true), (Order::Desc, false)] {
            let mut request = SPEC.read([("sort", sort.name)]).unwrap();
            request.order = order;
            let user: kernel::id::UserId = world.id();
            let extra =
                own.then(|| Condition::all().add(Expr::cust("c.user_id").eq(user.as_bytes().to_vec())));
            let plan =
                db.read(world.id(), move |tx| tx.plan_of(&store::LIST, &request, extra).map_err(Error::from));

            assert_walks_an_index(&plan.await.unwrap());
        }
    }
}

#[tokio::test]
async fn no_page_of_messages_scans_or_sorts() {
    let folder = tempfile::tempdir().unwrap();
    let (db, world) = (db(&folder).await, Surroundings::system());
    let conversation: kernel::id::ConversationId = world.id();
    let request = MESSAGES.read([]).unwrap();

    let extra = Condition::all().add(Expr::cust("m.conversation_id").eq(conversation.as_bytes().to_vec()));
    let plan = db
        .read(world.id(), move |tx| tx.plan_of(&store::MESSAGES, &request, Some(extra)).map_err(Error::from));

    assert_walks_an_index(&plan.await.unwrap());
}
