//! The rules of webhooks that the database keeps.

use kernel::{Surroundings, list::Listed, list::Order};
use test_database::each_database;

use super::{deliveries::DeliveryList, service::WebhookList, store};

#[each_database]
async fn no_page_of_webhooks_or_deliveries_scans_or_sorts() {
    let (db, _database) = crate::testing::database().await;
    let world = Surroundings::system();

    for order in [Order::Asc, Order::Desc] {
        let mut request = WebhookList::SPEC.read([]).unwrap();
        request.order = order;
        let of_all = request.clone();
        let plan = db.read(world.id(), move |tx| tx.plan_of(&store::LIST, &of_all, None));
        let plan = plan.await.unwrap();
        assert!(plan.walks(), "{plan}");

        let (hook, mut request) = (world.id(), DeliveryList::SPEC.read([]).unwrap());
        request.order = order;
        let plan = db.read(world.id(), move |tx| {
            tx.plan_of(&store::DELIVERIES, &request, Some(store::of_webhook(hook)))
        });
        let plan = plan.await.unwrap();
        assert!(plan.walks(), "{plan}");
    }
}
