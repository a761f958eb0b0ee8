//! How the log is read, whatever is stored.

use kernel::list::{ListRequest, Page};
use platform::{
    audit::{Audit, Category},
    db::{DbError, ListError, Plan},
};
use test_database::each_database;

use super::{
    model::{AuditEntry, Details, SPEC, expand},
    period::Period,
    store,
};
use crate::testing::{House, origin};

impl House {
    async fn append(&self, entry: Audit) {
        let written: Result<(), DbError> = self.db.write(self.org, move |unit| unit.audit(entry)).await;
        written.unwrap();
    }

    /// The actions that are listed.
    async fn listed(&self, query: &[(&'static str, &'static str)]) -> Vec<String> {
        let (mut request, now) = (SPEC.read(query.iter().copied()).unwrap(), self.now());
        let period = Period::of(&mut request, now).unwrap();
        expand(&mut request);
        let page: Result<Page<store::EntryRow>, ListError> =
            self.db.read(self.org, move |tx| store::list(tx, &request, period.extra())).await;
        page.unwrap().items.into_iter().map(|row| row.action).collect()
    }
}

#[each_database]
async fn whatever_is_asked_the_log_is_walked_by_an_index() {
    let house = House::new().await;
    let somebody = house.admin.user.to_string();
    for (query, index) in [
        (vec![], "audit_by_time"),
        (vec![("order", "asc")], "audit_by_time"),
        (vec![("start_date", "2026-01-01"), ("end_date", "2026-02-01")], "audit_by_time"),
        (vec![("category", "security")], "audit_by_time"),
        (vec![("result", "denied"), ("success", "false")], "audit_by_time"),
        (vec![("ip_address", "192.0.2.1")], "audit_by_time"),
        (vec![("action", "user_created")], "audit_by_action"),
        (vec![("user_id", somebody.as_str())], "audit_by_user"),
        (vec![("actor_id", somebody.as_str()), ("days", "3")], "audit_by_user"),
        (vec![("resource_id", "bot_1"), ("resource_type", "bot")], "audit_by_resource"),
    ] {
        let (mut request, now) = (SPEC.read(query.iter().copied()).unwrap(), house.now());
        let period = Period::of(&mut request, now).unwrap();
        let plans: Result<(Plan, Vec<Plan>), ListError> = house
            .db
            .read(house.org, move |tx| {
                let lookups = tx.plans_of_lookups(&store::LIST, &request, period.extra())?;
                Ok((tx.plan_of(&store::LIST, &request, period.extra())?, lookups))
            })
            .await;
        let (plan, lookups) = plans.unwrap();

        // Where there are few rows, PostgreSQL takes one index for as good as another.
        let is_sqlite = plan.to_string().contains("SEARCH ");
        assert!(plan.walks() && (plan.uses(index) || !is_sqlite), "{query:?}: {plan}");
        assert!(lookups.iter().all(Plan::walks), "{query:?}");
    }
}

#[each_database]
async fn the_log_is_filtered_by_who_did_what_when_and_how_it_ended() {
    let house = House::new().await;
    house.advance(chrono::TimeDelta::days(5));
    let place = origin();
    let by_admin = |action| Audit::by(&house.admin, action, Category::DataModification);
    house.append(by_admin("made").on("bot", "bot_1")).await;
    house.append(by_admin("broke").on("bot", "bot_2").failed("full")).await;
    let login = |action| Audit::anonymous(&place, action, Category::Authentication);
    house.append(login("login_failed").failed("invalid_credentials")).await;
    house.append(Audit::system("swept", Category::Administrative)).await;

    for (query, expected) in [
        (vec![("days", "1"), ("order", "asc")], vec!["made", "broke", "login_failed", "swept"]),
        (vec![("resource_id", "bot_1")], vec!["made"]),
        (vec![("resource_type", "bot"), ("success", "false")], vec!["broke"]),
        (vec![("days", "1"), ("action", "login")], vec!["login_failed"]),
        (vec![("context", "system"), ("days", "1")], vec!["swept"]),
        (vec![("result", "failure"), ("category", "authentication")], vec!["login_failed"]),
        (vec![("end_date", "2020-01-01")], vec![]),
    ] {
        // Those that share a time stand in the order of their ids, which is any.
        let mut found = house.listed(&query).await;
        let mut expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{query:?}");
    }
    assert!(house.listed(&[("action", "login")]).await.contains(&"login_success".to_owned()));
}

#[each_database]
async fn an_entry_shows_what_changed_as_it_was_before_and_after() {
    let house = House::new().await;
    let entry = Audit::by(&house.admin, "renamed", Category::DataModification)
        .change("name", "Old", "New")
        .change("size", 1, 2)
        .detail("description", "renamed")
        .detail("why", "because");
    house.append(entry).await;
    let request = ListRequest { limit: 1, ..SPEC.read([("action", "renamed")]).unwrap() };
    let rows: Result<Page<store::EntryRow>, ListError> =
        house.db.read(house.org, move |tx| store::list(tx, &request, platform::db::Extra::default())).await;
    let row = rows.unwrap().items.pop().unwrap();

    let listed = AuditEntry::listed(house.org, row.clone()).unwrap().details;
    let Details { before_state, after_state, changes, description, attributes } =
        AuditEntry::whole(house.org, row).unwrap().details;

    let before = serde_json::json!({ "name": "Old", "size": 1 });
    let after = serde_json::json!({ "name": "New", "size": 2 });
    assert_eq!(before_state.map(serde_json::Value::from), Some(before));
    assert_eq!(after_state.map(serde_json::Value::from), Some(after));
    assert_eq!((changes.len(), description.as_deref()), (2, Some("renamed")));
    assert_eq!(serde_json::Value::from(attributes), serde_json::json!({ "why": "because" }));
    assert_eq!((listed.before_state, listed.changes), (None, changes));
}
