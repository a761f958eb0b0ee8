//! Nothing crosses from one organization to another.
//!
//! What is tried follows from the contract: every operation that names things, with the things of another organization
//! in its path or its body, by the owner of another one, who may do everything there.

mod organization;

use std::collections::{BTreeMap, BTreeSet};

use http::Method;

use crate::support::{
    Answer, App, Client, Operation, Socket, Value, botserver_test, each_database, json, run_with,
};
use organization::Organization;

fn configure(config: &mut botserver::Config) {
    config.egress.allow = vec!["127.0.0.0/8".parse().expect("a network")];
    config.egress.http = true;
    config.identity.lockout.slow_after = u32::MAX;
}

/// Two organizations that have everything.
async fn two(app: &App) -> (Organization, Organization) {
    let first = Organization::new(app, app.admin(), "marigold").await;
    let second = Organization::new(app, app.stranger("sue").await, "thistle").await;
    (first, second)
}

fn is_id(parameter: &str) -> bool {
    parameter.ends_with("_id")
}

/// The path with each id of one of two organizations.
fn path_with<'a>(operation: &Operation, of: impl Fn(&str) -> &'a Organization) -> String {
    operation.path_with(|name, example| {
        if is_id(name) { of(name).named(operation, name).to_owned() } else { example.to_owned() }
    })
}

/// The parameters of the path that are ids.
fn ids(operation: &Operation) -> Vec<&str> {
    operation.path_parameters().into_iter().map(|(name, _)| name).filter(|name| is_id(name)).collect()
}

/// The paths that name something of the first organization: that alone, and among things of the second.
fn paths(operation: &Operation, first: &Organization, second: &Organization) -> Vec<String> {
    let ids = ids(operation);
    let choices = 1..1_usize << ids.len();
    let mixed = choices.map(|choice| {
        let is_first = |name: &str| {
            let place = ids.iter().position(|id| *id == name).expect("a parameter");
            choice >> place & 1 == 1
        };
        path_with(operation, |name| if is_first(name) { first } else { second })
    });
    let by_name = operation.path.replace("{bot_id}", first.mark);
    let by_name = Some(by_name).filter(|path| *path != operation.path && !path.contains('{'));
    mixed.chain(by_name).collect()
}

/// What its owner sees of everything that an organization has, by address; but for what goes on by itself.
async fn seen(operations: &[Operation], organization: &Organization) -> BTreeMap<String, String> {
    let mut seen = BTreeMap::new();
    for operation in operations {
        let goes_on = ["/audit", "/audit/summary", "/admin/jobs", "/admin/config", "/monitoring/metrics"];
        let goes_on = goes_on.iter().any(|end| operation.path.ends_with(end));
        if operation.method != Method::GET || operation.access() == "public" || goes_on {
            continue;
        }
        let path = path_with(operation, |_| organization);
        let answer = Client::send(organization.owner.at(Method::GET, &path)).await;
        let body = match serde_json::from_str::<Value>(&answer.body) {
            // An error has an id of its own each time.
            Ok(_) if !answer.status.is_success() => String::new(),
            Ok(json) => without_times_of_use(json).to_string(),
            Err(_) => answer.body,
        };
        seen.insert(path, format!("{} {body}", answer.status));
    }
    seen
}

/// When something was last used is written down while it is looked at.
fn without_times_of_use(mut json: Value) -> Value {
    match &mut json {
        Value::Object(fields) => {
            fields.retain(|name, _| {
                !matches!(name.as_str(), "last_activity" | "last_used_at" | "last_used_ip")
            });
            fields.values_mut().for_each(|value| *value = without_times_of_use(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = without_times_of_use(item.take())),
        _ => {}
    }
    json
}

/// What is wrong with an answer to somebody of the other organization who named something of this one.
fn leak(organization: &Organization, what: &str, answer: &Answer, fits: bool) -> Option<String> {
    let tells = answer.body.to_lowercase().contains(organization.mark);
    (tells || !fits).then(|| format!("{what}: {} {}", answer.status, answer.body))
}

#[each_database]
fn whoever_names_anothers_things_is_told_that_there_are_none_and_changes_none() {
    run_with(configure, |app| async move {
        let operations = Operation::all(&app).await;
        let (first, second) = two(&app).await;
        app.audit_is_sealed().await;
        // Whoever looks has read it: so it is looked at once before.
        seen(&operations, &first).await;
        let before = seen(&operations, &first).await;
        for (kind, id) in first.kinds() {
            let shows =
                |path: &str, told: &str| told.starts_with("200") && (path.contains(id) || told.contains(id));
            let is_there = before.iter().any(|(path, told)| shows(path, told));
            assert!(is_there, "its owner never sees the {kind}");
        }

        let (mut wrong, mut tried) = (Vec::new(), BTreeSet::new());
        for operation in operations.iter().filter(|operation| operation.access() != "public") {
            for path in paths(operation, &first, &second) {
                let answer = Client::send(operation.request(&second.owner, &path)).await;
                let what = format!("{} {path}", operation.id);
                wrong.extend(leak(&first, &what, &answer, answer.status == 404));
                tried.insert(operation.id.as_str());
            }
        }
        for operation in operations.iter().filter(|operation| operation.access() != "public") {
            for (field, kind, many) in operation.fields_of_ids() {
                // Whoever knows somebody's id may ask them to join; nothing is told of them, and nothing is theirs by that.
                if operation.id == "organizations_invite_user" {
                    continue;
                }
                let Some(value) = first.in_field(&field, kind.as_deref()) else { continue };
                let value = if many && !value.is_array() { json!([value]) } else { value };
                let mut body = operation.example().cloned().unwrap_or_default();
                body[&field] = value;
                let path = path_with(operation, |_| &second);
                let request = second.owner.at(operation.method.clone(), &path).json(&body);
                let answer = Client::send(request).await;
                let what = format!("{} {path} with {body}", operation.id);
                wrong.extend(leak(&first, &what, &answer, answer.status.is_client_error()));
            }
        }

        assert!(wrong.is_empty(), "{} tell or take something:\n{}", wrong.len(), wrong.join("\n"));
        assert!(tried.len() > 60, "only {} operations take an id", tried.len());
        let after = seen(&operations, &first).await;
        let changed = before.iter().filter(|(path, was)| after.get(*path) != Some(was));
        let changed: Vec<_> =
            changed.map(|(path, was)| format!("{path}:\n{was}\n{:?}", after.get(path))).collect();
        assert!(changed.is_empty(), "{} are changed:\n{}", changed.len(), changed.join("\n"));
    });
}

#[each_database]
fn lists_hold_ones_own_only() {
    run_with(configure, |app| async move {
        let operations = Operation::all(&app).await;
        let (first, second) = two(&app).await;
        let mut tried = 0;

        for operation in &operations {
            if operation.method != Method::GET || operation.access() == "public" {
                continue;
            }
            let path = path_with(operation, |_| &second);
            let answer = Client::send(second.owner.at(Method::GET, &path)).await;
            assert_eq!(leak(&first, &path, &answer, true), None);
            for (_, id) in first.kinds() {
                assert!(!answer.body.contains(id), "{path}: {}", answer.body);
            }
            tried += usize::from(answer.status == 200);
        }

        assert!(tried > 40, "only {tried} answered");
        assert_eq!(second.owner.get("/users").await.assert_ok().data()["total"], 2);
    });
}

#[botserver_test]
async fn a_socket_follows_and_says_nothing_in_anothers_conversation(app: App) {
    let bot = app.bot("Echo", "DO\nHEAR x\nTALK x\nLOOP").await;
    let conversation = app.user("ann").await.converse(&bot).await["conversation_id"].clone();
    let stranger = app.stranger("sue").await;
    let query = format!("?conversation_id={}", conversation.as_str().expect("an id"));
    let mut socket = Socket::signed_in(&app, stranger.token(), &query).await;

    assert_eq!(socket.next("error").await["code"], "NOT_FOUND");
    socket.send(json!({ "type": "message", "conversation_id": conversation, "content": "hello" })).await;

    assert_eq!(socket.next("error").await["code"], "NOT_FOUND");
}
