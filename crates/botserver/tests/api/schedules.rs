//! Scripts that run at times.

use std::time::Duration;

use crate::support::{App, Value, botserver_test, json, texts};

const TICK: &str = r#"PARAM who AS STRING
key = "ticks of " + who
SET BOT MEMORY key, GET BOT MEMORY(key) + 1
"#;

/// Asks until what is there is as it should be.
async fn until(app: &App, path: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let asks = async {
        loop {
            let found = app.admin().get(path).await.assert_ok().data();
            if fits(&found) {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asks).await.expect("it happens in time")
}

fn value_of(memory: &Value, key: &str) -> i64 {
    let entry = memory["items"].as_array().expect("items").iter().find(|entry| entry["key"] == key);
    entry.map_or(0, |entry| entry["value"].as_i64().expect("a number"))
}

#[botserver_test]
async fn a_script_says_when_it_runs_and_its_schedule_goes_with_its_line(app: App) {
    let report = "SET SCHEDULE \"every monday at 9am\"\nTALK \"Done.\"";
    app.bot_of("Reports", &[("report", report), ("start", "TALK 1")]).await;
    let admin = app.admin();

    let schedule = admin.get("/bots/reports/schedules").await.assert_ok().items()[0].clone();
    assert_eq!((&schedule["script"], &schedule["cron"]), (&json!("report"), &json!("0 9 * * 1")));
    assert_eq!((&schedule["declared"], &schedule["timezone"]), (&json!(true), &json!("UTC")));
    assert!(schedule["next_run_at"].as_str().is_some_and(|next| next.ends_with("T09:00:00Z")), "{schedule}");

    // What says the same stays the same; another time zone is another time.
    let path = "/bots/reports/scripts/report";
    admin.put(path, json!({ "source": format!("{report}\nTALK 2") })).await.assert_ok();
    let same = admin.get("/bots/reports/schedules").await.items();
    assert_eq!(same, std::slice::from_ref(&schedule));
    admin.patch("/bots/reports/config", json!({ "timezone": "Asia/Tokyo" })).await.assert_ok();
    let moved = admin.get("/bots/reports/schedules").await.items();
    assert_eq!((moved.len(), &moved[0]["timezone"]), (1, &json!("Asia/Tokyo")));
    assert!(moved[0]["next_run_at"].as_str().is_some_and(|next| next.ends_with("T00:00:00Z")), "{moved:?}");

    admin.put(path, json!({ "source": "TALK 1" })).await.assert_ok();
    assert_eq!(admin.get("/bots/reports/schedules").await.assert_ok().items(), [] as [Value; 0]);
}

#[botserver_test(balanced)]
async fn a_script_plans_another_which_runs_again_and_again(app: App) {
    let start = "SET SCHEDULE \"* * * * * *\", \"tick\", \"ann\"\nTALK \"Planned.\"";
    let bot = app.bot_of("Ticks", &[("tick", TICK), ("start", start)]).await;
    let ann = app.user("ann").await;

    ann.converse(&bot).await;
    ann.converse(&bot).await;

    until(&app, "/bots/ticks/memory", |memory| value_of(memory, "ticks of ann") > 1).await;
    let schedules = app.admin().get("/bots/ticks/schedules").await.assert_ok().items();
    assert_eq!(schedules.len(), 1, "the same script with the same arguments is one plan");
    assert_eq!((&schedules[0]["arguments"], &schedules[0]["declared"]), (&json!(["ann"]), &json!(false)));
    assert_eq!(schedules[0]["last_status"], "succeeded");
}

#[botserver_test]
async fn a_date_is_once_and_a_date_behind_a_schedule_is_when_it_begins(app: App) {
    let start = r#"
SET SCHEDULE NOW(), "tick", "once"
SET SCHEDULE "0 9 * * *" "2040-05-01" "tick" "later"
"#;
    let bot = app.bot_of("Ticks", &[("tick", TICK), ("start", start)]).await;

    app.user("ann").await.converse(&bot).await;

    until(&app, "/bots/ticks/memory", |memory| value_of(memory, "ticks of once") == 1).await;
    let schedules = until(&app, "/bots/ticks/schedules", |page| page["total"] == 1).await;
    assert_eq!(schedules["items"][0]["next_run_at"], "2040-05-01T09:00:00Z");
    let memory = app.admin().get("/bots/ticks/memory").await.assert_ok().data();
    assert_eq!(value_of(&memory, "ticks of once"), 1, "it ran once");
}

#[botserver_test]
async fn a_scheduled_script_runs_now_as_the_bot_and_what_fails_is_told(app: App) {
    let report = "SET SCHEDULE \"0 9 * * *\"\nALLOW ROLE \"nobody has it\"\nTALK \"The report.\"\nTALK session.user_id";
    let broken = "SET SCHEDULE \"0 9 * * *\"\nSET BOT MEMORY \"x\", 1\nTHROW \"no paper\"";
    let bot = app.bot_of("Reports", &[("report", report), ("broken", broken), ("start", "TALK 1")]).await;
    let admin = app.admin();
    let schedules = admin.get("/bots/reports/schedules").await.assert_ok().items();
    let path = |script: &str| {
        let schedule = schedules.iter().find(|one| one["script"] == script).expect("a schedule");
        format!("/bots/reports/schedules/{}/run", schedule["schedule_id"].as_str().expect("an id"))
    };

    for script in ["report", "broken"] {
        admin.post(path(script), json!({})).await.assert_status(202);
    }

    let ran = |page: &Value| {
        page["items"].as_array().expect("items").iter().all(|one| one["last_run_at"].is_string())
    };
    let page = until(&app, "/bots/reports/schedules", ran).await;
    for one in page["items"].as_array().expect("items") {
        let failed = one["script"] == "broken";
        assert_eq!(one["last_status"], if failed { "failed" } else { "succeeded" }, "{one}");
        assert_eq!(one["last_error"].as_str(), failed.then_some("no paper"));
        assert_eq!(one["next_run_at"], schedules[0]["next_run_at"], "the schedule stays as it is");
    }
    let log = admin.get("/bots/reports/logs?filter[level]=info").await.assert_ok().items();
    let said: Vec<_> = log.iter().map(|line| line["message"].as_str().expect("a text")).collect();
    let itself = bot["bot_id"].as_str().expect("an id").replace("bot_", "usr_");
    assert!(said.contains(&"The report.") && said.contains(&&*itself), "{said:?}");
    assert_eq!(admin.get("/bots/reports/memory").await.items(), [] as [Value; 0]);
    admin.post(path("report").replace("reports", "others"), json!({})).await.assert_status(404);
    app.user("ann").await.post(path("report"), json!({})).await.assert_status(403);
}

#[botserver_test]
async fn wrong_plans_are_errors_of_the_script(app: App) {
    let start = r#"
ON ERROR RESUME NEXT
never = "0 25 * * *"
SET SCHEDULE never, "tick"
TALK ERR
CLEAR ERROR
SET SCHEDULE "0 9 * * *", "nothing"
TALK ERR
CLEAR ERROR
plan = "0 9 * * *"
SET SCHEDULE plan
TALK ERR
"#;
    let bot = app.bot_of("Ticks", &[("tick", TICK), ("start", start)]).await;

    let started = app.user("ann").await.converse(&bot).await;

    assert_eq!(texts(&started["messages"]), ["5", "53", "5"]);
    assert_eq!(app.admin().get("/bots/ticks/schedules").await.items(), [] as [Value; 0]);
}

#[botserver_test]
async fn plans_that_say_the_same_have_one_job_and_what_is_for_once_waits_for_a_bot_that_is_off(app: App) {
    let start =
        "SET SCHEDULE \"0 9 * * *\", \"tick\", \"daily\"\nSET SCHEDULE NOW() + HOURS(0), \"tick\", \"once\"";
    let bot = app.bot_of("Ticks", &[("tick", TICK), ("start", start)]).await;
    let ann = app.user("ann").await;
    for _ in 0..3 {
        ann.converse(&bot).await;
    }
    let jobs: Result<Vec<(i64,)>, platform::db::DbError> = app
        .database()
        .read_server(|tx| {
            tx.across_organizations::<(i64,)>(
                "SELECT count(*) FROM jobs WHERE kind = 'bots.scheduled' AND place = 'later'
                    AND id IN (SELECT job FROM bot_schedules WHERE cron IS NOT NULL)
                 UNION ALL SELECT count(*) FROM jobs WHERE kind = 'bots.scheduled' AND place = 'later'",
            )
        })
        .await;
    let jobs = jobs.expect("an answer");
    assert_eq!(jobs[0], (1,), "of one plan");
    assert!(jobs[1].0 < 3, "{jobs:?}");

    app.admin().patch("/bots/ticks/config", json!({ "timezone": "Asia/Tokyo" })).await.assert_ok();
    let daily = app.admin().get("/bots/ticks/schedules?filter[script]=tick").await.assert_ok().items();
    let daily = daily.iter().find(|one| one["cron"].is_string()).expect("the daily plan");
    assert!(daily["next_run_at"].as_str().is_some_and(|next| next.ends_with("T00:00:00Z")), "{daily}");
}
