//! What may be changed while the server runs, what is refused, and that every node hears of it.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use kernel::{Actor, Expected, Id, Origin, PermissionSet, Principal, Secret, Surroundings, id::kind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use test_database::{TestDatabase, each_database};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    bus::Bus,
    config::{Layers, Sources, Values},
    db::{Db, DbError},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Sample {
    /// Where it listens.
    listen: String,
    /// What nobody may see.
    password: Option<Secret>,
    /// What is bounded.
    limits: Limits,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("x-runtime" = true))]
struct Limits {
    /// Requests.
    #[schemars(range(min = 1, max = 100))]
    requests: u32,
    /// Origins.
    origins: Vec<String>,
    /// What needs a restart.
    #[schemars(extend("x-runtime" = false))]
    threads: u32,
}

impl Default for Sample {
    fn default() -> Self {
        Self { listen: "here".to_owned(), password: None, limits: Limits::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests: 60, origins: vec!["a".to_owned()], threads: 2 }
    }
}

struct House {
    db: Db,
    bus: Bus,
    world: Surroundings,
    org: Id<kind::Organization>,
    _database: TestDatabase,
}

struct Node {
    runtime: Runtime,
    limits: Live<Limits>,
}

impl House {
    async fn new() -> Self {
        let (db, database) = crate::testing::database().await;
        let world = Surroundings::system();
        Self { db, bus: Bus::default(), org: world.id(), world, _database: database }
    }

    async fn node(&self, variables: &[(&str, &str)]) -> Node {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let layers: Layers<Sample> = Sources::with_variables("APP_", variables).read().unwrap();
        let limits = Live::default();
        let install = {
            let limits = limits.clone();
            move |sample: &Sample| limits.set(sample.limits.clone())
        };
        let (db, bus) = (self.db.clone(), self.bus.clone());
        let runtime = Runtime::open(layers, db, bus, self.world.clone(), install).await.unwrap();
        Node { runtime, limits }
    }

    fn admin(&self) -> Actor {
        let principal = Principal {
            user: self.world.id(),
            org: self.org,
            session: self.world.id(),
            permissions: PermissionSet::all(),
            level: 100,
            expires_at: self.world.now(),
            visits: None,
            key: None,
            confined: None,
        };
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let origin = Origin {
            address,
            secure: false,
            user_agent: None,
            request_id: "req_1".into(),
            asked_within: Vec::new(),
        };
        Actor { principal: Arc::new(principal), origin: Arc::new(origin) }
    }

    async fn change(&self, node: &Node, wanted: Value) -> Result<Changed, ChangeError> {
        let wanted: Values = serde_json::from_value(wanted).unwrap();
        node.runtime.change(&self.admin(), Expected::Any, wanted).await
    }

    async fn audited(&self) -> Vec<String> {
        let sql = "SELECT details FROM audit WHERE org_id = $1 AND action = 'config.updated' ORDER BY at";
        let rows: Result<Vec<(String,)>, DbError> = self.db.read(self.org, move |tx| tx.all(sql, &[])).await;
        rows.unwrap().into_iter().map(|(details,)| details).collect()
    }
}

#[each_database]
async fn a_change_wins_over_every_source_and_is_taken_back_by_null() {
    let house = House::new().await;
    let node = house.node(&[("APP_LIMITS_REQUESTS", "7")]).await;

    let changed = house.change(&node, json!({ "limits.requests": 9 })).await.unwrap();
    assert_eq!(
        (changed.applied.as_slice(), node.limits.get().requests),
        (&["limits.requests".to_owned()][..], 9)
    );
    assert_eq!(changed.in_force.item("limits.requests").unwrap().origin.to_string(), "runtime");

    let back = house.change(&node, json!({ "limits.requests": null })).await.unwrap();
    let origin = back.in_force.item("limits.requests").unwrap().origin.to_string();
    assert_eq!((node.limits.get().requests, origin.as_str()), (7, "environment APP_LIMITS_REQUESTS"));
}

#[each_database]
async fn a_list_is_replaced_as_a_whole() {
    let house = House::new().await;
    let node = house.node(&[]).await;

    house.change(&node, json!({ "limits.origins": ["b", "c"] })).await.unwrap();
    assert_eq!(node.limits.get().origins, ["b", "c"]);
    house.change(&node, json!({ "limits.origins": [] })).await.unwrap();
    assert!(node.limits.get().origins.is_empty());
}

#[each_database]
async fn one_bad_key_and_nothing_changes() {
    let house = House::new().await;
    let node = house.node(&[]).await;
    let wanted = json!({
        "limits.requests": 0, "limits.origins": "x", "limits.request": 5, "zebra": 1, "limits.threads": 8
    });

    let Err(ChangeError::Invalid { unknown, problems }) = house.change(&node, wanted).await else {
        panic!("it was not refused");
    };

    assert_eq!(unknown["limits.request"].as_deref(), Some("limits.requests"));
    assert_eq!(unknown["zebra"], None);
    assert_eq!(problems["limits.requests"], "must be from 1 to 100, not 0");
    assert!(problems["limits.origins"].contains("expected a sequence"), "{problems:?}");
    assert_eq!((&*node.limits.snapshot(), node.runtime.in_force().revision), (&Limits::default(), 0));
    assert!(house.audited().await.is_empty());
}

#[each_database]
async fn what_needs_a_restart_is_refused_unless_it_stays_as_it_is() {
    let house = House::new().await;
    let node = house.node(&[("APP_PASSWORD", "hush")]).await;

    let refused = house.change(&node, json!({ "limits.threads": 8, "limits.requests": 5 })).await;
    assert!(matches!(refused, Err(ChangeError::NotChangeable(keys)) if keys == ["limits.threads"]));
    let refused = house.change(&node, json!({ "password": "louder" })).await;
    assert!(matches!(refused, Err(ChangeError::NotChangeable(keys)) if keys == ["password"]));

    let sent_back =
        json!({ "listen": "here", "password": "***", "limits.threads": 2, "limits.requests": 61 });
    assert_eq!(house.change(&node, sent_back).await.unwrap().applied, ["limits.requests"]);
}

#[each_database]
async fn changes_are_audited_and_remembered_with_before_and_after() {
    let house = House::new().await;
    let node = house.node(&[]).await;
    house.change(&node, json!({ "limits.requests": 9 })).await.unwrap();
    house.change(&node, json!({ "limits.requests": 10, "limits.origins": [] })).await.unwrap();
    let nothing = house.change(&node, json!({ "limits.requests": 10 })).await.unwrap();

    let history = node.runtime.history("limits.requests").await.unwrap();
    let values: Vec<_> =
        history.iter().map(|past| (past.old_value.clone(), past.new_value.clone())).collect();
    assert_eq!(values, [(json!(9), json!(10)), (json!(60), json!(9))]);
    let audited = house.audited().await;
    assert_eq!(audited.len(), 2);
    assert!(
        audited[1].contains(r#"{"field":"limits.origins","old_value":["a"],"new_value":[]}"#),
        "{audited:?}"
    );
    assert!(nothing.applied.is_empty());
    assert_eq!(nothing.in_force.revision, 2);
}

#[each_database]
async fn a_change_that_expects_another_revision_is_refused() {
    let house = House::new().await;
    let node = house.node(&[]).await;
    let change = |revision: i64, value: i64| {
        let wanted = Values::from([("limits.requests".to_owned(), json!(value))]);
        node.runtime.change_as(&house, Expected::OneOf(vec![revision.into()]), wanted)
    };

    change(0, 5).await.unwrap();

    assert!(matches!(change(0, 6).await, Err(ChangeError::Unexpected(_))));
    assert_eq!(node.limits.get().requests, 5);
    change(1, 6).await.unwrap();
}

impl Runtime {
    async fn change_as(
        &self,
        house: &House,
        expected: Expected,
        wanted: Values,
    ) -> Result<Changed, ChangeError> {
        self.change(&house.admin(), expected, wanted).await
    }
}

#[each_database]
async fn other_nodes_hear_of_a_change() {
    let house = House::new().await;
    let (one, other) = (house.node(&[]).await, house.node(&[]).await);
    let stop = CancellationToken::new();
    let watching = tokio::spawn(other.runtime.clone().watch(stop.clone()));
    // The first look of the watch comes after it has subscribed.
    let mut hints = house.bus.subscribe("settings");

    house.change(&one, json!({ "limits.requests": 9 })).await.unwrap();

    assert!(hints.next().await.is_some());
    tokio::time::timeout(std::time::Duration::from_secs(1), async {
        while other.limits.get().requests != 9 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    stop.cancel();
    watching.await.unwrap();
}

#[each_database]
async fn what_was_changed_is_in_force_after_a_restart_and_what_no_longer_fits_is_left_out() {
    let house = House::new().await;
    let node = house.node(&[]).await;
    house.change(&node, json!({ "limits.requests": 9 })).await.unwrap();
    let stored: Result<u64, DbError> = house
        .db
        .write_server(|unit| {
            unit.execute("INSERT INTO server_settings (name, value) VALUES ('limits.gone', '1')", &[])?;
            unit.execute("INSERT INTO server_settings (name, value) VALUES ('limits.threads', '9')", &[])?;
            unit.execute("INSERT INTO server_settings (name, value) VALUES ('limits.origins', '7')", &[])
        })
        .await;
    stored.unwrap();

    let again = house.node(&[]).await;

    assert_eq!(*again.limits.snapshot(), Limits { requests: 9, ..Limits::default() });
    let changed = house.change(&again, json!({ "limits.requests": 10 })).await.unwrap();
    assert_eq!((changed.applied.len(), again.limits.get().requests), (1, 10));
}

#[each_database]
async fn of_changes_at_once_none_is_lost() {
    let house = House::new().await;
    let node = house.node(&[]).await;

    let (requests, origins) = tokio::join!(
        house.change(&node, json!({ "limits.requests": 9 })),
        house.change(&node, json!({ "limits.origins": [] })),
    );

    requests.unwrap();
    origins.unwrap();
    assert_eq!(*node.limits.snapshot(), Limits { requests: 9, origins: Vec::new(), threads: 2 });
}
