//! Two servers behind a proxy, as larger installations run.

use test_database::Engine;
use test_servers::{Balance, HaProxy, S3Server, shared_redis, unique_prefix};

use super::{App, run_test};
use kernel::Secret;

/// What stands beside the first server.
pub(super) struct Balanced {
    pub(super) proxy: HaProxy,
    /// The second server.
    _other: Box<App>,
    _objects: S3Server,
}

/// Runs a test on two servers behind a proxy, with one PostgreSQL and one object store. They hear each other over
/// Redis where requests are spread, and over PostgreSQL where callers stay with a server.
pub(crate) fn run_balanced<F: Future>(balance: Balance, claim: impl FnOnce(App) -> F) -> F::Output {
    Engine::Postgres.run(|| {
        run_test(async {
            let objects = S3Server::start();
            let mut app = App::start_with(|config| {
                config.objects.url = Some(Secret::new(objects.url("balanced")));
                if balance == Balance::Spread {
                    config.cache.url = Some(Secret::new(shared_redis()));
                    config.cache.prefix = unique_prefix();
                }
            })
            .await;
            let other = Box::new(app.another_node().await);
            app.hears_others().await;
            other.hears_others().await;
            let proxy = HaProxy::start(&[app.address(), other.address()], balance);
            app.balanced = Some(Balanced { proxy, _other: other, _objects: objects });
            claim(app).await
        })
    })
}
