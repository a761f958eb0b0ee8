//! Lists: what a caller may ask of one, and the cursor that walks it by key.
//!
//! A domain declares a [`ListSpec`]; reading the query against it gives a [`ListRequest`] or tells everything that
//! is wrong with it. The contract is written from the same specification. The database turns the request into a
//! statement; [`Page`] is the answer.

mod filter;

use std::{fmt::Write as _, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use filter::{FilterField, MAX_VALUES, Takes};

use crate::{FieldErrors, Result, text};

/// Results on a page unless the caller says otherwise.
pub const DEFAULT_LIMIT: u32 = 20;
/// Results on a page at the most.
pub const MAX_LIMIT: u32 = 100;
/// Up to here `total` is exact; counting further costs more than it tells.
pub const COUNT_CAP: u64 = 1000;
/// How far `offset` may skip; deeper pages are walked by cursor, which costs the same anywhere.
pub const MAX_OFFSET: u64 = 100_000;
/// Longest search text, in characters.
pub const MAX_SEARCH: usize = 200;
/// Longest text of a cursor that is read at all, in bytes.
pub const MAX_CURSOR: usize = 4096;

/// A list of the API, as a type: the operation's query is read against its specification, and documented from it.
pub trait Listed: Send + Sync + 'static {
    /// What may be asked of it.
    const SPEC: ListSpec;
    /// Parameters of the operation that are none of the list's: whoever else reads them checks them.
    const BESIDE: &'static [&'static str] = &[];
}

/// What may be asked of one list.
#[derive(Debug, Clone, Copy)]
pub struct ListSpec {
    /// Fields to sort by; the first is the default.
    pub sorts: &'static [SortField],
    /// Fields to filter by.
    pub filters: &'static [FilterField],
    /// What `search=` looks through, such as "names and descriptions"; none if the list can't be searched.
    pub search: Option<&'static str>,
}

/// A field that a list can be sorted by. Its column is NOT NULL and has an index.
#[derive(Debug, Clone, Copy)]
pub struct SortField {
    /// The field's name in the API.
    pub name: &'static str,
    /// The order when the caller names none.
    pub default_order: Order,
}

impl SortField {
    /// Newest, largest or last first by default.
    pub const fn desc(name: &'static str) -> Self {
        Self { name, default_order: Order::Desc }
    }

    /// In reading order by default.
    pub const fn asc(name: &'static str) -> Self {
        Self { name, default_order: Order::Asc }
    }
}

/// The direction of a sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Smallest first.
    Asc,
    /// Largest first.
    Desc,
}

impl FromStr for Order {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "asc" => Ok(Self::Asc),
            "desc" => Ok(Self::Desc),
            _ => Err("must be asc or desc"),
        }
    }
}

/// How the answer counts all results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Exact up to [`COUNT_CAP`].
    Capped,
    /// All of them, whatever it costs.
    Exact,
    /// Not at all.
    None,
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// After so many results.
    Offset(u64),
    /// After the result that the cursor names.
    After(Cursor),
}

impl Start {
    /// How many results are left out, behind the cursor if there is one.
    pub fn skip(&self) -> u64 {
        match self {
            Self::Offset(skip) => *skip,
            Self::After(cursor) => cursor.skip,
        }
    }

    /// How many results were left out in all; none where a cursor was used.
    pub fn offset(&self) -> Option<u64> {
        match self {
            Self::Offset(offset) => Some(*offset),
            Self::After(_) => None,
        }
    }
}

/// What a caller asks of a list, checked against its [`ListSpec`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRequest {
    /// Results on the page, 1 to [`MAX_LIMIT`].
    pub limit: u32,
    /// Where the page begins.
    pub start: Start,
    /// The field to sort by, one of the specification's.
    pub sort: &'static str,
    /// The direction.
    pub order: Order,
    /// How to count.
    pub count: Count,
    /// Filters by field, each with the values of which one must fit.
    pub filters: Vec<(&'static str, Vec<String>)>,
    /// The text to search for, trimmed and not empty.
    pub search: Option<String>,
}

impl ListRequest {
    /// Tells of a list whose results are all at hand which texts are searched for: all of them, if nothing is.
    pub fn finder(&self) -> impl Fn(&str) -> bool {
        let asked = self.search.as_deref().map(text::key);
        move |said| asked.as_ref().is_none_or(|asked| text::finds(&text::key(said), asked))
    }

    /// The page of a list whose results are all at hand, each with where it stands.
    pub fn cut<T>(&self, mut results: Vec<(Cursor, T)>) -> Page<T> {
        let in_order = |a: &Cursor, b: &Cursor| match self.order {
            Order::Asc => a.place().cmp(&b.place()),
            Order::Desc => b.place().cmp(&a.place()),
        };
        results.sort_by(|(a, _), (b, _)| in_order(a, b));
        let count = results.len() as u64;
        let (total, total_exact) = match self.count {
            Count::None => (None, None),
            Count::Capped if count > COUNT_CAP => (Some(COUNT_CAP), Some(false)),
            Count::Capped | Count::Exact => (Some(count), None),
        };
        if let Start::After(cursor) = &self.start {
            results.retain(|(row, _)| in_order(row, cursor).is_gt());
        }
        let skip = usize::try_from(self.start.skip()).unwrap_or(usize::MAX);
        let mut rest = results.into_iter().skip(skip);
        let (mut items, mut last) = (Vec::new(), None);
        for (row, item) in rest.by_ref().take(self.limit as usize) {
            items.push(item);
            last = Some(row);
        }
        let next_cursor =
            last.filter(|_| rest.next().is_some()).map(|last| last.encode(self.sort, self.order));
        Page { items, total, total_exact, limit: self.limit, offset: self.start.offset(), next_cursor }
    }
}

impl ListSpec {
    /// Reads the pairs of a query string. 422 names every parameter that is wrong and what would be allowed.
    pub fn read<'a>(&self, query: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<ListRequest> {
        let mut wrong = FieldErrors::default();
        let mut request = ListRequest {
            limit: DEFAULT_LIMIT,
            start: Start::Offset(0),
            sort: self.sorts.first().map_or("created_at", |sort| sort.name),
            order: Order::Desc,
            count: Count::Capped,
            filters: Vec::new(),
            search: None,
        };
        let (mut order, mut offset, mut cursor, mut count) = (None, None, None, None);
        let mut given = Vec::new();
        for (name, value) in query {
            // Values of a filter add up; of the others one is meant.
            if given.contains(&name) && self.filter_named(name).is_none() {
                wrong.add(name, "is given twice");
                continue;
            }
            given.push(name);
            match name {
                "limit" => match value.parse() {
                    Ok(limit) if (1..=MAX_LIMIT).contains(&limit) => request.limit = limit,
                    _ => wrong.add("limit", format!("must be a whole number from 1 to {MAX_LIMIT}")),
                },
                "offset" => match value.parse() {
                    Ok(skip) if skip <= MAX_OFFSET => offset = Some(skip),
                    _ => wrong.add(
                        "offset",
                        format!("must be a whole number from 0 to {MAX_OFFSET}; use cursor for deeper pages"),
                    ),
                },
                "cursor" => cursor = Some(value),
                "sort" => match self.sorts.iter().find(|sort| sort.name == value) {
                    Some(sort) => request.sort = sort.name,
                    None => wrong.add("sort", format!("must be one of {}", names(self.sorts))),
                },
                "order" => order = wrong.take("order", value.parse()),
                "count" => match value {
                    "exact" => count = Some(Count::Exact),
                    "false" => count = Some(Count::None),
                    "true" => count = Some(Count::Capped),
                    _ => wrong.add("count", "must be true, exact or false"),
                },
                "search" if self.search.is_some() => request.search = search_text(value, &mut wrong),
                _ => self.read_filter(name, value, &mut request, &mut wrong),
            }
        }
        request.order = order.unwrap_or_else(|| self.default_order(request.sort));
        request.start = match cursor {
            None => Start::Offset(offset.unwrap_or(0)),
            Some(_) if offset.is_some() => {
                wrong.add("offset", "can't be combined with cursor");
                Start::Offset(0)
            }
            Some(text) => match Cursor::decode(text, request.sort, request.order) {
                Ok(cursor) => Start::After(cursor),
                Err(problem) => {
                    wrong.add("cursor", problem);
                    Start::Offset(0)
                }
            },
        };
        // A cursor is for walking on; whoever walks has seen the total on the first page.
        let default_count = if cursor.is_some() { Count::None } else { Count::Capped };
        request.count = count.unwrap_or(default_count);
        wrong.finish()?;
        Ok(request)
    }

    fn default_order(&self, sort: &str) -> Order {
        self.sorts.iter().find(|field| field.name == sort).map_or(Order::Desc, |field| field.default_order)
    }

    /// `filter[field]=a,b`, or the plain `field=a,b`. Given several times, any of all the values fits.
    fn read_filter(&self, name: &str, value: &str, request: &mut ListRequest, wrong: &mut FieldErrors) {
        let Some(known) = self.filter_named(name) else {
            let names: Vec<_> = self.filters.iter().map(|filter| filter.name).collect();
            let allowed = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            wrong.add(name, format!("is not known here; the filters are {allowed}"));
            return;
        };
        let at = request.filters.iter().position(|(name, _)| *name == known.name).unwrap_or_else(|| {
            request.filters.push((known.name, Vec::new()));
            request.filters.len() - 1
        });
        if let Some((_, values)) = request.filters.get_mut(at)
            && let Err(problem) = known.read(value, values)
        {
            wrong.add(known.name, problem);
        }
    }

    fn filter_named(&self, name: &str) -> Option<&FilterField> {
        let field = name.strip_prefix("filter[").and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
        self.filters.iter().find(|known| known.name == field)
    }
}

fn search_text(value: &str, wrong: &mut FieldErrors) -> Option<String> {
    let text = value.trim();
    wrong.check(
        text.chars().count() <= MAX_SEARCH,
        "search",
        format!("must be at most {MAX_SEARCH} characters"),
    );
    wrong.check(!text.chars().any(char::is_control), "search", "must not hold control characters");
    (!text.is_empty()).then(|| text.to_owned())
}

fn names(sorts: &[SortField]) -> String {
    let mut text = String::new();
    for (i, sort) in sorts.iter().enumerate() {
        let _ = write!(text, "{}{}", if i == 0 { "" } else { ", " }, sort.name);
    }
    text
}

/// The value of a sort column, as a cursor carries it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SortValue {
    /// A number, or an instant in microseconds.
    Integer(i64),
    /// A folded text.
    Text(String),
}

/// Where the next page begins: after the last result, or where the search for more of them stopped. Opaque to callers,
/// bound to the sort it was made in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The sort column's value.
    pub value: SortValue,
    /// The tie-breaker: the row's id.
    pub id: [u8; 16],
    /// Results that are still to be left out, of an `offset` that was not reached.
    pub skip: u64,
}

#[derive(Serialize, Deserialize)]
struct Wire(String, Order, SortValue, String, #[serde(default, skip_serializing_if = "is_zero")] u64);

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes it so
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Cursor {
    /// Where it stands in the order of its sort.
    fn place(&self) -> (&SortValue, &[u8; 16]) {
        (&self.value, &self.id)
    }

    /// The opaque text of a cursor in the given sort.
    pub fn encode(&self, sort: &str, order: Order) -> String {
        let wire =
            Wire(sort.to_owned(), order, self.value.clone(), URL_SAFE_NO_PAD.encode(self.id), self.skip);
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&wire).unwrap_or_default())
    }

    /// The cursor of that text, which was made in the given sort, or what is wrong with it.
    pub fn decode(text: &str, sort: &str, order: Order) -> Result<Self, &'static str> {
        const BAD: &str = "is not one of ours; take next_cursor of the page before";
        if text.len() > MAX_CURSOR {
            return Err(BAD);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BAD)?;
        let Wire(made_for, made_in, value, id, skip) = serde_json::from_slice(&bytes).map_err(|_| BAD)?;
        if made_for != sort || made_in != order {
            return Err("belongs to another sort or order; keep both while walking");
        }
        // Databases refuse to compare texts with it.
        if matches!(&value, SortValue::Text(text) if text.contains('\0')) {
            return Err(BAD);
        }
        let id = URL_SAFE_NO_PAD.decode(id).ok().and_then(|id| id.try_into().ok()).ok_or(BAD)?;
        if skip > MAX_OFFSET {
            return Err(BAD);
        }
        Ok(Self { value, id, skip })
    }
}

/// One page of results, the same in every domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Page<T> {
    /// The results, in order. Fewer than `limit`, or none, doesn't mean that there are no more: `next_cursor` tells.
    pub items: Vec<T>,
    /// How many there are in all; absent if not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// False if there may be more than `total`: beyond 1,000, and where a filter or a search met so few results that it
    /// stopped looking for more. Absent where `total` is exact or absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_exact: Option<bool>,
    /// The limit in force.
    pub limit: u32,
    /// How many results were skipped; absent when a cursor was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Where the next page begins; absent on the last, and there only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        example = "WyJjcmVhdGVkX2F0IiwiZGVzYyIsMTc2OTg2MDgwMDAwMDAwMCwiQVFFQkFRRUJBUUVCQVFFQkFRRUJBUSJd"
    )]
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// All that there is, where a list is never long.
    pub fn of_all(items: Vec<T>) -> Self {
        let total = Some(items.len() as u64);
        let limit = u32::try_from(items.len()).unwrap_or(u32::MAX);
        Self { items, total, total_exact: None, limit, offset: Some(0), next_cursor: None }
    }

    /// The same page with every item changed.
    pub fn map<U>(self, mut change: impl FnMut(T) -> U) -> Page<U> {
        match self.try_map(|item| Ok::<_, std::convert::Infallible>(change(item))) {
            Ok(page) => page,
        }
    }

    /// The same, where a change can fail.
    pub fn try_map<U, E>(self, change: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        Ok(Page {
            items: self.items.into_iter().map(change).collect::<Result<_, _>>()?,
            total: self.total,
            total_exact: self.total_exact,
            limit: self.limit,
            offset: self.offset,
            next_cursor: self.next_cursor,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SPEC: ListSpec = ListSpec {
        sorts: &[SortField::desc("created_at"), SortField::asc("name")],
        filters: &[
            FilterField::one_of("status", &["active", "suspended", "deleted"], "In these states."),
            FilterField::flag("verified", "Is the address confirmed?"),
            FilterField::id::<crate::id::kind::User>("user_id", "Of these people."),
            FilterField::time("created_after", "From then on."),
        ],
        search: Some("names"),
    };

    fn problems(query: &[(&str, &str)]) -> serde_json::Value {
        SPEC.read(query.iter().copied()).unwrap_err().details()["fields"].clone()
    }

    #[test]
    fn an_empty_query_takes_the_defaults() {
        let request = SPEC.read([]).unwrap();

        assert_eq!((request.limit, request.sort, request.order), (20, "created_at", Order::Desc));
        assert_eq!((request.start, request.count), (Start::Offset(0), Count::Capped));
    }

    #[test]
    fn what_is_at_hand_is_found_like_what_is_in_the_database() {
        let found =
            |query: &[(&str, &str)], said: &str| SPEC.read(query.iter().copied()).unwrap().finder()(said);

        assert!(found(&[], "Anything"));
        assert!(found(&[("search", "ÄRGER")], "Viel ärger"));
        assert!(!found(&[("search", "ärgern")], "Viel Ärger"));
        assert!(found(&[("search", "vi")], "Viel Ärger") && !found(&[("search", "är")], "Viel Ärger"));
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        let fields =
            problems(&[("limit", "101"), ("sort", "age"), ("filter[color]", "red"), ("order", "up")]);

        assert_eq!(fields["limit"][0], "must be a whole number from 1 to 100");
        assert_eq!(fields["sort"][0], "must be one of created_at, name");
        assert_eq!(
            fields["filter[color]"][0],
            "is not known here; the filters are status, verified, user_id, created_after"
        );
        assert_eq!(fields["order"][0], "must be asc or desc");
    }

    #[test]
    fn filters_come_in_both_forms_and_take_any_of_several_values() {
        let request = SPEC.read([("filter[status]", "active, suspended"), ("status", "deleted")]).unwrap();

        let any = ["active", "suspended", "deleted"].map(str::to_owned).to_vec();
        assert_eq!(request.filters, [("status", any)]);
    }

    #[test]
    fn a_filter_refuses_what_its_field_never_holds() {
        let fields = problems(&[
            ("filter[status]", "active,asleep"),
            ("filter[verified]", "yes"),
            ("filter[user_id]", "bot_01jxk6qv9ve7m8g3t5s0c4d2ba"),
            ("filter[created_after]", "yesterday"),
        ]);

        assert_eq!(fields["status"][0], "must be one of active, suspended, deleted");
        assert_eq!(fields["verified"][0], "must be true or false");
        assert_eq!(fields["user_id"][0], "must be an id such as usr_…");
        assert_eq!(fields["created_after"][0], "must be a time such as 2026-01-31T12:00:00Z");
        assert_eq!(problems(&[("status", " , ")])["status"][0], "must name at least one value");
    }

    #[test]
    fn what_is_given_twice_is_refused() {
        let fields = problems(&[("limit", "1"), ("limit", "2"), ("verified", "true"), ("verified", "false")]);

        assert!(fields["limit"].is_array() && fields["verified"].is_array(), "{fields}");
    }

    #[test]
    fn a_cursor_is_bound_to_its_sort() {
        let cursor = Cursor { value: SortValue::Integer(7), id: [1; 16], skip: 0 };
        let text = cursor.encode("created_at", Order::Desc);

        assert_eq!(SPEC.read([("cursor", text.as_str())]).unwrap().start, Start::After(cursor));
        assert!(problems(&[("cursor", &text), ("sort", "name")])["cursor"].is_array());
        assert!(problems(&[("cursor", &text), ("offset", "20")])["offset"].is_array());
        assert!(problems(&[("cursor", "x")])["cursor"].is_array());
    }

    #[test]
    fn a_page_is_cut_in_order_behind_the_cursor_and_what_is_left_out() {
        let all = || {
            (0..7_u8)
                .rev()
                .map(|i| (Cursor { value: SortValue::Integer(i64::from(i / 3)), id: [i; 16], skip: 0 }, i))
                .collect()
        };
        let page = |query: &[(&str, &str)]| SPEC.read(query.iter().copied()).unwrap().cut::<u8>(all());

        let first = page(&[("limit", "3"), ("order", "asc")]);
        assert_eq!((first.items, first.total, first.offset), (vec![0, 1, 2], Some(7), Some(0)));
        let cursor = first.next_cursor.unwrap();
        let second = page(&[("limit", "4"), ("order", "asc"), ("cursor", &cursor)]);
        assert_eq!((second.items, second.next_cursor, second.total), (vec![3, 4, 5, 6], None, None));
        let later =
            Cursor { value: SortValue::Integer(1), id: [5; 16], skip: 2 }.encode("created_at", Order::Desc);
        assert_eq!(page(&[("limit", "1"), ("cursor", &later)]).items, [2]);
        assert_eq!(page(&[("offset", "5")]).items, [1, 0]);
    }

    proptest! {
        #[test]
        fn cursors_round_trip(number: Option<i64>, text in "[^\u{0}]*", id: [u8; 16], skip in 0..=MAX_OFFSET) {
            let value = number.map_or(SortValue::Text(text), SortValue::Integer);
            let cursor = Cursor { value, id, skip };
            prop_assert_eq!(Cursor::decode(&cursor.encode("x", Order::Asc), "x", Order::Asc), Ok(cursor));
        }

        #[test]
        fn no_query_panics(name in ".*", value in ".*") {
            let _ = SPEC.read([(name.as_str(), value.as_str())]);
        }
    }
}
