//! Whether the runner of a node lives, for those who ask.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How a node's runner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulse {
    /// It runs jobs.
    Beating,
    /// It could not look for work the last time, and tries again.
    Struggling,
    /// It was not started, or was stopped.
    Stopped,
    /// It has failed.
    Dead,
}

/// The state of a runner, shared with those who ask.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heart(Arc<Mutex<Option<Beat>>>);

#[derive(Debug, Clone, Copy)]
enum Beat {
    At(Instant, bool),
    Broken,
}

/// Marks the heart as broken if it is dropped while it beats: the runner has panicked or was aborted.
pub(super) struct Beating(Heart);

impl Heart {
    pub(super) fn begin(&self) -> Beating {
        self.beat(true);
        Beating(self.clone())
    }

    pub(super) fn beat(&self, well: bool) {
        self.set(Some(Beat::At(Instant::now(), well)));
    }

    pub(super) fn stop(&self) {
        self.set(None);
    }

    fn set(&self, beat: Option<Beat>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = beat;
    }

    /// A heart that looks for work every `poll` and hasn't for several times as long hangs.
    pub(crate) fn pulse(&self, poll: Duration) -> Pulse {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Pulse::Stopped,
            Some(Beat::Broken) => Pulse::Dead,
            Some(Beat::At(at, _)) if at.elapsed() > poll * 4 + Duration::from_secs(10) => Pulse::Dead,
            Some(Beat::At(_, well)) => {
                if well {
                    Pulse::Beating
                } else {
                    Pulse::Struggling
                }
            }
        }
    }
}

impl Drop for Beating {
    fn drop(&mut self) {
        let mut beat = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if beat.is_some() {
            *beat = Some(Beat::Broken);
        }
    }
}
