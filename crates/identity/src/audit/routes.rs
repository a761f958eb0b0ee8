//! The operations on the audit log.

use gateway::{
    AcceptedJob, Body, Caller, Download, Envelope, IfNoneMatch, ListQuery, Params, Part, Path, Reply, Result,
    State,
};
use kernel::{id::JobId, list::Page};
use utoipa::ToSchema;

use super::{
    Audits,
    export::NewExport,
    model::{AuditEntry, AuditLogList},
    summary::{AuditSummary, SummaryQuery},
};
use crate::ids::AuditEntryId;

/// A file of entries.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary, example = "timestamp,log_id,action")]
#[allow(dead_code, reason = "it is sent as it comes")]
pub(super) struct ExportFile(Vec<u8>);

/// The organization's audit log.
///
/// Who did what to which thing, from where, and how it ended; the newest first. Within a second of its commit an entry has
/// its number and its hash. Reading the log is an entry of it.
#[utoipa::path(get, path = "/audit", params(ListQuery<AuditLogList>),
    responses((status = 200, body = Envelope<Page<AuditEntry>>)))]
pub(super) async fn list(
    State(audits): State<Audits>,
    Caller(who): Caller,
    query: ListQuery<AuditLogList>,
) -> Result<Reply<Page<AuditEntry>>> {
    Ok(Reply::ok(audits.list(&who, query.0).await?))
}

/// One entry of the audit log.
///
/// With the fields that changed as they were before and after. Reading it is an entry of the log.
#[utoipa::path(get, path = "/audit/{event_id}", params(("event_id" = AuditEntryId, Path)),
    responses((status = 200, body = Envelope<AuditEntry>)))]
pub(super) async fn get(
    State(audits): State<Audits>,
    Caller(who): Caller,
    Path(id): Path<AuditEntryId>,
) -> Result<Reply<AuditEntry>> {
    Ok(Reply::ok(audits.get(&who, id).await?))
}

/// Export the audit log.
///
/// A job writes the entries into a file, the earliest first. Its result has the address of the file (`download_url`), which
/// is kept for 24 hours. The export is an entry of the log.
#[utoipa::path(post, path = "/audit/export", request_body = NewExport,
    responses((status = 202, body = Envelope<AcceptedJob>)))]
pub(super) async fn export(
    State(audits): State<Audits>,
    Caller(who): Caller,
    Body(new): Body<NewExport>,
) -> Result<Reply<AcceptedJob>> {
    Ok(Reply::job(audits.export(&who, new).await?))
}

/// The file of an export.
///
/// For whoever asked for it, for 24 hours. Each download is an entry of the log.
#[utoipa::path(get, path = "/audit/export/{job_id}", params(("job_id" = JobId, Path), IfNoneMatch), responses(
    (status = 200, body = ExportFile, content_type = "application/octet-stream"),
    (status = 206, description = "The part that was asked for.", body = ExportFile,
        content_type = "application/octet-stream"),
    (status = 404, description = "There is no such export, it is another's, or its time is over."),
))]
pub(super) async fn download(
    State(audits): State<Audits>,
    Caller(who): Caller,
    Path(id): Path<JobId>,
    part: Part,
) -> Result<Download> {
    let (name, file) = audits.open_export(&who, id, &part).await?;
    // No browser takes it for a page of ours, whatever stands in it.
    Ok(file.download(name, "application/octet-stream"))
}

/// The audit log in numbers.
///
/// Entries of a period by action, result, actor and day, and whether the log holds: its newest entries are checked at once,
/// all of it each night, and by `botserver audit verify`.
#[utoipa::path(get, path = "/audit/summary", params(SummaryQuery),
    responses((status = 200, body = Envelope<AuditSummary>)))]
pub(super) async fn summary(
    State(audits): State<Audits>,
    Caller(who): Caller,
    Params(query): Params<SummaryQuery>,
) -> Result<Reply<AuditSummary>> {
    Ok(Reply::ok(audits.summary(&who, query).await?))
}
