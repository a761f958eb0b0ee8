//! Date arithmetic against a calendar that counts day by day and month by month, with no library behind it.
#![expect(clippy::unwrap_used, reason = "clippy knows only functions marked as tests")]

use basic::scalar::date::{self, Date, Part, Unit};
use chrono::FixedOffset;
use proptest::prelude::*;

/// A civil date and time, calculated with in the slowest way that is obviously right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Naive {
    year: i64,
    month: i64,
    day: i64,
    second: i64,
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl Naive {
    fn next_day(self) -> Self {
        if self.day < month_length(self.year, self.month) {
            Self { day: self.day + 1, ..self }
        } else if self.month < 12 {
            Self { day: 1, month: self.month + 1, ..self }
        } else {
            Self { day: 1, month: 1, year: self.year + 1, ..self }
        }
    }

    fn previous_day(self) -> Self {
        if self.day > 1 {
            Self { day: self.day - 1, ..self }
        } else if self.month > 1 {
            Self { day: month_length(self.year, self.month - 1), month: self.month - 1, ..self }
        } else {
            Self { day: 31, month: 12, year: self.year - 1, ..self }
        }
    }

    fn plus_seconds(self, seconds: i64) -> Self {
        let mut date = Self { second: self.second + seconds, ..self };
        while date.second >= 86_400 {
            date = Self { second: date.second - 86_400, ..date }.next_day();
        }
        while date.second < 0 {
            date = Self { second: date.second + 86_400, ..date }.previous_day();
        }
        date
    }

    fn plus_months(self, months: i64) -> Self {
        let mut date = self;
        for _ in 0..months.abs() {
            date.month += months.signum();
            if date.month == 13 {
                (date.month, date.year) = (1, date.year + 1);
            }
            if date.month == 0 {
                (date.month, date.year) = (12, date.year - 1);
            }
        }
        Self { day: self.day.min(month_length(date.year, date.month)), ..date }
    }

    fn days_until(self, later: Self) -> i64 {
        let mut date = self;
        let mut days = 0;
        while (date.year, date.month, date.day) < (later.year, later.month, later.day) {
            date = date.next_day();
            days += 1;
        }
        days
    }

    fn seconds_until(self, other: Self) -> i64 {
        if self <= other {
            self.days_until(other) * 86_400 + other.second - self.second
        } else {
            -other.seconds_until(self)
        }
    }

    /// The most months that can pass from here without going beyond the other.
    fn months_until(self, other: Self) -> i64 {
        let direction = if self <= other { 1 } else { -1 };
        let fits = |months: i64| {
            let moved = self.plus_months(months * direction);
            if direction == 1 { moved <= other } else { moved >= other }
        };
        let mut months = 0;
        while fits(months + 1) {
            months += 1;
        }
        months * direction
    }

    fn text(self) -> String {
        let Self { year, month, day, second } = self;
        format!(
            "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    }

    fn day_text(self) -> String {
        self.text()[..10].to_owned()
    }

    fn instant(self) -> Date {
        date::parse(&self.text(), utc()).unwrap()
    }

    fn plain_day(self) -> Date {
        date::parse(&self.day_text(), utc()).unwrap()
    }
}

fn utc() -> FixedOffset {
    FixedOffset::east_opt(0).unwrap()
}

fn naive() -> impl Strategy<Value = Naive> {
    // Month ends and leap years are where calendars break.
    let day = prop_oneof![1_i64..=31, 28_i64..=31];
    let year = prop_oneof![1_890_i64..2_120, Just(1900), Just(2000), Just(2024)];
    (year, 1_i64..=12, day, 0_i64..86_400).prop_map(|(year, month, day, second)| {
        let day = day.min(month_length(year, month));
        Naive { year, month, day, second }
    })
}

proptest! {
    #[test]
    fn adding_seconds_to_weeks(from in naive(), amount in -5_000_i64..5_000) {
        for (unit, seconds) in [(Unit::Second, 1), (Unit::Minute, 60), (Unit::Hour, 3600), (Unit::Day, 86_400), (Unit::Week, 604_800)] {
            let amount = if seconds > 3600 { amount / 10 } else { amount };
            let expected = from.plus_seconds(amount * seconds).text();
            prop_assert_eq!(from.instant().add(amount as f64, unit).unwrap().to_string(), expected);

            let midnight = Naive { second: 0, ..from };
            let expected = midnight.plus_seconds(amount * seconds).day_text();
            prop_assert_eq!(from.plain_day().add(amount as f64, unit).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn adding_months_and_years(from in naive(), amount in -600_i64..600) {
        for (unit, months) in [(Unit::Month, 1), (Unit::Year, 12)] {
            let amount = amount / months;
            let expected = from.plus_months(amount * months);
            prop_assert_eq!(from.instant().add(amount as f64, unit).unwrap().to_string(), expected.text());
            prop_assert_eq!(from.plain_day().add(amount as f64, unit).unwrap().to_string(), expected.day_text());
        }
    }

    #[test]
    fn differences_in_every_unit(from in naive(), to in naive()) {
        let seconds = from.seconds_until(to);
        let between = |unit| date::difference(from.instant(), to.instant(), unit, utc());
        prop_assert_eq!(between(Unit::Second), seconds);
        prop_assert_eq!(between(Unit::Minute), seconds / 60);
        prop_assert_eq!(between(Unit::Hour), seconds / 3600);
        prop_assert_eq!(between(Unit::Day), seconds / 86_400);
        prop_assert_eq!(between(Unit::Week), seconds / 604_800);
        prop_assert_eq!(between(Unit::Month), from.months_until(to));
        prop_assert_eq!(between(Unit::Year), from.months_until(to) / 12);
        let days = if from <= to { from.days_until(to) } else { -to.days_until(from) };
        prop_assert_eq!(date::days_sql(to.instant(), from.instant()), days);
        let exact = date::seconds_between(from.instant(), to.instant(), utc());
        prop_assert_eq!(exact as i64, seconds);
    }

    #[test]
    fn ends_of_months_and_parts(from in naive(), months in -400_i64..400) {
        let target = Naive { day: 1, ..from }.plus_months(months);
        let end = Naive { day: month_length(target.year, target.month), ..target };
        prop_assert_eq!(from.instant().end_of_month(months).unwrap().to_string(), end.day_text());

        let part = |name| from.instant().part(name, utc());
        prop_assert_eq!(part("year"), Some(Part::Number(from.year)));
        prop_assert_eq!(part("month"), Some(Part::Number(from.month)));
        prop_assert_eq!(part("day"), Some(Part::Number(from.day)));
        prop_assert_eq!(part("hour"), Some(Part::Number(from.second / 3600)));
        // 1 January 1890 was a Wednesday.
        let first = Naive { year: 1890, month: 1, day: 1, second: 0 };
        prop_assert_eq!(part("weekday"), Some(Part::Number((first.days_until(from) + 3) % 7 + 1)));
        let epoch = Naive { year: 1970, month: 1, day: 1, second: 0 };
        prop_assert_eq!(part("timestamp"), Some(Part::Number(epoch.seconds_until(from))));
    }

    #[test]
    fn adding_back_what_was_measured_never_overshoots(from in naive(), to in naive()) {
        for unit in [Unit::Day, Unit::Month, Unit::Year] {
            let count = date::difference(from.instant(), to.instant(), unit, utc());
            let moved = from.instant().add(count as f64, unit).unwrap();
            if from <= to {
                prop_assert!(moved.compare(to.instant(), utc()).is_le());
            } else {
                prop_assert!(moved.compare(to.instant(), utc()).is_ge());
            }
        }
    }
}
