//! The log in numbers: what was done in a period, and whether the log holds.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use kernel::{Error, Result, Timestamp};
use platform::audit::Standing;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    period::Period,
    store::{Actors, Acts, COUNTED},
};
use crate::ids::UserId;

/// The days of a summary if nobody says otherwise.
const DAYS: i64 = 30;
/// The days of a summary at the most.
const MOST: i64 = 366;

/// Which days a summary is of: the last 30, unless it is said. At most 366.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SummaryQuery {
    /// From that day or time on.
    #[param(format = Date, example = "2026-01-01")]
    start_date: Option<String>,
    /// Until that day, which counts, or before that time.
    #[param(format = Date, example = "2026-01-31")]
    end_date: Option<String>,
    /// The last so many days, instead of `start_date`.
    #[param(minimum = 1, maximum = 366, example = 30)]
    days: Option<u16>,
}

impl SummaryQuery {
    pub(super) fn period(&self, now: Timestamp) -> Result<(Timestamp, Timestamp)> {
        let days = self.days.map(i64::from);
        if days.is_some_and(|days| !(1..=MOST).contains(&days)) {
            return Err(Error::invalid("days", format!("must be a whole number from 1 to {MOST}")));
        }
        let asked = Period::read(self.start_date.as_deref(), self.end_date.as_deref(), days, now)?;
        let until = asked.until.unwrap_or(now);
        let from = asked.from.unwrap_or(until - TimeDelta::days(DAYS));
        if until - from > TimeDelta::days(MOST) {
            return Err(Error::invalid("start_date", format!("must lie at most {MOST} days before the end")));
        }
        Ok((from, until))
    }
}

/// How many entries have that value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AuditCount)]
pub struct Counted {
    /// The action or result.
    #[schema(example = "login_success")]
    pub value: String,
    /// How many there are.
    #[schema(minimum = 1)]
    pub count: u64,
}

/// How many entries are of that person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AuditActorCount)]
pub struct ActorCount {
    /// Who; absent for what nobody with an account did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Their present address, while they have an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ann@example.com")]
    pub actor_email: Option<String>,
    /// How many there are.
    #[schema(minimum = 1)]
    pub count: u64,
}

/// How many entries are of that day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AuditDayCount)]
pub struct DayCount {
    /// The day, in UTC.
    #[schema(value_type = String, format = Date, example = "2026-01-31")]
    pub day: NaiveDate,
    /// How many there are.
    #[schema(minimum = 1)]
    pub count: u64,
}

/// Does the log hold?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = AuditVerificationStatus)]
pub enum Verified {
    /// All of it did when it was last checked whole, and its newest entries do now.
    Verified,
    /// Its newest entries do; it was not checked whole yet, which happens each night.
    Unchecked,
    /// It was tampered with.
    Broken,
}

/// What a check of the whole log found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AuditWholeCheck)]
pub struct WholeCheck {
    /// When it was.
    pub checked_at: DateTime<Utc>,
    /// How many entries it found right.
    pub entries: u64,
    /// The number of the last of them.
    pub last_number: i64,
}

/// Whether the log holds, and what was looked at to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AuditVerification)]
pub struct Verification {
    /// Does it hold?
    pub status: Verified,
    /// What is wrong with it, and where.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "entry 17 is missing")]
    pub problem: Option<String>,
    /// The number of the oldest entry that is kept.
    pub first_number: i64,
    /// The end of the chain, to be noted elsewhere: `botserver audit verify --expect` tells later whether the log still
    /// goes through it. Absent where there is no chain yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "17:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub head: Option<String>,
    /// How many of the newest entries were checked just now.
    pub newest_checked: u64,
    /// The last check of all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whole: Option<WholeCheck>,
}

/// The log in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuditSummary {
    /// The beginning of the period.
    pub from: DateTime<Utc>,
    /// Its end.
    pub until: DateTime<Utc>,
    /// Entries that were counted: the newest 20,000 of the period at the most.
    pub entries: u64,
    /// Were all counted that the period has?
    pub complete: bool,
    /// Where the counting began: the time of the oldest entry that was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted_from: Option<DateTime<Utc>>,
    /// By action, the most frequent first.
    pub by_action: Vec<Counted>,
    /// By result.
    pub by_result: Vec<Counted>,
    /// By who did it: the 50 with the most.
    pub by_actor: Vec<ActorCount>,
    /// By day, the earliest first; days without any are left out.
    pub by_day: Vec<DayCount>,
    /// Whether the log holds.
    pub verification: Verification,
}

impl AuditSummary {
    pub(super) fn of(
        (from, until): (Timestamp, Timestamp),
        (acts, actors): (Vec<Acts>, Vec<Actors>),
        standing: Standing,
    ) -> Self {
        let (mut actions, mut results) = (BTreeMap::<String, u64>::new(), BTreeMap::<String, u64>::new());
        let mut days = BTreeMap::<i64, u64>::new();
        let (mut entries, mut counted_from) = (0_u64, None);
        for act in acts {
            let count = u64::try_from(act.count).unwrap_or_default();
            entries += count;
            *actions.entry(act.action).or_default() += count;
            *results.entry(act.result).or_default() += count;
            *days.entry(act.day).or_default() += count;
            counted_from = Some(counted_from.map_or(act.first, |first: Timestamp| first.min(act.first)));
        }
        let by_day = days.into_iter().filter_map(|(day, count)| {
            let day = NaiveDate::from_epoch_days(i32::try_from(day).ok()?)?;
            Some(DayCount { day, count })
        });
        let by_actor = actors.into_iter().map(|actor| ActorCount {
            user_id: actor.user_id,
            actor_email: actor.email,
            count: u64::try_from(actor.count).unwrap_or_default(),
        });
        Self {
            from,
            until,
            entries,
            complete: entries < COUNTED,
            counted_from,
            by_action: by_frequency(actions),
            by_result: by_frequency(results),
            by_actor: by_actor.collect(),
            by_day: by_day.collect(),
            verification: Verification::of(standing),
        }
    }
}

fn by_frequency(counts: BTreeMap<String, u64>) -> Vec<Counted> {
    let mut all: Vec<_> = counts.into_iter().map(|(value, count)| Counted { value, count }).collect();
    all.sort_by_key(|counted| std::cmp::Reverse(counted.count));
    all
}

impl Verification {
    fn of(standing: Standing) -> Self {
        let Standing { newest, first, whole } = standing;
        let problem = newest.flaw.map(|flaw| flaw.to_string());
        let problem = problem.or_else(|| whole.as_ref()?.flaw.clone());
        let status = match (&problem, &whole) {
            (Some(_), _) => Verified::Broken,
            (None, Some(_)) => Verified::Verified,
            (None, None) => Verified::Unchecked,
        };
        let whole = whole.map(|check| WholeCheck {
            checked_at: check.at,
            entries: check.entries,
            last_number: check.number,
        });
        Self {
            status,
            problem,
            first_number: first,
            head: newest.last.map(|last| last.to_string()),
            newest_checked: newest.entries,
            whole,
        }
    }
}
