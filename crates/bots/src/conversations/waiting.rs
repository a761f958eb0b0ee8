//! Turns of one conversation wait in line, in the order in which they came.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use dashmap::DashMap;
use kernel::{Id, id::kind::Conversation};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// The lines of this node. Conversations where nobody waits cost nothing.
#[derive(Clone, Default)]
pub(super) struct Lines(Arc<DashMap<Id<Conversation>, Arc<Line>>>);

#[derive(Default)]
struct Line {
    turn: Arc<Mutex<()>>,
    people: AtomicUsize,
}

/// A place in a line. Leaving gives it back.
struct Place {
    lines: Lines,
    conversation: Id<Conversation>,
    line: Arc<Line>,
}

/// The turn itself: nobody else of this node has one in the conversation.
pub(super) struct Turn {
    // Before the place: whoever waits goes on before the line can be forgotten.
    _guard: OwnedMutexGuard<()>,
    _place: Place,
}

impl Lines {
    /// Waits for the turn. None if as many wait as may.
    pub(super) async fn turn(&self, conversation: Id<Conversation>, limit: usize) -> Option<Turn> {
        let line = {
            let line = self.0.entry(conversation).or_default();
            line.people.fetch_add(1, Ordering::Relaxed);
            Arc::clone(&line)
        };
        let place = Place { lines: self.clone(), conversation, line };
        if place.line.people.load(Ordering::Relaxed) > limit {
            return None;
        }
        let guard = Arc::clone(&place.line.turn).lock_owned().await;
        Some(Turn { _guard: guard, _place: place })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.line.people.fetch_sub(1, Ordering::Relaxed);
        // People are counted under the entry's lock: nobody can come between the look and the removal.
        self.lines.0.remove_if(&self.conversation, |_, line| line.people.load(Ordering::Relaxed) == 0);
    }
}

#[cfg(test)]
mod tests {
    use kernel::Surroundings;

    use super::*;

    #[tokio::test]
    async fn one_at_a_time_and_no_more_than_may_wait() {
        let (lines, conversation) = (Lines::default(), Surroundings::system().id());
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
