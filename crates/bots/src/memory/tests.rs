//! The rules of memory that the database keeps.

use kernel::{Error, Surroundings, list::Order};
use test_database::each_database;

use super::{
    service::{SPEC, of_bot},
    store,
};

#[each_database]
async fn no_page_of_memory_scans_or_sorts() {
    let ((db, _database), world) = (crate::testing::database().await, Surroundings::system());

    for (order, prefix) in
        [(Order::Asc, None), (Order::Desc, None), (Order::Asc, Some("a")), (Order::Desc, Some("a,b"))]
    {
        let mut request = SPEC.read(prefix.map(|prefix| ("prefix", prefix))).unwrap();
        request.order = order;
        let extra = of_bot(world.id(), &request);
        let plan =
            db.read(world.id(), move |tx| tx.plan_of(&store::LIST, &request, extra).map_err(Error::from));

        let plan = plan.await.unwrap();
        assert!(plan.walks(), "{plan}");
    }
}
