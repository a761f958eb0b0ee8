//! What an entry holds, and that it stands or falls with what it records.

use std::sync::Arc;

use kernel::{
    PermissionSet, Principal, Surroundings, Timestamp,
    id::kind::{Bot, Organization},
};
use test_database::{TestDatabase, each_database};

use super::*;
use crate::{db::Db, record};

record! {
    /// An entry as it stands.
    #[derive(Debug)]
    struct Entry {
        context: String,
        user_id: Option<[u8; 16]>,
        session_id: Option<[u8; 16]>,
        action: String,
        category: String,
        resource_type: Option<String>,
        resource_id: Option<String>,
        resource_name: Option<String>,
        result: String,
        reason: Option<String>,
        ip_address: Option<String>,
        user_agent: Option<String>,
        request_id: Option<String>,
        details: Json,
        number: Option<i64>,
    }
}

struct House {
    db: Db,
    org: Id<Organization>,
    world: Surroundings,
    _database: TestDatabase,
}

async fn house() -> House {
    let (db, database) = crate::testing::database().await;
    let world = Surroundings::system();
    House { db, org: world.id(), world, _database: database }
}

impl House {
    fn actor(&self) -> Actor {
        let principal = Principal {
            user: self.world.id(),
            org: self.org,
            session: self.world.id(),
            permissions: PermissionSet::EMPTY,
            level: 50,
            expires_at: Timestamp::UNIX_EPOCH,
            visits: None,
            key: None,
            confined: None,
        };
        Actor { principal: Arc::new(principal), origin: Arc::new(origin()) }
    }

    async fn append(&self, entry: Audit) -> Result<(), DbError> {
        self.db.write(self.org, move |unit| unit.audit(entry)).await
    }

    async fn entries(&self, org: Id<Organization>) -> Vec<Entry> {
        let sql = "SELECT context, user_id, session_id, action, category, resource_type, resource_id, resource_name,
                result, reason, ip_address, user_agent, request_id, details, number
             FROM audit WHERE org_id = $1 ORDER BY at, id";
        self.db.read(org, move |tx| tx.all::<Entry>(sql, &[])).await.unwrap()
    }
}

fn origin() -> Origin {
    Origin {
        address: "192.0.2.1".parse().unwrap(),
        secure: false,
        user_agent: Some("curl".to_owned()),
        request_id: "req-1".into(),
        asked_within: Vec::new(),
    }
}

#[each_database]
async fn an_entry_tells_who_did_what_to_which_thing_from_where() {
    let house = house().await;
    let (who, bot): (_, Id<Bot>) = (house.actor(), house.world.id());

    let entry = Audit::by(&who, "bot_renamed", Category::DataModification)
        .on("bot", bot)
        .named("Booking")
        .change("name", "Old", "Booking")
        .detail("description", "renamed");
    house.append(entry).await.unwrap();

    let entry = house.entries(house.org).await.pop().unwrap();
    assert_eq!((entry.context.as_str(), entry.action.as_str()), ("user", "bot_renamed"));
    assert_eq!(entry.category, "data_modification");
    assert_eq!(
        (entry.user_id, entry.session_id),
        (Some(*who.user.as_bytes()), Some(*who.session.as_bytes()))
    );
    assert_eq!((entry.resource_type.as_deref(), entry.resource_id), (Some("bot"), Some(bot.to_string())));
    assert_eq!(entry.resource_name.as_deref(), Some("Booking"));
    assert_eq!((entry.result.as_str(), entry.reason), ("success", None));
    assert_eq!((entry.ip_address.as_deref(), entry.user_agent.as_deref()), (Some("192.0.2.1"), Some("curl")));
    assert_eq!(entry.request_id.as_deref(), Some("req-1"));
    assert_eq!(entry.number, None, "the sealer gives it");
    assert_eq!(
        entry.details.read::<Value>().unwrap(),
        json!({
            "description": "renamed",
            "changes": [{ "field": "name", "old_value": "Old", "new_value": "Booking" }],
        })
    );
}

#[each_database]
async fn nobody_has_to_be_signed_in_and_the_server_has_no_address() {
    let house = house().await;
    let user = house.world.id();

    let failed =
        Audit::anonymous(&origin(), "login_failed", Category::Authentication).failed("wrong_password");
    let login = Audit::anonymous(&origin(), "login_success", Category::Authentication).as_user(user);
    let denied =
        Audit::by(&house.actor(), "permission_denied", Category::Authorization).denied("users:write");
    for entry in [failed, login, denied, Audit::system("bootstrap", Category::Administrative)] {
        house.append(entry).await.unwrap();
    }

    let entries = house.entries(house.org).await;
    let of = |action: &str| entries.iter().find(|entry| entry.action == action).unwrap();
    assert_eq!((of("login_failed").context.as_str(), of("login_failed").user_id), ("anonymous", None));
    assert_eq!(
        (of("login_failed").result.as_str(), of("login_failed").reason.as_deref()),
        ("failure", Some("wrong_password"))
    );
    assert_eq!(
        (of("login_success").context.as_str(), of("login_success").user_id),
        ("user", Some(*user.as_bytes()))
    );
    assert_eq!(
        (of("permission_denied").result.as_str(), of("permission_denied").reason.as_deref()),
        ("denied", Some("users:write"))
    );
    assert_eq!((of("bootstrap").context.as_str(), of("bootstrap").ip_address.as_deref()), ("system", None));
}

#[each_database]
async fn an_entry_falls_with_the_unit_that_it_records() {
    let house = house().await;

    let failed: Result<(), DbError> = house
        .db
        .write(house.org, |unit| {
            unit.audit(Audit::system("never", Category::Administrative))?;
            Err(DbError::Busy)
        })
        .await;

    assert!(failed.is_err());
    assert!(house.entries(house.org).await.is_empty());
}

#[each_database]
async fn an_entry_belongs_to_its_organization() {
    let house = house().await;
    house.append(Audit::system("ours", Category::Administrative)).await.unwrap();

    assert!(house.entries(house.world.id()).await.is_empty());
}
