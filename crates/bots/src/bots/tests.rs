//! The rules of bots that the database keeps.

use kernel::{Error, Surroundings, list::Order};
use platform::db::{Db, DbOptions};

use super::{service::SPEC, store};

#[tokio::test]
async fn no_page_of_bots_scans_or_sorts() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("t.db").display());
    let db = Db::open(&DbOptions::new(&url)).unwrap();
    db.migrate(crate::migrations()).await.unwrap();
    let world = Surroundings::system();

    for sort in SPEC.sorts {
        for order in [Order::Asc, Order::Desc] {
            let mut request = SPEC.read([("sort", sort.name)]).unwrap();
            request.order = order;
            let plan =
                db.read(world.id(), move |tx| tx.plan_of(&store::LIST, &request, None).map_err(Error::from));

            let plan = plan.await.unwrap();
            assert!(plan.contains("SEARCH b USING INDEX"), "{plan}");
            assert!(!plan.contains("SCAN") && !plan.contains("B-TREE"), "{plan}");
        }
    }
}
