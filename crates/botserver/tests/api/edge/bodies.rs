//! Bodies, read strictly.

use http::Method;

use crate::support::{App, Client, Stand, Wire, botserver_test, json, run_test};

#[botserver_test]
async fn malformed_json_is_400_and_unknown_fields_are_422(app: App) {
    let admin = app.admin();
    let raw = |body: &'static str| {
        admin.request(Method::POST, "/bots").header("content-type", "application/json").body(body)
    };

    Client::send(raw("{\"name\":")).await.assert_error(400, "BAD_REQUEST", "");
    Client::send(raw("{\"name\":\"a\"} trailing")).await.assert_error(400, "BAD_REQUEST", "");
    Client::send(raw("{\"name\":\"a\",\"colour\":\"red\"}")).await.assert_fields(&["colour"]);
    Client::send(raw("{\"name\":7}")).await.assert_fields(&["name"]);
    Client::send(raw("{}")).await.assert_fields(&["name"]);
    assert_eq!(admin.get("/bots").await.data()["total"], 0, "a refused request changes nothing");
}

#[botserver_test]
async fn a_body_that_is_no_json_is_415(app: App) {
    let request = app.admin().request(Method::POST, "/bots").header("content-type", "text/plain").body("x");

    Client::send(request).await.assert_error(415, "UNSUPPORTED_MEDIA_TYPE", "");
}

#[botserver_test]
async fn a_body_past_the_limit_is_413(app: App) {
    let answer = app.admin().post("/bots", json!({ "name": "x".repeat(2 << 20) })).await;

    answer.assert_error(413, "PAYLOAD_TOO_LARGE", "");
}

#[botserver_test]
async fn everything_wrong_with_a_body_is_told_at_once(app: App) {
    let body = json!({ "name": 7, "colour": "red", "visibility": "nobody", "shape": { "round": true } });

    let error =
        app.admin().post("/bots", body).await.assert_fields(&["colour", "name", "shape", "visibility"]);

    let problem = &error["details"]["fields"]["visibility"][0];
    assert!(
        problem.as_str().is_some_and(|text| text.contains("organization")),
        "{problem} names what is allowed"
    );
}

#[botserver_test]
async fn what_no_text_can_hold_is_422_and_named(app: App) {
    let admin = app.admin();
    let raw = |body: &'static [u8]| {
        admin.request(Method::POST, "/bots").header("content-type", "application/json").body(body)
    };

    Client::send(raw(br#"{"name":"a\u0000b"}"#)).await.assert_fields(&["name"]);
    Client::send(raw(b"{\"name\":\"a\xff\"}")).await.assert_error(400, "BAD_REQUEST", "");
    Client::send(raw(br#"{"name":"\ud800"}"#)).await.assert_error(400, "BAD_REQUEST", "");
    Client::send(raw(b"{\"name\":\"a\0b\"}")).await.assert_error(400, "BAD_REQUEST", "");
    Client::send(raw(br#"{"name":"a\\u0000b"}"#)).await.assert_status(201);
    admin.get("/users?search=a%00b").await.assert_fields(&["search"]);
    admin.get("/users?sea%00rch=a").await.assert_error(422, "VALIDATION_ERROR", "");
    admin.get("/users?search=%ff").await.assert_error(400, "BAD_REQUEST", "");
    admin.get("/users?search=%zz").await.assert_error(400, "BAD_REQUEST", "");
}

#[botserver_test]
async fn hostile_json_is_400_and_quick(app: App) {
    let admin = app.admin();
    let deep = format!("{{\"name\":{}1{}}}", "[".repeat(200_000), "]".repeat(200_000));
    let object = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    for body in [deep, object, "{\"name\":1e99999}".to_owned(), "\u{feff}{}".to_owned(), String::new()] {
        let start = body[..body.len().min(20)].to_owned();
        let request =
            admin.request(Method::POST, "/bots").header("content-type", "application/json").body(body);

        let answer = Client::send(request).await;

        assert!(matches!(answer.status.as_u16(), 400 | 422), "{start}: {}", answer.body);
    }
    admin.post("/bots", json!({ "name": 1.5e300 })).await.assert_fields(&["name"]);
    let doubled = admin.request(Method::POST, "/bots").header("content-type", "application/json");
    Client::send(doubled.body(r#"{"name":"a","name":"b"}"#)).await.assert_fields(&["name"]);
    assert_eq!(admin.get("/bots").await.data()["total"], 0, "a refused request changes nothing");
}

#[botserver_test]
async fn json_comes_under_several_names_and_in_utf_8_only(app: App) {
    let admin = app.admin();
    let ask = |kind: &'static str, name: &'static str| {
        let body = format!("{{\"name\":\"{name}\"}}");
        Client::send(admin.request(Method::POST, "/bots").header("content-type", kind).body(body))
    };

    ask("application/json; charset=UTF-8", "one").await.assert_status(201);
    ask("Application/JSON", "two").await.assert_status(201);
    ask("application/vnd.example+json", "three").await.assert_status(201);
    for kind in ["application/json; charset=latin1", "text/json", "multipart/form-data", "json", ""] {
        ask(kind, "four").await.assert_error(415, "UNSUPPORTED_MEDIA_TYPE", "");
    }
}

#[botserver_test]
async fn a_compressed_body_is_415(app: App) {
    let request = app.admin().request(Method::POST, "/bots").json(&json!({ "name": "a" }));

    let answer = Client::send(request.header("content-encoding", "gzip")).await;

    answer.assert_error(415, "UNSUPPORTED_MEDIA_TYPE", "content_encoding");
}

#[test]
fn a_body_of_unknown_length_is_limited_as_well() {
    run_test(async {
        let stand = Stand::start().await;
        let mut wire = Wire::open(stand.address).await;
        wire.send(
            "POST /api/v1/stand/echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             transfer-encoding: chunked\r\n\r\n",
        )
        .await;
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        for _ in 0..20 {
            wire.send(&chunk).await;
        }

        assert_eq!(wire.answer().await.expect("an answer").status, 413);
    });
}

#[test]
fn who_waits_to_be_asked_is_refused_before_sending() {
    run_test(async {
        let stand = Stand::start().await;
        let mut wire = Wire::open(stand.address).await;

        wire.send(
            "POST /api/v1/stand/echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             content-length: 9999999\r\nexpect: 100-continue\r\n\r\n",
        )
        .await;

        assert_eq!(wire.answer().await.expect("an answer").status, 413, "not 100");
    });
}

#[test]
fn a_body_that_ends_early_changes_nothing_and_harms_nobody() {
    run_test(async {
        let stand = Stand::start().await;
        let mut wire = Wire::open(stand.address).await;
        wire.send(
            "POST /api/v1/stand/echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             content-length: 100\r\n\r\n{",
        )
        .await;
        drop(wire);

        assert_eq!(reqwest::get(stand.url("/large?bytes=10")).await.expect("an answer").status(), 200);
    });
}
