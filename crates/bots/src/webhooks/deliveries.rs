//! What can be done with a webhook's deliveries: looking at them, trying one, having one sent again.

use kernel::{
    Actor, Error, Timestamp,
    id::{DeliveryId, EventId, JobId, OrganizationId, WebhookId},
    list::{FilterField, ListRequest, ListSpec, Listed, Page, SortField},
};
use platform::db::DbError;
use serde_json::json;

use super::{
    WebhookError, Webhooks,
    dispatch::Message,
    model::{Delivery, DeliveryStatus},
    sending::{REDELIVER, SHOWN, ToDeliver},
    service::known,
    store::{self, DeliveryRow, WebhookRow},
};

/// The list of a webhook's deliveries.
pub(super) enum DeliveryList {}

impl Listed for DeliveryList {
    const SPEC: ListSpec = ListSpec {
        sorts: &[SortField::desc("created_at")],
        filters: &[FilterField::one_of(
            "status",
            &["pending", "delivered", "failed"],
            "Of which this has become.",
        )],
        search: None,
    };
}

impl From<DeliveryRow> for Delivery {
    fn from(row: DeliveryRow) -> Self {
        Self {
            delivery_id: row.id,
            event: row.event,
            event_id: row.event_id,
            status: DeliveryStatus::read(&row.status),
            attempts: row.attempts.unsigned_abs(),
            response_status: row.response_status.and_then(|status| u16::try_from(status).ok()),
            response_time_ms: row.response_time_ms.map(i64::unsigned_abs),
            next_attempt_at: row.next_attempt_at,
            request: beginning(row.body),
            response: row.response,
            error: row.error,
            created_at: row.created_at,
        }
    }
}

/// As much of a text as is shown.
fn beginning(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(SHOWN));
    text
}

impl Webhooks {
    /// Sends `ping` now, and gives what came back. It says nothing of how the webhook is.
    pub(super) async fn test(&self, who: Actor, id: WebhookId) -> Result<Delivery, WebhookError> {
        let (org, now) = (who.org, self.now());
        let hook = self.db().read(org, move |tx| known(tx, &who, id)).await?;
        let event_id: EventId = self.new_id(now);
        let body = ping(&hook, event_id, now, org);
        let delivery = self.new_delivery(&hook, "ping", event_id, &body, now);
        let attempt = self.attempt(&hook, &delivery).await?;
        let delivery = delivery.after(&attempt, None);
        let kept = delivery.clone();
        let written: Result<(), DbError> = self
            .db()
            .write(org, move |unit| {
                // A webhook that was deleted meanwhile keeps nothing.
                match store::get(unit, id)? {
                    Some(_) => store::insert_delivery(unit, &kept, None),
                    None => Ok(()),
                }
            })
            .await;
        written?;
        Ok(delivery.into())
    }

    pub(super) async fn deliveries(
        &self,
        who: Actor,
        id: WebhookId,
        request: ListRequest,
    ) -> Result<Page<Delivery>, WebhookError> {
        let page: Page<DeliveryRow> = self
            .db()
            .read(who.org, move |tx| {
                let hook = known(tx, &who, id)?;
                let page = tx.list(&store::DELIVERIES, &request, Some(store::of_webhook(hook.id)));
                Ok::<_, WebhookError>(page.map_err(Error::from)?)
            })
            .await?;
        Ok(page.map(Delivery::from))
    }

    /// Has a delivery sent again, whatever became of it, with all its attempts before it.
    pub(super) async fn redeliver(
        &self,
        who: Actor,
        id: WebhookId,
        delivery: DeliveryId,
    ) -> Result<JobId, WebhookError> {
        let now = self.now();
        self.db()
            .write(who.org, move |unit| {
                let hook = known(unit, &who, id)?;
                store::delivery(unit, id, delivery)?.ok_or(WebhookError::NoDelivery)?;
                if !hook.enabled {
                    return Err(WebhookError::Disabled);
                }
                let job = REDELIVER.job(&ToDeliver { webhook_id: id, delivery_id: delivery });
                let job = unit.enqueue(&job.unique(delivery.to_string()).by(who.user))?;
                // Whatever else is sending it at the moment has no say in it any more.
                store::ask_again(unit, delivery, job, now)?;
                Ok(job)
            })
            .await
    }
}

fn ping(hook: &WebhookRow, id: EventId, at: Timestamp, org: OrganizationId) -> String {
    let data = json!({ "webhook_id": hook.id });
    Message { event: "ping", id, timestamp: at, organization_id: org, data: &data }.body()
}
