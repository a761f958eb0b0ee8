//! How a committed unit of work tells the runners of its node that there is something to do.

use std::sync::Arc;

use tokio::sync::watch;

/// A bell that any number of runners hear. Rings that nobody has heard yet are one.
#[derive(Clone)]
pub(crate) struct Signal(Arc<watch::Sender<()>>);

impl Default for Signal {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(())))
    }
}

impl Signal {
    /// Rings. Never waits.
    pub(crate) fn send(&self) {
        self.0.send_replace(());
    }

    /// Hears what rings from now on.
    pub(crate) fn listen(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}
