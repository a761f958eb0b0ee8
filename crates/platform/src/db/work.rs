//! What is asked of the database, as the engines see it: something to run, and somebody to tell.

use std::{
    any::TypeId,
    panic::{AssertUnwindSafe, catch_unwind},
};

use tokio::sync::oneshot;

use super::{DbError, session::Session, tx::Luggage};

/// A read or a unit of work.
pub(super) trait Work: Send {
    /// Runs inside a transaction. False if what it did must not stay. Unless it is the last time, it can run once
    /// more, from the beginning: what it did in the database before was undone.
    fn run(&mut self, session: Session<'_>, last: bool) -> bool;
    /// Tells the caller what became of it.
    fn finish(self: Box<Self>, ended: Result<(), DbError>);
    /// Tells one piece of the program from another.
    fn kind(&self) -> TypeId;
}

/// A closure with whoever waits for its result.
pub(super) struct Asked<F, T, E> {
    work: Option<F>,
    result: Option<Result<T, E>>,
    luggage: Luggage,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Asked<F, T, E> {
    pub(super) fn new(work: F, luggage: Luggage, answer: oneshot::Sender<Result<T, E>>) -> Self {
        Self { work: Some(work), result: None, luggage, answer }
    }
}

impl<F, T, E> Work for Asked<F, T, E>
where
    F: FnOnce(Session<'_>, &Luggage) -> Result<T, E> + Clone + Send + 'static,
    T: Send,
    E: From<DbError> + Send,
{
    fn run(&mut self, session: Session<'_>, last: bool) -> bool {
        let Some(work) = (if last { self.work.take() } else { self.work.clone() }) else {
            return false;
        };
        self.luggage.empty();
        let luggage = &self.luggage;
        // A panic is the caller's, not the thread's.
        let mut result = catch_unwind(AssertUnwindSafe(|| work(session, luggage))).unwrap_or_else(|_| {
            Err(DbError::Engine("what was asked of the database panicked".to_owned()).into())
        });
        if result.is_ok() && session.has_failed() {
            // PostgreSQL undoes such a transaction whatever is asked of it, so nobody may go on from there.
            result = Err(DbError::Engine("a statement failed, and the closure went on".to_owned()).into());
        }
        let stays = result.is_ok();
        self.result = Some(result);
        stays
    }

    fn finish(self: Box<Self>, ended: Result<(), DbError>) {
        let result = match (ended, self.result) {
            (Ok(()), Some(result)) => result,
            (Err(error), Some(Ok(_)) | None) => Err(error.into()),
            (Err(_), Some(Err(own))) => Err(own),
            (Ok(()), None) => {
                Err(DbError::Engine("what was asked of the database did not run".to_owned()).into())
            }
        };
        if result.is_ok() {
            self.luggage.committed();
        }
        // A caller that has gone doesn't need the answer; the work stays.
        let _ = self.answer.send(result);
    }

    fn kind(&self) -> TypeId {
        TypeId::of::<F>()
    }
}
