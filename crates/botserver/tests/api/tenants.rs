//! Nothing crosses from one organization to another.

use http::Method;
use platform::jobs::JobKind;
use reqwest::RequestBuilder;

use crate::support::{App, Client, Socket, Value, botserver_test, json, package};

/// Every id that the first organization has.
async fn ids(app: &App) -> Vec<(&'static str, String)> {
    let bot = app.bot("Echo", "SET BOT MEMORY \"visits\", 1\nDO\nHEAR x\nTALK x\nLOOP").await;
    let ann = app.user("ann").await;
    let conversation = ann.converse(&bot).await;
    let session = ann.get("/sessions/current").await.assert_ok().data();
    let role = app.admin().post("/roles", json!({ "name": "desk" })).await.assert_status(201).data();
    let open = json!({ "name": "Open", "visibility": "public" });
    let group = app.admin().post("/groups", open).await.assert_status(201).data();
    let key = json!({ "name": "Program", "scopes": ["users:read"] });
    let key = ann.post("/api-keys", key).await.assert_status(201).data();
    let invitations = format!("/organizations/{}/invitations", app.organization().await);
    let invited =
        app.admin().post(invitations, json!({ "email": "x@example.com" })).await.assert_status(201).data();
    let logged = app.admin().get("/audit?limit=1").await.assert_ok().items();
    let text = |value: &Value| value.as_str().expect("an id").to_owned();
    let join = format!("/groups/{}/join-requests", text(&group["group_id"]));
    let request = ann.post(join, json!({})).await.assert_status(201).data();
    vec![
        ("{org_id}", app.organization().await.to_string()),
        ("{invitation_id}", text(&invited["invitations"][0]["invitation_id"])),
        ("{role_id}", text(&role["role_id"])),
        ("{group_id}", text(&group["group_id"])),
        ("{request_id}", text(&request["request_id"])),
        ("{permission}", "bots:use".to_owned()),
        ("{bot_id}", text(&bot["bot_id"])),
        ("{name}", "start".to_owned()),
        ("{conversation_id}", text(&conversation["conversation_id"])),
        ("{user_id}", text(&ann.me().await["user_id"])),
        ("{session_id}", text(&session["session_id"])),
        ("{key_id}", text(&key["key_id"])),
        ("{key}", "visits".to_owned()),
        ("{event_id}", text(&logged[0]["log_id"])),
        ("{job_id}", app.enqueue(&ann, JobKind::new("test.unknown").job(&())).await),
    ]
}

/// The request with a body as the contract shows one.
fn with_example(request: RequestBuilder, content: &Value) -> RequestBuilder {
    let content_of_json = &content["application/json"];
    let among_several =
        content_of_json["examples"].as_object().and_then(|examples| examples.values().next()?.get("value"));
    if let Some(example) = content_of_json.get("example").or(among_several) {
        return request.json(example);
    }
    match content.as_object().and_then(|kinds| kinds.keys().next()).map(String::as_str) {
        None => request,
        Some("multipart/form-data") => request
            .header("content-type", "multipart/form-data; boundary=end")
            .body("--end\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nhi\r\n--end--\r\n"),
        Some(kind) => request.header("content-type", kind).body(package("TALK 1")),
    }
}

#[botserver_test]
async fn every_operation_that_takes_an_id_knows_nothing_of_anothers(app: App) {
    let ids = ids(&app).await;
    let stranger = app.stranger("sue").await;
    let contract = Client::send(app.anonymous().at(Method::GET, "/api/openapi.json")).await.json();
    let mut tried = 0;
    for (path, item) in contract["paths"].as_object().expect("paths") {
        let mut own = path.clone();
        for (parameter, id) in &ids {
            own = own.replace(parameter, id);
        }
        if own == *path {
            continue;
        }
        for (method, operation) in item.as_object().expect("operations") {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let id = operation["operationId"].as_str().expect("an id");
            let request = stranger.at(method.clone(), &own);
            let request = with_example(request, &operation["requestBody"]["content"]);

            let answer = Client::send(request).await;

            assert_eq!(answer.status.as_u16(), 404, "{id} at {own}: {}", answer.body);
            tried += 1;
        }
    }
    assert!(tried >= 15, "only {tried} operations take an id");
}

#[botserver_test]
async fn lists_hold_ones_own_only(app: App) {
    ids(&app).await;
    let stranger = app.stranger("sue").await;

    for (path, own) in [
        ("/bots", 0),
        ("/conversations", 0),
        ("/users", 1),
        ("/sessions", 1),
        ("/admin/jobs", 0),
        ("/groups", 5),
    ] {
        assert_eq!(stranger.get(path).await.assert_ok().data()["total"], own, "{path}");
    }
}

#[botserver_test]
async fn a_socket_follows_and_says_nothing_in_anothers_conversation(app: App) {
    let ids = ids(&app).await;
    let of_conversations = ids.iter().find(|(parameter, _)| *parameter == "{conversation_id}");
    let conversation = &of_conversations.expect("one").1;
    let stranger = app.stranger("sue").await;
    let mut socket =
        Socket::signed_in(&app, stranger.token(), &format!("?conversation_id={conversation}")).await;

    assert_eq!(socket.next("error").await["code"], "NOT_FOUND");
    socket.send(json!({ "type": "message", "conversation_id": conversation, "content": "hello" })).await;

    assert_eq!(socket.next("error").await["code"], "NOT_FOUND");
}
