//! What may become of a job: every transition, without a database and without a clock.
//!
//! ```text
//! later ──due time──▶ due ──claim──▶ leased ──completed, failed, dead, cancelled──▶ done
//!   ▲                  ▲ ▲             │ │
//!   └── back-off ──────┼─┼─────────────┘ │     behind ──the one before has ended──▶ due
//!                      │ └── handed back, lease ended
//!                      └── retry of a failed or dead one
//! ```

use chrono::TimeDelta;
use kernel::Timestamp;
use uuid::Uuid;

use super::{Backoff, NotCancelled, NotRetried, Status};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// A runner may take it.
    Due,
    /// Its time has not come.
    Later,
    /// An earlier job of its line has not ended.
    Behind,
    /// A runner has it.
    Leased(Lease),
    /// It has ended.
    Done(Status),
}

/// A runner's right to a job, for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lease {
    /// The runner.
    pub(crate) owner: Uuid,
    /// From then on others may take the job over.
    pub(crate) until: Timestamp,
}

/// The part of a job that changes while it goes its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Course {
    pub(crate) stage: Stage,
    /// Attempts that began, without those that were handed back.
    pub(crate) attempts: u32,
    pub(crate) max_attempts: u32,
    /// When it may run, or was to run.
    pub(crate) run_at: Timestamp,
    /// Rises with each claim: what a runner says with an older number is void.
    pub(crate) fence: i64,
    pub(crate) cancel_asked: bool,
    /// Why the last attempt failed, for people.
    pub(crate) error: Option<String>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It did what it should.
    Completed,
    /// It failed, and may succeed another time: after that long, or after the back-off.
    Failed { error: String, after: Option<TimeDelta> },
    /// It failed for good.
    FailedForGood { error: String },
    /// It was broken off through no fault of its own: the node stops, does not know the kind, or what the job waits for
    /// has not come. It may run again after that long, and the attempt does not count.
    HandedBack { after: TimeDelta },
    /// It was broken off because its cancellation was asked for.
    Cancelled,
}

/// The runner no longer has the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeaseLost;

impl Course {
    /// A runner takes it. None if it isn't due.
    pub(crate) fn claim(self, lease: Lease) -> Option<Self> {
        (self.stage == Stage::Due).then(|| Self {
            stage: Stage::Leased(lease),
            attempts: self.attempts.saturating_add(1),
            fence: self.fence + 1,
            ..self
        })
    }

    /// Is this the number of the runner that has it?
    pub(crate) fn is_held_with(&self, fence: i64) -> bool {
        matches!(self.stage, Stage::Leased(_)) && self.fence == fence
    }

    /// The runner that claimed it with that fence number says how it ended. `random` decides the jitter.
    pub(crate) fn settle(
        self,
        fence: i64,
        ending: Ending,
        backoff: Backoff,
        now: Timestamp,
        random: u64,
    ) -> Result<Self, LeaseLost> {
        if !self.is_held_with(fence) {
            return Err(LeaseLost);
        }
        Ok(match ending {
            // It was done before it could be stopped.
            Ending::Completed => Self { error: None, ..self.done(Status::Completed) },
            Ending::FailedForGood { error } => Self { error: Some(error), ..self.done(Status::Failed) },
            _ if self.cancel_asked => self.done(Status::Cancelled),
            Ending::Cancelled => self.done(Status::Cancelled),
            Ending::Failed { error, after } => {
                let delay = after.unwrap_or_else(|| backoff.delay(self.attempts, random));
                Self { error: Some(error), ..self }.again(now, delay)
            }
            Ending::HandedBack { after } => {
                let attempts = self.attempts.saturating_sub(1);
                Self { attempts, ..self }.waiting(now, after)
            }
        })
    }

    /// The lease has ended without a word of its runner: others may have it, if it may still be tried. None if the
    /// lease holds.
    pub(crate) fn expire(self, now: Timestamp) -> Option<Self> {
        match self.stage {
            Stage::Leased(lease) if lease.until <= now => {}
            _ => return None,
        }
        if self.cancel_asked {
            return Some(self.done(Status::Cancelled));
        }
        let error = Some("The node that ran it did not finish it.".to_owned());
        Some(Self { error, ..self }.again(now, TimeDelta::zero()))
    }

    /// Somebody wants it to stop. A running one is asked to.
    pub(crate) fn cancel(self) -> Result<Self, NotCancelled> {
        match self.stage {
            Stage::Done(Status::Cancelled) => Ok(self),
            Stage::Done(_) => Err(NotCancelled),
            Stage::Leased(_) => Ok(Self { cancel_asked: true, ..self }),
            Stage::Due | Stage::Later | Stage::Behind => Ok(self.done(Status::Cancelled)),
        }
    }

    /// Somebody wants it to run again, from its first attempt.
    pub(crate) fn retry(self, now: Timestamp) -> Result<Self, NotRetried> {
        match self.stage {
            Stage::Done(Status::Failed | Status::Dead) => {
                let fresh = Self { attempts: 0, cancel_asked: false, error: None, ..self };
                Ok(fresh.waiting(now, TimeDelta::zero()))
            }
            _ => Err(NotRetried::NotFailed),
        }
    }

    fn again(self, now: Timestamp, delay: TimeDelta) -> Self {
        if self.attempts >= self.max_attempts { self.done(Status::Dead) } else { self.waiting(now, delay) }
    }

    fn waiting(self, now: Timestamp, delay: TimeDelta) -> Self {
        let stage = if delay > TimeDelta::zero() { Stage::Later } else { Stage::Due };
        Self { stage, run_at: now + delay.max(TimeDelta::zero()), ..self }
    }

    fn done(self, status: Status) -> Self {
        Self { stage: Stage::Done(status), ..self }
    }
}

impl Backoff {
    /// How long to wait after that many failed attempts: anything from nothing to `first`, doubled with each attempt
    /// and never more than `most`. Jobs that failed together so don't come back together.
    pub(crate) fn delay(self, attempts: u32, random: u64) -> TimeDelta {
        let doubled = self.first.as_millis().saturating_mul(1 << attempts.saturating_sub(1).min(32));
        let ceiling = doubled.min(self.most.as_millis());
        let drawn = (ceiling * u128::from(random)) >> 64;
        TimeDelta::milliseconds(i64::try_from(drawn).unwrap_or(i64::MAX / 1000))
    }
}
