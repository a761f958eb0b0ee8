//! Reading dates and times from text.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime};

use super::date::Date;

/// Reads a date in any of the forms people and systems write.
///
/// Days: `YYYY-MM-DD`, `YYYY/MM/DD`, `DD/MM/YYYY`, `DD-MM-YYYY`, `DD.MM.YYYY`, and `MM/DD/YYYY` where the day-first
/// reading is no date. Days and months may have one digit. A time may follow after `T` or blanks: `HH:mm`, seconds and
/// their fraction, `AM`/`PM`, then `Z` or an offset (`+03:00`, `+0300`, `+03`); without one, the time is in `offset`.
/// Blanks around are ignored. Numbers are not dates.
///
/// ```
/// use basic::scalar::date::parse;
/// let utc = chrono::FixedOffset::east_opt(0).unwrap();
/// assert_eq!(parse("14/03/2025", utc).unwrap().to_string(), "2025-03-14");
/// assert_eq!(parse("2025-03-14T09:30Z", utc).unwrap().to_string(), "2025-03-14 09:30:00");
/// assert_eq!(parse("20250314", utc), None);
/// ```
pub fn parse(text: &str, offset: FixedOffset) -> Option<Date> {
    let text = text.trim();
    // Longer than every form with blanks to spare; keeps the work constant for long texts.
    if text.len() > 64 {
        return None;
    }
    let end = text.find(['T', 't', ' ']).unwrap_or(text.len());
    let (day, rest) = text.split_at(end);
    let day = parse_day(day)?;
    if rest.is_empty() {
        return Some(Date::Day(day));
    }
    let rest = rest[1..].trim_start();
    let (time, zone) = split_zone(rest)?;
    let local = day.and_time(parse_time(time)?);
    let zone = zone.unwrap_or(offset);
    let utc = local.checked_sub_offset(zone)?;
    Some(Date::Instant(DateTime::from_naive_utc_and_offset(utc, zone)))
}

/// A day without time, in one of the forms of [`parse`].
pub(crate) fn parse_day(text: &str) -> Option<NaiveDate> {
    let separator = text.chars().find(|c| !c.is_ascii_digit())?;
    if !matches!(separator, '-' | '/' | '.') {
        return None;
    }
    let mut fields = text.split(separator);
    let (first, second, third) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() {
        return None;
    }
    if first.len() == 4 {
        // `2025.03.14` is not among the forms, but can mean nothing else.
        return day(digits(first, 4..=4)?, digits(second, 1..=2)?, digits(third, 1..=2)?);
    }
    let (a, b, year) = (digits(first, 1..=2)?, digits(second, 1..=2)?, digits(third, 4..=4)?);
    let month_first = || if separator == '/' { day(year, a, b) } else { None };
    day(year, b, a).or_else(month_first)
}

fn day(year: u32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(i32::try_from(year).ok().filter(|y| *y > 0)?, month, day)
}

fn digits(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let plain = length.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Cuts `Z` or an offset off the end; `None` when there is one that cannot be read.
fn split_zone(text: &str) -> Option<(&str, Option<FixedOffset>)> {
    if let Some(time) = text.strip_suffix(['Z', 'z']) {
        return Some((time.trim_end(), FixedOffset::east_opt(0)));
    }
    let Some(at) = text.find(['+', '-']) else {
        return Some((text, None));
    };
    let (time, zone) = text.split_at(at);
    let (sign, zone) = zone.split_at(1);
    let (hours, minutes) = match zone.split_once(':') {
        Some((hours, minutes)) => (digits(hours, 2..=2)?, digits(minutes, 2..=2)?),
        None => match digits(zone, 4..=4) {
            Some(both) => (both / 100, both % 100),
            None => (digits(zone, 2..=2)?, 0),
        },
    };
    // Real offsets reach from -12:00 to +14:00.
    if hours > 14 || minutes > 59 {
        return None;
    }
    let seconds = (hours * 3600 + minutes * 60) as i32;
    let seconds = if sign == "-" { -seconds } else { seconds };
    Some((time.trim_end(), Some(FixedOffset::east_opt(seconds)?)))
}

/// Reads a time of day: `H:mm`, `HH:mm:ss`, fractions of a second down to nanoseconds, `AM`/`PM` with or without blank.
///
/// ```
/// use basic::scalar::date::{parse_time, time_text};
/// assert_eq!(parse_time("2:30 PM").map(time_text).as_deref(), Some("14:30:00"));
/// assert_eq!(parse_time("25:00"), None);
/// ```
pub fn parse_time(text: &str) -> Option<NaiveTime> {
    let text = text.trim();
    if text.len() > 40 {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let (clock, afternoon) = if let Some(clock) = lower.strip_suffix("pm") {
        (clock.trim_end(), Some(true))
    } else if let Some(clock) = lower.strip_suffix("am") {
        (clock.trim_end(), Some(false))
    } else {
        (lower.as_str(), None)
    };
    let mut fields = clock.split(':');
    let hour = digits(fields.next()?, 1..=2)?;
    let minute = digits(fields.next()?, 2..=2)?;
    let (second, nanos) = match fields.next() {
        Some(field) => seconds(field)?,
        None => (0, 0),
    };
    if fields.next().is_some() {
        return None;
    }
    let hour = match afternoon {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(afternoon) => hour % 12 + if afternoon { 12 } else { 0 },
    };
    NaiveTime::from_hms_nano_opt(hour, minute, second, nanos)
}

/// Seconds and nanoseconds of `05` or `05.25`; digits beyond the ninth are dropped.
fn seconds(field: &str) -> Option<(u32, u32)> {
    let (whole, fraction) = field.split_once(['.', ',']).unwrap_or((field, "0"));
    let second = digits(whole, 2..=2)?;
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanos = format!("{:0<9}", &fraction[..fraction.len().min(9)]).parse().ok()?;
    Some((second, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<String> {
        parse(text, FixedOffset::east_opt(0).unwrap()).map(Date::iso)
    }

    #[test]
    fn every_documented_form_reads() {
        let day = Some("2025-03-14".to_owned());
        for text in [
            "2025-03-14",
            "2025/03/14",
            "14/03/2025",
            "14-03-2025",
            "14.03.2025",
            "03/14/2025",
            " 2025-3-14 ",
            "14/3/2025",
        ] {
            assert_eq!(read(text), day, "{text}");
        }
        let at = Some("2025-03-14T09:30:00Z".to_owned());
        for text in [
            "2025-03-14T09:30:00Z",
            "2025-03-14 09:30",
            "2025-03-14 09:30:00.123456789123",
            "2025-03-14T09:30:00+00:00",
            "14/03/2025 9:30",
            "2025-03-14 9:30 am",
        ] {
            assert_eq!(read(text), at, "{text}");
        }
        assert_eq!(read("2025-03-14 09:30-0300").as_deref(), Some("2025-03-14T09:30:00-03:00"));
        assert_eq!(read("2025-03-14 12:05 AM +02").as_deref(), Some("2025-03-14T00:05:00+02:00"));
    }

    #[test]
    fn the_day_stands_first_where_both_readings_are_possible() {
        assert_eq!(read("03/04/2025").as_deref(), Some("2025-04-03"));
        assert_eq!(read("12.25.2025"), None, "month first is read with slashes only");
    }

    #[test]
    fn what_is_no_date_does_not_read() {
        for text in [
            "",
            "20250314",
            "1741942200",
            "2025-02-30",
            "2025-13-01",
            "0000-01-01",
            "2025-03",
            "25-03-14",
            "2025-03-14T",
            "2025-03-14 25:00",
            "2025-03-14 09:60",
            "2025-03-14 09:30:60",
            "2025-03-14 09:30 XM",
            "2025-03-14 13:00 PM",
            "2025-03-14 09:30+99:00",
            "2025-03-14 09:30:00.",
            "２０２５-03-14",
            "today",
            "2025-03/14",
            "2025-03-14-01",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn printed_dates_read_back(days in 1_i32..3_652_059, second in 0_u32..86_400, hours in -12_i32..=14) {
            let day = NaiveDate::from_num_days_from_ce_opt(days).unwrap();
            let offset = FixedOffset::east_opt(hours * 3600).unwrap();
            let local = day.and_time(NaiveTime::from_num_seconds_from_midnight_opt(second, 0).unwrap());
            let at = Date::Instant(local.and_local_timezone(offset).unwrap());

            prop_assert_eq!(parse(&Date::Day(day).to_string(), offset), Some(Date::Day(day)));
            prop_assert_eq!(parse(&at.to_string(), offset), Some(at));
            prop_assert_eq!(parse(&at.iso(), FixedOffset::east_opt(0).unwrap()), Some(at));
        }

        #[test]
        fn no_text_is_too_odd(text: String, near in "[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}[T ]?[0-9:.]{0,9}[ APMZ+-]{0,3}[0-9:]{0,5}") {
            for text in [text, near] {
                let _ = read(&text);
                let _ = parse_time(&text);
            }
        }
    }
}
