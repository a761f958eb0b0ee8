//! The schema of webhooks.

use platform::db::Migration;

/// Secrets and headers are sealed. `failing_since` is when the first attempt failed after which none succeeded.
pub(crate) const WEBHOOKS: Migration = Migration::new(
    "m20261129_21_bots_webhooks",
    "CREATE TABLE webhooks (
        org_id uuid NOT NULL,
        id uuid NOT NULL,
        rev bigint NOT NULL,
        owner_id uuid NOT NULL,
        url text NOT NULL,
        events text NOT NULL,
        name text,
        description text,
        bot_id uuid,
        enabled boolean NOT NULL,
        headers bytea NOT NULL,
        secret bytea NOT NULL,
        previous_secret bytea,
        previous_until bigint,
        failure_count bigint NOT NULL,
        failing_since bigint,
        disabled_reason text,
        last_delivery_at bigint,
        created_at bigint NOT NULL,
        updated_at bigint NOT NULL,
        PRIMARY KEY (org_id, id)
    );
    CREATE INDEX webhooks_by_creation ON webhooks (org_id, created_at, id);
    CREATE INDEX webhooks_enabled ON webhooks (org_id) WHERE enabled;
    CREATE TABLE webhook_deliveries (
        org_id uuid NOT NULL,
        id uuid NOT NULL,
        webhook_id uuid NOT NULL,
        event_id uuid NOT NULL,
        event text NOT NULL,
        body text NOT NULL,
        status keytext NOT NULL,
        attempts bigint NOT NULL,
        response_status bigint,
        response_time_ms bigint,
        response text,
        error text,
        next_attempt_at bigint,
        created_at bigint NOT NULL,
        updated_at bigint NOT NULL,
        job_id uuid,
        PRIMARY KEY (org_id, id)
    );
    CREATE INDEX webhook_deliveries_by_creation ON webhook_deliveries (org_id, webhook_id, created_at, id);
    CREATE INDEX webhook_deliveries_by_status ON webhook_deliveries (org_id, webhook_id, status, created_at, id);
    CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (org_id, created_at);",
);
