//! Invitations in the database.

use kernel::{Id, Timestamp, id::kind};
use platform::{
    db::{DbError, Json, ListOf, Migration, ServerTx, ServerUnit},
    record,
};

use crate::tokens::TokenHash;

/// Invitations that one unit forgets at the most.
pub(super) const FORGOTTEN_AT_ONCE: u64 = 500;

/// Whom an invitation is for looks for it in all organizations, so that the table is the server's.
pub(crate) const INVITATIONS: Migration = Migration::new(
    "m20261202_43_identity_invitations",
    "
CREATE TABLE server_invitations (
    id uuid NOT NULL PRIMARY KEY,
    org_id uuid NOT NULL REFERENCES server_organizations (id),
    user_id uuid REFERENCES server_users (id) ON DELETE CASCADE,
    email text,
    email_key keytext,
    roles text NOT NULL,
    message text,
    status keytext NOT NULL,
    token_hash bytea NOT NULL,
    invited_by uuid NOT NULL,
    expires_at bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);
CREATE INDEX server_invitations_by_org ON server_invitations (org_id, created_at, id);
CREATE INDEX server_invitations_by_user ON server_invitations (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX server_invitations_by_email ON server_invitations (email_key) WHERE email_key IS NOT NULL;
CREATE INDEX server_invitations_by_end ON server_invitations (expires_at);
",
);

record! {
    /// An invitation with what its organization is called.
    #[derive(Debug, Clone)]
    pub(crate) struct InvitationRow {
        pub(crate) id: Id<kind::Invitation>,
        pub(crate) org_id: Id<kind::Organization>,
        pub(crate) organization_name: String,
        pub(crate) user_id: Option<Id<kind::User>>,
        pub(crate) email: Option<String>,
        pub(crate) email_key: Option<String>,
        pub(crate) roles: Json,
        pub(crate) message: Option<String>,
        pub(crate) status: String,
        pub(crate) token_hash: TokenHash,
        pub(crate) invited_by: Id<kind::User>,
        pub(crate) expires_at: Timestamp,
        pub(crate) created_at: Timestamp,
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT i.id, i.org_id, o.name, i.user_id, i.email, i.email_key, i.roles, i.message, i.status, i.token_hash,
                i.invited_by, i.expires_at, i.created_at
             FROM server_invitations i JOIN server_organizations o ON o.id = i.org_id
             WHERE o.deleted_at IS NULL AND ",
            $rest
        )
    };
}

/// The invitations of an organization.
pub(crate) const LIST: ListOf = ListOf {
    from: "server_invitations i LEFT JOIN server_organizations o ON o.id = i.org_id",
    columns: "i.id, i.org_id, o.name, i.user_id, i.email, i.email_key, i.roles, i.message, i.status, i.token_hash, \
              i.invited_by, i.expires_at, i.created_at",
    org: "i.org_id",
    id: "i.id",
    sorts: &[("created_at", "i.created_at")],
    filters: &[],
    search: None,
};

pub(super) fn find(tx: &ServerTx<'_>, id: Id<kind::Invitation>) -> Result<Option<InvitationRow>, DbError> {
    tx.one(select!("i.id = $1"), &[&id])
}

/// Invitations that wait for an answer: by that id, or by that address if there is one.
pub(super) fn waiting_for(
    tx: &ServerTx<'_>,
    user: Id<kind::User>,
    email_key: Option<&str>,
    now: Timestamp,
) -> Result<Vec<InvitationRow>, DbError> {
    let mut found: Vec<InvitationRow> =
        tx.all(select!("i.user_id = $1 AND i.status = 'sent' AND i.expires_at > $2"), &[&user, &now])?;
    if let Some(key) = email_key {
        let by_address: Vec<InvitationRow> =
            tx.all(select!("i.email_key = $1 AND i.status = 'sent' AND i.expires_at > $2"), &[&key, &now])?;
        found.extend(by_address);
    }
    Ok(found)
}

pub(super) fn insert(unit: &ServerUnit<'_>, new: &InvitationRow) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO server_invitations (id, org_id, user_id, email, email_key, roles, message, status, token_hash,
            invited_by, expires_at, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)",
        &[
            &new.id,
            &new.org_id,
            &new.user_id,
            &new.email,
            &new.email_key,
            &new.roles,
            &new.message,
            &new.status,
            &new.token_hash,
            &new.invited_by,
            &new.expires_at,
            &new.created_at,
        ],
    )?;
    Ok(())
}

/// Ends an invitation that waits for its answer. Only one of several units that try gets true.
pub(super) fn close(
    unit: &ServerUnit<'_>,
    id: Id<kind::Invitation>,
    status: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let closed = unit.execute(
        "UPDATE server_invitations SET status = $2, updated_at = $3 WHERE id = $1 AND status = 'sent'",
        &[&id, &status, &now],
    )?;
    Ok(closed == 1)
}

/// Takes back the invitations of the organization `$1` that wait, and have `$2` in that column, at the time `$3`.
macro_rules! revoke {
    ($column:literal) => {
        concat!(
            "UPDATE server_invitations SET status = 'revoked', updated_at = $3 WHERE org_id = $1 AND ",
            $column,
            " = $2 AND status = 'sent'"
        )
    };
}

/// An invitation takes the place of those before it that are for the same person.
pub(super) fn replace(
    unit: &ServerUnit<'_>,
    org: Id<kind::Organization>,
    user: Option<Id<kind::User>>,
    email_key: Option<&str>,
    now: Timestamp,
) -> Result<(), DbError> {
    if let Some(user) = user {
        unit.execute(revoke!("user_id"), &[&org, &user, &now])?;
    }
    if let Some(key) = email_key {
        unit.execute(revoke!("email_key"), &[&org, &key, &now])?;
    }
    Ok(())
}

/// Takes back what somebody invited to who leaves.
pub(crate) fn revoke_those_by(
    unit: &ServerUnit<'_>,
    org: Id<kind::Organization>,
    by: Id<kind::User>,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(revoke!("invited_by"), &[&org, &by, &now])?;
    Ok(())
}

/// Forgets some that ended before that time; gives their number.
pub(super) fn forget_some(unit: &ServerUnit<'_>, before: Timestamp) -> Result<u64, DbError> {
    unit.execute(
        "DELETE FROM server_invitations WHERE id IN
            (SELECT id FROM server_invitations WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
        &[&before, &FORGOTTEN_AT_ONCE.cast_signed()],
    )
}
