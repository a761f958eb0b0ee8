//! When schedules fire, over the days on which clocks change, and who fires them.

use chrono::{DateTime, TimeDelta, Utc};
use kernel::Timestamp;
use proptest::prelude::*;
use serde_json::Value;
use test_database::each_database;

use super::*;
use crate::jobs::{
    Status, Work,
    tests::{COUNT, Count, House, settings, soon},
};

fn time(text: &str) -> Timestamp {
    DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc)
}

/// The first so many times after an instant, as the clock on the wall there shows them.
fn fires(cron: &str, zone: &str, after: &str, number: usize) -> Vec<String> {
    let times = Times::parse(cron, zone).unwrap();
    let zone: chrono_tz::Tz = zone.parse().unwrap();
    let mut at = time(after);
    let mut found = Vec::new();
    for _ in 0..number {
        at = times.next_after(at).unwrap();
        found.push(at.with_timezone(&zone).format("%d %H:%M %:z").to_string());
    }
    found
}

#[test]
fn times_are_those_of_the_zone() {
    assert_eq!(
        fires("0 9 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 2),
        ["28 09:00 +01:00", "29 09:00 +02:00"]
    );
    assert_eq!(
        fires("30 0 1 * *", "Asia/Kathmandu", "2026-01-31T00:00:00Z", 2),
        ["01 00:30 +05:45", "01 00:30 +05:45"]
    );
}

#[test]
fn a_time_that_does_not_exist_is_made_up_for_once_at_the_first_instant_after() {
    // Berlin, 29 March 2026: 02:00 becomes 03:00.
    assert_eq!(
        fires("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3),
        ["28 02:30 +01:00", "29 03:00 +02:00", "30 02:30 +02:00"]
    );
    assert_eq!(
        fires("*/20 2 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 2),
        ["29 03:00 +02:00", "30 02:00 +02:00"]
    );
    assert_eq!(
        fires("0,30 2,3 * * *", "Europe/Berlin", "2026-03-29T00:59:59Z", 3),
        ["29 03:00 +02:00", "29 03:30 +02:00", "30 02:00 +02:00"],
        "what is made up for and what is due at that instant are one"
    );
    // Lord Howe puts its clocks forward by half an hour, Santiago at midnight.
    assert_eq!(
        fires("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", 2),
        ["04 02:30 +11:00", "05 02:15 +11:00"]
    );
    assert_eq!(
        fires("0 0 * * *", "America/Santiago", "2026-09-05T12:00:00Z", 2),
        ["06 01:00 -03:00", "07 00:00 -03:00"]
    );
}

#[test]
fn a_time_that_exists_twice_fires_the_first_time_only() {
    // Berlin, 25 October 2026: 03:00 becomes 02:00.
    assert_eq!(
        fires("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2),
        ["25 02:30 +02:00", "26 02:30 +01:00"]
    );
    assert_eq!(
        fires("30 2 * * *", "Europe/Berlin", "2026-10-25T00:45:00Z", 1),
        ["26 02:30 +01:00"],
        "asked between the two"
    );
    assert_eq!(
        fires("0,45 1,2 * * *", "America/New_York", "2026-11-01T05:30:00Z", 3),
        ["01 01:45 -04:00", "01 02:00 -05:00", "01 02:45 -05:00"]
    );
}

#[test]
fn what_runs_every_hour_follows_time_as_it_passes() {
    assert_eq!(
        fires("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:29:00Z", 3),
        ["29 01:30 +01:00", "29 03:00 +02:00", "29 03:30 +02:00"]
    );
    assert_eq!(
        fires("30 * * * *", "Europe/Berlin", "2026-10-24T23:45:00Z", 3),
        ["25 02:30 +02:00", "25 02:30 +01:00", "25 03:30 +01:00"]
    );
}

#[test]
fn seconds_may_come_first_and_what_never_is_never_fires() {
    let next = |cron: &str| Times::parse(cron, "UTC").unwrap().next_after(time("2026-01-01T00:00:10Z"));

    assert_eq!(next("*/15 * * * * *"), Some(time("2026-01-01T00:00:15Z")));
    assert_eq!(next("5/20 * * * *"), Some(time("2026-01-01T00:05:00Z")));
    assert_eq!(next("0 0 31 2 *"), None);
    for bad in ["", "* * * *", "60 * * * *", "* * * * * * *", "0 9 * * MOO"] {
        assert!(matches!(Times::parse(bad, "UTC"), Err(TimesError::Cron { .. })), "{bad}");
    }
    assert_eq!(
        Times::parse("* * * * *", "Mars/Olympus").unwrap_err(),
        TimesError::Zone("Mars/Olympus".to_owned())
    );
}

proptest! {
    #[test]
    fn the_next_time_is_later_and_the_first_that_the_wall_shows(
        hour in 0..24_u32,
        minute in 0..60_u32,
        seconds in 1_700_000_000_i64..1_900_000_000,
        zone in proptest::sample::select(vec![
            "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca", "UTC",
        ]),
    ) {
        let times = Times::parse(&format!("{minute} {hour} * * *"), zone).unwrap();
        let after = DateTime::from_timestamp(seconds, 0).unwrap();

        let next = times.next_after(after).unwrap();

        prop_assert!(next > after);
        // Once a day on the wall: never two fall into 22 hours, and none is left out.
        prop_assert!(next - after <= TimeDelta::hours(49));
        let then = times.next_after(next).unwrap();
        prop_assert!(then - next >= TimeDelta::hours(22), "{next} and {then}");
        prop_assert!(then - next <= TimeDelta::hours(26), "{next} and {then}");
    }
}

fn nightly(cron: &str) -> Schedule {
    Schedule::new("nightly", cron, COUNT.job(&Count { number: 3 })).in_zone("Europe/Berlin")
}

/// Work that fires the schedule, and what hears of its jobs.
fn work(cron: &str) -> (Work, flume::Receiver<u32>) {
    let (fire, fired) = flume::unbounded();
    let handler = COUNT.handled_by(move |_, count: Count| {
        fire.send(count.number).unwrap();
        async { Ok(Value::Null) }
    });
    (Work::new([handler], [], [nightly(cron)]).unwrap(), fired)
}

/// When the schedule fires next, in minutes from now.
async fn minutes_to_next(house: &House) -> Vec<i64> {
    let next = house.db.read(house.org, |tx| {
        tx.all::<(Timestamp,)>("SELECT next_at FROM schedules WHERE org_id = $1 ORDER BY next_at", &[])
    });
    let next = next.await.map_err(|error: DbError| error).unwrap();
    next.into_iter().map(|(at,)| (at - house.now()).num_minutes()).collect()
}

#[each_database]
async fn of_several_nodes_one_fires_and_what_was_missed_is_made_up_for_once() {
    // The clock of tests stands at 2027-01-15T08:00:00Z.
    let house = House::new().await;
    let (first, fired) = work("30 9 * * *");
    let (second, fired_too) = work("30 9 * * *");
    let nodes = (house.node_with(settings(), first), house.node_with(settings(), second));
    while minutes_to_next(&house).await != [30] {
        tokio::task::yield_now().await;
    }

    house.advance(TimeDelta::minutes(30));
    let either = async {
        tokio::select! { one = fired.recv_async() => one, other = fired_too.recv_async() => other }
    };
    assert_eq!(soon(either).await.unwrap(), 3);
    assert_eq!(minutes_to_next(&house).await, [24 * 60]);
    drop(nodes);

    // Nobody is there for four days.
    house.advance(TimeDelta::days(4) + TimeDelta::minutes(10));
    let (late, fired_late) = work("30 9 * * *");
    let node = house.node_with(settings(), late);
    assert_eq!(soon(fired_late.recv_async()).await.unwrap(), 3);
    soon(node.stop()).await;

    assert!(fired.is_empty() && fired_too.is_empty() && fired_late.is_empty());
    assert_eq!(minutes_to_next(&house).await, [24 * 60 - 10]);
}

#[each_database]
async fn a_schedule_keeps_its_time_over_restarts_changes_with_its_text_and_goes_with_its_module() {
    let house = House::new().await;
    let put_up = async |wanted: Vec<Schedule>| put_up(&house.db, house.org, wanted).await.unwrap();

    put_up(vec![nightly("30 9 * * *")]).await;
    house.advance(TimeDelta::minutes(40));
    put_up(vec![nightly("30 9 * * *")]).await;
    assert_eq!(minutes_to_next(&house).await, [-10], "it is still to be made up for");

    put_up(vec![nightly("45 9 * * *")]).await;
    assert_eq!(minutes_to_next(&house).await, [5]);
    put_up(vec![]).await;
    assert_eq!(minutes_to_next(&house).await, Vec::<i64>::new());
}

#[each_database]
async fn a_schedule_whose_last_job_has_not_ended_adds_no_other() {
    let house = House::new().await;
    put_up(&house.db, house.org, vec![nightly("* * * * *")]).await.unwrap();
    let (work, _fired) = work("* * * * *");
    let work = std::sync::Arc::new(work);

    for _ in 0..3 {
        house.advance(TimeDelta::minutes(1));
        let work = std::sync::Arc::clone(&work);
        assert_eq!(house.everywhere(move |unit| fire_some(unit, &work)).await, 1);
    }

    let jobs =
        house.db.read(house.org, |tx| tx.all::<(Status,)>("SELECT status FROM jobs WHERE org_id = $1", &[]));
    let jobs = jobs.await.map_err(|error: DbError| error).unwrap();
    assert_eq!(jobs, [(Status::Queued,)]);
}

#[each_database]
async fn a_node_leaves_schedules_alone_whose_jobs_it_does_not_know() {
    let house = House::new().await;
    put_up(&house.db, house.org, vec![nightly("* * * * *")]).await.unwrap();
    house.advance(TimeDelta::minutes(1));

    house.everywhere(|unit| fire_some(unit, &Work::default())).await;

    assert_eq!(minutes_to_next(&house).await, [1]);
    let (work, _fired) = work("* * * * *");
    house.advance(TimeDelta::minutes(1));
    assert_eq!(house.everywhere(move |unit| fire_some(unit, &work)).await, 1);
}
