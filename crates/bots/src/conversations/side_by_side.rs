//! The list of conversations where archived ones are asked for together with others.
//!
//! The indexes of its sorts begin with whether a conversation is archived: both kinds are walked side by side, each along
//! its own stretch, and the pages are put together. A third set of indexes would be written with every turn.

use std::cmp::Ordering;

use kernel::{
    Error,
    list::{COUNT_CAP, Count, Cursor, ListRequest, MAX_LIMIT, Order, Page, SortValue, Start},
};

use super::store::ConversationRow;

/// Pages that are passed over for an `offset`, before the rest is left to the cursor.
const ROUNDS: usize = 20;

/// Some of both kinds in order, and where there may be more.
struct Stretch {
    rows: Vec<ConversationRow>,
    /// Up to here nothing is missing. None if there is no more at all.
    end: Option<Cursor>,
    total: Option<u64>,
    is_exact: bool,
}

/// The page that is asked for, of both kinds together. `read` gives a page of archived ones, or of others.
pub(super) fn page<F>(request: &ListRequest, read: &F) -> Result<Page<ConversationRow>, Error>
where
    F: Fn(bool, &ListRequest) -> Result<Page<ConversationRow>, Error>,
{
    let mut skip = request.start.skip();
    let mut asked = ListRequest { start: unskipped(&request.start), ..request.clone() };
    let mut counted = None;
    for _ in 0..ROUNDS {
        let wanted = skip.saturating_add(request.limit.into()).min(MAX_LIMIT.into());
        asked.limit = u32::try_from(wanted).unwrap_or(MAX_LIMIT);
        let Stretch { mut rows, end, total, is_exact } = stretch(&asked, read)?;
        let counts = *counted.get_or_insert((total, is_exact));
        let passed = usize::try_from(skip).unwrap_or(usize::MAX).min(rows.len());
        rows.drain(..passed);
        skip -= passed as u64;
        if skip == 0 || end.is_none() {
            let limit = request.limit as usize;
            let last = rows.get(limit.saturating_sub(1)).filter(|_| rows.len() > limit);
            let next = last.map(|last| cursor(last, request.sort)).or(end);
            rows.truncate(limit);
            return Ok(put_together(request, rows, next, counts));
        }
        asked =
            ListRequest { start: end.map_or(Start::Offset(0), Start::After), count: Count::None, ..asked };
    }
    let next = match asked.start {
        Start::After(end) => Some(Cursor { skip, ..end }),
        Start::Offset(_) => None,
    };
    Ok(put_together(request, Vec::new(), next, counted.unwrap_or((None, true))))
}

fn put_together(
    request: &ListRequest,
    items: Vec<ConversationRow>,
    next: Option<Cursor>,
    (total, is_exact): (Option<u64>, bool),
) -> Page<ConversationRow> {
    let is_beyond = request.count == Count::Capped && total.is_some_and(|total| total > COUNT_CAP);
    Page {
        items,
        total: if is_beyond { Some(COUNT_CAP) } else { total },
        total_exact: (total.is_some() && (is_beyond || !is_exact)).then_some(false),
        limit: request.limit,
        offset: request.start.offset(),
        next_cursor: next.map(|next| next.encode(request.sort, request.order)),
    }
}

/// Where it begins, before anything is left out.
fn unskipped(start: &Start) -> Start {
    match start {
        Start::Offset(_) => Start::Offset(0),
        Start::After(cursor) => Start::After(Cursor { skip: 0, ..cursor.clone() }),
    }
}

fn stretch<F>(request: &ListRequest, read: &F) -> Result<Stretch, Error>
where
    F: Fn(bool, &ListRequest) -> Result<Page<ConversationRow>, Error>,
{
    let pages = [read(true, request)?, read(false, request)?];
    let mut stretch = Stretch { rows: Vec::new(), end: None, total: None, is_exact: true };
    let before = |one: &Cursor, other: &Cursor| order(request.order, one, other) != Ordering::Greater;
    for page in pages {
        if let Some(text) = &page.next_cursor {
            let end = Cursor::decode(text, request.sort, request.order).map_err(Error::internal)?;
            if stretch.end.as_ref().is_none_or(|other| before(&end, other)) {
                stretch.end = Some(end);
            }
        }
        stretch.total = page.total.map(|total| stretch.total.unwrap_or(0) + total);
        stretch.is_exact &= page.total_exact.unwrap_or(true);
        stretch.rows.extend(page.items);
    }
    // What stands behind the end of the other one comes when that has been read.
    if let Some(end) = &stretch.end {
        stretch.rows.retain(|row| before(&cursor(row, request.sort), end));
    }
    let place = |row: &ConversationRow| cursor(row, request.sort);
    stretch.rows.sort_by(|one, other| order(request.order, &place(one), &place(other)));
    Ok(stretch)
}

fn cursor(row: &ConversationRow, sort: &str) -> Cursor {
    let value = match sort {
        "created_at" => row.created_at.timestamp_micros(),
        "message_count" => row.seq,
        _ => row.last_activity.timestamp_micros(),
    };
    Cursor { value: SortValue::Integer(value), id: *row.id.as_bytes(), skip: 0 }
}

fn order(order: Order, one: &Cursor, other: &Cursor) -> Ordering {
    let ascending = (&one.value, one.id).cmp(&(&other.value, other.id));
    if order == Order::Asc { ascending } else { ascending.reverse() }
}
