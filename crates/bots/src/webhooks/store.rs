//! The tables of webhooks and deliveries.

use kernel::{
    Id, Timestamp,
    id::{BotId, DeliveryId, EventId, JobId, UserId, WebhookId, kind::Organization},
};
use platform::{
    db::{DbError, Filter, Json, ListOf, ServerTx, Tx, Unit},
    record,
};
use sea_query::{Condition, Expr, ExprTrait};

use super::model::{DeliveryStatus, DisabledReason};

record! {
    /// A webhook as the database has it.
    #[derive(Debug, Clone)]
    pub(super) struct WebhookRow {
        pub(super) id: WebhookId,
        pub(super) rev: i64,
        pub(super) owner_id: UserId,
        pub(super) url: String,
        pub(super) events: Json,
        pub(super) name: Option<String>,
        pub(super) description: Option<String>,
        pub(super) bot_id: Option<BotId>,
        pub(super) enabled: bool,
        pub(super) headers: Vec<u8>,
        pub(super) secret: Vec<u8>,
        pub(super) previous_secret: Option<Vec<u8>>,
        pub(super) previous_until: Option<Timestamp>,
        pub(super) failure_count: i64,
        pub(super) failing_since: Option<Timestamp>,
        pub(super) disabled_reason: Option<String>,
        pub(super) last_delivery_at: Option<Timestamp>,
        pub(super) created_at: Timestamp,
        pub(super) updated_at: Timestamp,
    }
}

record! {
    /// A delivery as the database has it.
    #[derive(Debug, Clone)]
    pub(super) struct DeliveryRow {
        pub(super) id: DeliveryId,
        pub(super) webhook_id: WebhookId,
        pub(super) event_id: EventId,
        pub(super) event: String,
        pub(super) body: String,
        pub(super) status: String,
        pub(super) attempts: i64,
        pub(super) response_status: Option<i64>,
        pub(super) response_time_ms: Option<i64>,
        pub(super) response: Option<String>,
        pub(super) error: Option<String>,
        pub(super) next_attempt_at: Option<Timestamp>,
        pub(super) created_at: Timestamp,
        /// The job that sends it. Another one's word of it is void.
        pub(super) job_id: Option<JobId>,
    }
}

pub(super) const LIST: ListOf = ListOf {
    from: "webhooks w",
    columns: "w.id, w.rev, w.owner_id, w.url, w.events, w.name, w.description, w.bot_id, w.enabled, w.headers, w.secret,
        w.previous_secret, w.previous_until, w.failure_count, w.failing_since, w.disabled_reason, w.last_delivery_at,
        w.created_at, w.updated_at",
    org: "w.org_id",
    id: "w.id",
    sorts: &[("created_at", "w.created_at")],
    filters: &[],
    search: None,
};

const STATUSES: &[(&str, &str)] = &[("pending", "pending"), ("delivered", "delivered"), ("failed", "failed")];

pub(super) const DELIVERIES: ListOf = ListOf {
    from: "webhook_deliveries d",
    columns: "d.id, d.webhook_id, d.event_id, d.event, d.body, d.status, d.attempts, d.response_status,
        d.response_time_ms, d.response, d.error, d.next_attempt_at, d.created_at, d.job_id",
    org: "d.org_id",
    id: "d.id",
    sorts: &[("created_at", "d.created_at")],
    filters: &[("status", Filter::Indexed(&Filter::OneOf("d.status", STATUSES), &["created_at"]))],
    search: None,
};

/// Those of one owner.
pub(super) fn owned_by(owner: UserId) -> Condition {
    Condition::all().add(Expr::cust("w.owner_id").eq(owner.as_bytes().to_vec()))
}

/// Those of one webhook.
pub(super) fn of_webhook(id: WebhookId) -> Condition {
    Condition::all().add(Expr::cust("d.webhook_id").eq(id.as_bytes().to_vec()))
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, rev, owner_id, url, events, name, description, bot_id, enabled, headers, secret, previous_secret,
                previous_until, failure_count, failing_since, disabled_reason, last_delivery_at, created_at, updated_at
             FROM webhooks WHERE org_id = $1",
            $rest
        )
    };
}

macro_rules! select_delivery {
    ($rest:literal) => {
        concat!(
            "SELECT id, webhook_id, event_id, event, body, status, attempts, response_status, response_time_ms,
                response, error, next_attempt_at, created_at, job_id
             FROM webhook_deliveries WHERE org_id = $1",
            $rest
        )
    };
}

pub(super) fn get(tx: &Tx<'_>, id: WebhookId) -> Result<Option<WebhookRow>, DbError> {
    tx.one(select!(" AND id = $2"), &[&id])
}

/// Those that are told of events.
pub(super) fn enabled(tx: &Tx<'_>) -> Result<Vec<WebhookRow>, DbError> {
    tx.all(select!(" AND enabled"), &[])
}

/// Is anybody told of events at all?
pub(crate) fn any_enabled(tx: &Tx<'_>) -> Result<bool, DbError> {
    let any: Option<(i64,)> = tx.one("SELECT 1 FROM webhooks WHERE org_id = $1 AND enabled LIMIT 1", &[])?;
    Ok(any.is_some())
}

pub(super) fn count(tx: &Tx<'_>) -> Result<u64, DbError> {
    let count: Option<(u64,)> = tx.one("SELECT count(*) FROM webhooks WHERE org_id = $1", &[])?;
    Ok(count.map_or(0, |(count,)| count))
}

/// Locks the webhook until the unit ends.
pub(super) fn lock(unit: &Unit<'_>, id: WebhookId) -> Result<(), DbError> {
    unit.execute("UPDATE webhooks SET rev = rev WHERE org_id = $1 AND id = $2", &[&id])?;
    Ok(())
}

pub(super) fn insert(unit: &Unit<'_>, hook: &WebhookRow) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO webhooks (org_id, id, rev, owner_id, url, events, name, description, bot_id, enabled, headers,
            secret, failure_count, created_at, updated_at)
         VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, $12)",
        &[
            &hook.id,
            &hook.owner_id,
            &hook.url,
            &hook.events,
            &hook.name,
            &hook.description,
            &hook.bot_id,
            &hook.enabled,
            &hook.headers,
            &hook.secret,
            &hook.created_at,
        ],
    )?;
    Ok(())
}

/// Writes what a person may change, and what follows from that.
pub(super) fn save(unit: &Unit<'_>, hook: &WebhookRow) -> Result<(), DbError> {
    unit.execute(
        "UPDATE webhooks SET rev = $3, url = $4, events = $5, name = $6, description = $7, bot_id = $8, enabled = $9,
            headers = $10, secret = $11, previous_secret = $12, previous_until = $13, failure_count = $14,
            failing_since = $15, disabled_reason = $16, updated_at = $17
         WHERE org_id = $1 AND id = $2",
        &[
            &hook.id,
            &hook.rev,
            &hook.url,
            &hook.events,
            &hook.name,
            &hook.description,
            &hook.bot_id,
            &hook.enabled,
            &hook.headers,
            &hook.secret,
            &hook.previous_secret,
            &hook.previous_until,
            &hook.failure_count,
            &hook.failing_since,
            &hook.disabled_reason,
            &hook.updated_at,
        ],
    )?;
    Ok(())
}

pub(super) fn delete(unit: &Unit<'_>, id: WebhookId) -> Result<(), DbError> {
    unit.execute("DELETE FROM webhooks WHERE org_id = $1 AND id = $2", &[&id])?;
    Ok(())
}

/// Notes that a message was taken.
pub(super) fn note_success(unit: &Unit<'_>, id: WebhookId, at: Timestamp) -> Result<(), DbError> {
    unit.execute(
        "UPDATE webhooks SET failure_count = 0, failing_since = NULL, last_delivery_at = $3
         WHERE org_id = $1 AND id = $2",
        &[&id, &at],
    )?;
    Ok(())
}

/// Notes that an attempt failed; gives since when none has succeeded.
pub(super) fn note_failure(
    unit: &Unit<'_>,
    id: WebhookId,
    at: Timestamp,
) -> Result<Option<Timestamp>, DbError> {
    let since: Option<(Timestamp,)> = unit.one(
        "UPDATE webhooks SET failure_count = failure_count + 1, failing_since = COALESCE(failing_since, $3)
         WHERE org_id = $1 AND id = $2 RETURNING failing_since",
        &[&id, &at],
    )?;
    Ok(since.map(|(since,)| since))
}

/// Switches an enabled webhook off. False if it was off, or gone, already.
pub(super) fn disable(
    unit: &Unit<'_>,
    id: WebhookId,
    reason: DisabledReason,
    at: Timestamp,
) -> Result<bool, DbError> {
    let disabled = unit.execute(
        "UPDATE webhooks SET rev = rev + 1, enabled = FALSE, disabled_reason = $3, updated_at = $4
         WHERE org_id = $1 AND id = $2 AND enabled",
        &[&id, &reason.as_str(), &at],
    )?;
    Ok(disabled > 0)
}

/// Enabled webhooks that fail, over all organizations, with since when.
pub(super) fn failing(tx: &ServerTx<'_>) -> Result<Vec<(Id<Organization>, WebhookId, Timestamp)>, DbError> {
    tx.across_organizations(
        "SELECT org_id, id, failing_since FROM webhooks WHERE enabled AND failing_since IS NOT NULL",
    )
}

pub(super) fn delivery(
    tx: &Tx<'_>,
    webhook: WebhookId,
    id: DeliveryId,
) -> Result<Option<DeliveryRow>, DbError> {
    tx.one(select_delivery!(" AND webhook_id = $2 AND id = $3"), &[&webhook, &id])
}

/// Keeps a delivery, with the job that sends it if one does.
pub(super) fn insert_delivery(
    unit: &Unit<'_>,
    delivery: &DeliveryRow,
    job: Option<JobId>,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO webhook_deliveries (org_id, id, webhook_id, event_id, event, body, status, attempts,
            response_status, response_time_ms, response, error, next_attempt_at, created_at, updated_at, job_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15)",
        &[
            &delivery.id,
            &delivery.webhook_id,
            &delivery.event_id,
            &delivery.event,
            &delivery.body,
            &delivery.status,
            &delivery.attempts,
            &delivery.response_status,
            &delivery.response_time_ms,
            &delivery.response,
            &delivery.error,
            &delivery.next_attempt_at,
            &delivery.created_at,
            &job,
        ],
    )?;
    Ok(())
}

/// Writes what came of a delivery. False if another job sends it by now.
pub(super) fn save_delivery(
    unit: &Unit<'_>,
    delivery: &DeliveryRow,
    now: Timestamp,
) -> Result<bool, DbError> {
    let saved = unit.execute(
        "UPDATE webhook_deliveries SET status = $3, attempts = $4, response_status = $5, response_time_ms = $6,
            response = $7, error = $8, next_attempt_at = $9, updated_at = $10
         WHERE org_id = $1 AND id = $2 AND job_id = $11",
        &[
            &delivery.id,
            &delivery.status,
            &delivery.attempts,
            &delivery.response_status,
            &delivery.response_time_ms,
            &delivery.response,
            &delivery.error,
            &delivery.next_attempt_at,
            &now,
            &delivery.job_id,
        ],
    )?;
    Ok(saved > 0)
}

/// It is to be sent again by that job, whatever became of it, unless that job sends it already.
pub(super) fn ask_again(unit: &Unit<'_>, id: DeliveryId, job: JobId, now: Timestamp) -> Result<(), DbError> {
    unit.execute(
        "UPDATE webhook_deliveries SET status = $3, attempts = 0, next_attempt_at = $4, updated_at = $4, job_id = $5
         WHERE org_id = $1 AND id = $2 AND (job_id IS NULL OR job_id <> $5)",
        &[&id, &DeliveryStatus::Pending.as_str(), &now, &job],
    )?;
    Ok(())
}

/// Rows that one unit removes at the most.
pub(super) const AT_ONCE: u64 = 500;

/// Removes some deliveries of a webhook; gives their number.
pub(super) fn forget_of(unit: &Unit<'_>, webhook: WebhookId) -> Result<u64, DbError> {
    unit.execute(
        "DELETE FROM webhook_deliveries WHERE org_id = $1 AND id IN
            (SELECT id FROM webhook_deliveries WHERE org_id = $1 AND webhook_id = $2 LIMIT $3)",
        &[&webhook, &AT_ONCE.cast_signed()],
    )
}

/// Removes some deliveries from before that instant; gives their number.
pub(super) fn forget_before(unit: &Unit<'_>, before: Timestamp) -> Result<u64, DbError> {
    unit.execute(
        "DELETE FROM webhook_deliveries WHERE org_id = $1 AND id IN
            (SELECT id FROM webhook_deliveries WHERE org_id = $1 AND created_at < $2 ORDER BY created_at LIMIT $3)",
        &[&before, &AT_ONCE.cast_signed()],
    )
}

/// Organizations that have deliveries.
pub(super) fn organizations(tx: &ServerTx<'_>) -> Result<Vec<Id<Organization>>, DbError> {
    let rows: Vec<(Id<Organization>,)> =
        tx.across_organizations("SELECT DISTINCT org_id FROM webhook_deliveries")?;
    Ok(rows.into_iter().map(|(org,)| org).collect())
}
