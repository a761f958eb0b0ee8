//! Hints of one connection: so many a minute, beside the frames of its user.

use std::time::Duration;

use kernel::{Error, Kind};
use tokio::time::Instant;

const MINUTE: Duration = Duration::from_mins(1);

/// How many hints came within the minute. Counted here and not for all nodes: there are so many connections only, and
/// counting a hint must not cost more than it is worth.
pub(super) struct Hints {
    begun: Instant,
    count: u32,
}

impl Hints {
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), count: 0 }
    }

    /// Counts one; errors if it is one too many. With 0 none is.
    pub(super) fn count(&mut self, most: u32) -> Option<Error> {
        if self.begun.elapsed() >= MINUTE {
            *self = Self::new();
        }
        self.count = self.count.saturating_add(1);
        (most > 0 && self.count > most).then(|| {
            let left = MINUTE.saturating_sub(self.begun.elapsed()).as_secs().max(1);
            Error::new(Kind::RateLimited, "Too many hints within a minute.").detail("retry_after", left)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn there_are_so_many_a_minute() {
        let mut hints = Hints::new();
        assert!(hints.count(2).is_none() && hints.count(2).is_none());
        assert!(hints.count(2).is_some());
        assert!(hints.count(0).is_none(), "no limit");

        tokio::time::advance(MINUTE).await;

        assert!(hints.count(2).is_none());
    }
}
