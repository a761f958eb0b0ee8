//! Which days of the log are meant.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta};
use kernel::{
    FieldErrors, Result, Timestamp,
    list::{ListRequest, SortValue},
};
use platform::db::Extra;

/// From one instant on, before another; either may be open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) from: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
}

impl Period {
    /// Reads `start_date`, `end_date` and `days`. A day that ends the period counts; a time doesn't.
    pub(super) fn read(
        start_date: Option<&str>,
        end_date: Option<&str>,
        days: Option<i64>,
        now: Timestamp,
    ) -> Result<Self> {
        let mut wrong = FieldErrors::default();
        let from = start_date.and_then(|text| wrong.take("start_date", instant(text, TimeDelta::zero())));
        let until = end_date.and_then(|text| wrong.take("end_date", instant(text, TimeDelta::days(1))));
        let back = days.map(|days| now - TimeDelta::days(days));
        wrong.check(back.is_none() || from.is_none(), "days", "can't be combined with start_date");
        if let (Some(from), Some(until)) = (from.or(back), until) {
            wrong.check(from < until, "end_date", "must not be before the beginning");
        }
        wrong.finish()?;
        Ok(Self { from: from.or(back), until })
    }

    /// Takes the period out of what is asked of the list.
    pub(super) fn of(request: &mut ListRequest, now: Timestamp) -> Result<Self> {
        let mut take = |name: &str| {
            let at = request.filters.iter().position(|(field, _)| *field == name)?;
            request.filters.remove(at).1.pop()
        };
        let (start, end, days) = (take("start_date"), take("end_date"), take("days"));
        // The list takes whole numbers for it, and no others.
        let days = days.and_then(|text| text.parse().ok());
        Self::read(start.as_deref(), end.as_deref(), days, now)
    }

    /// The period as a list is narrowed by it.
    pub(super) fn extra(self) -> Extra {
        if self == Self::default() {
            return Extra::default();
        }
        let micros = |time: Timestamp| SortValue::Integer(time.timestamp_micros());
        let from = self.from.map_or(SortValue::Integer(i64::MIN), micros);
        Extra::default().between("a.at", from, self.until.map(micros))
    }
}

/// The beginning of a day, put off by that long, or a time as it is. Years have four digits, as in RFC 3339: what is
/// reckoned from one near the end of all times would lie beyond it.
fn instant(text: &str, put_off: TimeDelta) -> std::result::Result<Timestamp, &'static str> {
    const WRONG: &str = "must be a day such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z";
    if let Ok(day) = text.parse::<NaiveDate>() {
        if !(0..=9999).contains(&day.year()) {
            return Err(WRONG);
        }
        let begins = day.and_hms_opt(0, 0, 0).ok_or(WRONG)?.and_utc();
        return begins.checked_add_signed(put_off).ok_or(WRONG);
    }
    DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).map_err(|_| WRONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    fn read(start: Option<&str>, end: Option<&str>, days: Option<i64>) -> Result<Period> {
        Period::read(start, end, days, time("2026-03-10T12:00:00Z"))
    }

    #[test]
    fn a_day_counts_whole_and_a_time_is_a_time() {
        let days = read(Some("2026-03-01"), Some("2026-03-02"), None).unwrap();
        let times = read(Some("2026-03-01T01:00:00+01:00"), Some("2026-03-03T00:00:00Z"), None).unwrap();

        assert_eq!(days, times);
        assert_eq!(days.until, Some(time("2026-03-03T00:00:00Z")));
        assert_eq!(read(None, None, Some(2)).unwrap().from, Some(time("2026-03-08T12:00:00Z")));
        assert_eq!(read(None, None, None).unwrap(), Period::default());
    }

    #[test]
    fn what_contradicts_itself_is_named() {
        for (start, end, days, field) in [
            (Some("2026-03-02"), Some("2026-03-01"), None, "end_date"),
            (Some("2026-03-02"), None, Some(3), "days"),
            (Some("yesterday"), None, None, "start_date"),
            (None, Some("2026-02-30"), None, "end_date"),
            (None, Some("-262143-01-01"), None, "end_date"),
            (Some("+10000-01-01"), None, None, "start_date"),
        ] {
            let error = read(start, end, days).unwrap_err();
            assert!(error.details()["fields"][field].is_array(), "{field}: {error:?}");
        }
        assert!(read(Some("2026-03-02"), Some("2026-03-02"), None).is_ok(), "one day");
    }
}
