//! The index of what was said, which takes messages in before somebody searches, and whenever many are new.
//!
//! A turn that wrote into the index itself would take a quarter longer, on SQLite; elsewhere nothing is put off.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use platform::db::{Db, DbError};
use tokio_util::task::AbortOnDropHandle;

/// New messages after which the index takes them in though nobody searches, so that whoever does has not long to wait.
const MANY: usize = 1_000;

/// Keeps the index. A cheap handle.
#[derive(Clone)]
pub(super) struct Indexing {
    db: Db,
    /// Messages that were written since it took some in, as far as this process knows.
    new: Arc<AtomicUsize>,
    /// Takes in what nobody searches for, as long as this lives: what is taken in stays so, and the rest is for the next.
    taking_in: Arc<Mutex<Option<AbortOnDropHandle<()>>>>,
}

impl Indexing {
    pub(super) fn new(db: Db) -> Self {
        Self { db, new: Arc::default(), taking_in: Arc::default() }
    }

    /// Takes in all that was said.
    pub(super) async fn take_in(&self) -> Result<(), DbError> {
        self.new.store(0, Ordering::Relaxed);
        take_in(&self.db).await
    }

    /// So many messages were written.
    pub(super) fn said(&self, messages: usize) {
        if !self.db.puts_texts_off() || self.new.fetch_add(messages, Ordering::Relaxed) + messages < MANY {
            return;
        }
        let mut taking_in = self.taking_in.lock().unwrap_or_else(PoisonError::into_inner);
        if taking_in.as_ref().is_some_and(|task| !task.is_finished()) {
            // It takes these in, too, or whoever comes after it does.
            return;
        }
        self.new.store(0, Ordering::Relaxed);
        let db = self.db.clone();
        *taking_in = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            if let Err(error) = take_in(&db).await {
                tracing::warn!(%error, "the index of messages could not be brought up to date");
            }
        })));
    }
}

async fn take_in(db: &Db) -> Result<(), DbError> {
    db.index_texts("messages", "content_key").await
}
