//! What is left to somebody who had another's session, address or invitation.

use super::{OTHER, run_mailing, run_mailing_with};
use crate::{
    organizations::text,
    support::{App, Client, PASSWORD, Value, each_database, json},
};

async fn id(client: &Client) -> String {
    text(&client.me().await["user_id"]).to_owned()
}

async fn pending(app: &App, user: &str) -> Value {
    app.admin().get(format!("/users/{user}")).await.assert_ok().data()["pending_email"].clone()
}

fn open(config: &mut botserver::Config) {
    config.identity.registration.enabled = true;
}

#[each_database]
fn a_forced_reset_takes_the_wish_for_another_address_back() {
    run_mailing(|app, smtp| async move {
        let ann = app.user("ann").await;
        let user = id(&ann).await;
        ann.patch("/users/me", json!({ "email": "eve@example.com" })).await.assert_ok();
        let token = smtp.await_mail("eve@example.com", 1).token();

        let forced = json!({ "force": true });
        app.admin().post(format!("/users/{user}/password-reset"), forced).await.assert_ok();

        assert!(pending(&app, &user).await.is_null());
        app.confirm(&token).await.assert_error(401, "UNAUTHORIZED", "token_invalid");
        let again = json!({ "email": "eve@example.com" });
        app.anonymous().post("/auth/email/resend", again).await.assert_status(202);
        app.jobs_come_to("identity.confirm_email", "completed", 1).await;
        assert_eq!(smtp.mails_to("eve@example.com").len(), 1);
        smtp.await_mail("ann@example.com", 2);
        let link = smtp.mails_to("ann@example.com").into_iter().find(|mail| mail.text().contains("token="));
        app.set_password(&link.expect("a link").token(), OTHER).await.assert_ok();
    });
}

#[each_database]
fn who_is_suspended_has_no_link_left() {
    run_mailing(|app, smtp| async move {
        let ann = app.user("ann").await;
        let user = id(&ann).await;
        ann.patch("/users/me", json!({ "email": "eve@example.com" })).await.assert_ok();
        let confirms = smtp.await_mail("eve@example.com", 1).token();

        let become_so = async |status: &str| {
            app.admin().patch(format!("/users/{user}"), json!({ "status": status })).await.assert_ok();
        };
        become_so("suspended").await;

        assert!(pending(&app, &user).await.is_null());
        app.confirm(&confirms).await.assert_error(401, "UNAUTHORIZED", "token_invalid");
        become_so("active").await;
        app.confirm(&confirms).await.assert_error(401, "UNAUTHORIZED", "token_invalid");
    });
}

#[each_database]
fn an_address_is_confirmed_only_while_the_account_can_be_used() {
    run_mailing_with(open, |app, smtp| async move {
        let bea = json!({ "username": "bea", "email": "bea@example.com", "password": PASSWORD });
        let made = app.anonymous().post("/auth/register", bea).await.assert_status(201).data();
        let token = smtp.await_mail("bea@example.com", 1).token();
        let account = format!("/users/{}", text(&made["user_id"]));

        app.admin().patch(&account, json!({ "status": "suspended" })).await.assert_ok();

        app.confirm(&token).await.assert_error(401, "UNAUTHORIZED", "token_invalid");
        assert_eq!(app.admin().get(&account).await.data()["email_verified"], false);
    });
}
