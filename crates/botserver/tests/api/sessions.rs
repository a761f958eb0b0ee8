//! Sign-in sessions: seen and ended.

use crate::support::{App, PASSWORD, Socket, botserver_test};

#[botserver_test(balanced)]
async fn people_see_their_own_sessions_and_which_is_this_one(app: App) {
    let ann = app.user("ann").await;
    app.anonymous().sign_in("ann", PASSWORD).await;

    let sessions = ann.get("/users/me/sessions").await.assert_ok().items();

    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions.iter().filter(|session| session["current"] == true).count(), 1);
}

#[botserver_test]
async fn an_ended_session_is_worth_nothing_and_closes_its_sockets(app: App) {
    let ann = app.user("ann").await;
    let other = app.with_token(&app.anonymous().sign_in("ann", PASSWORD).await);
    let mut socket = Socket::signed_in(&app, other.token(), "").await;
    let id = other.get("/sessions/current").await.assert_ok().data()["session_id"].clone();

    ann.delete(format!("/sessions/{}", id.as_str().expect("an id"))).await.assert_status(204);

    other.get("/users/me").await.assert_status(401);
    assert_eq!(socket.closed().await, 4401);
}

#[botserver_test]
async fn other_peoples_sessions_are_for_administrators(app: App) {
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let theirs = bob.get("/sessions/current").await.data()["session_id"].as_str().expect("an id").to_owned();

    ann.get(format!("/sessions/{theirs}")).await.assert_error(404, "NOT_FOUND", "");
    ann.delete(format!("/sessions/{theirs}")).await.assert_error(404, "NOT_FOUND", "");
    ann.get("/sessions").await.assert_error(403, "FORBIDDEN", "");

    app.admin().delete(format!("/sessions/{theirs}")).await.assert_status(204);
    bob.get("/users/me").await.assert_status(401);
}

#[botserver_test]
async fn ending_all_sessions_may_spare_this_one(app: App) {
    let ann = app.user("ann").await;
    let other = app.with_token(&app.anonymous().sign_in("ann", PASSWORD).await);

    let ended = ann.delete("/users/me/sessions?keep_current=true").await.assert_ok().data();

    assert_eq!(ended["terminated_count"], 1);
    ann.get("/users/me").await.assert_ok();
    other.get("/users/me").await.assert_status(401);
}
