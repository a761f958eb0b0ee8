//! The audit log: what it tells, that reading it stands in it, and that it holds.

use std::collections::BTreeSet;

use platform::{
    audit::{RETAIN, VERIFY},
    jobs::JobKind,
};
use test_database::Engine;

use crate::support::{App, Client, PASSWORD, Socket, Value, botserver_test, json, run, until};

const FORGET_EXPORTS: JobKind<()> = JobKind::new("audit.forget_exports");

/// The newest entry of that action, once all are sealed.
async fn sealed(app: &App, action: &str) -> Value {
    app.audit_is_sealed().await;
    let found = app.admin().get(format!("/audit?action={action}&limit=1")).await.assert_ok().items();
    found.into_iter().next().expect("an entry")
}

async fn actions(client: &Client, query: &str) -> Vec<String> {
    let items = client.get(format!("/audit?{query}")).await.assert_ok().items();
    items.iter().map(|entry| entry["action"].as_str().expect("an action").to_owned()).collect()
}

#[botserver_test(balanced)]
async fn what_is_done_stands_in_the_log_with_its_place_in_the_chain(app: App) {
    let admin = app.admin();
    app.user("ann").await;

    let entry = sealed(&app, "user_created").await;

    assert_eq!((&entry["success"], &entry["result"]), (&json!(true), &json!("success")));
    assert_eq!((&entry["context"], &entry["trigger"]), (&json!("user"), &json!("request")));
    assert_eq!((&entry["resource_type"], &entry["category"]), (&json!("user"), &json!("administrative")));
    let me = admin.me().await;
    assert_eq!((&entry["user_id"], &entry["actor_email"]), (&me["user_id"], &me["email"]));
    let id = entry["log_id"].as_str().expect("an id");
    assert!(id.starts_with("aud_"));
    let whole = admin.get(format!("/audit/{id}")).await.assert_ok().data();
    assert_eq!((&whole["log_id"], &whole["hash"]), (&entry["log_id"], &entry["hash"]));
    // The chain goes from each entry to the one before it.
    app.audit_is_sealed().await;
    let all = admin.get("/audit?order=asc&limit=100").await.assert_ok().items();
    let mut chain: Vec<&Value> = all.iter().filter(|entry| entry["number"].is_number()).collect();
    chain.sort_by_key(|entry| entry["number"].as_u64());
    assert_eq!((&chain[0]["number"], &chain[0]["prev_hash"]), (&json!(1), &json!("0".repeat(64))));
    assert!(chain.len() > 2, "{all:?}");
    for pair in chain.windows(2) {
        assert_eq!(pair[1]["number"].as_u64(), pair[0]["number"].as_u64().map(|number| number + 1));
        assert_eq!(pair[1]["prev_hash"], pair[0]["hash"], "{pair:?}");
    }
}

#[botserver_test]
async fn reading_and_exporting_the_log_stands_in_it(app: App) {
    let admin = app.admin();

    admin.get("/audit?action=login&days=7").await.assert_ok();
    admin.get("/audit/summary").await.assert_ok();
    admin.post("/audit/export", json!({ "filters": { "actions": ["login"] } })).await.assert_status(202);

    let reads = admin.get("/audit?action=data_access").await.assert_ok().items();
    let of = |kind: &str| reads.iter().find(|read| read["resource_type"] == kind);
    let first = reads.iter().find(|read| read["details"]["attributes"]["filters"]["days"] == json!(["7"]));
    assert!(first.is_some() && of("audit_summary").is_some(), "{reads:?}");
    assert_eq!(first.expect("it").get("success"), Some(&json!(true)));
    assert_eq!(actions(&admin, "action=audit_exported").await, ["audit_exported"]);
}

#[botserver_test]
async fn the_log_is_for_auditors_of_its_organization_alone(app: App) {
    let entry = sealed(&app, "login_success").await;
    let id = entry["log_id"].as_str().expect("an id");
    let (member, auditor) = (app.user("ann").await, app.user_with_role("aud", "auditor").await);
    let stranger = app.stranger("eve").await;

    for path in ["/audit", "/audit/summary", &format!("/audit/{id}")] {
        let refused = member.get(path).await.assert_error(403, "FORBIDDEN", "");
        assert_eq!(refused["details"]["permission"], "audit:read");
        auditor.get(path).await.assert_ok();
    }
    stranger.get(format!("/audit/{id}")).await.assert_error(404, "NOT_FOUND", "");
    let ours = json!(app.organization().await);
    let theirs = stranger.get("/audit").await.assert_ok().items();
    assert!(theirs.iter().all(|entry| entry["organization_id"] != ours));
    member.post("/audit/export", json!({})).await.assert_error(403, "FORBIDDEN", "");
    app.anonymous().get("/audit").await.assert_status(401);
}

#[botserver_test]
async fn what_is_asked_wrongly_is_named(app: App) {
    let admin = app.admin();

    admin.get("/audit?start_date=yesterday&days=0").await.assert_fields(&["days", "start_date"]);
    admin.get("/audit?start_date=2026-01-02&days=3").await.assert_fields(&["days"]);
    admin.get("/audit?start_date=2026-01-02&end_date=2026-01-01").await.assert_fields(&["end_date"]);
    admin.get("/audit?result=maybe&sort=action").await.assert_fields(&["result", "sort"]);
    admin.get("/audit/summary?days=367").await.assert_fields(&["days"]);
    admin.get("/audit/summary?start_date=2020-01-01").await.assert_fields(&["start_date"]);
    admin.get("/audit/summary?end_date=-262143-01-01").await.assert_fields(&["end_date"]);
    admin.post("/audit/export", json!({ "format": "xml" })).await.assert_status(422);
    admin.post("/audit/export", json!({ "filters": { "result": "maybe" } })).await.assert_status(422);
    admin.get("/audit/aud_nonsense").await.assert_error(404, "NOT_FOUND", "");
    admin.get("/audit/export").await.assert_status(405);
}

#[botserver_test]
async fn the_summary_counts_and_tells_whether_the_log_holds(app: App) {
    let admin = app.admin();
    app.user("ann").await;
    sealed(&app, "user_created").await;

    let summary = admin.get("/audit/summary?days=1").await.assert_ok().data();

    assert_eq!(summary["complete"], true);
    let count = |list: &str, value: &str| {
        let found = summary[list].as_array().expect("counts").iter().find(|one| one["value"] == value);
        found.map_or(0, |one| one["count"].as_u64().expect("a number"))
    };
    assert!(count("by_action", "user_created") >= 1 && count("by_action", "login_success") >= 1);
    assert_eq!(count("by_result", "success"), summary["entries"].as_u64().expect("a number"));
    assert_eq!(summary["by_day"].as_array().expect("days").len(), 1);
    let me = admin.me().await;
    let actors = summary["by_actor"].as_array().expect("actors");
    assert!(actors.iter().any(|actor| actor["user_id"] == me["user_id"]));
    let verification = &summary["verification"];
    assert_eq!((&verification["status"], &verification["first_number"]), (&json!("unchecked"), &json!(1)));
    assert!(verification["head"].is_string() && verification["newest_checked"].as_u64() > Some(0));

    app.tamper_with_audit().await;
    let summary = admin.get("/audit/summary").await.assert_ok().data();
    assert_eq!(summary["verification"]["status"], "broken");
    assert!(summary["verification"]["problem"].as_str().expect("a sentence").contains("was changed"));
}

#[botserver_test]
async fn an_export_is_a_file_that_its_owner_has_for_a_day(app: App) {
    let admin = app.admin();
    let formula = json!({ "username": "ann", "email": "ann@example.com", "password": PASSWORD,
        "display_name": "=1+1", "roles": ["auditor"] });
    admin.post("/users", formula).await.assert_status(201);
    let ann = app.with_token(&app.anonymous().sign_in("ann", PASSWORD).await);
    let eve = app.stranger("eve").await;
    let evil = ann.with("user-agent", "=cmd|' /C calc'!A0");
    evil.get("/audit?days=1").await.assert_ok();
    let mut made = Vec::new();

    for (format, begins) in [("csv", "timestamp,log_id,"), ("json", "[\n{"), ("jsonl", "{")] {
        let asked = json!({ "format": format, "date_range": { "start": "2020-01-01" } });
        let accepted = admin.post("/audit/export", asked).await.assert_status(202).data();
        let below = |url: &Value| url.as_str().expect("an address").trim_start_matches("/api/v1").to_owned();
        let result = until(&admin, &below(&accepted["status_url"]), "completed").await["result"].clone();
        let path = below(&result["download_url"]);
        assert!(result["expires_at"].is_string());

        let file = admin.get(&path).await.assert_ok();

        let text = file.body.as_str();
        assert!(text.starts_with(begins), "{text}");
        assert!(file.header("content-disposition").contains(&format!(".{format}\"")));
        assert!(text.contains("user_created") && text.contains("login_success"));
        match format {
            "csv" => {
                assert!(text.contains("\"'=cmd|' /C calc'!A0\"") && !text.contains(",=cmd"), "{text}");
                assert_eq!(text.lines().count() as u64, result["entries"].as_u64().expect("a number") + 1);
            }
            "json" => {
                let all: Vec<Value> = serde_json::from_str(text).expect("JSON");
                assert_eq!(all.len() as u64, result["entries"].as_u64().expect("a number"));
            }
            _ => assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok())),
        }
        let part = admin.with("range", "bytes=0-0").get(&path).await.assert_status(206);
        assert_eq!(part.body, text[..1]);
        ann.get(&path).await.assert_error(404, "NOT_FOUND", "");
        eve.get(&path).await.assert_error(404, "NOT_FOUND", "");
        made.push(path);
    }

    let aged = app.database().write(app.organization().await, |unit| {
        unit.execute("UPDATE audit_exports SET expires_at = expires_at - 86400000000 WHERE org_id = $1", &[])
    });
    let aged: Result<u64, platform::db::DbError> = aged.await;
    assert_eq!(aged.expect("a change"), 3);
    for path in made {
        admin.get(path).await.assert_error(404, "NOT_FOUND", "");
    }
    let job = app.enqueue(&admin, FORGET_EXPORTS.job(&())).await;
    let job = until(&admin, &format!("/jobs/{job}"), "completed").await;
    assert_eq!(job["result"], json!({ "forgotten": 3 }));
}

#[botserver_test]
async fn denials_are_audited_and_repeated_ones_counted(app: App) {
    let ann = app.user("ann").await;
    let me = ann.me().await;
    for _ in 0..6 {
        ann.get("/admin/jobs").await.assert_error(403, "FORBIDDEN", "");
    }
    ann.get("/audit").await.assert_error(403, "FORBIDDEN", "");

    // What is still counted is written when the server stops.
    let app = app.restart().await;

    let admin = app.admin();
    let entries = admin.get("/audit?action=permission_denied&order=asc").await.assert_ok().items();
    let told = |permission: &str| -> Vec<u64> {
        let of = entries.iter().filter(|entry| entry["details"]["attributes"]["permission"] == permission);
        let mut counts: Vec<u64> =
            of.map(|entry| entry["details"]["attributes"]["count"].as_u64().expect("a number")).collect();
        counts.sort_unstable();
        counts
    };
    assert_eq!(told("admin:monitor"), [1, 5]);
    assert_eq!(told("audit:read"), [1]);
    let first = &entries[0];
    assert_eq!((&first["result"], &first["reason"]), (&json!("denied"), &json!("permission_missing")));
    assert_eq!((&first["user_id"], &first["category"]), (&me["user_id"], &json!("authorization")));
}

#[botserver_test]
async fn what_is_refused_over_a_socket_is_audited_too(app: App) {
    app.bot("Greeter", "TALK \"Hi\"").await;
    let watcher = app.user_with_role("wes", "monitor").await;
    let mut socket = Socket::signed_in(&app, watcher.token(), "?bot=greeter").await;
    socket.send(json!({ "type": "message", "content": "hello" })).await;
    assert_eq!(socket.next("error").await["code"], "FORBIDDEN");
    drop(socket);

    let app = app.restart().await;

    let entries = app.admin().get("/audit?action=permission_denied").await.assert_ok().items();
    let said = entries.iter().find(|entry| entry["resource_id"] == "message").expect("an entry");
    assert_eq!(said["details"]["attributes"]["permission"], "chat:write");
    assert_eq!(said["user_id"], app.with_token(watcher.token()).me().await["user_id"]);
}

#[botserver_test]
async fn the_log_is_checked_and_kept_in_bounds_by_jobs(app: App) {
    for job in [RETAIN.job(&()), VERIFY.job(&())] {
        let job = app.enqueue(&app.admin(), job).await;
        until(&app.admin(), &format!("/jobs/{job}"), "completed").await;
    }
}

#[test]
fn two_servers_seal_one_chain() {
    Engine::Postgres.run(|| {
        run(|app| async move {
            let other = app.another_node().await;
            let (one, two) = (app.admin(), other.with_token(app.admin_token()));
            for _ in 0..10 {
                let (a, b) = tokio::join!(one.get("/audit?limit=1"), two.get("/audit?limit=1"));
                a.assert_ok();
                b.assert_ok();
            }

            app.user("last").await;
            other.audit_is_sealed().await;

            let summary = one.get("/audit/summary").await.assert_ok().data();
            assert_eq!(summary["verification"]["problem"], Value::Null, "{summary}");
            let all = one.get("/audit?order=asc&limit=100").await.assert_ok().items();
            let numbers: Vec<i64> = all.iter().filter_map(|entry| entry["number"].as_i64()).collect();
            let distinct: BTreeSet<i64> = numbers.iter().copied().collect();
            assert!(numbers.len() > 20 && distinct.len() == numbers.len(), "{numbers:?}");
            other.stop().await;
        });
    });
}
