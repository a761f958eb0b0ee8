//! Asking every component how it is: all at once, each within a deadline, and not more often than once a second,
//! however many ask.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use gateway::{Finding, Health, HealthCheck};
use tokio::{sync::Mutex, time::timeout};

use super::model::{Component, State};

/// How long a component may take to answer.
const DEADLINE: Duration = Duration::from_secs(2);
/// How long an answer is good for whoever asks next.
const FRESH: Duration = Duration::from_secs(1);

/// The components that are watched.
pub(super) struct Checks {
    checks: Vec<HealthCheck>,
    /// The last answers. Whoever asks while others are asking waits for theirs.
    last: Mutex<Option<(Instant, Arc<[Component]>)>>,
}

impl Checks {
    pub(super) fn new(checks: Vec<HealthCheck>) -> Self {
        Self { checks, last: Mutex::default() }
    }

    /// How each component is, as of this second.
    pub(super) async fn components(&self) -> Arc<[Component]> {
        let mut last = self.last.lock().await;
        if let Some((_, components)) = last.as_ref().filter(|(asked, _)| asked.elapsed() < FRESH) {
            return Arc::clone(components);
        }
        let components: Arc<[Component]> = join_all(self.checks.iter().map(ask)).await.into();
        *last = Some((Instant::now(), Arc::clone(&components)));
        components
    }
}

async fn ask(check: &HealthCheck) -> Component {
    let asked = Instant::now();
    let found = timeout(DEADLINE, check.run()).await.unwrap_or_else(|_| {
        let seconds = DEADLINE.as_secs();
        Finding::new(Health::Unhealthy, format!("It did not answer within {seconds} seconds."))
    });
    let status = match State::from(found.health) {
        State::Unhealthy if !check.required => State::Degraded,
        other => other,
    };
    Component {
        name: check.name,
        status,
        latency_ms: asked.elapsed().as_secs_f64() * 1000.0,
        message: found.message,
        required: check.required,
    }
}

/// The worst of them.
pub(super) fn overall(components: &[Component]) -> State {
    let states = components.iter().map(|component| component.status);
    states.max_by_key(|state| *state as u8).unwrap_or(State::Healthy)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn check(name: &'static str, health: Health) -> HealthCheck {
        HealthCheck::new(name, move || async move { Finding::new(health, "So it is.") })
    }

    #[tokio::test]
    async fn what_the_server_can_do_without_degrades_it_at_the_most() {
        let checks = Checks::new(vec![
            check("database", Health::Healthy),
            check("mail", Health::Unhealthy).optional(),
        ]);

        let components = checks.components().await;

        assert_eq!(overall(&components), State::Degraded);
        assert_eq!(
            (components[1].status, components[1].message.as_deref()),
            (State::Degraded, Some("So it is."))
        );
        assert_eq!(
            overall(&Checks::new(vec![check("database", Health::Unhealthy)]).components().await),
            State::Unhealthy
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_component_that_does_not_answer_is_given_up() {
        let silent = HealthCheck::new("database", std::future::pending::<Health>);
        let checks = Checks::new(vec![silent, check("storage", Health::Healthy)]);

        let components = checks.components().await;

        assert_eq!((components[0].status, components[1].status), (State::Unhealthy, State::Healthy));
        assert_eq!(components[0].message.as_deref(), Some("It did not answer within 2 seconds."));
    }

    #[tokio::test]
    async fn many_who_ask_at_once_cost_one_check() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counting = {
            let asked = Arc::clone(&asked);
            HealthCheck::new("database", move || {
                asked.fetch_add(1, Ordering::Relaxed);
                async { Health::Healthy }
            })
        };
        let checks = Checks::new(vec![counting]);

        join_all((0..100).map(|_| checks.components())).await;

        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }
}
