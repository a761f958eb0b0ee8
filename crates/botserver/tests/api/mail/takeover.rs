//! What is left to somebody who had another's session, address or invitation.

use test_servers::Arrived;

use super::{OTHER, run_mailing, run_mailing_with};
use crate::{
    organizations::{found, path, switch, text},
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

#[each_database]
fn an_account_of_ones_own_is_changed_at_home() {
    run_mailing(|app, smtp| async move {
        let (ann, bob) = (app.user("ann").await, app.user_with_role("bob", "admin").await);
        let (guild, owner) = found(&app, &bob, "Guild").await;
        let invitation = json!({ "user_id": id(&ann).await, "roles": ["admin"] });
        let members = format!("{}/members", path(&guild));
        let invited = owner.post(&members, invitation).await.assert_status(202).data();
        let accept = format!("/invitations/{}/accept", text(&invited["invitation_id"]));
        ann.post(accept, json!({})).await.assert_ok();
        let there = switch(&app, &ann, &guild).await;
        smtp.await_mail("ann@example.com", 1);

        for change in [
            json!({ "username": "annie" }),
            json!({ "metadata": { "rank": "chief" } }),
            json!({ "status": "active" }),
            json!({ "email": "annie@example.com" }),
        ] {
            let refused = there.patch("/users/me", change).await;
            refused.assert_error(403, "FORBIDDEN", "not_home_organization");
        }
        there.patch("/users/me", json!({ "display_name": "Ann Lee" })).await.assert_ok();

        assert_eq!(app.audited("user_updated").await, 1, "where the account is at home");
        let heard = owner.get("/audit?filter[action]=user_updated").await.assert_ok();
        assert_eq!(heard.items(), Vec::<Value>::new());
        assert_eq!(smtp.mails().len(), 1, "of the invitation");
    });
}

#[each_database]
fn an_account_made_after_an_invitation_needs_its_token() {
    run_mailing_with(open, |app, smtp| async move {
        let bob = app.user_with_role("bob", "admin").await;
        let (guild, owner) = found(&app, &bob, "Guild").await;
        let invitations = format!("{}/invitations", path(&guild));
        let invited =
            owner.post(&invitations, json!({ "email": "bea@example.com" })).await.assert_status(201);
        let invited = invited.data()["invitations"][0].clone();
        let mail = smtp.await_mail("bea@example.com", 1);
        let squatted = json!({ "username": "eve", "email": "bea@example.com", "password": PASSWORD });
        app.anonymous().post("/auth/register", squatted).await.assert_status(201);
        app.confirm(&smtp.await_mail("bea@example.com", 2).token()).await.assert_ok();
        let eve = app.with_token(&app.anonymous().sign_in("eve", PASSWORD).await);

        let one = format!("/invitations/{}", text(&invited["invitation_id"]));
        let accept = format!("{one}/accept");

        assert_eq!(eve.get("/invitations").await.data()["total"], 0);
        eve.get(&one).await.assert_error(404, "NOT_FOUND", "");
        eve.post(&accept, json!({})).await.assert_error(404, "NOT_FOUND", "");
        // Who reads the mail has the token.
        let text = mail.text();
        let (_, token) = text.split_once("&token=").expect("a link");
        let token = token.split_whitespace().next();
        eve.post(&accept, json!({ "token": token })).await.assert_ok();
    });
}

#[each_database]
fn everybody_who_waits_for_an_address_has_a_link_mailed_again() {
    run_mailing(|app, smtp| async move {
        let (eve, ann) = (app.user("eve").await, app.user("ann").await);
        for client in [&eve, &ann] {
            client.patch("/users/me", json!({ "email": "new@example.com" })).await.assert_ok();
        }
        smtp.await_mail("new@example.com", 2);

        let again = json!({ "email": "new@example.com" });
        app.anonymous().post("/auth/email/resend", again).await.assert_status(202);

        smtp.await_mail("new@example.com", 4);
        app.jobs_come_to("identity.confirm_email", "completed", 1).await;
        let tokens: Vec<_> = smtp.mails_to("new@example.com")[2..].iter().map(Arrived::token).collect();
        app.confirm(&tokens[0]).await.assert_ok();
        app.confirm(&tokens[1]).await.assert_error(409, "CONFLICT", "email_taken");
    });
}
