//! The drive of a package: what scripts read, write and send.

use axum::{Router, routing};
use futures_util::future::join_all;
use tokio::net::TcpListener;

use crate::support::{App, Client, Value, botserver_test, json, run_with, texts, zip_of};

/// A bot whose drive has files, and whose start script is that.
async fn bot(app: &App, start: &str) -> Value {
    let bot = app.admin().post("/bots", json!({ "name": "Drive" })).await.assert_status(201).data();
    let zip = zip_of(&[
        ("d.gbai/d.gbdialog/start.bas", start.as_bytes()),
        ("d.gbai/d.gbdialog/secret.bas", b"TALK \"secret\""),
        ("d.gbai/d.gbot/config.csv", b"name,value\nx-password,hidden\n"),
        ("d.gbai/d.gbdata/prices.csv", b"sku,price\nA,2\n"),
        ("d.gbai/d.gbdrive/hours.txt", "We open at nine.".as_bytes()),
        ("d.gbai/d.gbdrive/Reports/May.txt", b"May"),
        ("d.gbai/d.gbdrive/Reports/2025/June.txt", b"June"),
        ("d.gbai/d.gbdrive/photo.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff"),
    ]);
    app.admin().put_zip("/bots/drive/package", zip).await.assert_ok();
    bot
}

/// What the script says at first.
async fn said(app: &App, start: &str) -> Vec<String> {
    let bot = bot(app, start).await;
    texts(&app.user("ann").await.converse(&bot).await["messages"])
}

async fn file(client: &Client, path: &str) -> String {
    client.get(format!("/bots/drive/package/files/{path}")).await.assert_ok().body
}

#[botserver_test]
async fn files_are_read_by_their_names(app: App) {
    let start = r#"
TALK READ("hours.txt")
TALK GET "HOURS.txt"
TALK GET "reports/may.txt"
TALK GET "prices.csv"
x = GET "nothing.txt"
TALK x IS NULL
ON ERROR RESUME NEXT
y = READ("nothing.txt")
TALK ERROR MESSAGE
y = READ("photo.png")
TALK ERROR MESSAGE
y = READ("../d.gbdialog/start.bas")
TALK ERROR MESSAGE
"#;
    let said = said(&app, start).await;
    assert_eq!(&said[..5], ["We open at nine.", "We open at nine.", "May", "sku,price\nA,2\n", "true"]);
    assert!(said[5].contains("no file nothing.txt"), "{said:?}");
    assert!(said[6].contains("holds no text"), "{said:?}");
    assert!(said[7].contains("is no path of the drive"), "{said:?}");
}

#[botserver_test]
async fn nothing_outside_of_the_drive_is_reached(app: App) {
    let start = r#"
ON ERROR RESUME NEXT
FOR EACH p IN ["../d.gbot/config.csv", "/etc/passwd", "C:\x.txt", "config.csv", "start.bas", "d.gbdialog/secret.bas"]
    x = GET p
    TALK x IS NULL
    WRITE p, "x"
    TALK ERROR MESSAGE
NEXT
"#;
    let said = said(&app, start).await;
    let config = file(&app.admin(), "d.gbot/config.csv").await;
    assert!(!config.contains("hidden") && config.starts_with("name,value"), "{config}");
    assert_eq!(file(&app.admin(), "d.gbdialog/secret.bas").await, "TALK \"secret\"");
    assert!(!said.iter().any(|text| text.contains("hidden") || text.contains("TALK")), "{said:?}");
    for (place, path) in ["../d.gbot/config.csv", "/etc/passwd", "C:\\x.txt"].iter().enumerate() {
        assert!(said[2 * place + 1].contains("is no path of the drive"), "{path}: {said:?}");
    }
}

#[botserver_test]
async fn what_is_written_is_there_in_the_turn_and_after_it(app: App) {
    let start = r#"
WRITE "notes/today.txt", "Call Bo"
TALK READ("notes/today.txt")
WRITE #{ a: 1 } TO "data.json"
WRITE "rows.csv", [#{ n: 1, t: "a" }, #{ n: 2, t: "b, c" }]
COPY "hours.txt", "copy.txt"
MOVE "Reports/May.txt" TO "old/may.txt"
DELETE FILE "photo.png"
TALK LIST "."
TALK LIST "reports"
d = DIR("notes")
TALK d[0].name + " " + d[0].path + " " + d[0].size
CREATE FILE "empty.txt"
e = COPY "empty.txt", "empty too.txt"
TALK e.size
TALK LEN(READ("empty.txt"))
"#;
    let said = said(&app, start).await;

    let expected = [
        "Call Bo",
        r#"["Reports","copy.txt","data.json","hours.txt","notes","old","rows.csv"]"#,
        r#"["2025"]"#,
        "today.txt notes/today.txt 7",
        "0",
        "0",
    ];
    assert_eq!(said, expected);
    let admin = app.admin();
    assert_eq!(file(&admin, "d.gbdrive/notes/today.txt").await, "Call Bo");
    assert_eq!(file(&admin, "d.gbdrive/data.json").await, "{\n  \"a\": 1\n}\n");
    assert_eq!(file(&admin, "d.gbdrive/rows.csv").await, "n,t\n1,a\n2,\"b, c\"\n");
    assert_eq!(file(&admin, "d.gbdrive/old/may.txt").await, "May");
    for gone in ["photo.png", "Reports/May.txt"] {
        let path = format!("/bots/drive/package/files/d.gbdrive/{gone}");
        admin.get(path).await.assert_error(404, "NOT_FOUND", "");
    }
}

#[botserver_test]
async fn a_turn_that_fails_writes_nothing(app: App) {
    let bot = bot(&app, "HEAR x\nWRITE \"notes.txt\", x\nTALK 1 / 0").await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;

    ann.say(&started, "words").await;

    let path = "/bots/drive/package/files/d.gbdrive/notes.txt";
    app.admin().get(path).await.assert_error(404, "NOT_FOUND", "");
}

#[botserver_test]
async fn turns_that_write_one_file_at_once_lose_nothing(app: App) {
    let count =
        "HEAR x\nn = GET \"count.txt\"\nIF n IS NULL THEN n = 0\nWRITE \"count.txt\", INT(n) + 1\nTALK n";
    let bot = bot(&app, count).await;
    let ann = app.user("ann").await;
    let started = join_all((0..6).map(|_| ann.converse(&bot))).await;

    join_all(started.iter().map(|conversation| ann.say(conversation, "x"))).await;

    assert_eq!(file(&app.admin(), "d.gbdrive/count.txt").await, "6");
}

#[botserver_test]
async fn a_script_sends_a_file_with_what_it_says(app: App) {
    let bot = bot(
        &app,
        "TALK \"Here:\"\nSEND FILE \"hours.txt\", \"Our hours\"\nSEND FILE \"photo.png\"\nTALK \"Bye\"",
    );
    let bot = bot.await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);

    let started = ann.converse(&bot).await;

    assert_eq!(texts(&started["messages"]), ["Here:", "Our hours", "", "Bye"]);
    let messages = started["messages"].as_array().expect("messages").clone();
    let hours = &messages[1]["attachments"][0];
    assert_eq!((&hours["name"], &hours["mime_type"]), (&json!("hours.txt"), &json!("text/plain")));
    assert_eq!(
        (&messages[2]["content_type"], &messages[2]["attachments"][0]["name"]),
        (&json!("image"), &json!("photo.png"))
    );
    assert_eq!((&messages[0]["attachments"], &messages[3]["attachments"]), (&Value::Null, &Value::Null));
    let path = format!(
        "/conversations/{}/attachments/{}",
        started["conversation_id"].as_str().expect("an id"),
        hours["attachment_id"].as_str().expect("an id")
    );
    let got = ann.get(&path).await.assert_ok();
    assert_eq!(got.body, "We open at nine.");
    assert!(got.header("content-disposition").contains("hours.txt"));
    let part = ann.with("range", "bytes=3-6").get(&path).await.assert_status(206);
    assert_eq!(part.body, "open");
    bob.get(&path).await.assert_error(404, "NOT_FOUND", "");
    app.admin().delete("/bots/drive/package/files/d.gbdrive/hours.txt").await.assert_status(204);
    assert_eq!(ann.get(&path).await.assert_ok().body, "We open at nine.", "what was sent stays");
}

#[botserver_test]
async fn what_somebody_sent_can_be_kept_and_sent_back(app: App) {
    let start = "HEAR f AS FILE WITH \"A file?\"\nu = UPLOAD f TO \"inbox/\" + f.name\nTALK u.path + \" \" + u.mime_type\nSEND FILE f, \"Back\"";
    let bot = bot(&app, start).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let id = started["conversation_id"].as_str().expect("an id");
    let form =
        "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nwords\r\n--x--\r\n";
    let request = ann.request(reqwest::Method::POST, &format!("/conversations/{id}/attachments"));
    let request = request.header("content-type", "multipart/form-data; boundary=x").body(form);
    let file = Client::send(request).await.assert_status(201).data();

    let message = json!({ "attachments": [file["attachment_id"]] });
    let sent = ann.post(format!("/conversations/{id}/messages"), message).await.assert_status(201).data();

    assert_eq!(texts(&sent["response"]), ["inbox/a.txt text/plain", "Back"]);
    assert_eq!(self::file(&app.admin(), "d.gbdrive/inbox/a.txt").await, "words");
    assert_eq!(sent["response"][1]["attachments"][0]["name"], "a.txt");
    assert_ne!(sent["response"][1]["attachments"][0]["attachment_id"], file["attachment_id"]);
}

#[test]
fn a_file_is_fetched_from_an_address() {
    let reaches = |config: &mut botserver::Config| {
        config.egress.allow = vec!["127.0.0.1/32".parse().expect("a network")];
        config.egress.http = true;
    };
    run_with(reaches, |app: App| async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().route("/menu%20card.txt", routing::get(|| async { "soup" }));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let start = r#"
f = DOWNLOAD "http://{at}/menu%20card.txt"
TALK f.path + " " + f.size
TALK READ(f)
DOWNLOAD "http://{at}/menu%20card.txt", "menus/today.txt"
SEND FILE "http://{at}/menu%20card.txt"
ON ERROR RESUME NEXT
x = DOWNLOAD "http://{at}/none.txt"
TALK ERROR MESSAGE
x = DOWNLOAD "http://127.0.0.9/x.txt"
TALK ERROR MESSAGE
"#;
        let said = said(&app, &start.replace("{at}", &address.to_string())).await;

        assert_eq!(&said[..3], ["menu card.txt 4", "soup", ""]);
        assert!(said[3].contains("404"), "{said:?}");
        assert!(said.len() == 5 && !said[4].is_empty(), "{said:?}");
        assert_eq!(file(&app.admin(), "d.gbdrive/menus/today.txt").await, "soup");
    });
}

#[botserver_test]
async fn what_can_not_be_written_is_told_where_the_script_can_go_on(app: App) {
    let start = r#"
ON ERROR RESUME NEXT
WRITE "hours.txt/today.txt", "x"
TALK ERROR MESSAGE
WRITE "Reports", "x"
TALK ERROR MESSAGE
SAVE "orders.csv", #{ id: "1", dish: "soup" }
TALK GET "orders.csv"
"#;
    let said = said(&app, start).await;

    assert!(said[0].contains("would be in a file"), "{said:?}");
    assert!(said[1].contains("is a folder"), "{said:?}");
    assert!(said[2].contains("soup"), "{said:?}");
}

#[botserver_test]
async fn a_turn_writes_so_much_and_no_more(app: App) {
    let start = "big = REPEAT(\"x\", 8000000)\nFOR i = 1 TO 9\nWRITE \"big.txt\", big\nNEXT";
    bot(&app, start).await;

    let ran = app.admin().post("/bots/drive/scripts/start/run", json!({})).await.assert_ok().data();

    let problem = ran["error"]["message"].as_str().unwrap_or_default();
    assert!(problem.contains("writes and fetches at most"), "{ran}");
    let path = "/bots/drive/package/files/d.gbdrive/big.txt";
    app.admin().get(path).await.assert_error(404, "NOT_FOUND", "");
}

#[botserver_test]
async fn nothing_is_sent_where_nobody_hears_it(app: App) {
    bot(&app, "SEND FILE \"hours.txt\"").await;

    let ran = app.admin().post("/bots/drive/scripts/start/run", json!({})).await.assert_ok().data();

    let problem = ran["error"]["message"].as_str().unwrap_or_default();
    assert!(problem.contains("no conversation"), "{ran}");
    assert_eq!(ran["output"], json!([]));
}
