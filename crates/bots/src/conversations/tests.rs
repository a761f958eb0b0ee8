//! The rules of conversations that the database keeps.

use kernel::{Error, Surroundings, list::Order};
use sea_query::{Condition, Expr, ExprTrait};
use test_database::each_database;

use super::{
    service::{MESSAGES, SPEC, archived_or_not},
    store,
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
