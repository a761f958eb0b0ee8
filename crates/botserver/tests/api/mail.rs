//! What goes over mail, with a real mail server: invitations, other passwords, addresses, accounts of one's own.

mod addresses;
mod attacks;
mod delivery;
mod registration;
mod takeover;

use std::sync::Arc;

use test_servers::{Arrived, SmtpServer};

use crate::support::{App, Client, PASSWORD, Value, each_database, json, run_with};

const OTHER: &str = "Another-Horse-8-Battery";

/// Starts a server that mails, and runs a test with it and with the mail server.
fn run_mailing<F: Future<Output = ()>>(claim: impl FnOnce(App, Arc<SmtpServer>) -> F) {
    run_mailing_with(|_| {}, claim);
}

/// The same with settings of the test's own.
fn run_mailing_with<F: Future<Output = ()>>(
    change: impl FnOnce(&mut botserver::Config),
    claim: impl FnOnce(App, Arc<SmtpServer>) -> F,
) {
    let smtp = Arc::new(SmtpServer::start());
    let port = smtp.port();
    let configure = |config: &mut botserver::Config| {
        config.mail.host = Some("127.0.0.1".to_owned());
        config.mail.port = Some(port);
        config.mail.tls = platform::mail::TlsMode::None;
        config.mail.from = Some("bots@example.com".to_owned());
        config.identity.mail_requests_per_hour = 0;
        change(config);
    };
    run_with(configure, |app| claim(app, smtp));
}

impl App {
    async fn ask_for_reset(&self, email: &str) {
        let asked = json!({ "email": email });
        self.anonymous().post("/auth/password/reset-request", asked).await.assert_status(202);
    }

    async fn set_password(&self, token: &str, password: &str) -> crate::support::Answer {
        let body = json!({ "token": token, "password": password });
        self.anonymous().post("/auth/password/reset", body).await
    }

    async fn confirm(&self, token: &str) -> crate::support::Answer {
        self.anonymous().post("/auth/email/verify", json!({ "token": token })).await
    }

    async fn login_of(&self, username: &str, password: &str) -> crate::support::Answer {
        self.anonymous().post("/auth/login", json!({ "username": username, "password": password })).await
    }

    /// How many jobs of that kind have that status.
    async fn jobs_of(&self, kind: &str, status: &str) -> u64 {
        let path = format!("/admin/jobs?filter[kind]={kind}&filter[status]={status}&count=exact");
        self.admin().get(path).await.assert_ok().data()["total"].as_u64().expect("a total")
    }

    /// Waits until so many jobs of that kind have that status.
    async fn jobs_come_to(&self, kind: &str, status: &str, number: u64) {
        comes(async || self.jobs_of(kind, status).await == number).await;
    }

    /// Everything that is kept of jobs and of waiting mails, as text.
    async fn at_rest(&self) -> (Vec<String>, i64) {
        let org = self.organization().await;
        let read = self.database().read(org, |tx| {
            let jobs: Vec<(String,)> = tx.all("SELECT payload FROM jobs WHERE org_id = $1", &[])?;
            let mails: Option<(i64,)> = tx.one("SELECT count(*) FROM mails WHERE org_id = $1", &[])?;
            Ok((jobs.into_iter().map(|(payload,)| payload).collect(), mails.map_or(0, |(count,)| count)))
        });
        let read: Result<_, platform::db::DbError> = read.await;
        read.expect("rows")
    }
}

/// Waits until it is so.
async fn comes(is_so: impl AsyncFn() -> bool) {
    let asks = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), asks).await.expect("it happens in time");
}

fn names(mail: &Arrived) -> Vec<&str> {
    mail.headers.keys().map(String::as_str).collect()
}

async fn make(app: &App, name: &str) -> Value {
    let new = json!({ "username": name, "email": format!("{name}@example.com") });
    app.admin().post("/users", new).await.assert_status(201).data()
}

#[each_database]
fn an_invitation_is_mailed_and_its_link_sets_the_password() {
    run_mailing(|app, smtp| async move {
        let created = make(&app, "bea").await;

        let mail = smtp.await_mail("bea@example.com", 1);

        assert!(created["password_link"].is_null() && created["invitation_mailed"] == true, "{created}");
        assert_eq!((mail.from.as_str(), mail.to.len()), ("bots@example.com", 1));
        assert_eq!(mail.header("from"), "BotServer <bots@example.com>");
        assert_eq!(mail.header("auto-submitted"), "auto-generated");
        assert!(mail.text().contains("Its name is bea"), "{}", mail.text());
        app.set_password(&mail.token(), PASSWORD).await.assert_ok();
        let bea = app.with_token(&app.anonymous().sign_in("bea", PASSWORD).await).me().await;
        assert_eq!((&bea["status"], &bea["email_verified"]), (&json!("active"), &json!(true)));
    });
}

#[each_database]
fn a_mailed_link_sets_another_password_and_ends_every_session() {
    run_mailing(|app, smtp| async move {
        let ann = app.user("ann").await;
        app.ask_for_reset("ANN@example.com").await;
        let token = smtp.await_mail("ann@example.com", 1).token();

        let set = app.set_password(&token, OTHER).await.assert_ok().data();

        assert_eq!(set["username"], "ann");
        ann.get("/users/me").await.assert_status(401);
        app.login_of("ann", PASSWORD).await.assert_status(401);
        app.login_of("ann", OTHER).await.assert_ok();
        let notice = smtp.await_mail("ann@example.com", 2);
        assert_eq!(notice.header("subject"), "Your password was changed");
        assert_eq!(app.audited("password_reset_requested").await, 1);
        assert_eq!(app.audited("password_changed").await, 1);
    });
}

#[each_database]
fn a_bad_password_names_every_rule_and_leaves_the_link_as_it_was() {
    run_mailing(|app, smtp| async move {
        app.user("ann").await;
        app.ask_for_reset("ann@example.com").await;
        let token = smtp.await_mail("ann@example.com", 1).token();

        let error = app.set_password(&token, "short").await.assert_fields(&["password"]);
        assert_eq!(error["details"]["fields"]["password"].as_array().map(Vec::len), Some(4), "{error}");
        app.set_password(&token, PASSWORD).await.assert_error(422, "VALIDATION_ERROR", "password_reused");

        app.set_password(&token, OTHER).await.assert_ok();
    });
}

#[each_database]
fn an_administrator_ends_a_password_and_has_a_link_mailed() {
    run_mailing(|app, smtp| async move {
        let ann = app.user("ann").await;
        let me = ann.me().await;
        let path = format!("/users/{}/password-reset", me["user_id"].as_str().expect("an id"));

        ann.post(&path, json!({})).await.assert_error(403, "FORBIDDEN", "");
        app.admin().post(&path, json!({})).await.assert_ok();
        ann.get("/users/me").await.assert_ok();
        smtp.await_mail("ann@example.com", 1);
        let ordered = app.admin().post(&path, json!({ "force": true })).await.assert_ok().data();

        assert_eq!(ordered["forced"], true);
        ann.get("/users/me").await.assert_status(401);
        app.login_of("ann", PASSWORD).await.assert_status(401);
        let token = smtp.await_mail("ann@example.com", 2).token();
        app.set_password(&token, PASSWORD).await.assert_error(422, "VALIDATION_ERROR", "password_reused");
        app.set_password(&token, OTHER).await.assert_ok();
    });
}

#[each_database]
fn an_address_of_ones_own_waits_until_it_is_confirmed_from_there() {
    run_mailing(|app, smtp| async move {
        let ann = app.user("ann").await;
        app.ask_for_reset("ann@example.com").await;
        let old_link = smtp.await_mail("ann@example.com", 1).token();

        let changed = ann.patch("/users/me", json!({ "email": "new@example.com" })).await.assert_ok().data();

        assert_eq!(
            (&changed["email"], &changed["pending_email"]),
            (&json!("ann@example.com"), &json!("new@example.com"))
        );
        assert!(smtp.await_mail("ann@example.com", 2).text().contains("shall become new@example.com"));
        let token = smtp.await_mail("new@example.com", 1).token();
        app.confirm(&token).await.assert_ok();
        let me = ann.me().await;
        assert_eq!((&me["email"], &me["email_verified"]), (&json!("new@example.com"), &json!(true)));
        assert!(me["pending_email"].is_null(), "{me}");
        assert!(smtp.await_mail("ann@example.com", 3).text().contains("is now new@example.com"));
        app.set_password(&old_link, OTHER).await.assert_error(401, "UNAUTHORIZED", "token_invalid");
        app.confirm(&token).await.assert_error(401, "UNAUTHORIZED", "token_invalid");
    });
}

#[each_database]
fn another_password_takes_the_wish_for_another_address_back() {
    run_mailing(|app, smtp| async move {
        let ann = app.user("ann").await;
        ann.patch("/users/me", json!({ "email": "eve@example.com" })).await.assert_ok();
        let token = smtp.await_mail("eve@example.com", 1).token();

        let change = json!({ "current_password": PASSWORD, "new_password": OTHER });
        ann.post("/users/me/password", change).await.assert_ok();

        app.confirm(&token).await.assert_error(401, "UNAUTHORIZED", "token_invalid");
        assert!(ann.me().await["pending_email"].is_null());
    });
}

#[each_database]
fn people_are_told_of_their_roles_and_second_factor() {
    run_mailing(|app, smtp| async move {
        let ann = app.user("ann").await;
        let id = ann.me().await["user_id"].as_str().expect("an id").to_owned();

        app.admin()
            .patch(format!("/users/{id}"), json!({ "roles": ["member", "auditor"] }))
            .await
            .assert_ok();

        let mail = smtp.await_mail("ann@example.com", 1);
        assert!(mail.text().contains("Your roles: member, auditor."), "{}", mail.text());
        app.admin().delete(format!("/users/{id}/roles/auditor")).await.assert_status(204);
        assert!(smtp.await_mail("ann@example.com", 2).text().contains("Your roles: member."));
    });
}

#[each_database]
fn without_mail_it_is_said_what_needs_it_and_nobody_learns_who_is_known() {
    run_with(
        |config| config.identity.registration.enabled = true,
        |app| async move {
            let ann = app.user("ann").await;
            let id = ann.me().await["user_id"].as_str().expect("an id").to_owned();
            let needs_mail = |answer: crate::support::Answer| {
                let error = answer.assert_error(503, "SERVICE_UNAVAILABLE", "");
                assert_eq!(error["details"]["service"], "mail", "{error}");
            };
            let bea = json!({ "username": "bea", "email": "bea@example.com", "password": PASSWORD });

            needs_mail(app.anonymous().post("/auth/register", bea).await);
            needs_mail(app.admin().post(format!("/users/{id}/password-reset"), json!({})).await);
            needs_mail(ann.patch("/users/me", json!({ "email": "new@example.com" })).await);
            app.ask_for_reset("ann@example.com").await;
            app.ask_for_reset("nobody@example.com").await;

            assert_eq!(app.jobs_of("identity.reset_password", "queued").await, 0);
            assert!(
                make(&app, "cid").await["password_link"].is_string(),
                "the link is there to be handed over"
            );
        },
    );
}

#[each_database]
fn opening_a_link_does_not_use_it_up() {
    run_mailing(|app, smtp| async move {
        app.user("ann").await;
        app.ask_for_reset("ann@example.com").await;
        let token = smtp.await_mail("ann@example.com", 1).token();

        for page in ["set-password", "confirm-email"] {
            let path = format!("/{page}?token={token}");
            let shown = Client::send(app.anonymous().at(http::Method::GET, &path)).await;
            assert_eq!(shown.header("referrer-policy"), "no-referrer", "{page}: {}", shown.status);
        }

        app.set_password(&token, OTHER).await.assert_ok();
    });
}
