//! Who may call what: every operation of the served contract, by callers of every kind.
//!
//! What is expected follows from what the contract says of the operation and from what the server says of the caller.
//! Nothing here names an operation, so that a new one is tried without a word.

mod callers;
mod verdict;

use futures_util::{StreamExt, stream};
use http::Method;

use crate::support::{Answer, App, Operation, each_database, prefix, run_with};
use callers::Caller;
use verdict::Verdict;

/// Whom a path names where its parameter may name the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    Caller,
    SomebodyElse,
}

/// An id that nobody has, as the contract shows it.
const NOBODY: &str = "usr_01jxk6qv9ve7m8g3t5s0c4d2ba";

/// How many call at once.
const AT_ONCE: usize = 8;

/// The paths to try: with things that are not there, and, where the caller may be named, with their own name.
fn paths(operation: &Operation) -> Vec<(Named, String)> {
    let own = operation.own_parameter();
    let path = |named: Named| {
        operation.path_with(|name, example| match example {
            _ if named == Named::Caller && own == Some(name) => "me".to_owned(),
            "me" => NOBODY.to_owned(),
            _ if prefix(example).is_some() => example.to_owned(),
            _ if name.ends_with("_id") => "nobody-made-this".to_owned(),
            _ => example.to_owned(),
        })
    };
    let named = own.map(|_| Named::Caller).into_iter().chain([Named::SomebodyElse]);
    named.map(|named| (named, path(named))).collect()
}

impl Caller {
    /// Calls the operation in every way and tells what was not as it should be.
    async fn tries(&mut self, app: &App, operation: &Operation) -> Vec<String> {
        let mut wrong = Vec::new();
        for (named, path) in paths(operation) {
            let mut request = operation.request(&self.client, &path);
            if operation.compares() {
                // Nothing is to change that others stand on.
                request = request.header("if-match", "\"0\"");
            }
            let response = request.send().await.expect("an answer");
            let streams =
                response.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream");
            if streams {
                continue;
            }
            let answer = Answer::of(response).await;
            let verdict = Verdict::expected(operation, self, named);
            if let Some(problem) = verdict.differs(operation, self, &answer) {
                wrong.push(format!(
                    "{} as {}: {} {path}: {problem}: {} {}",
                    operation.id, self.name, operation.method, answer.status, answer.body
                ));
            }
            if answer.status.is_success() && operation.method != Method::GET {
                self.come_back(app).await;
            }
        }
        wrong
    }
}

fn configure(config: &mut botserver::Config) {
    // What the tried operations start must not go on: it would reach for the addresses of examples.
    config.jobs.workers = 0;
    config.identity.lockout.slow_after = u32::MAX;
    // A connection that waits for its turn on a busy machine is not to be closed meanwhile.
    (config.http.header_timeout_seconds, config.http.keep_alive_seconds) = (600, 600);
    config.identity.api_keys.max_per_user = 1000;
}

#[each_database]
fn every_operation_is_for_those_whom_the_contract_names_and_nobody_else() {
    run_with(configure, |app| async move {
        let operations = Operation::all(&app).await;
        let mut callers = callers::with_sessions(&app).await;
        let keys = callers::with_keys(&app, &operations).await;

        let (app, operations) = (&app, &operations);
        let by_sessions = stream::iter(&mut callers).map(|caller| async move {
            let mut wrong = Vec::new();
            for operation in operations {
                wrong.extend(caller.tries(app, operation).await);
            }
            wrong.extend(caller.is_who_they_were().await);
            wrong
        });
        let by_keys =
            stream::iter(keys).map(|(operation, mut key)| async move { key.tries(app, &operation).await });

        let sessions: Vec<_> = by_sessions.buffer_unordered(AT_ONCE).collect().await;
        let keys: Vec<_> = by_keys.buffer_unordered(AT_ONCE).collect().await;

        let wrong: Vec<_> = sessions.into_iter().chain(keys).flatten().collect();
        assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    });
}
