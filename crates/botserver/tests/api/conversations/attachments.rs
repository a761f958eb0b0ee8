//! Files that people send.

use super::path;
use crate::support::{Answer, App, Client, Value, botserver_test, json};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and more";

async fn upload(client: &Client, conversation: &Value, name: &str, content: &[u8]) -> Answer {
    let head = format!(
        "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/plain\r\n\r\n"
    );
    let form = [head.as_bytes(), content, b"\r\n--x--\r\n"].concat();
    let request = client.request(reqwest::Method::POST, &path(conversation, "/attachments"));
    Client::send(request.header("content-type", "multipart/form-data; boundary=x").body(form)).await
}

#[botserver_test]
async fn a_script_that_waits_for_a_picture_gets_one(app: App) {
    let script =
        "HEAR photo AS IMAGE WITH \"A photo?\"\nTALK \"${photo.filename} ${photo.mime_type} ${photo.size}\"";
    let bot = app.bot("Photos", script).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let text = upload(&ann, &started, "../not a photo.png", b"words").await.assert_status(201).data();
    let photo = upload(&ann, &started, "photo.txt", PNG).await.assert_status(201).data();
    assert_eq!((&text["name"], &text["mime_type"]), (&json!("not a photo.png"), &json!("text/plain")));
    assert_eq!((&photo["mime_type"], &photo["size"]), (&json!("image/png"), &json!(PNG.len())));
    let say_with = async |of: &Value| {
        let message = json!({ "attachments": [of["attachment_id"]] });
        ann.post(path(&started, "/messages"), message).await.assert_status(201).data()
    };

    let refused = say_with(&text).await;
    assert!(
        refused["response"][0]["content"].as_str().is_some_and(|text| text.starts_with("Please")),
        "{refused}"
    );
    let taken = say_with(&photo).await;

    assert_eq!(taken["response"][0]["content"], format!("photo.txt image/png {}", PNG.len()));
    let sent =
        ann.get(path(&started, &format!("/messages/{}", taken["message_id"].as_str().expect("an id")))).await;
    let sent = sent.assert_ok().data();
    assert_eq!((&sent["content_type"], &sent["content"]), (&json!("image"), &json!("")));
    assert_eq!(sent["attachments"][0]["attachment_id"], photo["attachment_id"]);
}

#[botserver_test]
async fn a_file_is_sent_once_in_its_conversation_by_whoever_uploaded_it(app: App) {
    let bot = app.bot("Echo", "DO\nHEAR x\nTALK x\nLOOP").await;
    let (ann, admin) = (app.user("ann").await, app.admin());
    let (first, second) = (ann.converse(&bot).await, ann.converse(&bot).await);
    let file = upload(&ann, &first, "a.txt", b"words").await.assert_status(201).data();
    let message = json!({ "content": "look", "attachments": [file["attachment_id"]] });
    let refused = |answer: Answer| answer.assert_error(422, "VALIDATION_ERROR", "attachment_not_found");

    refused(ann.post(path(&second, "/messages"), message.clone()).await);
    refused(admin.post(path(&first, "/messages"), message.clone()).await);
    assert_eq!(ann.get(path(&first, "")).await.data()["message_count"], 0, "nothing was said");
    ann.post(path(&first, "/messages"), message.clone()).await.assert_status(201);
    refused(ann.post(path(&first, "/messages"), message).await);
    let twice = json!({ "attachments": [file["attachment_id"], file["attachment_id"]] });
    ann.post(path(&first, "/messages"), twice).await.assert_fields(&["attachments"]);
    let nothing = ann.post(path(&first, "/messages"), json!({ "attachments": [] })).await;
    nothing.assert_error(422, "VALIDATION_ERROR", "invalid_message");
}

#[botserver_test]
async fn what_is_no_file_is_refused(app: App) {
    let bot = app.bot("Echo", "HEAR x").await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let started = ann.converse(&bot).await;

    upload(&ann, &started, "a.txt", b"").await.assert_fields(&["file"]);
    upload(&bob, &started, "a.txt", b"x").await.assert_error(404, "NOT_FOUND", "");
    ann.post(path(&started, "/attachments"), json!({})).await.assert_status(415);
    let large = vec![b'x'; (25 << 20) + 1];
    upload(&ann, &started, "a.txt", &large).await.assert_error(413, "PAYLOAD_TOO_LARGE", "");
    ann.post(path(&started, "/end"), json!({})).await.assert_ok();
    upload(&ann, &started, "a.txt", b"x").await.assert_error(409, "CONFLICT", "conversation_ended");
    assert_eq!(app.rows_of("conversation_attachments", &started).await, 0);
}

#[botserver_test]
async fn files_go_with_their_conversation(app: App) {
    let bot = app.bot("Echo", "DO\nHEAR x\nTALK x\nLOOP").await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let file = upload(&ann, &started, "a.txt", b"words").await.assert_status(201).data();
    upload(&ann, &started, "b.txt", b"never sent").await.assert_status(201);
    let message = json!({ "content": "look", "attachments": [file["attachment_id"]] });
    ann.post(path(&started, "/messages"), message).await.assert_status(201);

    ann.delete(path(&started, "")).await.assert_status(204);

    super::removed(&app).await;
    assert_eq!(app.rows_of("conversation_attachments", &started).await, 0);
    assert_eq!(app.rows_of("object_claims", &started).await, 0);
}
