//! The rules without a database: whatever runners, people and the clock do in whatever order.

use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;
use uuid::Uuid;

use crate::jobs::{
    Backoff, Status,
    kind::BACKOFF,
    lifecycle::{Course, Ending, Lease, Stage},
};

/// What may happen to a job.
#[derive(Debug, Clone)]
enum Act {
    Claim,
    Renew(usize),
    Settle(usize, Ending),
    Expire,
    Cancel,
    Retry,
    Promote,
    Wait(i64),
}

fn ending() -> impl Strategy<Value = Ending> {
    prop_oneof![
        Just(Ending::Completed),
        Just(Ending::Cancelled),
        Just(Ending::FailedForGood { error: "no".to_owned() }),
        proptest::option::of(0..100_i64).prop_map(|after| Ending::Failed {
            error: "later".to_owned(),
            after: after.map(TimeDelta::seconds)
        }),
        (0..100_i64).prop_map(|after| Ending::HandedBack { after: TimeDelta::seconds(after) }),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Claim),
        1 => (0..8_usize).prop_map(Act::Renew),
        4 => (0..8_usize, ending()).prop_map(|(who, ending)| Act::Settle(who, ending)),
        2 => Just(Act::Expire),
        1 => Just(Act::Cancel),
        1 => Just(Act::Retry),
        2 => Just(Act::Promote),
        2 => (0..100_i64).prop_map(Act::Wait),
    ]
}

fn fresh(max_attempts: u32) -> Course {
    Course {
        stage: Stage::Due,
        attempts: 0,
        max_attempts,
        run_at: DateTime::UNIX_EPOCH,
        fence: 0,
        cancel_asked: false,
        error: None,
    }
}

proptest! {
    #[test]
    fn one_runner_has_a_job_at_a_time_and_only_it_has_a_say(
        acts in proptest::collection::vec(act(), 0..60),
        max_attempts in 1..4_u32,
        random: u64,
    ) {
        let mut now = DateTime::UNIX_EPOCH;
        let mut course = fresh(max_attempts);
        // The fence numbers of all claims, in order; the last one holds the job while it is leased.
        let mut fences: Vec<i64> = Vec::new();
        for act in acts {
            let before = course.clone();
            match act {
                Act::Claim => {
                    let lease = Lease { owner: Uuid::nil(), until: now + TimeDelta::seconds(30) };
                    let claimed = course.clone().claim(lease);
                    prop_assert_eq!(claimed.is_some(), before.stage == Stage::Due);
                    if let Some(claimed) = claimed {
                        prop_assert!(fences.last().is_none_or(|last| claimed.fence > *last));
                        prop_assert_eq!(claimed.attempts, before.attempts + 1);
                        prop_assert!(claimed.attempts <= max_attempts);
                        fences.push(claimed.fence);
                        course = claimed;
                    }
                }
                Act::Renew(who) => {
                    if let Some(fence) = fences.get(who).copied()
                        && course.is_held_with(fence)
                    {
                        prop_assert_eq!(Some(&fence), fences.last());
                        course.stage =
                            Stage::Leased(Lease { owner: Uuid::nil(), until: now + TimeDelta::seconds(30) });
                    }
                }
                Act::Settle(who, ending) => {
                    let Some(fence) = fences.get(who).copied() else { continue };
                    let holds =
                        matches!(before.stage, Stage::Leased(_)) && fences.last() == Some(&fence);
                    let completes = ending == Ending::Completed;
                    match course.clone().settle(fence, ending, BACKOFF, now, random) {
                        Ok(settled) => {
                            prop_assert!(holds);
                            prop_assert!(!matches!(settled.stage, Stage::Leased(_)), "the lease is given up");
                            prop_assert_eq!(completes, settled.stage == Stage::Done(Status::Completed));
                            if before.cancel_asked {
                                prop_assert!(matches!(settled.stage, Stage::Done(_)), "it does not come back");
                            }
                            course = settled;
                        }
                        Err(_) => prop_assert!(!holds, "whoever has the job is heard"),
                    }
                }
                Act::Expire => {
                    let has_ended = matches!(before.stage, Stage::Leased(lease) if lease.until <= now);
                    let expired = course.clone().expire(now);
                    prop_assert_eq!(expired.is_some(), has_ended);
                    course = expired.unwrap_or(course);
                }
                Act::Cancel => match course.clone().cancel() {
                    Ok(cancelled) => {
                        let done = cancelled.stage == Stage::Done(Status::Cancelled);
                        prop_assert!(done || cancelled.cancel_asked);
                        course = cancelled;
                    }
                    Err(_) => prop_assert!(matches!(before.stage, Stage::Done(_))),
                },
                Act::Retry => match course.clone().retry(now) {
                    Ok(again) => {
                        prop_assert!(matches!(before.stage, Stage::Done(Status::Failed | Status::Dead)));
                        prop_assert_eq!((again.stage, again.attempts), (Stage::Due, 0));
                        course = again;
                    }
                    Err(_) => prop_assert!(!matches!(before.stage, Stage::Done(Status::Failed | Status::Dead))),
                },
                Act::Promote => {
                    if course.stage == Stage::Later && course.run_at <= now {
                        course.stage = Stage::Due;
                    }
                }
                Act::Wait(seconds) => now += TimeDelta::seconds(seconds),
            }
            if course.stage == Stage::Later {
                prop_assert!(course.run_at >= now || before.stage == Stage::Later);
            }
            if course.stage == Stage::Done(Status::Dead) && before.stage != course.stage {
                prop_assert_eq!(course.attempts, max_attempts, "it had every attempt it may have");
            }
        }
    }

    #[test]
    fn a_back_off_stays_below_its_ceiling_whatever_the_attempt(attempts: u32, random: u64, first in 0..100_u64, most in 0..10_000_u64) {
        let backoff = Backoff {
            first: std::time::Duration::from_secs(first),
            most: std::time::Duration::from_secs(most),
        };

        let delay = backoff.delay(attempts, random);

        prop_assert!(delay >= TimeDelta::zero());
        prop_assert!(delay <= TimeDelta::seconds(most as i64));
        if attempts <= 1 {
            prop_assert!(delay <= TimeDelta::seconds(first as i64));
        }
    }
}

#[test]
fn the_ceiling_of_the_back_off_doubles_and_the_jitter_is_full() {
    let ceiling = |attempts| BACKOFF.delay(attempts, u64::MAX).num_milliseconds();

    assert_eq!(BACKOFF.delay(5, 0), TimeDelta::zero());
    assert_eq!([ceiling(1), ceiling(2), ceiling(3)], [9_999, 19_999, 39_999]);
    assert_eq!(ceiling(40), 3_599_999);
    assert_eq!(BACKOFF.delay(2, u64::MAX / 2).num_milliseconds(), 9_999);
}

#[test]
fn an_attempt_that_was_handed_back_does_not_count() {
    let lease = Lease { owner: Uuid::nil(), until: DateTime::UNIX_EPOCH };
    let claimed = fresh(1).claim(lease).unwrap();
    let ending = Ending::HandedBack { after: TimeDelta::zero() };

    let back = claimed.settle(1, ending, BACKOFF, DateTime::UNIX_EPOCH, 0).unwrap();

    assert_eq!((back.stage, back.attempts), (Stage::Due, 0));
    assert_eq!(back.claim(lease).unwrap().fence, 2, "the one before has nothing to say any more");
}
