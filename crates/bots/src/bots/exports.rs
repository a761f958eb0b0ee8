//! Taking along what people said to a bot before it is removed: a zip, for whoever deleted the bot.
//!
//! It is wanted in the unit of work that deletes the bot and made by the job that removes it, which removes nothing
//! before the zip is kept. What is kept isn't made again; a zip that was not finished is begun anew by the next attempt.
//! The last attempt makes none any more: what can't be made in half a day of attempts is given up, for the bot must go.

use chrono::TimeDelta;
use futures_util::TryStreamExt;
use gateway::{Caller, Download, IfNoneMatch, OpenFile, Part, Path, Result, State};
use kernel::{
    Actor, Error, Id, Permission, Revision, Surroundings,
    id::{BotId, kind::Bot as BotKind},
};
use platform::{
    audit::{Audit, Category},
    db::{Db, DbError},
    jobs::{JobContext, JobError},
    objects::{Objects, Stored},
};
use serde_json::{Value, json};

use super::{
    BotError,
    store::{self, ExportRow},
};
use crate::{conversations::ConversationsOfBot, packages::FileBytes};

/// How long an export is kept after its bot was removed.
pub(super) const KEPT: TimeDelta = TimeDelta::hours(24);

/// The service of exports. A cheap handle.
#[derive(Clone)]
pub(super) struct Exports {
    pub(super) db: Db,
    pub(super) objects: Objects,
    pub(super) surroundings: Surroundings,
}

impl Exports {
    /// Makes the export of a bot that is being deleted, if one is wanted and neither made nor given up.
    pub(super) async fn make(&self, job: &JobContext, bot: Id<BotKind>) -> std::result::Result<(), JobError> {
        let org = job.org();
        let wanted = self.db.read(org, move |tx| store::export(tx, bot)).await.map_err(|e: DbError| e)?;
        if wanted.is_none_or(|export| export.hash.is_some() || export.is_given_up()) {
            return Ok(());
        }
        if job.is_last_attempt() {
            tracing::error!(%bot, "the conversations of a deleted bot could not be taken along");
            let until = self.surroundings.now() + KEPT;
            return job.write(move |unit| Ok(store::keep_export_until(unit, bot, until)?)).await;
        }
        // Whatever is wrong with it, the attempts are counted: the bot must go.
        Box::pin(self.try_to_make(job, bot)).await.map_err(|error| match error {
            JobError::Fail(cause) => JobError::Retry(cause),
            other => other,
        })
    }

    async fn try_to_make(&self, job: &JobContext, bot: Id<BotKind>) -> std::result::Result<(), JobError> {
        let of_bot =
            ConversationsOfBot { job: job.clone(), db: self.db.clone(), objects: self.objects.clone() };
        let (count, zip) = Box::pin(of_bot.zip(bot)).await?;
        let made = Box::pin(self.objects.put(zip.map_err(Error::internal), u64::MAX)).await;
        // That it was interrupted is no failure.
        job.check()?;
        let made = made.map_err(Error::from)?;
        job.write(move |unit| Ok(store::keep_export(unit, bot, made, count)?)).await
    }

    /// What the job that removed the bot gives: where its export is, if there is one, or that it was given up.
    pub(super) async fn told(
        &self,
        job: &JobContext,
        bot: Id<BotKind>,
    ) -> std::result::Result<Value, JobError> {
        let export =
            self.db.read(job.org(), move |tx| store::export(tx, bot)).await.map_err(|e: DbError| e)?;
        let told = export.map(|export| {
            if export.is_given_up() {
                return json!({ "export": { "given_up": true } });
            }
            let ExportRow { size, conversations, expires_at, .. } = export;
            json!({ "export": {
                "download_url": format!("/api/v1/bots/{bot}/export"),
                "size": size,
                "conversations": conversations,
                "expires_at": expires_at,
            } })
        });
        Ok(told.unwrap_or(Value::Null))
    }

    /// Opens an export for whoever it is for, and says its name.
    async fn open(
        &self,
        who: Actor,
        bot: Id<BotKind>,
        part: &Part,
    ) -> std::result::Result<(String, OpenFile), BotError> {
        who.require(Permission::CONVERSATIONS_READ)?;
        let now = self.surroundings.now();
        let mine = |row: &ExportRow| who.is(row.user_id) && row.expires_at.is_none_or(|end| now < end);
        let row = self.db.read(who.org, move |tx| store::export(tx, bot)).await?.filter(mine);
        let found = row.and_then(|row| Some((row.name, row.hash?, row.size?.unsigned_abs())));
        let (name, hash, size) = found.ok_or_else(|| Error::not_found("export"))?;
        let entry = Audit::by(&who, "bot_conversations_exported", Category::DataAccess).on("bot", bot);
        self.db.write(who.org, move |unit| unit.audit(entry)).await.map_err(|e: DbError| e)?;
        // The same bytes for as long as it is there.
        let file = part.open(&self.objects, Stored { hash, size }, Revision(1)).await?;
        Ok((name, file))
    }
}

/// Take along what people said to a bot that was deleted with `export=true`.
///
/// A zip: each conversation as `conversations/{conversation_id}.json`, as its own export in JSON, and the files that
/// were sent in it in the folder `conversations/{conversation_id}`. For whoever deleted the bot, from when the job has
/// made it until 24 hours after the bot was removed. Needs `conversations:read` as well.
#[utoipa::path(
    get,
    path = "/bots/{bot_id}/export",
    params(("bot_id" = BotId, Path), IfNoneMatch),
    responses(
        (status = 200, body = FileBytes, content_type = "application/zip"),
        (status = 206, description = "The part that was asked for.", body = FileBytes,
            content_type = "application/zip"),
        (status = 403, description = "A permission is missing, this one's or `conversations:read`."),
        (status = 404, description = "There is no such export for the caller, or not yet, or no more."),
    ),
)]
pub(super) async fn download(
    State(exports): State<Exports>,
    Caller(who): Caller,
    Path(bot): Path<BotId>,
    part: Part,
) -> Result<Download> {
    let (name, zip) = exports.open(who, bot, &part).await?;
    Ok(zip.download(name, "application/zip"))
}
