//! Accounts that people make for themselves.

use super::{OTHER, run_mailing, run_mailing_with};
use crate::support::{PASSWORD, each_database, json};

fn open(config: &mut botserver::Config) {
    config.identity.registration.enabled = true;
}

#[each_database]
fn an_account_of_ones_own_works_once_its_address_is_confirmed() {
    run_mailing_with(open, |app, smtp| async move {
        let bea = json!({ "username": "bea", "email": "bea@example.com", "password": PASSWORD });

        let made = app.anonymous().post("/auth/register", bea).await.assert_status(201).data();

        assert_eq!(made["status"], "pending_verification");
        app.login_of("bea", PASSWORD).await.assert_error(403, "FORBIDDEN", "email_unverified");
        let mail = smtp.await_mail("bea@example.com", 1);
        assert!(!mail.text().contains("bea "), "nothing of what somebody chose: {}", mail.text());
        let confirmed = app.confirm(&mail.token()).await.assert_ok().data();
        assert_eq!((&confirmed["user_id"], &confirmed["status"]), (&made["user_id"], &json!("active")));
        app.login_of("bea", PASSWORD).await.assert_ok();
        app.confirm(&mail.token()).await.assert_error(401, "UNAUTHORIZED", "token_invalid");
        let named = json!({ "username": "bea", "email": "bee@example.com", "password": PASSWORD });
        app.anonymous().post("/auth/register", named).await.assert_error(409, "CONFLICT", "username_taken");
        let other = json!({ "username": "bee", "email": "BEA@example.com", "password": PASSWORD });
        app.anonymous().post("/auth/register", other).await.assert_error(409, "CONFLICT", "email_taken");
    });
}

#[each_database]
fn the_confirmation_is_mailed_again_and_one_of_both_is_used() {
    run_mailing_with(open, |app, smtp| async move {
        let bea = json!({ "username": "bea", "email": "bea@example.com", "password": PASSWORD });
        app.anonymous().post("/auth/register", bea).await.assert_status(201);
        let first = smtp.await_mail("bea@example.com", 1).token();

        app.anonymous()
            .post("/auth/email/resend", json!({ "email": "bea@example.com" }))
            .await
            .assert_status(202);

        let second = smtp.await_mail("bea@example.com", 2).token();
        app.confirm(&first).await.assert_ok();
        app.confirm(&second).await.assert_error(401, "UNAUTHORIZED", "token_invalid");
        // Nobody waits any more.
        app.anonymous()
            .post("/auth/email/resend", json!({ "email": "bea@example.com" }))
            .await
            .assert_status(202);
        app.jobs_come_to("identity.confirm_email", "completed", 2).await;
        assert_eq!(smtp.mails_to("bea@example.com").len(), 2);
    });
}

#[each_database]
fn whoever_reads_the_mail_takes_the_account_from_who_registered_the_address() {
    run_mailing_with(open, |app, smtp| async move {
        let squatted = json!({ "username": "evil", "email": "bea@example.com", "password": PASSWORD });
        app.anonymous().post("/auth/register", squatted).await.assert_status(201);
        smtp.await_mail("bea@example.com", 1);

        app.ask_for_reset("bea@example.com").await;
        let token = smtp.await_mail("bea@example.com", 2).token();
        app.set_password(&token, OTHER).await.assert_ok();

        app.login_of("evil", OTHER).await.assert_ok();
        app.login_of("evil", PASSWORD).await.assert_status(401);
    });
}

#[each_database]
fn everything_wrong_with_a_registration_is_said_and_other_domains_are_refused() {
    let rules = |config: &mut botserver::Config| {
        open(config);
        config.identity.registration.allowed_email_domains = vec!["Example.org".to_owned()];
    };
    run_mailing_with(rules, |app, smtp| async move {
        let register = async |username: &str, email: &str, password: &str| {
            let wanted = json!({ "username": username, "email": email, "password": password });
            app.anonymous().post("/auth/register", wanted).await
        };

        register("Ä", "nowhere", "short").await.assert_fields(&["email", "password", "username"]);
        let refused = register("bea", "bea@example.com", PASSWORD).await;
        refused.assert_error(422, "VALIDATION_ERROR", "email_domain_not_allowed");
        register("bea", "bea@example.org.evil.com", PASSWORD).await.assert_status(422);
        register("bea", "bea@example.org", PASSWORD).await.assert_status(201);

        smtp.await_mail("bea@example.org", 1);
        assert_eq!(smtp.mails().len(), 1);
    });
}

#[each_database]
fn nobody_registers_where_the_server_does_not_let_them() {
    run_mailing(|app, _| async move {
        let bea = json!({ "username": "bea", "email": "bea@example.com", "password": PASSWORD });

        let refused = app.anonymous().post("/auth/register", bea).await;

        refused.assert_error(403, "FORBIDDEN", "registration_disabled");
    });
}
