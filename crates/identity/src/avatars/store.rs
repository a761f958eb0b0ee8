//! Pictures in the database. Their bytes lie in the object store, under the name of their content.

use kernel::{Id, Timestamp, id::kind};
use platform::{
    db::{DbError, Migration, ServerTx, Unit},
    objects::{ObjectHash, Stored},
    record,
};

/// `avatar_claim` is what has the object in the organization that the account belongs to.
pub(crate) const AVATARS: Migration = Migration::new(
    "m20261202_41_identity_avatars",
    "
ALTER TABLE server_users ADD COLUMN avatar_hash bytea;
ALTER TABLE server_users ADD COLUMN avatar_size bigint;
ALTER TABLE server_users ADD COLUMN avatar_claim uuid;
",
);

record! {
    /// What an account has of a picture.
    #[derive(Debug, Clone)]
    pub(crate) struct AvatarRow {
        pub(crate) home_org_id: Id<kind::Organization>,
        pub(crate) display_name: String,
        pub(crate) hash: Option<ObjectHash>,
        pub(crate) size: Option<i64>,
        pub(crate) claim: Option<[u8; 16]>,
    }
}

impl AvatarRow {
    /// The object, if there is one.
    pub(crate) fn stored(&self) -> Option<Stored> {
        Some(Stored { hash: self.hash?, size: self.size?.unsigned_abs() })
    }
}

pub(crate) fn find(tx: &ServerTx<'_>, user: Id<kind::User>) -> Result<Option<AvatarRow>, DbError> {
    tx.one(
        "SELECT home_org_id, display_name, avatar_hash, avatar_size, avatar_claim FROM server_users WHERE id = $1",
        &[&user],
    )
}

/// Gives the account that picture in place of the one it has, or none. The unit's organization is its home.
pub(crate) fn replace(
    unit: &Unit<'_>,
    user: Id<kind::User>,
    present: &AvatarRow,
    picture: Option<(Stored, [u8; 16])>,
    now: Timestamp,
) -> Result<(), DbError> {
    if let Some(claim) = &present.claim {
        unit.release_objects(claim)?;
    }
    if let Some((stored, claim)) = &picture {
        unit.claim_object(*stored, claim)?;
    }
    let hash = picture.map(|(stored, _)| stored.hash);
    let size = picture.map(|(stored, _)| i64::try_from(stored.size).unwrap_or(i64::MAX));
    let claim = picture.map(|(_, claim)| claim);
    unit.server().execute(
        "UPDATE server_users SET avatar_hash = $2, avatar_size = $3, avatar_claim = $4, avatar_url = NULL,
            updated_at = $5, rev = rev + 1 WHERE id = $1",
        &[&user, &hash, &size, &claim, &now],
    )?;
    Ok(())
}
