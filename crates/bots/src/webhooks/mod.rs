//! Webhooks: what happens here, told to other servers, signed after the [Standard Webhooks] specification.
//!
//! An event of the outbox becomes one delivery for each webhook that wants it (`dispatch`), in the unit of work that
//! ends the event's job. A delivery is sent by a job of its own until it is taken or given up (`sending`); those of one
//! webhook and one resource stand in line. What a webhook hears is what its owner may read at that moment: each type of
//! event says who may know of it ([`kernel::PublicEvent`]), and those that say nothing are never told.
//!
//! Requests leave through [`platform::egress`], which refuses what is not public.
//!
//! [Standard Webhooks]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

mod catalogue;
mod checks;
mod deliveries;
mod dispatch;
mod events;
pub(crate) mod migrations;
mod model;
mod routes;
mod secrets;
mod sending;
mod service;
pub(crate) mod signing;
mod store;
#[cfg(test)]
mod tests;
mod upkeep;

use gateway::{Access, By, Limit, Module, Repeats, routes as documented};
use kernel::{Permission, Standing};
use platform::outbox::Subscription;

use catalogue::Catalogue;
pub use model::{Delivery, NewWebhook, Webhook, WebhookError, WebhookPatch};
pub use service::{Parts, Webhooks};
pub(crate) use store::any_enabled;

/// The operations on webhooks, and what tells them of events. `modules` are all the others: their events can be
/// subscribed to.
pub fn module(webhooks: &Webhooks, modules: &[Module]) -> Module {
    let read = || Access::permission(Permission::WEBHOOKS_READ).standing(Standing::Owner);
    let write = || Access::permission(Permission::WEBHOOKS_WRITE).standing(Standing::Owner);
    let module = Module::new("webhooks").event::<events::WebhookDisabled>();
    let declared = modules.iter().chain([&module]).flat_map(Module::events).copied();
    webhooks.learn(Catalogue::of(declared));
    let hears = {
        let webhooks = webhooks.clone();
        Subscription::new(&["*"], dispatch::DISPATCH, move |job, event| {
            let webhooks = webhooks.clone();
            async move { webhooks.dispatch(job, event).await }
        })
    };
    let sends = || {
        let webhooks = webhooks.clone();
        move |job, delivery| {
            let webhooks = webhooks.clone();
            async move { webhooks.deliver(job, delivery).await }
        }
    };
    upkeep::with_jobs(module, webhooks)
        .subscription(hears.only(|tx, _| store::any_enabled(tx)))
        .job(&sending::DELIVER, sends())
        .job(&sending::REDELIVER, sends())
        .route(webhooks, documented!(routes::list), read())
        .route(webhooks, documented!(routes::create), write().repeats(Repeats::Secret))
        .route(webhooks, documented!(routes::events), Access::permission(Permission::WEBHOOKS_READ))
        .route(webhooks, documented!(routes::get), read())
        .route(webhooks, documented!(routes::patch), write())
        .route(webhooks, documented!(routes::delete), write())
        .route(webhooks, documented!(routes::test), write().limit(Limit::per_minute(10, By::Caller)))
        .route(webhooks, documented!(routes::rotate_secret), write().repeats(Repeats::Secret))
        .route(webhooks, documented!(routes::deliveries), read())
        .route(webhooks, documented!(routes::redeliver), write().limit(Limit::per_minute(60, By::Caller)))
        .describe("EventName", model::EventName::of(webhooks.catalogue()))
}
