//! Webhooks over HTTP.

use gateway::{
    AcceptedJob, Body, Caller, Envelope, IfMatch, IfNoneMatch, ListQuery, Path, Reply, Result, State,
};
use kernel::{
    id::{DeliveryId, WebhookId},
    list::Page,
};

use super::{
    Delivery, NewWebhook, Webhook, WebhookPatch, Webhooks,
    deliveries::DeliveryList,
    model::{EventInfo, WebhookWithSecret},
    service::{EventList, WebhookList},
};

/// Webhooks of the caller.
///
/// With `admin:bots` all of the organization.
#[utoipa::path(
    get,
    path = "/webhooks",
    params(ListQuery<WebhookList>),
    responses((status = 200, body = Envelope<Page<Webhook>>)),
)]
pub(super) async fn list(
    State(webhooks): State<Webhooks>,
    Caller(who): Caller,
    query: ListQuery<WebhookList>,
) -> Result<Reply<Page<Webhook>>> {
    Ok(Reply::ok(webhooks.list(who, query.0).await?))
}

/// Make a webhook.
///
/// It is told of what its owner, the caller, may read. Messages are signed after the Standard Webhooks specification
/// with the secret, which this answer shows and no other.
#[utoipa::path(
    post,
    path = "/webhooks",
    request_body(content = NewWebhook, example = json!({ "url": "https://example.com/hooks/bots", "events": ["bot.*"] })),
    responses(
        (status = 201, body = Envelope<WebhookWithSecret>, headers(("ETag" = String, description = "The revision"))),
        (status = 409, description = "`webhook_limit` with `limit`"),
        (status = 422, description = "`url_not_allowed`, or `unknown_event`: the address must lead to the public internet"),
    ),
)]
pub(super) async fn create(
    State(webhooks): State<Webhooks>,
    Caller(who): Caller,
    Body(new): Body<NewWebhook>,
) -> Result<Reply<WebhookWithSecret>> {
    let made = webhooks.create(who, new).await?;
    let path = format!("/webhooks/{}", made.value.webhook.webhook_id);
    Ok(Reply::created(path, made.value).at(made.revision))
}

/// Every type of event.
///
/// Each with a message as it is sent.
#[utoipa::path(
    get,
    path = "/webhooks/events",
    params(ListQuery<EventList>),
    responses((status = 200, body = Envelope<Page<EventInfo>>)),
)]
pub(super) async fn events(
    State(webhooks): State<Webhooks>,
    Caller(who): Caller,
    query: ListQuery<EventList>,
) -> Result<Reply<Page<EventInfo>>> {
    Ok(Reply::ok(webhooks.events(&who, &query.0)))
}

/// One webhook.
///
/// Without its secret, and without the values of its headers.
#[utoipa::path(
    get,
    path = "/webhooks/{webhook_id}",
    params(("webhook_id" = WebhookId, Path), IfNoneMatch),
    responses((status = 200, body = Envelope<Webhook>)),
)]
pub(super) async fn get(
    State(webhooks): State<Webhooks>,
    Caller(who): Caller,
    Path(id): Path<WebhookId>,
) -> Result<Reply<Webhook>> {
    Ok(Reply::versioned(webhooks.get(who, id).await?))
}

/// Change a webhook.
///
/// Absent fields stay, null clears. Enabling one that the server switched off begins anew; what was not delivered
/// before can be sent again.
#[utoipa::path(
    patch,
    path = "/webhooks/{webhook_id}",
    params(("webhook_id" = WebhookId, Path), IfMatch),
    request_body(content = WebhookPatch, example = json!({ "enabled": true })),
    responses(
        (status = 200, body = Envelope<Webhook>),
        (status = 422, description = "`url_not_allowed`, or `unknown_event`: the address must lead to the public internet"),
    ),
)]
pub(super) async fn patch(
    State(webhooks): State<Webhooks>,
    Caller(who): Caller,
    Path(id): Path<WebhookId>,
    IfMatch(expected): IfMatch,
    Body(patch): Body<WebhookPatch>,
) -> Result<Reply<Webhook>> {
    Ok(Reply::versioned(webhooks.patch(who, id, expected, patch).await?))
}

/// Delete a webhook.
///
/// What waits to be sent is not sent any more.
#[utoipa::path(
    delete,
    path = "/webhooks/{webhook_id}",
    params(("webhook_id" = WebhookId, Path), IfMatch),
    responses((status = 204)),
)]
pub(super) async fn delete(
    State(webhooks): State<Webhooks>,
    Caller(who): Caller,
    Path(id): Path<WebhookId>,
    IfMatch(expected): IfMatch,
) -> Result<Reply<()>> {
    webhooks.delete(who, id, expected).await?;
    Ok(Reply::no_content())
}

/// Send `ping` now.
///
/// The answer tells what came back, also where nothing did. It is sent once, also if the webhook is switched off.
#[utoipa::path(
    post,
    path = "/webhooks/{webhook_id}/test",
    params(("webhook_id" = WebhookId, Path)),
    responses((status = 200, body = Envelope<Delivery>)),
)]
pub(super) async fn test(
    State(webhooks): State<Webhooks>,
    Caller(who): Caller,
    Path(id): Path<WebhookId>,
) -> Result<Reply<Delivery>> {
    Ok(Reply::ok(webhooks.test(who, id).await?))
}

/// Give a webhook a new secret.
///
/// The one before signs, too, for 24 hours.
#[utoipa::path(
    post,
    path = "/webhooks/{webhook_id}/rotate-secret",
    params(("webhook_id" = WebhookId, Path)),
    responses(
        (status = 200, body = Envelope<WebhookWithSecret>, headers(("ETag" = String, description = "The revision"))),
    ),
)]
pub(super) async fn rotate_secret(
    State(webhooks): State<Webhooks>,
    Caller(who): Caller,
    Path(id): Path<WebhookId>,
) -> Result<Reply<WebhookWithSecret>> {
    Ok(Reply::versioned(webhooks.rotate_secret(who, id).await?))
}

/// What was sent to a webhook.
///
/// Each message with its attempts, for 30 days.
#[utoipa::path(
    get,
    path = "/webhooks/{webhook_id}/deliveries",
    params(("webhook_id" = WebhookId, Path), ListQuery<DeliveryList>),
    responses((status = 200, body = Envelope<Page<Delivery>>)),
)]
pub(super) async fn deliveries(
    State(webhooks): State<Webhooks>,
    Caller(who): Caller,
    Path(id): Path<WebhookId>,
    query: ListQuery<DeliveryList>,
) -> Result<Reply<Page<Delivery>>> {
    Ok(Reply::ok(webhooks.deliveries(who, id, query.0).await?))
}

/// Send a message again.
///
/// With the same id, so that a receiver that has it already can tell.
#[utoipa::path(
    post,
    path = "/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver",
    params(("webhook_id" = WebhookId, Path), ("delivery_id" = DeliveryId, Path)),
    responses(
        (status = 202, body = Envelope<AcceptedJob>),
        (status = 409, description = "`webhook_disabled`: enable it first"),
    ),
)]
pub(super) async fn redeliver(
    State(webhooks): State<Webhooks>,
    Caller(who): Caller,
    Path((id, delivery)): Path<(WebhookId, DeliveryId)>,
) -> Result<Reply<AcceptedJob>> {
    Ok(Reply::job(webhooks.redeliver(who, id, delivery).await?))
}
