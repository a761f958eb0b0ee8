//! Callers that lack a permission, told to the log: off the way of their requests, and repeated ones counted.
//!
//! The first denial of a permission to somebody is written at once. What follows within a window is counted, and written as
//! one entry at its end. The gateway never waits: what doesn't fit into the line, or can't be written for long, is counted
//! only by a meter.

use std::{collections::HashMap, mem, time::Duration};

use kernel::{
    Actor, Id, Surroundings, Timestamp,
    id::kind::{Organization, User},
};
use platform::{
    audit::{Audit, Category},
    db::{Db, DbError},
};
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::organizations;

/// How long repeated denials are counted before they are written.
const WINDOW: Duration = Duration::from_mins(1);
/// Denials that wait to be taken at the most.
const LINE: usize = 4_096;
/// Callers and permissions that are counted at once at the most.
const COUNTED: usize = 10_000;
/// How long what could not be written waits.
const PAUSE: Duration = Duration::from_secs(1);

/// A caller that lacked a permission.
struct Denial {
    who: Actor,
    permission: String,
    operation: &'static str,
    at: Timestamp,
}

/// What the gateway tells of denials. A cheap handle.
#[derive(Clone)]
pub struct Denials {
    line: mpsc::Sender<Denial>,
    world: Surroundings,
}

impl gateway::Denials for Denials {
    fn denied(&self, who: &Actor, permission: &str, operation: &'static str) {
        let at = self.world.now();
        let denial = Denial { who: who.clone(), permission: permission.to_owned(), operation, at };
        if let Err(TrySendError::Full(_)) = self.line.try_send(denial) {
            lose(1);
        }
    }
}

/// The task that writes denials down.
pub struct Keeper {
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Keeper {
    /// Begins to write down what it is told.
    pub fn start(db: &Db, world: &Surroundings) -> (Denials, Self) {
        let (line, told) = mpsc::channel(LINE);
        let stop = CancellationToken::new();
        let task = tokio::spawn(keep(db.clone(), told, stop.clone()));
        (Denials { line, world: world.clone() }, Self { stop, task: AbortOnDropHandle::new(task) })
    }

    /// Writes what was counted and ends.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(cause) = self.task.await {
            tracing::error!(%cause, "the task that audits denials failed");
        }
    }
}

async fn keep(db: Db, mut told: mpsc::Receiver<Denial>, stop: CancellationToken) {
    let mut folded = Folded::default();
    let mut failed = Vec::new();
    loop {
        let wait =
            if failed.is_empty() { folded.next_end().map(|end| end - Instant::now()) } else { Some(PAUSE) };
        let mut some = Vec::new();
        tokio::select! {
            () = stop.cancelled() => break,
            count = told.recv_many(&mut some, LINE) => if count == 0 { break },
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {}
        }
        let now = Instant::now();
        let mut due = mem::take(&mut failed);
        due.extend(some.into_iter().filter_map(|denial| folded.take(denial, now)));
        due.extend(folded.ended(now));
        failed = write(&db, due).await;
    }
    told.close();
    let now = Instant::now();
    let mut due = failed;
    while let Some(denial) = told.recv().await {
        due.extend(folded.take(denial, now));
    }
    due.extend(folded.all());
    let lost = write(&db, due).await;
    if !lost.is_empty() {
        tracing::error!(entries = lost.len(), "denials could not be written to the audit log");
        lose(lost.iter().map(|counted| counted.count).sum());
    }
}

/// Counts denials that will not stand in the log. Whoever makes so many of them does not also fill the server's own log.
fn lose(denials: u64) {
    metrics::counter!("audit_denials_lost_total").increment(denials);
}

/// Writes entries; gives back those that could not be written, as many as there is room for.
async fn write(db: &Db, due: Vec<Counted>) -> Vec<Counted> {
    let mut by_org: HashMap<Id<Organization>, Vec<Counted>> = HashMap::new();
    for counted in due {
        by_org.entry(counted.last.who.org).or_default().push(counted);
    }
    let mut failed = Vec::new();
    for (org, some) in by_org {
        let entries: Vec<Audit> = some.iter().map(Counted::entry).collect();
        let written: Result<(), DbError> = db
            .write(org, move |unit| {
                // One that was deleted meanwhile keeps nothing, not even this.
                let is_there = organizations::store::is_there(unit.server(), org)?;
                entries.into_iter().filter(|_| is_there).try_for_each(|entry| unit.audit(entry))
            })
            .await;
        if let Err(error) = written {
            tracing::warn!(%error, "denials could not be written to the audit log; they will be tried again");
            failed.extend(some);
        }
    }
    if failed.len() > COUNTED {
        lose(failed.drain(COUNTED..).map(|counted| counted.count).sum());
    }
    failed
}

/// Denials of one permission to one caller.
struct Counted {
    count: u64,
    first_at: Timestamp,
    last: Denial,
}

impl Counted {
    fn entry(&self) -> Audit {
        let (action, category) = ("permission_denied", Category::Authorization);
        let Denial { who, permission, operation, at } = &self.last;
        // A visitor's user is nobody's account.
        let entry = if who.is_visitor() {
            Audit::anonymous(&who.origin, action, category)
        } else {
            Audit::by(who, action, category)
        };
        let entry = entry.on("operation", operation).denied("permission_missing");
        let entry = entry.detail("permission", permission).detail("count", self.count);
        if self.count == 1 { entry } else { entry.detail("first_at", self.first_at).detail("last_at", at) }
    }
}

type Key = (Id<Organization>, Id<User>, String);

/// What is counted of one caller and permission until the window ends.
struct Open {
    counted: Option<Counted>,
    ends: Instant,
}

/// Denials that are being counted, without I/O.
#[derive(Default)]
struct Folded(HashMap<Key, Open>);

impl Folded {
    /// Counts a denial. Gives it back if it is to be written at once: the first, and what there is no room to count.
    fn take(&mut self, denial: Denial, now: Instant) -> Option<Counted> {
        let key = (denial.who.org, denial.who.user, denial.permission.clone());
        let first_at = denial.at;
        if let Some(open) = self.0.get_mut(&key) {
            let before = open.counted.take();
            let (count, first_at) = before.map_or((0, first_at), |before| (before.count, before.first_at));
            open.counted = Some(Counted { count: count + 1, first_at, last: denial });
            return None;
        }
        if self.0.len() < COUNTED {
            self.0.insert(key, Open { counted: None, ends: now + WINDOW });
        }
        Some(Counted { count: 1, first_at, last: denial })
    }

    fn next_end(&self) -> Option<Instant> {
        self.0.values().map(|open| open.ends).min()
    }

    /// What was counted in windows that have ended. Where something was, another one begins.
    fn ended(&mut self, now: Instant) -> Vec<Counted> {
        let mut due = Vec::new();
        self.0.retain(|_, open| {
            if open.ends > now {
                return true;
            }
            open.ends = now + WINDOW;
            let counted = open.counted.take();
            let goes_on = counted.is_some();
            due.extend(counted);
            goes_on
        });
        due
    }

    fn all(self) -> Vec<Counted> {
        self.0.into_values().filter_map(|open| open.counted).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kernel::{PermissionSet, Principal};

    use super::*;
    use crate::testing::origin;

    fn denial(world: &Surroundings, user: Id<User>, permission: &str) -> Denial {
        let principal = Principal {
            user,
            org: Id::example(),
            session: Id::example(),
            permissions: PermissionSet::EMPTY,
            level: 50,
            expires_at: Timestamp::UNIX_EPOCH,
            visits: None,
            key: None,
            confined: None,
        };
        let who = Actor { principal: Arc::new(principal), origin: origin() };
        Denial { who, permission: permission.to_owned(), operation: "users_list", at: world.now() }
    }

    fn counts(due: &[Counted]) -> Vec<u64> {
        due.iter().map(|counted| counted.count).collect()
    }

    #[test]
    fn the_first_is_told_at_once_and_the_others_are_counted() {
        let (world, mut folded, begin) = (Surroundings::system(), Folded::default(), Instant::now());
        let (ann, bob): (Id<User>, Id<User>) = (world.id(), world.id());

        assert!(folded.take(denial(&world, ann, "a:b"), begin).is_some());
        assert!(folded.take(denial(&world, ann, "a:c"), begin).is_some(), "another permission");
        assert!(folded.take(denial(&world, bob, "a:b"), begin).is_some(), "somebody else");
        for _ in 0..5 {
            assert!(folded.take(denial(&world, ann, "a:b"), begin).is_none());
        }

        assert_eq!(counts(&folded.ended(begin + WINDOW / 2)), Vec::<u64>::new());
        assert_eq!(counts(&folded.ended(begin + WINDOW)), [5]);
        // Only whoever went on is still counted.
        assert!(folded.take(denial(&world, ann, "a:b"), begin + WINDOW).is_none());
        assert!(folded.take(denial(&world, bob, "a:b"), begin + WINDOW).is_some());
        assert_eq!(counts(&folded.ended(begin + WINDOW * 2)), [1]);
        assert_eq!(counts(&folded.ended(begin + WINDOW * 3)), Vec::<u64>::new());
        assert!(folded.0.is_empty(), "nothing is kept of who has stopped");
    }

    #[test]
    fn there_is_room_for_so_many_and_the_others_are_told_uncounted() {
        let (world, mut folded, now) = (Surroundings::system(), Folded::default(), Instant::now());
        for _ in 0..COUNTED {
            folded.take(denial(&world, world.id(), "a:b"), now);
        }
        let late: Id<User> = world.id();

        assert!(folded.take(denial(&world, late, "a:b"), now).is_some());
        assert!(folded.take(denial(&world, late, "a:b"), now).is_some());
        assert_eq!(folded.0.len(), COUNTED);
    }
}
