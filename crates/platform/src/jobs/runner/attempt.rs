//! One attempt at a job, from the claim to the word of how it ended.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use futures_util::FutureExt;
use kernel::Timestamp;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{Node, PAUSE, UNKNOWN};
use crate::jobs::{
    Handler, JobContext, JobError, Status,
    context::{Attempt, settle},
    kind,
    lifecycle::{Course, Ending},
    store::Row,
};

/// How the handler ended.
enum End {
    Returned(Result<Value, JobError>),
    Panicked,
    TookTooLong,
    /// It did not stop by itself when it should.
    Dropped,
    /// The server stops.
    HandedBack,
    /// Another node may have the job.
    Lost,
}

/// Takes its place among what runs, and leaves it whatever happens.
struct Running(Arc<Node>, Arc<Attempt>);

impl Running {
    fn new(node: Arc<Node>, attempt: Arc<Attempt>) -> Self {
        metrics::gauge!("jobs_running").increment(1.0);
        node.running.insert(attempt.id, Arc::clone(&attempt));
        Self(node, attempt)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.remove_if(&self.1.id, |_, attempt| attempt.fence == self.1.fence);
        metrics::gauge!("jobs_running").decrement(1.0);
    }
}

pub(super) async fn run(node: Arc<Node>, row: Row, course: Course, held_until: Timestamp) {
    let handler = node.handler(&row.kind).cloned();
    let attempt = Arc::new(Attempt {
        db: node.db.clone(),
        bus: node.bus.clone(),
        settings: node.settings.clone(),
        backoff: handler.as_ref().map_or(kind::BACKOFF, |handler| handler.backoff),
        org: row.org_id,
        id: row.id,
        created_by: row.created_by,
        number: course.attempts,
        max_attempts: row.max_attempts,
        fence: course.fence,
        progress: AtomicU8::new(row.progress),
        held_until: AtomicI64::new(held_until.timestamp_micros()),
        cancel: CancellationToken::new(),
        lost: CancellationToken::new(),
        stopping: node.stopping.clone(),
        settled: AtomicBool::new(false),
    });
    let running = Running::new(Arc::clone(&node), Arc::clone(&attempt));
    let Some(handler) = handler else {
        tracing::warn!(job = %row.id, kind = row.kind, "this node does not know how to do a job of this kind");
        write_down(&node, &attempt, Ending::HandedBack { after: UNKNOWN }, None).await;
        return;
    };
    let started = Instant::now();
    let end = handle(&node, &handler, &attempt, row.payload).await;
    metrics::histogram!("jobs_run_duration_seconds", "kind" => handler.kind).record(started.elapsed());
    if let Some((ending, result)) = ending(&node, &attempt, &handler, end)
        && let Some(status) = write_down(&node, &attempt, ending, result).await
    {
        count(handler.kind, status);
    }
    drop(running);
}

/// Runs the handler until it ends or must not go on. It is dropped when this is left.
async fn handle(node: &Node, handler: &Handler, attempt: &Arc<Attempt>, payload: crate::db::Json) -> End {
    let (run, context) = (Arc::clone(&handler.run), JobContext(Arc::clone(attempt)));
    let grace = node.settings.cancel_grace();
    tokio::select! {
        biased;
        () = attempt.lost.cancelled() => End::Lost,
        returned = AssertUnwindSafe(async move { run(context, payload).await }).catch_unwind() => match returned {
            Ok(result) => End::Returned(result),
            Err(panic) => {
                tracing::error!(job = %attempt.id, kind = handler.kind, panic = said(&*panic), "a job panicked");
                End::Panicked
            }
        },
        () = node.hand_back.cancelled() => End::HandedBack,
        () = async {
            attempt.cancel.cancelled().await;
            sleep(grace).await;
        } => End::Dropped,
        () = sleep(handler.time_limit) => End::TookTooLong,
    }
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or_default()
}

/// What is to be written of the end, with the result of a completed one. None if nothing is: it was written before,
/// or is another node's to write.
fn ending(node: &Node, attempt: &Attempt, handler: &Handler, end: End) -> Option<(Ending, Option<Value>)> {
    let failed = |error: String, after| (Ending::Failed { error, after }, None);
    Some(match end {
        _ if attempt.settled.load(Ordering::Acquire) => {
            count(handler.kind, Status::Completed);
            return None;
        }
        End::Lost => {
            tracing::warn!(job = %attempt.id, kind = handler.kind, "a job was lost to another node");
            return None;
        }
        End::Returned(Ok(result)) => (Ending::Completed, Some(result)),
        End::Returned(Err(JobError::Retry(error))) => {
            note(attempt, handler, &error);
            failed(error.to_string(), None)
        }
        End::Returned(Err(JobError::RetryAfter(error, after))) => {
            note(attempt, handler, &error);
            failed(error.to_string(), TimeDelta::from_std(after).ok())
        }
        End::Returned(Err(JobError::Fail(error))) => {
            note(attempt, handler, &error);
            (Ending::FailedForGood { error: error.to_string() }, None)
        }
        End::Returned(Err(JobError::NotYet(after))) => {
            (Ending::HandedBack { after: TimeDelta::from_std(after).unwrap_or_default() }, None)
        }
        End::Returned(Err(JobError::Interrupted)) if attempt.cancel.is_cancelled() => {
            (Ending::Cancelled, None)
        }
        End::Returned(Err(JobError::Interrupted)) => {
            // Without a reason for it, not at once: it would come round without end.
            let pause = if node.stopping.is_cancelled() { Duration::ZERO } else { PAUSE };
            (Ending::HandedBack { after: TimeDelta::from_std(pause).unwrap_or_default() }, None)
        }
        End::Panicked => failed("The job ended unexpectedly. It has been logged.".to_owned(), None),
        End::TookTooLong => {
            let limit = handler.time_limit.as_secs();
            tracing::error!(job = %attempt.id, kind = handler.kind, limit, "a job took too long");
            failed(format!("The job took longer than {limit} seconds."), None)
        }
        End::Dropped => (Ending::Cancelled, None),
        End::HandedBack => (Ending::HandedBack { after: TimeDelta::zero() }, None),
    })
}

fn note(attempt: &Attempt, handler: &Handler, error: &kernel::Error) {
    let (job, kind, number) = (attempt.id, handler.kind, attempt.number);
    tracing::warn!(%job, kind, attempt = number, ?error, "a job failed");
}

/// Writes how the attempt ended, trying again while the lease holds. None if the job is no longer this node's.
async fn write_down(
    node: &Node,
    attempt: &Arc<Attempt>,
    ending: Ending,
    result: Option<Value>,
) -> Option<Status> {
    loop {
        let (own, ending, result) = (Arc::clone(attempt), ending.clone(), result.clone());
        let written = node.db.write(attempt.org, move |unit| settle(unit, &own, ending, result.as_ref()));
        match written.await {
            Ok(Ok(status)) => return Some(status),
            Ok(Err(_)) => {
                tracing::warn!(job = %attempt.id, "what became of a job is another node's to say");
                return None;
            }
            Err(error) => {
                tracing::error!(job = %attempt.id, %error, "what became of a job could not be written");
            }
        }
        if attempt.lost.is_cancelled()
            || attempt.held_until.load(Ordering::Relaxed) <= node.surroundings.now().timestamp_micros()
        {
            return None;
        }
        tokio::select! {
            () = attempt.lost.cancelled() => return None,
            () = sleep(PAUSE) => {}
        }
    }
}

pub(super) fn count(kind: &'static str, status: Status) {
    if status == Status::Queued {
        metrics::counter!("jobs_retries_total", "kind" => kind).increment(1);
    } else {
        metrics::counter!("jobs_finished_total", "kind" => kind, "status" => status.as_str()).increment(1);
    }
}
