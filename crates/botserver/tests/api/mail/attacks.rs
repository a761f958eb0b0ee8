//! What somebody tries who wants an account that isn't theirs, or the server to mail their words.

use super::{OTHER, make, names, run_mailing, run_mailing_with};
use crate::support::{PASSWORD, each_database, json};

#[each_database]
fn an_unknown_address_goes_the_way_of_a_known_one() {
    run_mailing(|app, smtp| async move {
        app.user("ann").await;
        let ask = async |email: &str| {
            let asked = json!({ "email": email });
            app.anonymous().post("/auth/password/reset-request", asked).await.assert_status(202).json()
        };

        let known = ask("ann@example.com").await;
        let unknown = ask("nobody@example.com").await;

        assert_eq!(known, unknown);
        // A job each, and nothing in it tells them apart.
        app.jobs_come_to("identity.reset_password", "completed", 2).await;
        smtp.await_mail("ann@example.com", 1);
        assert!(smtp.mails_to("nobody@example.com").is_empty());
        let jobs =
            app.admin().get("/admin/jobs?filter[kind]=identity.reset_password").await.assert_ok().items();
        assert!(jobs.iter().all(|job| job["result"].is_null() && job["error"].is_null()), "{jobs:?}");
        let (payloads, _) = app.at_rest().await;
        assert!(payloads.iter().all(|text| !text.contains("example.com")), "{payloads:?}");
    });
}

#[each_database]
fn no_token_stays_readable_and_no_mail_stays_at_all() {
    run_mailing(|app, smtp| async move {
        app.user("ann").await;
        app.ask_for_reset("ann@example.com").await;
        let token = smtp.await_mail("ann@example.com", 1).token();
        app.jobs_come_to("mail.send", "completed", 1).await;

        let (payloads, waiting) = app.at_rest().await;

        assert_eq!(waiting, 0);
        assert!(
            payloads.iter().all(|text| !text.contains(&token) && !text.contains("token=")),
            "{payloads:?}"
        );
    });
}

#[each_database]
fn a_used_link_and_those_beside_it_are_worth_nothing() {
    run_mailing(|app, smtp| async move {
        app.user("ann").await;
        app.ask_for_reset("ann@example.com").await;
        let first = smtp.await_mail("ann@example.com", 1).token();
        app.ask_for_reset("ann@example.com").await;
        let second = smtp.await_mail("ann@example.com", 2).token();

        app.set_password(&second, OTHER).await.assert_ok();

        for token in [&first, &second] {
            let again = app.set_password(token, "Third-Horse-9-Battery").await;
            again.assert_error(401, "UNAUTHORIZED", "token_invalid");
        }
        app.login_of("ann", OTHER).await.assert_ok();
    });
}

#[each_database]
fn of_two_who_use_one_link_at_once_one_wins() {
    run_mailing(|app, smtp| async move {
        app.user("ann").await;
        app.ask_for_reset("ann@example.com").await;
        let token = smtp.await_mail("ann@example.com", 1).token();

        let (one, other) =
            tokio::join!(app.set_password(&token, OTHER), app.set_password(&token, "Third-Horse-9-Battery"));

        let mut statuses = [one.status.as_u16(), other.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401]);
        assert_eq!(app.audited("password_changed").await, 1);
    });
}

#[each_database]
fn no_field_of_an_account_gets_into_the_headers() {
    run_mailing(|app, smtp| async move {
        make(&app, "plain").await;
        let plain = smtp.await_mail("plain@example.com", 1);
        for email in
            ["a@example.com\r\nBcc: eve@example.com", "a@example.com,eve@example.com", "\"a\nb\"@example.com"]
        {
            let asked = json!({ "email": email });
            app.anonymous().post("/auth/password/reset-request", asked).await.assert_fields(&["email"]);
        }
        let two_lines = "Eve\r\nBcc: x@example.com";
        let broken = json!({ "username": "eve", "email": "eve@example.com", "display_name": two_lines });
        app.admin().post("/users", broken).await.assert_fields(&["display_name"]);
        let odd = json!({ "username": "odd", "email": "o'dd+tag%x@example.com",
            "display_name": "\"Bcc: x@example.com\" <script>=?utf-8?b?QQ==?=" });

        app.admin().post("/users", odd).await.assert_status(201);

        let mail = smtp.await_mail("o'dd+tag%x@example.com", 1);
        assert_eq!((names(&mail), mail.to.len()), (names(&plain), 1), "{}", mail.message);
    });
}

#[each_database]
fn links_for_one_address_are_asked_for_three_times_an_hour_known_or_not() {
    run_mailing_with(
        |config| config.identity.mail_requests_per_hour = 3,
        |app, _| async move {
            app.user("ann").await;
            for email in ["ann@example.com", "nobody@example.com"] {
                for _ in 0..3 {
                    app.ask_for_reset(email).await;
                }
                let asked = json!({ "email": email.to_uppercase() });
                let refused = app.anonymous().post("/auth/password/reset-request", asked).await;
                refused.assert_error(429, "RATE_LIMITED", "too_many_attempts");
            }
        },
    );
}

#[each_database]
fn a_suspended_account_gets_no_link_and_a_token_of_another_kind_is_none() {
    run_mailing(|app, smtp| async move {
        let ann = app.user("ann").await;
        let id = ann.me().await["user_id"].as_str().expect("an id").to_owned();
        ann.patch("/users/me", json!({ "email": "new@example.com" })).await.assert_ok();
        let confirmation = smtp.await_mail("new@example.com", 1).token();
        app.set_password(&confirmation, OTHER).await.assert_error(401, "UNAUTHORIZED", "token_invalid");

        app.admin().patch(format!("/users/{id}"), json!({ "status": "suspended" })).await.assert_ok();
        app.ask_for_reset("ann@example.com").await;

        app.jobs_come_to("identity.reset_password", "completed", 1).await;
        assert_eq!(smtp.mails_to("ann@example.com").len(), 1, "of the address alone");
        app.admin().post(format!("/users/{id}/password-reset"), json!({})).await.assert_error(
            403,
            "FORBIDDEN",
            "account_suspended",
        );
    });
}

#[each_database]
fn another_organization_s_people_get_no_link() {
    run_mailing(|app, smtp| async move {
        let eve = app.stranger("eve").await;
        let ann = app.user("ann").await;
        let id = ann.me().await["user_id"].as_str().expect("an id").to_owned();

        eve.post(format!("/users/{id}/password-reset"), json!({ "force": true })).await.assert_status(404);

        app.login_of("ann", PASSWORD).await.assert_ok();
        assert!(smtp.mails_to("ann@example.com").is_empty());
    });
}

#[each_database]
fn who_has_a_key_of_somebody_s_does_not_move_their_address() {
    run_mailing(|app, smtp| async move {
        let ann = app.user("ann").await;
        let new = json!({ "name": "reads", "scopes": ["users:read"] });
        let key = ann.post("/api-keys", new).await.assert_status(201).data();
        let key = app.with_token(key["api_key"].as_str().expect("a key"));

        let refused = key.patch("/users/me", json!({ "email": "eve@example.com" })).await;

        refused.assert_error(403, "FORBIDDEN", "not_for_api_keys");
        key.patch("/users/me", json!({ "first_name": "Ann" })).await.assert_ok();
        assert!(smtp.mails().is_empty());
    });
}
