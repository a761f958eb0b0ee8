//! Work in the background: who may follow it, see it, run it again and cancel it.

use platform::jobs::{JobKind, NewJob};

use crate::support::{App, Client, Socket, Value, botserver_test, json, until};

/// No node knows how to do it: it waits.
fn waiting() -> NewJob {
    const UNKNOWN: JobKind<()> = JobKind::new("test.unknown");
    UNKNOWN.job(&())
}

/// It can't be read: it fails for good.
fn failing() -> NewJob {
    const UNREADABLE: JobKind<&str> = JobKind::new("bots.delete");
    UNREADABLE.job(&"no bot")
}

fn path(job: &Value) -> String {
    format!("/admin/jobs/{}", job["job_id"].as_str().expect("an id"))
}

#[botserver_test(balanced)]
async fn deleting_a_bot_is_a_job_that_whoever_started_it_can_follow(app: App) {
    app.bot("First", "TALK \"hi\"").await;
    let bot = app.bot("Echo", "TALK \"hi\"").await;
    let conversation = app.admin().converse(&bot).await;
    let conversation = format!("/conversations/{}", conversation["conversation_id"].as_str().expect("an id"));

    let accepted = app.admin().delete("/bots/echo").await.assert_status(202).data();

    assert_eq!(accepted["status"], "queued");
    let url = accepted["status_url"].as_str().expect("an address");
    let job = until(&app.admin(), url.strip_prefix("/api/v1").expect("ours"), "completed").await;
    assert_eq!(
        (&job["kind"], &job["progress"], &job["attempts"]),
        (&json!("bots.delete"), &json!(100), &json!(1))
    );
    assert_eq!(job["created_by"], app.admin().me().await["user_id"]);
    app.admin().get("/bots/echo").await.assert_error(404, "NOT_FOUND", "");
    app.admin().get(&conversation).await.assert_error(404, "NOT_FOUND", "");
    app.admin().post("/bots", json!({ "name": "Echo" })).await.assert_status(201);
}

#[botserver_test]
async fn only_whoever_started_a_job_follows_it(app: App) {
    let ann = app.user("ann").await;
    let job = app.enqueue(&ann, waiting()).await;
    let follow = format!("/jobs/{job}");

    assert_eq!(ann.get(&follow).await.assert_ok().data()["kind"], "test.unknown");
    app.admin().get(&follow).await.assert_error(404, "NOT_FOUND", "");
    app.user("bob").await.get(&follow).await.assert_error(404, "NOT_FOUND", "");
    app.admin().get("/jobs/job_nonsense").await.assert_error(404, "NOT_FOUND", "");
}

#[botserver_test]
async fn another_organization_s_jobs_do_not_exist(app: App) {
    let mine = app.enqueue(&app.admin(), waiting()).await;
    let stranger = app.stranger("eve").await;

    for answer in [
        stranger.get(format!("/jobs/{mine}")).await,
        stranger.get(format!("/admin/jobs/{mine}")).await,
        stranger.post(format!("/admin/jobs/{mine}/retry"), json!({})).await,
        stranger.post(format!("/admin/jobs/{mine}/cancel"), json!({})).await,
    ] {
        answer.assert_error(404, "NOT_FOUND", "");
    }
    assert_eq!(stranger.get("/admin/jobs").await.assert_ok().data()["total"], 0);
}

#[botserver_test]
async fn seeing_and_changing_jobs_needs_the_permissions(app: App) {
    let job = app.enqueue(&app.admin(), waiting()).await;
    let manager = app.user_with_role("max", "manager").await;

    for (answer, permission) in [
        (manager.get("/admin/jobs").await, "admin:monitor"),
        (manager.get(format!("/admin/jobs/{job}")).await, "admin:monitor"),
        (manager.post(format!("/admin/jobs/{job}/retry"), json!({})).await, "admin:config"),
        (manager.post(format!("/admin/jobs/{job}/cancel"), json!({})).await, "admin:config"),
    ] {
        assert_eq!(answer.assert_error(403, "FORBIDDEN", "")["details"]["permission"], permission);
    }
}

#[botserver_test]
async fn jobs_are_listed_by_kind_and_status(app: App) {
    let admin = app.admin();
    let waits = app.enqueue(&admin, waiting()).await;
    let fails = app.enqueue(&admin, failing()).await;
    until(&admin, &format!("/admin/jobs/{fails}"), "failed").await;
    let listed = async |query: &str| -> Vec<Value> {
        let items = admin.get(format!("/admin/jobs?{query}")).await.assert_ok().items();
        items.into_iter().map(|job| job["job_id"].clone()).collect()
    };

    assert_eq!(listed("filter[status]=failed,dead").await, [fails.as_str()]);
    assert_eq!(listed("filter[kind]=test.unknown").await, [waits.as_str()]);
    assert_eq!(listed("sort=created_at&order=asc").await, [waits.as_str(), fails.as_str()]);
    assert_eq!(listed("filter[kind]=test.unknown&filter[status]=failed").await, Vec::<Value>::new());
    assert_eq!(listed("sort=run_at&order=desc&limit=1").await, [waits.as_str()], "it was put off");
    admin.get("/admin/jobs?filter[state]=x&sort=kind").await.assert_fields(&["filter[state]", "sort"]);
    admin.get("/admin/jobs?filter[status]=lost").await.assert_fields(&["status"]);
}

#[botserver_test]
async fn a_failed_job_runs_again_and_one_that_waits_does_not(app: App) {
    let admin = app.admin();
    let fails = format!("/admin/jobs/{}", app.enqueue(&admin, failing()).await);
    let failed = until(&admin, &fails, "failed").await;
    assert!(failed["error"].as_str().is_some_and(|text| text.ends_with('.')), "{failed}");
    assert!(failed["finished_at"].is_string() && failed["result"].is_null());

    let again = admin.post(format!("{fails}/retry"), json!({})).await.assert_ok().data();

    assert_eq!(
        (&again["status"], &again["attempts"], &again["error"]),
        (&json!("queued"), &json!(0), &Value::Null)
    );
    until(&admin, &fails, "failed").await;
    let waits = format!("/admin/jobs/{}", app.enqueue(&admin, waiting()).await);
    admin.post(format!("{waits}/retry"), json!({})).await.assert_error(409, "CONFLICT", "job_not_failed");
}

#[botserver_test]
async fn a_waiting_job_is_cancelled_and_one_that_has_ended_is_not(app: App) {
    let admin = app.admin();
    let later = waiting().after(chrono::TimeDelta::hours(1));
    let waits = format!("/admin/jobs/{}", app.enqueue(&admin, later).await);
    let fails = format!("/admin/jobs/{}", app.enqueue(&admin, failing()).await);
    until(&admin, &fails, "failed").await;

    let cancelled = admin.post(format!("{waits}/cancel"), json!({})).await.assert_ok().data();

    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(path(&cancelled), waits);
    admin.post(format!("{fails}/cancel"), json!({})).await.assert_error(409, "CONFLICT", "job_finished");
    admin.post(format!("{waits}/retry"), json!({})).await.assert_error(409, "CONFLICT", "job_not_failed");
}

#[botserver_test]
async fn what_waits_is_done_after_a_restart(app: App) {
    app.bot("First", "TALK \"hi\"").await;
    app.bot("Echo", "TALK \"hi\"").await;
    let job = app.admin().delete("/bots/echo").await.assert_status(202).data();

    let app = app.restart().await;

    until(&app.admin(), &path(&job), "completed").await;
}

#[botserver_test]
async fn health_and_metrics_tell_of_jobs(app: App) {
    let admin = app.admin();
    let fails = format!("/admin/jobs/{}", app.enqueue(&admin, failing()).await);
    until(&admin, &fails, "failed").await;

    let health = admin.get("/monitoring/health").await.assert_ok().data();
    let metrics = admin.get("/monitoring/metrics").await.assert_ok().body;

    let jobs =
        health["components"].as_array().expect("components").iter().find(|part| part["name"] == "jobs");
    assert_eq!(jobs.expect("jobs")["status"], "healthy");
    for line in [
        "jobs_finished_total{kind=\"bots.delete\",status=\"failed\"}",
        "jobs_run_duration_seconds_bucket",
        "jobs_queued",
        "jobs_running",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}

/// A socket that follows the job, and how it stood at first.
async fn following(app: &App, who: &Client, job: &str) -> (Socket, Value) {
    let mut socket = Socket::signed_in(app, who.token(), "").await;
    socket.send(json!({ "type": "subscribe", "id": "s", "topics": [format!("job:{job}")] })).await;
    let (mut ack, mut first) = (false, Value::Null);
    while !ack || first.is_null() {
        let frame = socket.any().await.expect("a frame");
        ack |= frame["type"] == "ack" && frame["id"] == "s";
        if frame["type"] == "event" {
            first = frame;
        }
    }
    assert_eq!(first["data"]["job_id"], job);
    (socket, first)
}

/// Waits for the event of that name.
async fn happens(socket: &mut Socket, event: &str) -> Value {
    loop {
        let told = socket.next("event").await;
        if told["event"] == event {
            return told;
        }
    }
}

#[botserver_test(balanced)]
async fn a_job_is_followed_by_topic_by_whoever_may_read_it(app: App) {
    let ann = app.user("ann").await;
    let job = app.enqueue(&ann, waiting()).await;
    let (mut hers, _) = following(&app, &ann, &job).await;
    let (mut operators, _) = following(&app, &app.admin(), &job).await;
    let mut refused = Socket::signed_in(&app, app.user("bob").await.token(), "").await;

    refused.send(json!({ "type": "subscribe", "topics": [format!("job:{job}")] })).await;
    assert_eq!(refused.next("error").await["code"], "NOT_FOUND");
    app.admin().post(format!("/admin/jobs/{job}/cancel"), json!({})).await.assert_ok();

    for socket in [&mut hers, &mut operators] {
        let told = happens(socket, "job.cancelled").await;
        assert_eq!(told["topic"], format!("job:{job}"));
        assert_eq!(
            (&told["data"]["status"], &told["data"]["kind"]),
            (&json!("cancelled"), &json!("test.unknown"))
        );
        assert!(told["timestamp"].is_string());
    }
}

#[botserver_test(balanced)]
async fn how_far_a_job_is_comes_by_topic_to_its_end(app: App) {
    app.bot("First", "TALK 1").await;
    app.bot("Echo", "TALK 1").await;
    let accepted = app.admin().delete("/bots/echo").await.assert_status(202).data();

    let (mut socket, first) =
        following(&app, &app.admin(), accepted["job_id"].as_str().expect("an id")).await;

    let last =
        if first["event"] == "job.completed" { first } else { happens(&mut socket, "job.completed").await };
    assert_eq!((&last["data"]["status"], &last["data"]["progress"]), (&json!("completed"), &json!(100)));
}

#[botserver_test]
async fn a_job_that_the_server_started_is_followed_by_who_may_see_it(app: App) {
    const UNKNOWN: JobKind<()> = JobKind::new("test.unknown");
    let enqueued: Result<_, platform::db::DbError> =
        app.database().write(app.organization().await, |unit| unit.enqueue(&UNKNOWN.job(&()))).await;
    let job = enqueued.expect("a job").to_string();
    let (mut socket, _) = following(&app, &app.admin(), &job).await;

    app.admin().post(format!("/admin/jobs/{job}/cancel"), json!({})).await.assert_ok();

    happens(&mut socket, "job.cancelled").await;
}

#[botserver_test]
async fn there_are_no_topics_but_those_that_are_told_of(app: App) {
    let ann = app.user("ann").await;
    let job = app.enqueue(&ann, waiting()).await;
    let mut socket = Socket::signed_in(&app, ann.token(), "").await;

    for topic in ["presence", "notifications", "call:call_1", "job", "job:", "job:usr_1", ""] {
        let topics = json!([format!("job:{job}"), topic]);
        for kind in ["subscribe", "unsubscribe"] {
            socket.send(json!({ "type": kind, "topics": topics })).await;
            let error = socket.next("error").await;
            assert_eq!(error["code"], "VALIDATION_ERROR");
            let problem = error["details"]["fields"]["topics"].to_string();
            assert!(problem.contains("conversation:<id>, job:<id>"), "{problem}");
        }
    }
}
