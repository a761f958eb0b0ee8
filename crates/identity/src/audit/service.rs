//! What can be done with the log.

use gateway::{OpenFile, Part};
use kernel::{
    Actor, Id, Revision, Surroundings,
    id::{JobId, kind},
    list::{ListRequest, Page},
};
use platform::{
    audit::{Audit, AuditLog, Category},
    db::{Db, DbError},
    objects::{Objects, Stored},
};
use serde_json::{Map, Value, json};

use super::{
    export::{EXPORT, ExportJob, Form, NewExport},
    model::{AuditEntry, AuditsError, expand},
    period::Period,
    store,
    summary::{AuditSummary, SummaryQuery},
};

type Result<T> = std::result::Result<T, AuditsError>;

/// The audit log of organizations, as people see it. A cheap handle.
#[derive(Clone)]
pub struct Audits {
    pub(super) db: Db,
    pub(super) objects: Objects,
    pub(super) world: Surroundings,
    log: AuditLog,
}

/// Files never change.
const REVISION: Revision = Revision(1);

impl Audits {
    /// The log in that database, which exports into those objects.
    pub fn new(db: Db, log: AuditLog, objects: Objects, world: Surroundings) -> Self {
        Self { db, objects, world, log }
    }

    /// What looks after the chains.
    pub fn log(&self) -> &AuditLog {
        &self.log
    }

    /// A page of the caller's organization's log. That it was read stands in it before it is shown.
    pub(super) async fn list(&self, who: &Actor, mut request: ListRequest) -> Result<Page<AuditEntry>> {
        let filters = asked(&request);
        let period = Period::of(&mut request, self.world.now())?;
        expand(&mut request);
        let read = Audit::by(who, "data_access", Category::DataAccess).on("audit_log", who.org);
        self.note(who, read.detail("filters", filters)).await?;
        let org = who.org;
        let page = self.db.read(org, move |tx| store::list(tx, &request, period.extra())).await;
        let page = page.map_err(AuditsError::from)?;
        Ok(page.try_map(|row| AuditEntry::listed(org, row))?)
    }

    /// One entry.
    pub(super) async fn get(&self, who: &Actor, id: Id<kind::AuditEntry>) -> Result<AuditEntry> {
        let org = who.org;
        let row = self.db.read(org, move |tx| store::get(tx, id)).await.map_err(AuditsError::from)?;
        let entry = AuditEntry::whole(org, row.ok_or(AuditsError::NoEntry)?)?;
        self.note(who, Audit::by(who, "data_access", Category::DataAccess).on("audit_entry", id)).await?;
        Ok(entry)
    }

    /// What was done in a period, counted; and whether the log holds.
    pub(super) async fn summary(&self, who: &Actor, query: SummaryQuery) -> Result<AuditSummary> {
        let (from, until) = query.period(self.world.now())?;
        let read = Audit::by(who, "data_access", Category::DataAccess).on("audit_summary", who.org);
        self.note(who, read).await?;
        let counted = self
            .db
            .read(who.org, move |tx| Ok((store::acts(tx, from, until)?, store::actors(tx, from, until)?)))
            .await
            .map_err(|error: DbError| error)?;
        let standing = self.log.standing(who.org).await.map_err(kernel::Error::from)?;
        Ok(AuditSummary::of((from, until), counted, standing))
    }

    /// Has a file of entries made.
    pub(super) async fn export(&self, who: &Actor, new: NewExport) -> Result<JobId> {
        let asked = ExportJob::of(new, self.world.now())?;
        let entry = Audit::by(who, "audit_exported", Category::DataAccess).on("audit_log", who.org);
        let entry = entry.detail("format", asked.form).detail("filters", &asked.filters);
        let job = EXPORT.job(&asked).by(who.user);
        let enqueued = self.db.write(who.org, move |unit| {
            unit.audit(entry)?;
            unit.enqueue(&job)
        });
        Ok(enqueued.await?)
    }

    /// Opens the file of an export that the caller asked for, and says its name.
    pub(super) async fn open_export(
        &self,
        who: &Actor,
        id: JobId,
        part: &Part,
    ) -> Result<(String, OpenFile)> {
        let row = self.db.read(who.org, move |tx| store::export(tx, id)).await.map_err(AuditsError::from)?;
        let now = self.world.now();
        let row = row.filter(|row| may_open(who, row) && row.expires_at > now);
        let row = row.ok_or(AuditsError::NoExport)?;
        let form = Form::stored(&row.format).ok_or(AuditsError::NoExport)?;
        let stored = Stored { hash: row.hash, size: row.size.unsigned_abs() };
        let file = part.open(&self.objects, stored, REVISION).await?;
        self.note(who, Audit::by(who, "data_access", Category::DataAccess).on("audit_export", id)).await?;
        let name = format!("audit-{}.{}", row.created_at.format("%Y%m%d-%H%M%S"), form.ending());
        Ok((name, file))
    }

    /// The organization of that id or slug, for the command line.
    pub async fn organization(db: &Db, named: &str) -> kernel::Result<Option<Id<kind::Organization>>> {
        if let Ok(id) = named.parse() {
            return Ok(Some(id));
        }
        let slug = named.to_owned();
        Ok(db.read_server(move |tx| store::organization(tx, &slug)).await?)
    }

    async fn note(&self, who: &Actor, entry: Audit) -> Result<()> {
        Ok(self.db.write(who.org, move |unit| unit.audit(entry)).await?)
    }
}

/// The one function that decides who may have the file of an export: whoever asked for it.
fn may_open(who: &Actor, export: &store::ExportRow) -> bool {
    who.is(export.created_by)
}

/// What was asked of the list, for the log.
fn asked(request: &ListRequest) -> Map<String, Value> {
    request.filters.iter().map(|(field, values)| ((*field).to_owned(), json!(values))).collect()
}
