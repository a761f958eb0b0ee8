//! What the machine as a whole is at: processors, memory, the volume of the data folder.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// The machine. Use of processors is measured between two looks. Where the system tells nothing of itself there is
/// nothing to measure.
#[derive(Clone)]
pub(super) struct Machine(Arc<Mutex<Option<System>>>);

impl Default for Machine {
    fn default() -> Self {
        let system = System::new_with_specifics(wanted());
        let system = system.inspect_err(|cause| tracing::warn!(%cause, "the machine can't be measured")).ok();
        Self(Arc::new(Mutex::new(system)))
    }
}

fn wanted() -> RefreshKind {
    let memory = MemoryRefreshKind::nothing().with_ram();
    RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing().with_usage()).with_memory(memory)
}

impl Machine {
    /// Measures.
    pub(super) fn look(&self, data: &Path) {
        let mut system = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(system) = system.as_mut() {
            system.refresh_specifics(wanted());
            metrics::gauge!("cpu_usage_percent").set(f64::from(system.global_cpu_usage()));
            metrics::gauge!("memory_usage_percent").set(percent(system.used_memory(), system.total_memory()));
        }
        drop(system);
        match rustix::fs::statvfs(data) {
            Ok(volume) => {
                // What is kept for the superuser is of no use to the server, so it counts as used.
                let available = volume.f_bavail.saturating_mul(volume.f_frsize);
                let used = volume.f_blocks.saturating_sub(volume.f_bfree).saturating_mul(volume.f_frsize);
                metrics::gauge!("disk_usage_percent").set(percent(used, used.saturating_add(available)));
                metrics::gauge!("disk_available_bytes").set(available as f64);
            }
            Err(cause) => tracing::warn!(%cause, "the data folder's volume could not be looked at"),
        }
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}
