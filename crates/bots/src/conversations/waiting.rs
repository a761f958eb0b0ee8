//! Who wants the same thing waits in line, in the order in which they came.

use std::{
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use dashmap::DashMap;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// The lines of this node, one for each thing. Where nobody waits there is none.
pub(super) struct Lines<K: Eq + Hash>(Arc<DashMap<K, Arc<Line>>>);

impl<K: Eq + Hash> Clone for Lines<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Eq + Hash> Default for Lines<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

#[derive(Default)]
struct Line {
    turn: Arc<Mutex<()>>,
    people: AtomicUsize,
}

/// A place in a line. Leaving gives it back.
struct Place<K: Copy + Eq + Hash> {
    lines: Lines<K>,
    of: K,
    line: Arc<Line>,
}

/// The turn itself: nobody else of this node has one in the same line.
pub(super) struct Turn<K: Copy + Eq + Hash> {
    // Before the place: whoever waits goes on before the line can be forgotten.
    _guard: OwnedMutexGuard<()>,
    _place: Place<K>,
}

impl<K: Copy + Eq + Hash> Lines<K> {
    /// Does anybody wait or have a turn?
    pub(super) fn is_busy(&self, of: K) -> bool {
        self.0.contains_key(&of)
    }

    /// Waits for the turn. None if as many wait as may.
    pub(super) async fn turn(&self, of: K, limit: usize) -> Option<Turn<K>> {
        let line = {
            let line = self.0.entry(of).or_default();
            line.people.fetch_add(1, Ordering::Relaxed);
            Arc::clone(&line)
        };
        let place = Place { lines: self.clone(), of, line };
        if place.line.people.load(Ordering::Relaxed) > limit {
            return None;
        }
        let guard = Arc::clone(&place.line.turn).lock_owned().await;
        Some(Turn { _guard: guard, _place: place })
    }
}

impl<K: Copy + Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        self.line.people.fetch_sub(1, Ordering::Relaxed);
        // People are counted under the entry's lock: nobody can come between the look and the removal.
        self.lines.0.remove_if(&self.of, |_, line| line.people.load(Ordering::Relaxed) == 0);
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Surroundings, id::ConversationId};

    use super::*;

    #[tokio::test]
    async fn one_at_a_time_and_no_more_than_may_wait() {
        let (lines, conversation): (_, ConversationId) = (Lines::default(), Surroundings::system().id());
        let first = lines.turn(conversation, 2).await.unwrap();
        let second = tokio::spawn({
            let lines = lines.clone();
            async move { lines.turn(conversation, 2).await.is_some() }
        });
        while lines.0.get(&conversation).unwrap().people.load(Ordering::Relaxed) < 2 {
            tokio::task::yield_now().await;
        }

        assert!(lines.turn(conversation, 2).await.is_none());
        assert!(!second.is_finished());
        drop(first);
        assert!(second.await.unwrap());
        assert!(lines.0.is_empty());
    }
}
