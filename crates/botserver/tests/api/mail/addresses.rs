//! Which addresses an account can have, how often somebody asks for one, and what asking tells.

use super::{OTHER, make, run_mailing, run_mailing_with};
use crate::{
    organizations::text,
    support::{App, Client, PASSWORD, each_database, json},
};

fn open(config: &mut botserver::Config) {
    config.identity.registration.enabled = true;
}

/// Decides that of the organization.
async fn decide(app: &App, settings: crate::support::Value) {
    let org = text(&app.admin().me().await["organization_id"]).to_owned();
    app.admin().patch(format!("/organizations/{org}/settings"), settings).await.assert_ok();
}

#[each_database]
fn an_address_of_ones_own_is_in_a_domain_that_the_organization_takes() {
    run_mailing(|app, smtp| async move {
        let ann = app.user("ann").await;
        ann.patch("/users/me", json!({ "email": "ann@example.org" })).await.assert_ok();
        let token = smtp.await_mail("ann@example.org", 1).token();

        decide(&app, json!({ "allowed_email_domains": ["example.com"] })).await;

        let late = app.confirm(&token).await;
        late.assert_error(422, "VALIDATION_ERROR", "email_domain_not_allowed");
        let refused = ann.patch("/users/me", json!({ "email": "ann@example.net" })).await;
        refused.assert_error(422, "VALIDATION_ERROR", "email_domain_not_allowed");
        ann.patch("/users/me", json!({ "email": "annie@example.com" })).await.assert_ok();
        app.confirm(&smtp.await_mail("annie@example.com", 1).token()).await.assert_ok();
        assert!(smtp.mails_to("ann@example.net").is_empty());
    });
}

#[each_database]
fn who_registers_fits_into_the_organization() {
    run_mailing_with(open, |app, _| async move {
        let register = async |name: &str, domain: &str| {
            let email = format!("{name}@{domain}");
            let wanted = json!({ "username": name, "email": email, "password": PASSWORD });
            app.anonymous().post("/auth/register", wanted).await
        };
        let present = app.admin().get("/users").await.assert_ok().data()["total"].as_u64().expect("a total");

        decide(&app, json!({ "allowed_email_domains": ["example.com"], "max_members": present + 1 })).await;

        let elsewhere = register("bea", "example.org").await;
        elsewhere.assert_error(422, "VALIDATION_ERROR", "email_domain_not_allowed");
        register("bea", "example.com").await.assert_status(201);
        register("cid", "example.com").await.assert_error(409, "CONFLICT", "member_limit");
    });
}

async fn want(client: &Client, email: &str) -> crate::support::Answer {
    client.patch("/users/me", json!({ "email": email })).await
}

#[each_database]
fn one_address_is_wanted_a_few_times_an_hour_by_whomever() {
    run_mailing_with(
        |config| config.identity.mail_requests_per_hour = 3,
        |app, smtp| async move {
            let (ann, bob) = (app.user("ann").await, app.user("bob").await);
            for email in ["v@example.com", "V@example.com", "v@EXAMPLE.com", "v@example.com"] {
                want(&ann, email).await.assert_ok();
            }
            smtp.await_mail("v@example.com", 1);
            let change_mind = async || {
                want(&ann, "ann@example.com").await.assert_ok();
                want(&ann, "v@example.com").await
            };

            for _ in 0..2 {
                change_mind().await.assert_ok();
            }

            change_mind().await.assert_error(429, "RATE_LIMITED", "too_many_attempts");
            want(&bob, "V@example.com").await.assert_error(429, "RATE_LIMITED", "too_many_attempts");
            want(&bob, "w@example.com").await.assert_ok();
            // Nothing else of the account waits for it.
            ann.patch("/users/me", json!({ "first_name": "Ann" })).await.assert_ok();
            smtp.await_mail("w@example.com", 1);
            smtp.await_mail("v@example.com", 3);
            assert_eq!(smtp.mails_to("v@example.com").len(), 3);
            assert!(smtp.mails_to("V@example.com").is_empty());
        },
    );
}

#[each_database]
fn one_person_wants_a_few_addresses_an_hour() {
    run_mailing_with(
        |config| config.identity.address_changes_per_hour = 2,
        |app, _| async move {
            let (ann, bob) = (app.user("ann").await, app.user("bob").await);
            want(&ann, "a@example.com").await.assert_ok();
            want(&ann, "b@example.com").await.assert_ok();

            want(&ann, "c@example.com").await.assert_error(429, "RATE_LIMITED", "too_many_attempts");

            want(&bob, "c@example.com").await.assert_ok();
        },
    );
}

#[each_database]
fn a_stranger_who_asks_takes_no_link_away() {
    run_mailing(|app, smtp| async move {
        app.user("ann").await;
        make(&app, "bea").await;
        let invitation = smtp.await_mail("bea@example.com", 1).token();
        app.ask_for_reset("ann@example.com").await;
        let first = smtp.await_mail("ann@example.com", 1).token();

        app.ask_for_reset("bea@example.com").await;
        app.ask_for_reset("ann@example.com").await;

        let again = smtp.await_mail("bea@example.com", 2);
        assert!(again.text().contains("Its name is bea"), "{}", again.text());
        assert!(again.text().contains("for 24 hours"), "{}", again.text());
        app.set_password(&invitation, PASSWORD).await.assert_ok();
        app.set_password(&again.token(), OTHER).await.assert_error(401, "UNAUTHORIZED", "token_invalid");
        let second = smtp.await_mail("ann@example.com", 2).token();
        app.set_password(&first, OTHER).await.assert_ok();
        app.set_password(&second, "Third-Horse-9-Battery").await.assert_status(401);
    });
}

#[each_database]
fn strangers_leave_the_owner_requests_of_their_own() {
    run_mailing_with(
        |config| {
            config.identity.mail_requests_per_hour = 1;
            config.http.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
        },
        |app, _| async move {
            let ask_from = async |from: &str| {
                let asked = json!({ "email": "ann@example.com" });
                app.anonymous()
                    .with("x-forwarded-for", from)
                    .post("/auth/password/reset-request", asked)
                    .await
            };
            ask_from("203.0.113.1").await.assert_status(202);
            ask_from("203.0.113.1").await.assert_error(429, "RATE_LIMITED", "too_many_attempts");

            for other in 2..=10 {
                ask_from(&format!("203.0.113.{other}")).await.assert_status(202);
            }

            // All of them together are counted too.
            ask_from("203.0.113.11").await.assert_error(429, "RATE_LIMITED", "too_many_attempts");
        },
    );
}

#[each_database]
fn wanting_an_address_does_not_tell_whether_somebody_has_it() {
    run_mailing(|app, smtp| async move {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);

        let known = want(&ann, "BOB@example.com").await.assert_ok().data();

        assert_eq!(known["pending_email"], "BOB@example.com");
        let told = smtp.await_mail("bob@example.com", 1);
        assert!(!told.text().contains("token="), "{}", told.text());
        assert!(told.text().contains("is yours already"), "{}", told.text());
        assert!(smtp.await_mail("ann@example.com", 1).text().contains("shall become BOB@example.com"));
        let again = json!({ "email": "bob@example.com" });
        app.anonymous().post("/auth/email/resend", again).await.assert_status(202);
        let link = smtp.await_mail("bob@example.com", 2).token();
        app.jobs_come_to("identity.confirm_email", "completed", 1).await;
        assert_eq!(smtp.mails().len(), 3);
        let confirmed = app.confirm(&link).await.assert_ok().data();
        assert_eq!(
            confirmed["user_id"],
            bob.me().await["user_id"],
            "the one who has it, not the one who wants it"
        );
    });
}
