//! A thread with a connection: runs what it is given, again if it must.

use std::{sync::Arc, time::Duration};

use kernel::{Random as _, clock::SystemRandom};

use super::{
    Desk, Next, Pool, Session, Task,
    session::{Manner, Trouble},
};
use crate::db::{DbError, Purpose, session::Session as AnySession, work::Work};

/// How often work that met others, or a connection that was lost, begins again.
const RETRIES: u32 = 2;

/// Works until there is nothing more to do for a long time, or ever.
pub(super) fn run(pool: &Arc<Pool>) {
    let desk = Arc::new(Desk::default());
    let mut worker = Worker { pool, desk: &desk, session: None };
    let mut next = pool.next(&desk);
    loop {
        let task = match next {
            Next::Do(task) => Some(task),
            Next::Wait => pool.wait(&desk),
            Next::End => None,
        };
        let Some(task) = task else { break };
        next = worker.perform(task);
    }
    if let Some(session) = worker.session {
        session.close();
    }
}

struct Worker<'a> {
    pool: &'a Pool,
    desk: &'a Arc<Desk>,
    session: Option<Session>,
}

/// What an attempt came to.
enum Outcome {
    Ended(Result<(), DbError>),
    Again,
}

impl Worker<'_> {
    fn perform(&mut self, Task { purpose, mut work }: Task) -> Next {
        let mut attempt = 0;
        let ended = loop {
            match self.attempt(purpose, work.as_mut(), attempt == RETRIES) {
                Outcome::Ended(ended) => break ended,
                Outcome::Again => attempt += 1,
            }
        };
        let snapshot = self.session.as_ref().filter(|session| session.is_open());
        if let Some(session) = snapshot {
            // The caller needn't wait for the end of a snapshot.
            work.finish(ended);
            session.roll_back();
            return self.pool.next(self.desk);
        }
        // Free before the caller knows: what the caller asks next shall not start another thread.
        let next = self.pool.next(self.desk);
        work.finish(ended);
        next
    }

    fn attempt(&mut self, purpose: Purpose, work: &mut dyn Work, last: bool) -> Outcome {
        let manner = match purpose {
            Purpose::Unit => Manner::Unit,
            Purpose::Read if last || self.pool.needs_snapshot(work.kind()) => Manner::Snapshot,
            Purpose::Read => Manner::Single,
        };
        let session = match self.connected() {
            Ok(session) => session,
            Err(error) => return Outcome::Ended(Err(error)),
        };
        session.begins(manner);
        let stays = work.run(AnySession::Postgres(session), last);
        let trouble = session.trouble();
        if trouble == Some(Trouble::NeedsSnapshot) {
            self.pool.learn_of_snapshot(work.kind());
            return Outcome::Again;
        }
        let passes = matches!(trouble, Some(Trouble::Conflict | Trouble::Lost | Trouble::Stale));
        if passes && !last {
            session.roll_back();
            if trouble == Some(Trouble::Conflict) {
                step_back();
            }
            return Outcome::Again;
        }
        if purpose == Purpose::Read {
            return Outcome::Ended(Ok(()));
        }
        if !stays {
            session.roll_back();
            return Outcome::Ended(Ok(()));
        }
        match session.commit() {
            Err((Trouble::Conflict, _)) if !last => {
                step_back();
                Outcome::Again
            }
            Err((Trouble::Lost, _)) => {
                let unknown = "the connection was lost during a commit: whether it happened is not known";
                Outcome::Ended(Err(DbError::Unavailable(unknown.to_owned())))
            }
            Err((_, error)) => Outcome::Ended(Err(error)),
            Ok(()) => Outcome::Ended(Ok(())),
        }
    }

    /// A connection that is not known to be lost.
    fn connected(&mut self) -> Result<&Session, DbError> {
        let present = self.session.take().filter(|session| !session.is_lost());
        let session = match present {
            Some(session) => session,
            None => self.pool.connect()?,
        };
        Ok(self.session.insert(session))
    }
}

/// Lets the other transaction pass: two that begin again at once would meet again. Waits up to 25 ms.
fn step_back() {
    let mut chance = [0];
    SystemRandom.fill(&mut chance);
    std::thread::sleep(Duration::from_micros(u64::from(chance[0]) * 100));
}
