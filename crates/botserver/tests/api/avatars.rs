//! Pictures of people. What becomes of a file is tried where it is decoded.

use http::Method;

use crate::support::{Answer, App, Client, botserver_test, json};

const OWN: &str = "/users/me/avatar";

/// A picture of one red pixel.
const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0,
    0, 1, 8, 2, 0, 0, 0, 0x90, 0x77, 0x53, 0xde, 0, 0, 0, 0x0c, b'I', b'D', b'A', b'T', 0x08, 0xd7, 0x63,
    0xf8, 0xcf, 0xc0, 0, 0, 3, 1, 1, 0, 0x18, 0xdd, 0x8d, 0xb0, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae,
    0x42, 0x60, 0x82,
];

async fn send(client: &Client, path: &str, file: impl Into<Vec<u8>>) -> Answer {
    let request = client.request(Method::PUT, path).header("content-type", "image/png");
    Client::send(request.body(file.into())).await
}

async fn avatar_url(client: &Client) -> String {
    client.me().await["avatar_url"].as_str().expect("an address").to_owned()
}

/// The head of what is at an address that a user has.
async fn at(client: &Client, address: &str) -> reqwest::Response {
    client.at(Method::GET, address).send().await.expect("an answer")
}

fn header<'a>(answer: &'a reqwest::Response, name: &str) -> &'a str {
    answer.headers()[name].to_str().expect("a text")
}

#[botserver_test(balanced)]
async fn who_has_sent_no_picture_has_one_that_is_drawn(app: App) {
    let ann = app.user("ann").await;
    let address = avatar_url(&ann).await;

    let drawn = at(&ann, &address).await;

    assert_eq!(drawn.status(), 200);
    assert_eq!(header(&drawn, "content-type"), "image/svg+xml");
    assert_eq!(header(&drawn, "x-content-type-options"), "nosniff");
    assert_eq!(header(&drawn, "cache-control"), "private, no-cache");
    let etag = header(&drawn, "etag").to_owned();
    assert!(drawn.text().await.expect("a picture").contains(">A</text>"));
    let again = ann.with("if-none-match", &etag).get(OWN).await;
    assert_eq!(again.status.as_u16(), 304);
}

#[botserver_test(balanced)]
async fn a_picture_that_was_sent_is_shown_until_it_is_removed(app: App) {
    let ann = app.user("ann").await;
    let drawn = avatar_url(&ann).await;
    ann.patch("/users/me", json!({ "avatar_url": "https://example.com/ann.png" })).await.assert_ok();

    let user = send(&ann, OWN, PNG).await.assert_ok().data();

    let address = user["avatar_url"].as_str().expect("an address").to_owned();
    assert!(address.starts_with(&drawn) && address.contains("?v="), "{address}");
    let shown = at(&app.admin(), &address).await;
    assert_eq!(header(&shown, "content-type"), "image/webp");
    assert_eq!(header(&shown, "cache-control"), "private, max-age=31536000, immutable");
    assert_eq!(header(&shown, "content-disposition"), "attachment; filename=\"avatar.webp\"");
    let etag = header(&shown, "etag").to_owned();
    assert!(shown.bytes().await.expect("a picture").starts_with(b"RIFF"));
    assert_eq!(ann.with("if-none-match", &etag).get(OWN).await.status.as_u16(), 304);
    let other = at(&ann, &format!("{drawn}?v=0123456789abcdef")).await;
    assert_eq!(header(&other, "cache-control"), "private, no-cache", "that version is not what is shown");
    let audited = app.audit_details("user_updated").await;
    assert_eq!(audited.last().expect("an entry")["changes"][0]["new_value"], *address);

    ann.delete(OWN).await.assert_status(204);

    assert_eq!(avatar_url(&ann).await, drawn);
    assert_eq!(header(&at(&ann, &address).await, "content-type"), "image/svg+xml");
}

#[botserver_test]
async fn what_is_no_picture_changes_nothing(app: App) {
    let ann = app.user("ann").await;
    let before = ann.me().await;

    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    send(&ann, OWN, svg).await.assert_error(415, "UNSUPPORTED_MEDIA_TYPE", "not_a_picture");
    send(&ann, OWN, &PNG[..45]).await.assert_error(422, "VALIDATION_ERROR", "picture_damaged");
    let large = vec![0; (5 << 20) + 1];
    send(&ann, OWN, large).await.assert_error(413, "PAYLOAD_TOO_LARGE", "");

    assert_eq!(ann.me().await, before);
}

#[botserver_test]
async fn pictures_are_ones_own_and_the_administrators(app: App) {
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let path = format!("/users/{}/avatar", ann.me().await["user_id"].as_str().expect("an id"));

    send(&bob, &path, PNG).await.assert_error(403, "FORBIDDEN", "");
    bob.delete(&path).await.assert_error(403, "FORBIDDEN", "");
    send(&app.admin(), &path, PNG).await.assert_ok();

    assert_eq!(bob.get(&path).await.assert_ok().header("content-type"), "image/webp");
    let stranger = app.stranger("sue").await;
    stranger.get(&path).await.assert_error(404, "NOT_FOUND", "");
    send(&stranger, &path, PNG).await.assert_error(404, "NOT_FOUND", "");
    let owner = format!("/users/{}/avatar", app.admin().me().await["user_id"].as_str().expect("an id"));
    let boss = app.user_with_role("boss", "admin").await;
    send(&boss, &owner, PNG).await.assert_error(403, "FORBIDDEN", "level_too_high");
}

#[botserver_test]
async fn a_picture_is_replaced_as_it_is_expected_to_be(app: App) {
    let ann = app.user("ann").await;
    let etag = ann.get(OWN).await.assert_ok().header("etag").to_owned();
    send(&ann.with("if-match", &etag), OWN, PNG).await.assert_ok();

    let stale = send(&ann.with("if-match", &etag), OWN, PNG).await;

    stale.assert_error(412, "PRECONDITION_FAILED", "");
    let claims = app.database().read_server(|tx| {
        tx.across_organizations::<(i64,)>("SELECT CAST(count(*) AS bigint) FROM object_claims")
    });
    let claims: Result<Vec<(i64,)>, platform::db::DbError> = claims.await;
    assert_eq!(claims.expect("a count"), [(1,)]);
    assert_ne!(ann.get(OWN).await.header("etag"), etag);
}
