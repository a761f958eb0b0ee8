//! Files of entries: asked for, made by a job while memory doesn't grow, kept for a day.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{Stream, stream};
use kernel::{
    Error, FieldErrors, Result, Timestamp,
    list::{MAX_LIMIT, MAX_VALUES},
};
use platform::jobs::{Handler, JobContext, JobError, JobKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    Audits, csv,
    model::{AuditEntry, CategoryName, ContextName, Outcome, SPEC, expand},
    period::Period,
    store,
};
use crate::ids::{OrganizationId, UserId};

/// Makes the file of an export.
pub(super) const EXPORT: JobKind<ExportJob> =
    JobKind::new("audit.export").attempts(3).time_limit(std::time::Duration::from_hours(6));
/// Forgets exports whose time is over.
pub(super) const FORGET: JobKind<()> = JobKind::new("audit.forget_exports");
/// How long a file is kept.
const KEPT: TimeDelta = TimeDelta::hours(24);

/// The form of an export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = AuditExportFormat)]
pub enum Form {
    /// A table with a head; its cells begin with no sign that a spreadsheet takes for a formula.
    #[default]
    Csv,
    /// One list.
    Json,
    /// One entry a line.
    Jsonl,
}

impl Form {
    const ALL: [Self; 3] = [Self::Csv, Self::Json, Self::Jsonl];

    /// The ending of its files, and its name in the database.
    pub(super) const fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
        }
    }

    pub(super) fn stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.ending() == text)
    }

    fn opening(self) -> String {
        match self {
            Self::Csv => csv::head(),
            Self::Json => "[".to_owned(),
            Self::Jsonl => String::new(),
        }
    }

    const fn closing(self) -> &'static str {
        match self {
            Self::Json => "\n]\n",
            Self::Csv | Self::Jsonl => "",
        }
    }

    /// Writes an entry behind others.
    fn write(self, entry: &AuditEntry, is_first: bool, out: &mut String) -> Result<()> {
        if self == Self::Csv {
            csv::row(entry, out);
            return Ok(());
        }
        let text = serde_json::to_string(entry).map_err(Error::internal)?;
        if self == Self::Json {
            out.push_str(if is_first { "\n" } else { ",\n" });
            out.push_str(&text);
        } else {
            out.push_str(&text);
            out.push('\n');
        }
        Ok(())
    }
}

/// Which days an export is of.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = AuditDateRange)]
pub struct DateRange {
    /// From that day (`2026-01-31`) or time on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Date, example = "2026-01-01")]
    pub start: Option<String>,
    /// Until that day, which counts, or before that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Date, example = "2026-01-31")]
    pub end: Option<String>,
}

/// Which entries an export is of: those that fit all that is given.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = AuditExportFilters)]
pub struct Filters {
    /// Any of these acts; `login` means success and failure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100, example = json!(["login"]))]
    pub actions: Vec<String>,
    /// Done by that person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Of that kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<CategoryName>,
    /// Done to things of that type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "user")]
    pub resource_type: Option<String>,
    /// Done to that thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "usr_01jxk6qv9ve7m8g3t5s0c4d2ba")]
    pub resource_id: Option<String>,
    /// Did it succeed?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// That ended so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Outcome>,
    /// From that address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "203.0.113.7")]
    pub ip_address: Option<String>,
    /// Done in that capacity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextName>,
}

impl Filters {
    /// The same as filters of the list.
    fn asked(&self) -> Vec<(&'static str, Vec<String>)> {
        let one = |name, value: Option<String>| value.map(|value| (name, vec![value]));
        let named = |value: Value| value.as_str().map(str::to_owned);
        let actions = (!self.actions.is_empty()).then(|| ("action", self.actions.clone()));
        [
            actions,
            one("user_id", self.user_id.map(|id| id.to_string())),
            one("category", self.category.and_then(|category| named(json!(category)))),
            one("resource_type", self.resource_type.clone()),
            one("resource_id", self.resource_id.clone()),
            one("success", self.success.map(|success| success.to_string())),
            one("result", self.result.and_then(|result| named(json!(result)))),
            one("ip_address", self.ip_address.clone()),
            one("context", self.context.and_then(|context| named(json!(context)))),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// An export to be made.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = NewAuditExport)]
pub struct NewExport {
    /// The form of the file.
    pub format: Form,
    /// Which days; all if absent.
    pub date_range: DateRange,
    /// Which entries; all if absent.
    pub filters: Filters,
}

/// What the job is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ExportJob {
    pub(super) form: Form,
    pub(super) filters: Filters,
    from: Option<Timestamp>,
    until: Timestamp,
}

impl ExportJob {
    /// What is asked for, or what is wrong with it. What is done from now on is no part of it.
    pub(super) fn of(new: NewExport, now: Timestamp) -> Result<Self> {
        let NewExport { format, date_range: range, filters } = new;
        let mut wrong = FieldErrors::default();
        let few = filters.actions.len() <= MAX_VALUES;
        wrong.check(few, "filters.actions", format!("must name at most {MAX_VALUES} actions"));
        wrong.finish()?;
        let period = Period::read(range.start.as_deref(), range.end.as_deref(), None, now)?;
        let until = period.until.map_or(now, |until| until.min(now));
        Ok(Self { form: format, filters, from: period.from, until })
    }

    /// One page of its entries, in the order of time, and where the next one begins.
    async fn page(
        &self,
        audits: &Audits,
        org: OrganizationId,
        cursor: Option<String>,
    ) -> Result<(Vec<AuditEntry>, Option<String>)> {
        let limit = MAX_LIMIT.to_string();
        let fixed = [("limit", limit.as_str()), ("order", "asc"), ("count", "false")];
        let mut request =
            SPEC.read(fixed.into_iter().chain(cursor.as_deref().map(|cursor| ("cursor", cursor))))?;
        request.filters = self.filters.asked();
        expand(&mut request);
        let extra = Period { from: self.from, until: Some(self.until) }.extra();
        let page = audits.db.read(org, move |tx| store::list(tx, &request, extra)).await?;
        let next = page.next_cursor;
        let entries = page.items.into_iter().map(|row| AuditEntry::whole(org, row));
        Ok((entries.collect::<std::result::Result<_, _>>()?, next))
    }
}

/// Where the writing of a file is.
enum Writing {
    Beginning,
    Going { cursor: Option<String>, written: u64 },
    Ended,
}

/// The file, page by page; tells how many entries were written.
fn file<'a>(
    audits: &'a Audits,
    job: &'a JobContext,
    export: &'a ExportJob,
    count: &'a std::sync::atomic::AtomicU64,
) -> impl Stream<Item = Result<Bytes>> + Send + 'a {
    stream::try_unfold(Writing::Beginning, move |writing| async move {
        let (mut out, cursor, mut written) = match writing {
            Writing::Ended => return Ok(None),
            Writing::Beginning => (export.form.opening(), None, 0),
            Writing::Going { cursor, written } => (String::new(), cursor, written),
        };
        // The sentence is for nobody: the job is asked once more what interrupted it.
        job.check().map_err(Error::internal)?;
        let (entries, next) = export.page(audits, job.org(), cursor).await?;
        for entry in &entries {
            export.form.write(entry, written == 0, &mut out)?;
            written += 1;
        }
        count.store(written, std::sync::atomic::Ordering::Relaxed);
        let next = if let Some(cursor) = next {
            Writing::Going { cursor: Some(cursor), written }
        } else {
            out.push_str(export.form.closing());
            Writing::Ended
        };
        Ok(Some((Bytes::from(out), next)))
    })
}

/// What does jobs of the kind [`EXPORT`].
pub(super) fn export(audits: &Audits) -> Handler {
    let audits = audits.clone();
    EXPORT.handled_by(move |job, asked| run(audits.clone(), job, asked))
}

async fn run(audits: Audits, job: JobContext, asked: ExportJob) -> std::result::Result<Value, JobError> {
    let by = job.created_by().ok_or_else(|| JobError::fail("Nobody has asked for this export."))?;
    let count = std::sync::atomic::AtomicU64::new(0);
    let stored = audits.objects.put(file(&audits, &job, &asked, &count), u64::MAX).await;
    job.check()?;
    let stored = stored.map_err(Error::from)?;
    let entries = count.into_inner();
    let (id, form) = (job.id(), asked.form);
    job.complete_with(move |unit| {
        let now = unit.surroundings().now();
        let expires_at: DateTime<Utc> = now + KEPT;
        store::insert_export(unit, id, stored, form.ending(), by, (now, expires_at))?;
        Ok(json!({
            "download_url": format!("{}/audit/export/{id}", gateway::API_PREFIX),
            "format": form,
            "entries": entries,
            "size_bytes": stored.size,
            "expires_at": expires_at,
        }))
    })
    .await
}

/// What does jobs of the kind [`FORGET`].
pub(super) fn forget(audits: &Audits) -> Handler {
    let audits = audits.clone();
    FORGET.handled_by(move |job, ()| {
        let audits = audits.clone();
        async move {
            let now = audits.world.now();
            let mut forgotten = 0_u64;
            loop {
                let some = audits.db.read_server(move |tx| store::expired(tx, now)).await?;
                for (org, id) in &some {
                    job.check()?;
                    let id = *id;
                    audits.db.write(*org, move |unit| store::remove_export(unit, id)).await?;
                }
                forgotten += some.len() as u64;
                if some.is_empty() {
                    return Ok(json!({ "forgotten": forgotten }));
                }
            }
        }
    })
}
