//! How mail gets to the mail server, and what becomes of what it doesn't take.

use std::sync::Arc;

use kernel::Secret;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use test_servers::{Secured, SmtpServer};

use super::{comes, make, run_mailing, run_mailing_with};
use crate::support::{App, each_database, json, run_with};

#[each_database]
fn what_the_server_puts_off_is_sent_again_and_what_it_refuses_for_an_hour_is_given_up() {
    run_mailing(|app, smtp| async move {
        make(&app, "later-ann").await;
        make(&app, "never-bob").await;
        make(&app, "strict-cid").await;

        let again = async || {
            app.hasten_jobs("mail.send").await;
            app.jobs_of("mail.send", "completed").await == 2
        };
        comes(again).await;
        for receiver in ["later-ann@example.com", "strict-cid@example.com"] {
            assert_eq!(smtp.mails_to(receiver).len(), 1);
        }
        let (_, waiting) = app.at_rest().await;
        assert_eq!(waiting, 1, "what is refused is not given up at once");
        an_hour_passes_for_mails(&app).await;
        let refused = async || {
            app.hasten_jobs("mail.send").await;
            app.jobs_of("mail.send", "failed").await == 1
        };
        comes(refused).await;

        assert!(smtp.mails_to("never-bob@example.com").is_empty());
        let (_, waiting) = app.at_rest().await;
        assert_eq!(waiting, 0);
        let failed = app.admin().get("/admin/jobs?filter[status]=failed").await.assert_ok().items();
        assert_eq!(failed[0]["error"], "The mail server refuses the mail.");
    });
}

/// As if the mails that wait had been written an hour earlier.
async fn an_hour_passes_for_mails(app: &App) {
    let passed = app.database().write(app.organization().await, |unit| {
        let hour = 3_600_000_000_i64;
        unit.execute("UPDATE mails SET created_at = created_at - $2 WHERE org_id = $1", &[&hour])
    });
    let passed: Result<_, platform::db::DbError> = passed.await;
    passed.expect("a change");
}

#[each_database]
fn a_mail_server_that_says_nothing_leaves_workers_to_other_jobs() {
    run_mailing_with(
        |config| config.jobs.workers = 4,
        |app, smtp| async move {
            for name in ["silent-ann", "silent-bob", "silent-cid", "silent-dan", "silent-eve"] {
                make(&app, name).await;
            }

            app.ask_for_reset("nobody@example.com").await;

            app.jobs_come_to("identity.reset_password", "completed", 1).await;
            app.jobs_come_to("mail.send", "running", 2).await;
            assert!(smtp.mails().is_empty());
        },
    );
}

#[each_database]
fn a_mail_server_that_says_nothing_is_not_waited_for() {
    run_mailing_with(
        |config| config.mail.timeout_seconds = 1,
        |app, smtp| async move {
            make(&app, "silent-ann").await;

            let is_put_off = async || {
                let jobs = app.admin().get("/admin/jobs?filter[kind]=mail.send").await.assert_ok().items();
                jobs[0]["error"] == "The mail server does not take the mail now."
            };
            comes(is_put_off).await;

            app.jobs_come_to("mail.send", "queued", 1).await;
            make(&app, "bob").await;
            smtp.await_mail("bob@example.com", 1);
        },
    );
}

#[each_database]
fn mail_goes_over_tls_with_a_sign_in_and_not_to_who_has_another_certificate() {
    let folder = tempfile::tempdir().expect("a folder");
    let [certificate, key, other] = ["cert.pem", "key.pem", "other.pem"].map(|name| folder.path().join(name));
    let make_one = || generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let CertifiedKey { cert, signing_key } = make_one();
    std::fs::write(&certificate, cert.pem()).expect("a file");
    std::fs::write(&key, signing_key.serialize_pem()).expect("a file");
    std::fs::write(&other, make_one().cert.pem()).expect("a file");
    let secured = Secured { certificate: &certificate, key: &key, user: "bots", password: "hush-hush" };
    let smtp = Arc::new(SmtpServer::secured(&secured));
    let port = smtp.port();
    let configure = |config: &mut botserver::Config| {
        config.mail.host = Some("localhost".to_owned());
        config.mail.port = Some(port);
        config.mail.from = Some("bots@example.com".to_owned());
        config.mail.ca = Some(other.clone());
        (config.mail.user, config.mail.password) = (Some("bots".to_owned()), Some(Secret::new("hush-hush")));
    };
    run_with(configure, |app| async move {
        make(&app, "ann").await;
        app.jobs_come_to("mail.send", "queued", 1).await;
        let waits = async || {
            let job =
                app.admin().get("/admin/jobs?filter[kind]=mail.send").await.assert_ok().items().remove(0);
            job["error"] == "The mail server does not take the mail now."
        };
        comes(waits).await;
        assert!(smtp.mails().is_empty(), "nothing is said to who can't show who they are");

        let app = app.restart_with(|config| config.mail.ca = Some(certificate.clone())).await;
        app.hasten_jobs("mail.send").await;

        let mail = smtp.await_mail("ann@example.com", 1);
        assert!(mail.over_tls);
        assert_eq!(mail.user.as_deref(), Some("bots"));
    });
    assert_eq!(config_refused(|config| config.mail.host = Some("localhost".to_owned())), "mail.from ");
}

/// How what is said of a bad configuration begins.
fn config_refused(change: impl FnOnce(&mut botserver::Config)) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = botserver::Config { data: folder.path().to_owned(), ..botserver::Config::default() };
    change(&mut config);
    let opened =
        crate::support::run_test(botserver::server::House::open(&config, kernel::Surroundings::system()));
    let error = opened.err().expect("a refusal");
    let said = error.chain().last().expect("a cause").to_string();
    said.chars().take("mail.from ".len()).collect()
}

#[each_database]
fn nothing_is_sent_of_what_did_not_come_to_be() {
    run_mailing(|app, smtp| async move {
        app.user("ann").await;
        let taken = json!({ "username": "ann", "email": "other@example.com" });

        app.admin().post("/users", taken).await.assert_error(409, "CONFLICT", "username_taken");

        make(&app, "bea").await;
        smtp.await_mail("bea@example.com", 1);
        assert!(smtp.mails_to("other@example.com").is_empty());
    });
}
