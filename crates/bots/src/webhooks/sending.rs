//! Sending a delivery: one attempt, what it came to, and when the next one is due.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use kernel::{
    Error, Kind, Timestamp,
    id::{DeliveryId, WebhookId},
};
use platform::{
    db::{DbError, Unit},
    egress::{Answer, EgressError, Excess, Limits, Outgoing},
    jobs::{JobContext, JobError, JobKind},
    secrets::SecretsError,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    Webhooks,
    events::WebhookDisabled,
    model::{DeliveryStatus, DisabledReason},
    signing::signatures,
    store::{self, DeliveryRow, WebhookRow},
};

/// Sends a delivery until it is taken or given up. How often that is stands in the delivery: attempts of the job that
/// were only postponed don't count.
pub(super) const DELIVER: JobKind<ToDeliver> = JobKind::new("webhooks.deliver").attempts(1_000_000);
/// Sends one that somebody wants sent again, beside all others.
pub(super) const REDELIVER: JobKind<ToDeliver> = JobKind::new("webhooks.redeliver").attempts(1_000_000);

/// Bytes of an answer that are kept, and of a message that are shown.
pub(super) const SHOWN: usize = 4 << 10;
/// Attempts for one webhook at once on one node: a slow receiver must not take all workers.
const AT_ONCE: usize = 2;
/// How long a worker waits for another attempt for the same webhook to end.
const PATIENCE: Duration = Duration::from_millis(200);
/// When one that found no room comes back; later each time, so that many of them don't keep the queue busy.
const POSTPONED: Duration = Duration::from_secs(2);
/// How often that grows.
const POSTPONED_MOST: u32 = 30;

/// The delivery to be sent.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct ToDeliver {
    pub(super) webhook_id: WebhookId,
    pub(super) delivery_id: DeliveryId,
}

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) outcome: Outcome,
    response_status: Option<u16>,
    response_time_ms: i64,
    response: Option<String>,
    error: Option<String>,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was taken.
    Taken,
    /// The receiver wants nothing any more.
    Gone,
    /// It was not taken.
    Failed,
}

impl Attempt {
    fn of(result: Result<Answer, EgressError>, took: Duration) -> Self {
        let response_time_ms = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
        match result {
            Err(error) => {
                let error = Some(error.to_string());
                Self {
                    outcome: Outcome::Failed,
                    response_status: None,
                    response_time_ms,
                    response: None,
                    error,
                }
            }
            Ok(answer) => {
                let (outcome, error) = match answer.status {
                    status if status.is_success() => (Outcome::Taken, None),
                    StatusCode::GONE => {
                        (Outcome::Gone, Some("The receiver wants no more messages (410).".into()))
                    }
                    status if status.is_redirection() => {
                        let status = status.as_u16();
                        (
                            Outcome::Failed,
                            Some(format!("The receiver redirects ({status}), which is not followed.")),
                        )
                    }
                    status => (Outcome::Failed, Some(format!("The receiver answered {}.", status.as_u16()))),
                };
                let response_status = Some(answer.status.as_u16());
                // PostgreSQL keeps no U+0000 in a text.
                let text = String::from_utf8_lossy(&answer.body).replace('\0', "\u{fffd}");
                Self { outcome, response_status, response_time_ms, response: Some(text), error }
            }
        }
    }
}

impl DeliveryRow {
    /// The same after an attempt; `next` is when it is tried again, if it is.
    pub(super) fn after(self, attempt: &Attempt, next: Option<Timestamp>) -> Self {
        let status = match attempt.outcome {
            Outcome::Taken => DeliveryStatus::Delivered,
            Outcome::Gone | Outcome::Failed if next.is_none() => DeliveryStatus::Failed,
            Outcome::Gone | Outcome::Failed => DeliveryStatus::Pending,
        };
        Self {
            status: status.as_str().to_owned(),
            attempts: self.attempts + 1,
            response_status: attempt.response_status.map(i64::from),
            response_time_ms: Some(attempt.response_time_ms),
            response: attempt.response.clone(),
            error: attempt.error.clone(),
            next_attempt_at: next,
            ..self
        }
    }

    /// The same, given up without another attempt.
    fn given_up(self, error: &str) -> Self {
        let status = DeliveryStatus::Failed.as_str().to_owned();
        Self { status, error: Some(error.to_owned()), next_attempt_at: None, ..self }
    }
}

/// How long to wait after that many failed attempts. None when it is given up.
pub(super) fn retry_after(failed: i64, waits: &[u64]) -> Option<Duration> {
    let at = usize::try_from(failed - 1).ok()?;
    waits.get(at).map(|seconds| Duration::from_secs(*seconds))
}

impl Webhooks {
    /// Does the job of a delivery: one attempt.
    pub(super) async fn deliver(&self, job: JobContext, to: ToDeliver) -> Result<Value, JobError> {
        let read = self.db().read(job.org(), move |tx| {
            Ok::<_, DbError>((
                store::get(tx, to.webhook_id)?,
                store::delivery(tx, to.webhook_id, to.delivery_id)?,
            ))
        });
        let (Some(hook), Some(delivery)) = read.await? else { return Ok(Value::Null) };
        let is_ours = delivery.job_id == Some(job.id());
        if !is_ours || delivery.status != DeliveryStatus::Pending.as_str() {
            return Ok(Value::Null);
        }
        if !hook.enabled {
            return self.give_up(&job, delivery).await;
        }
        let Some(_room) = self.room(hook.id).await else {
            let busy = "Other messages are being sent there at the moment.";
            let wait = POSTPONED * job.attempt().clamp(1, POSTPONED_MOST);
            return Err(JobError::RetryAfter(Error::new(Kind::Unavailable, busy), wait));
        };
        let attempt = self.attempt(&hook, &delivery).await.map_err(Error::from)?;
        match attempt.outcome {
            Outcome::Taken => self.taken(&job, delivery, attempt).await,
            Outcome::Gone => self.gone(&job, hook, delivery, attempt).await,
            Outcome::Failed => self.failed(&job, hook, delivery, attempt).await,
        }
    }

    /// Sends the message once.
    pub(super) async fn attempt(
        &self,
        hook: &WebhookRow,
        delivery: &DeliveryRow,
    ) -> Result<Attempt, SecretsError> {
        let now = self.now();
        let Ok(url) = hook.url.parse() else { return Err(SecretsError::Corrupt) };
        let (id, timestamp) = (delivery.event_id.to_string(), now.timestamp());
        let signature = signatures(&hook.signing(self.secrets(), now)?, &id, timestamp, &delivery.body);
        let headers = headers_of(hook.headers(self.secrets())?, &id, timestamp, &signature);
        let request = Outgoing { method: Method::POST, url, headers, body: delivery.body.clone().into() };
        let time = Duration::from_secs(self.settings().webhook_timeout_seconds);
        // A long answer is one, too: only its beginning is kept.
        let limits = Limits { time, bytes: SHOWN, excess: Excess::IsCut };
        let began = Instant::now();
        let result = self.egress().send(request, limits).await;
        if let Err(error) = &result {
            tracing::debug!(webhook = %hook.id, ?error, "a webhook was not reached");
        }
        Ok(Attempt::of(result, began.elapsed()))
    }

    async fn taken(
        &self,
        job: &JobContext,
        delivery: DeliveryRow,
        attempt: Attempt,
    ) -> Result<Value, JobError> {
        let now = self.now();
        let delivery = delivery.after(&attempt, None);
        job.complete_with(move |unit| {
            store::save_delivery(unit, &delivery, now)?;
            store::note_success(unit, delivery.webhook_id, now)?;
            Ok(json!({ "status": attempt.response_status }))
        })
        .await
    }

    async fn gone(
        &self,
        job: &JobContext,
        hook: WebhookRow,
        delivery: DeliveryRow,
        attempt: Attempt,
    ) -> Result<Value, JobError> {
        let now = self.now();
        let delivery = delivery.after(&attempt, None);
        job.complete_with(move |unit| {
            store::save_delivery(unit, &delivery, now)?;
            store::note_failure(unit, hook.id, now)?;
            switch_off(unit, &hook, DisabledReason::Gone, now)?;
            Ok(json!({ "status": attempt.response_status }))
        })
        .await
    }

    async fn failed(
        &self,
        job: &JobContext,
        hook: WebhookRow,
        delivery: DeliveryRow,
        attempt: Attempt,
    ) -> Result<Value, JobError> {
        let (now, settings) = (self.now(), self.settings());
        let wait = retry_after(delivery.attempts + 1, &settings.webhook_retry_seconds);
        let patience = TimeDelta::days(settings.webhook_days_without_success.into());
        let error = attempt.error.clone().unwrap_or_default();
        let next = wait.map(|wait| now + wait);
        let goes_on = job.write(move |unit| {
            let since = store::note_failure(unit, hook.id, now)?;
            let too_long = since.is_some_and(|since| now - since >= patience);
            let next = next.filter(|_| !too_long);
            let is_ours = store::save_delivery(unit, &delivery.clone().after(&attempt, next), now)?;
            if too_long {
                switch_off(unit, &hook, DisabledReason::Failing, now)?;
            }
            Ok(is_ours && next.is_some())
        });
        match (goes_on.await?, wait) {
            (true, Some(wait)) => Err(JobError::RetryAfter(Error::new(Kind::Unavailable, error), wait)),
            _ => Err(JobError::fail(error)),
        }
    }

    async fn give_up(&self, job: &JobContext, delivery: DeliveryRow) -> Result<Value, JobError> {
        let now = self.now();
        let delivery = delivery.given_up("The webhook was switched off.");
        job.complete_with(move |unit| {
            store::save_delivery(unit, &delivery, now)?;
            Ok(Value::Null)
        })
        .await
    }

    /// Room for another attempt for this webhook, if it comes in time.
    async fn room(&self, id: WebhookId) -> Option<OwnedSemaphorePermit> {
        let rooms = self.rooms();
        // Those without anybody in them are made again when they are needed.
        rooms.retain(|other, room| *other == id || room.available_permits() < AT_ONCE);
        let room = rooms.entry(id).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))).clone();
        tokio::time::timeout(PATIENCE, room.acquire_owned()).await.ok()?.ok()
    }
}

/// Switches a webhook off, and tells its owner through the event.
pub(super) fn switch_off(
    unit: &Unit<'_>,
    hook: &WebhookRow,
    reason: DisabledReason,
    now: Timestamp,
) -> Result<(), DbError> {
    if store::disable(unit, hook.id, reason, now)? {
        unit.emit(&WebhookDisabled::of(hook, reason))?;
    }
    Ok(())
}

/// The headers of a message: the webhook's own first, so that none of them stands in for ours.
fn headers_of(own: super::secrets::Headers, id: &str, timestamp: i64, signature: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in own {
        // They were checked when they were set.
        if let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    let timestamp = timestamp.to_string();
    for (name, value) in [
        (header::CONTENT_TYPE, "application/json"),
        (HeaderName::from_static("webhook-id"), id),
        (HeaderName::from_static("webhook-timestamp"), &timestamp),
        (HeaderName::from_static("webhook-signature"), signature),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn answer(status: u16) -> Answer {
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, headers: HeaderMap::new(), body: Bytes::from_static(b"a\0b\xff"), whole: true }
    }

    #[test]
    fn only_2xx_is_taken_and_only_410_is_gone() {
        let outcome = |status| Attempt::of(Ok(answer(status)), Duration::ZERO).outcome;

        for status in [200, 201, 202, 204, 299] {
            assert_eq!(outcome(status), Outcome::Taken, "{status}");
        }
        for status in [300, 301, 302, 307, 400, 401, 404, 408, 409, 411, 429, 500, 503] {
            assert_eq!(outcome(status), Outcome::Failed, "{status}");
        }
        assert_eq!(outcome(410), Outcome::Gone);
    }

    #[test]
    fn an_answer_is_kept_as_text_that_every_database_takes() {
        let attempt = Attempt::of(Ok(answer(200)), Duration::from_millis(7));

        assert_eq!(attempt.response.as_deref(), Some("a\u{fffd}b\u{fffd}"));
        assert_eq!((attempt.response_status, attempt.response_time_ms), (Some(200), 7));
    }

    #[test]
    fn attempts_are_spaced_as_promised() {
        let waits = crate::Settings::default().webhook_retry_seconds;
        let spaced: Vec<_> = (1..).map_while(|failed| retry_after(failed, &waits)).collect();

        let (minute, hour) = (60, 3600);
        let seconds = [10, minute, 5 * minute, 30 * minute, 2 * hour, 6 * hour, 24 * hour];
        assert_eq!(spaced, seconds.map(Duration::from_secs));
        assert_eq!(retry_after(8, &waits), None);
        assert_eq!(retry_after(0, &waits), None);
    }
}
