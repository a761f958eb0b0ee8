//! What can be done with pictures.

use std::sync::Arc;

use bytes::Bytes;
use gateway::{OpenFile, Part};
use kernel::{Actor, Error, Expected, Id, Kind, Patch, Revision, Surroundings, Versioned, id::kind};
use platform::{
    audit::{Audit, Category},
    db::{Db, Unit},
    objects::{ObjectHash, Objects, Stored},
};
use tokio::sync::Semaphore;

use super::{
    picture::{self, NoPicture},
    store::{self, AvatarRow},
};
use crate::users::{
    self, Person, UserError, UserPatch,
    events::{About, UserUpdated},
    policy,
    store::Account,
};

type Result<T> = std::result::Result<T, UserError>;

/// Pictures that are decoded at once: each may take much memory for a moment.
const AT_ONCE: usize = 2;

impl From<NoPicture> for UserError {
    fn from(refused: NoPicture) -> Self {
        let text = refused.to_string();
        Self::Other(match refused {
            NoPicture::Kind => Error::new(Kind::UnsupportedMediaType, text).reason("not_a_picture"),
            NoPicture::Damaged => Error::new(Kind::Validation, text).reason("picture_damaged"),
            NoPicture::Large => Error::new(Kind::Validation, text).reason("picture_too_large"),
        })
    }
}

/// A picture to show.
pub(crate) enum Shown {
    /// One that was sent.
    Sent(OpenFile),
    /// One that is drawn, as SVG.
    Drawn(String, Revision),
}

/// Pictures of people. A cheap handle.
#[derive(Clone)]
pub(crate) struct Avatars {
    db: Db,
    world: Surroundings,
    objects: Objects,
    decoding: Arc<Semaphore>,
}

fn revision(row: &AvatarRow, user: Id<kind::User>) -> Revision {
    match row.hash {
        Some(hash) => Revision::of_hash(&hash.0),
        None => drawn(row, user).1,
    }
}

fn drawn(row: &AvatarRow, user: Id<kind::User>) -> (String, Revision) {
    let svg = picture::drawn(user, &row.display_name);
    let revision = Revision::of_hash(&ObjectHash::of(svg.as_bytes()).0);
    (svg, revision)
}

impl Avatars {
    pub(crate) fn new(db: Db, world: Surroundings, objects: Objects) -> Self {
        Self { db, world, objects, decoding: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// The picture of a member, with whether the address that names this version names the one that there is.
    pub(crate) async fn open(
        &self,
        who: &Actor,
        user: Id<kind::User>,
        version: Option<String>,
        part: &Part,
    ) -> Result<(Shown, bool)> {
        let own = who.is(user);
        let row = self
            .db
            .read(who.org, move |tx| {
                let is_known = own || users::store::is_member(tx, user)?;
                let row = if is_known { store::find(tx.server(), user)? } else { None };
                row.ok_or(UserError::NotFound)
            })
            .await?;
        let Some(stored) = row.stored() else {
            let (svg, revision) = drawn(&row, user);
            return Ok((Shown::Drawn(svg, revision), false));
        };
        let is_named = version.is_some_and(|version| version == users::store::version_of(&stored.hash));
        Ok((Shown::Sent(part.open(&self.objects, stored, revision(&row, user)).await?), is_named))
    }

    /// Keeps that file as the user's picture, in place of the one there is, if that is as expected. An address that
    /// was set in place of a picture is forgotten.
    pub(crate) async fn put(
        &self,
        who: &Actor,
        user: Id<kind::User>,
        expected: Expected,
        file: Bytes,
    ) -> Result<Versioned<Person>> {
        // Who may not is told so before their file takes time.
        let (now, actor) = (self.world.now(), who.clone());
        self.db
            .read(who.org, move |tx| {
                let (account, roles) = users::load(tx, user, now)?;
                let subject = policy::Subject { id: user, home: account.home_org_id, roles };
                policy::may_change(&actor, &subject, &of_picture())
            })
            .await?;
        let kept = self.kept(file).await?;
        let stored = self.objects.put_bytes(kept).await.map_err(Error::from)?;
        self.replace(who, user, expected, Some(stored)).await
    }

    /// Goes back to the picture that is drawn.
    pub(crate) async fn remove(&self, who: &Actor, user: Id<kind::User>, expected: Expected) -> Result<()> {
        self.replace(who, user, expected, None).await.map(drop)
    }

    async fn kept(&self, file: Bytes) -> Result<Bytes> {
        let place = Arc::clone(&self.decoding).acquire_owned().await.map_err(Error::internal)?;
        let decode = move || {
            // Nobody can stop it, not by leaving either: the place is taken until it is over.
            let _place = place;
            picture::kept(&file)
        };
        Ok(tokio::task::spawn_blocking(decode).await.map_err(Error::internal)??.into())
    }

    async fn replace(
        &self,
        who: &Actor,
        user: Id<kind::User>,
        expected: Expected,
        stored: Option<Stored>,
    ) -> Result<Versioned<Person>> {
        let (now, actor, claim) = (self.world.now(), who.clone(), self.world.id::<kind::Object>());
        self.db
            .write(who.org, move |unit| {
                let (before, roles) = users::lock(unit, user, now)?;
                let subject = policy::Subject { id: user, home: before.home_org_id, roles };
                policy::may_change(&actor, &subject, &of_picture())?;
                let present = store::find(unit.server(), user)?.ok_or(UserError::NotFound)?;
                expected.check(revision(&present, user))?;
                let is_same = stored.map(|stored| stored.hash) == present.hash && before.avatar_url.is_none();
                if !is_same {
                    let home = unit.server().org(present.home_org_id);
                    let picture = stored.map(|stored| (stored, *claim.as_bytes()));
                    store::replace(&home, user, &present, picture, now)?;
                    tell(unit, &actor, &before, user)?;
                }
                let (account, roles) = users::load(unit, user, now)?;
                Ok(Versioned::new(account.rev, users::seen(&actor, account, &roles)?))
            })
            .await
    }
}

/// Whoever may set the address of a picture may send one.
fn of_picture() -> UserPatch {
    UserPatch { avatar_url: Patch::Clear, ..UserPatch::default() }
}

fn tell(unit: &Unit<'_>, who: &Actor, before: &Account, user: Id<kind::User>) -> Result<()> {
    let after = users::store::find(unit.server(), user)?.ok_or(UserError::NotFound)?;
    unit.emit(&UserUpdated { user: About::from(&after), changed: vec!["avatar_url"] })?;
    let entry = Audit::by(who, "user_updated", Category::Administrative).on("user", user);
    let entry = entry.named(before.username.as_str());
    Ok(unit.audit(entry.change("avatar_url", before.picture(), after.picture()))?)
}
