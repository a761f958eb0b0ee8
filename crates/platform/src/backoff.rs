//! How long to wait before something that failed is tried again.

use std::time::Duration;

use kernel::{Random as _, clock::SystemRandom};

const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

/// Waits that double up to a second, each shortened by chance, so that nodes that lost the same thing at the same
/// moment do not come back at the same moment.
pub(crate) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(SHORTEST)
    }
}

impl Backoff {
    /// Waits its time.
    pub(crate) async fn wait(&mut self) {
        let mut chance = [0];
        SystemRandom.fill(&mut chance);
        let wait = self.0.mul_f64(0.5 + f64::from(chance[0]) / 512.0);
        self.0 = LONGEST.min(self.0 * 2);
        tokio::time::sleep(wait).await;
    }
}
