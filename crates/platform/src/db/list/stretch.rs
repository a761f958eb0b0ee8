//! Where a walk along the index of a sort begins and ends.
//!
//! A database goes to one place of an index and walks from there. Of two conditions on the same end it takes one, and
//! that may be the one far off: page 5,000 would be walked to from where a filter begins. So each end has one.

use std::cmp::Ordering;

use kernel::list::{Cursor, Order, SortValue};
use sea_query::{Condition, Expr, ExprTrait, SelectStatement, Value as SeaValue};

/// Some of the values that a column has: from one on, before another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) from: Option<SortValue>,
    pub(super) until: Option<SortValue>,
}

impl Stretch {
    pub(super) fn from(value: SortValue) -> Self {
        Self { from: Some(value), until: None }
    }

    pub(super) fn until(value: SortValue) -> Self {
        Self { from: None, until: Some(value) }
    }

    /// What both have.
    pub(super) fn and(self, other: Self) -> Self {
        let until = match (self.until, other.until) {
            (Some(one), Some(other)) => Some(Ord::min(one, other)),
            (one, other) => one.or(other),
        };
        // Nothing is less than anything else.
        Self { from: Ord::max(self.from, other.from), until }
    }

    /// Is it all that there is?
    pub(super) fn is_whole(&self) -> bool {
        *self == Self::default()
    }

    /// What a row fulfils whose column has one of the values.
    pub(super) fn condition(&self, column: &Expr) -> Condition {
        all(within(column, self.from.as_ref(), self.until.as_ref()))
    }
}

/// The index of a sort, as far as a list has rows in it.
#[derive(Debug)]
pub(super) struct Line {
    /// What is sorted by.
    pub(super) column: &'static str,
    /// The tie-breaker.
    pub(super) id: &'static str,
    pub(super) order: Order,
    /// The values that are walked.
    pub(super) stretch: Stretch,
}

impl Line {
    pub(super) fn sort(&self, query: &mut SelectStatement) {
        let order = match self.order {
            Order::Asc => sea_query::Order::Asc,
            Order::Desc => sea_query::Order::Desc,
        };
        query.order_by_expr(Expr::cust(self.column), order.clone()).order_by_expr(Expr::cust(self.id), order);
    }

    /// The rows of the stretch behind the cursor, up to the horizon; each only if there is one.
    pub(super) fn between(&self, cursor: Option<&Cursor>, horizon: Option<&Cursor>) -> Condition {
        let Stretch { from, until } = &self.stretch;
        let column = Expr::cust(self.column);
        let (from, until) = (within(&column, from.as_ref(), None), within(&column, None, until.as_ref()));
        let (begin, end) = match self.order {
            Order::Asc => (from, until),
            Order::Desc => (until, from),
        };
        let begin = match cursor.map(|cursor| (self.has_begun(&cursor.value), self.after(cursor))) {
            Some((Some(true), after)) => vec![after],
            // Somebody made the cursor up, or took it along to another filter.
            Some((None, after)) => begin.into_iter().chain([after]).collect(),
            Some((Some(false), _)) | None => begin,
        };
        // A horizon was found in the stretch.
        let end = horizon.map_or(end, |horizon| vec![self.up_to(horizon)]);
        all(begin.into_iter().chain(end))
    }

    /// Has a walk begun that is at this value? None if it is no value of this column.
    fn has_begun(&self, at: &SortValue) -> Option<bool> {
        let (first, has_come): (_, fn(Ordering) -> bool) = match self.order {
            Order::Asc => (&self.stretch.from, Ordering::is_ge),
            Order::Desc => (&self.stretch.until, Ordering::is_lt),
        };
        match (at, first) {
            (_, None) => Some(true),
            (SortValue::Integer(at), Some(SortValue::Integer(first))) => Some(has_come(at.cmp(first))),
            (SortValue::Text(at), Some(SortValue::Text(first))) => Some(has_come(at.cmp(first))),
            _ => None,
        }
    }

    fn after(&self, cursor: &Cursor) -> Expr {
        match self.order {
            Order::Asc => self.key().gt(place(cursor)),
            Order::Desc => self.key().lt(place(cursor)),
        }
    }

    fn up_to(&self, horizon: &Cursor) -> Expr {
        match self.order {
            Order::Asc => self.key().lte(place(horizon)),
            Order::Desc => self.key().gte(place(horizon)),
        }
    }

    /// A row value, which the index walks to; ORs would be a scan.
    fn key(&self) -> Expr {
        Expr::tuple([Expr::cust(self.column), Expr::cust(self.id)])
    }
}

fn within(column: &Expr, from: Option<&SortValue>, until: Option<&SortValue>) -> Vec<Expr> {
    let from = from.map(|from| column.clone().gte(bound(from)));
    from.into_iter().chain(until.map(|until| column.clone().lt(bound(until)))).collect()
}

fn all(parts: impl IntoIterator<Item = Expr>) -> Condition {
    parts.into_iter().fold(Condition::all(), Condition::add)
}

fn place(cursor: &Cursor) -> Expr {
    Expr::tuple([Expr::val(bound(&cursor.value)), Expr::val(cursor.id.to_vec())])
}

fn bound(value: &SortValue) -> SeaValue {
    match value {
        SortValue::Integer(number) => (*number).into(),
        SortValue::Text(text) => text.clone().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(from: Option<i64>, until: Option<i64>) -> Stretch {
        Stretch { from: from.map(SortValue::Integer), until: until.map(SortValue::Integer) }
    }

    #[test]
    fn of_two_stretches_what_both_have_is_walked() {
        assert_eq!(stretch(Some(1), Some(9)).and(stretch(Some(3), None)), stretch(Some(3), Some(9)));
        assert_eq!(stretch(None, Some(9)).and(stretch(Some(3), Some(5))), stretch(Some(3), Some(5)));
        assert_eq!(stretch(None, None).and(stretch(None, Some(5))), stretch(None, Some(5)));
        assert!(stretch(None, None).and(stretch(None, None)).is_whole());
    }

    #[test]
    fn a_cursor_before_the_stretch_has_not_begun_to_walk_it() {
        let line = |order| Line { column: "size", id: "id", order, stretch: stretch(Some(3), Some(9)) };
        let begun = |order, at| line(order).has_begun(&SortValue::Integer(at));

        assert_eq!([2, 3, 20].map(|at| begun(Order::Asc, at)), [Some(false), Some(true), Some(true)]);
        assert_eq!([9, 8, -1].map(|at| begun(Order::Desc, at)), [Some(false), Some(true), Some(true)]);
        assert_eq!(line(Order::Asc).has_begun(&SortValue::Text("5".to_owned())), None);
    }
}
