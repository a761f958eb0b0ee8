//! Events become deliveries: one for each webhook that wants the event and whose owner may know of it.

use std::collections::{HashMap, hash_map::Entry};

use kernel::{
    Error, EventType, Hearer, Timestamp,
    id::{EventId, OrganizationId, UserId},
};
use platform::{
    db::DbError,
    jobs::{JobContext, JobError, JobKind},
    outbox::Emitted,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Webhooks,
    catalogue::hears,
    model::DeliveryStatus,
    sending::{DELIVER, ToDeliver},
    store::{self, DeliveryRow, WebhookRow},
};

/// Makes deliveries of an event.
pub(super) const DISPATCH: JobKind<Emitted> = JobKind::new("webhooks.dispatch").attempts(10);

/// What is sent.
#[derive(Debug, Serialize)]
pub(super) struct Message<'a> {
    pub(super) event: &'a str,
    pub(super) id: EventId,
    pub(super) timestamp: Timestamp,
    pub(super) organization_id: OrganizationId,
    pub(super) data: &'a Value,
}

impl Message<'_> {
    /// The body, the same bytes at each attempt.
    pub(super) fn body(&self) -> String {
        json!(self).to_string()
    }
}

impl WebhookRow {
    /// Does it want to hear of the event?
    fn wants(&self, event: &Emitted) -> Result<bool, DbError> {
        let wanted: Vec<String> = self.events.read()?;
        let of_bot = self.bot_id.is_none_or(|bot| event.data["bot_id"].as_str() == Some(&*bot.to_string()));
        Ok(of_bot && wanted.iter().any(|wanted| hears(wanted, &event.name)))
    }
}

impl Webhooks {
    /// Makes the deliveries of an event, once: they stand with the end of the event's job.
    pub(super) async fn dispatch(&self, job: JobContext, event: Emitted) -> Result<Value, JobError> {
        // What nobody has said who may know of stays inside.
        let Some(kind) = self.catalogue().get(&event.name).copied() else { return Ok(Value::Null) };
        let hooks = self.hearing(&event, &kind).await?;
        if hooks.is_empty() {
            return Ok(Value::Null);
        }
        let now = self.now();
        let message = Message {
            event: &event.name,
            id: event.event_id,
            timestamp: event.at,
            organization_id: event.organization_id,
            data: &event.data,
        };
        let body = message.body();
        let rows: Vec<_> = hooks
            .iter()
            .map(|hook| self.new_delivery(hook, &event.name, event.event_id, &body, now))
            .collect();
        job.complete_with(move |unit| {
            for row in &rows {
                let line = format!("webhooks {} {}", row.webhook_id, event.subject);
                let deliver = DELIVER.job(&ToDeliver { webhook_id: row.webhook_id, delivery_id: row.id });
                let job = unit.enqueue(&deliver.in_line(line, event.number))?;
                store::insert_delivery(unit, row, Some(job))?;
            }
            Ok(json!({ "deliveries": rows.len() }))
        })
        .await
    }

    /// The webhooks that want the event, of owners who may know of it.
    async fn hearing(&self, event: &Emitted, kind: &EventType) -> Result<Vec<WebhookRow>, JobError> {
        let hooks: Result<_, DbError> = self.db().read(event.organization_id, store::enabled).await;
        let mut may_hear: HashMap<UserId, bool> = HashMap::new();
        let mut hearing = Vec::new();
        for hook in hooks? {
            if !hook.wants(event)? {
                continue;
            }
            let owner = hook.owner_id;
            let hears = match may_hear.entry(owner) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(place) => *place.insert(self.may_hear(owner, event, kind).await?),
            };
            if hears {
                hearing.push(hook);
            }
        }
        Ok(hearing)
    }

    /// May they know of the event at the moment?
    async fn may_hear(&self, user: UserId, event: &Emitted, kind: &EventType) -> Result<bool, Error> {
        let permissions = self.identity().permissions_of(event.organization_id, user).await?;
        let hearer = permissions.map(|permissions| Hearer { user, permissions });
        Ok(hearer.is_some_and(|hearer| kind.may_hear(&hearer, &event.data)))
    }

    /// A delivery that waits to be sent.
    pub(super) fn new_delivery(
        &self,
        hook: &WebhookRow,
        event: &str,
        event_id: EventId,
        body: &str,
        now: Timestamp,
    ) -> DeliveryRow {
        DeliveryRow {
            id: self.new_id(now),
            webhook_id: hook.id,
            event_id,
            event: event.to_owned(),
            body: body.to_owned(),
            status: DeliveryStatus::Pending.as_str().to_owned(),
            attempts: 0,
            response_status: None,
            response_time_ms: None,
            response: None,
            error: None,
            next_attempt_at: Some(now),
            created_at: now,
            job_id: None,
        }
    }
}
