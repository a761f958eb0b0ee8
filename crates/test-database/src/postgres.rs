//! Databases on a server that other tests and other processes use at the same time.

use std::{
    collections::HashMap,
    io::Write,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio_postgres::{Client, Config, NoTls};

/// Tests that have a database at the same time, so that the server's connections suffice.
const AT_ONCE: usize = 12;

/// A database that a test has for itself.
#[derive(Debug)]
pub(crate) struct Lease {
    name: String,
    template: Option<Arc<Template>>,
}

/// What databases are made of, and those that wait for a test.
#[derive(Debug)]
struct Template {
    name: String,
    note: String,
    free: Mutex<Vec<String>>,
}

/// Empties every table and puts back what the template had, which stands in the schema `seed`.
const RESET: &str = "
DO $$
DECLARE name text; filled boolean;
BEGIN
    SET LOCAL session_replication_role = replica;
    SET LOCAL client_min_messages = error;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'server_migrations' LOOP
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM public.%I)', name) INTO filled;
        IF filled THEN EXECUTE format('TRUNCATE public.%I CASCADE', name); END IF;
    END LOOP;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'seed' LOOP
        EXECUTE format('INSERT INTO public.%I SELECT * FROM seed.%I', name, name);
    END LOOP;
END $$";

/// Keeps what the tables hold in the schema `seed`.
const KEEP: &str = "
DO $$
DECLARE name text; filled boolean;
BEGIN
    CREATE SCHEMA seed;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'server_migrations' LOOP
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM public.%I)', name) INTO filled;
        IF filled THEN EXECUTE format('CREATE TABLE seed.%I AS TABLE public.%I', name, name); END IF;
    END LOOP;
END $$";

/// A database of nobody's schema.
pub(crate) fn fresh() -> Lease {
    take_place();
    let name = name();
    admin(&[&format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")]);
    Lease { name, template: None }
}

/// A database like all others of that name.
pub(crate) fn alike<F>(name: &'static str, fill: impl FnOnce(String) -> F + Send) -> Lease
where
    F: Future<Output = String> + Send,
{
    static TEMPLATES: Mutex<Option<HashMap<&'static str, Arc<Template>>>> = Mutex::new(None);
    take_place();
    let template = {
        let mut templates = locked(&TEMPLATES);
        let templates = templates.get_or_insert_default();
        match templates.get(name) {
            Some(template) => Arc::clone(template),
            None => Arc::clone(templates.entry(name).or_insert(Arc::new(Template::make(fill)))),
        }
    };
    let free = locked(&template.free).pop();
    let name = free.unwrap_or_else(|| {
        let name = self::name();
        admin(&[&format!("CREATE DATABASE {name} TEMPLATE {}", template.name)]);
        name
    });
    Lease { name, template: Some(template) }
}

impl Template {
    fn make<F>(fill: impl FnOnce(String) -> F + Send) -> Self
    where
        F: Future<Output = String> + Send,
    {
        let name = name();
        admin(&[&format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")]);
        let note = apart(|| fill(url_of(&name)));
        admin(&[&disconnect(&name)]);
        execute(&name, &[KEEP]);
        Self { name, note, free: Mutex::default() }
    }
}

impl Lease {
    pub(crate) fn url(&self) -> String {
        url_of(&self.name)
    }

    pub(crate) fn note(&self) -> &str {
        self.template.as_ref().map_or("", |template| &template.note)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(template) = &self.template {
            // Under another name, so that what the test left running can't come back, also not in between.
            let (next, own) = (name(), &self.name);
            admin(&[
                &format!("ALTER DATABASE {own} WITH ALLOW_CONNECTIONS false"),
                &disconnect(own),
                &format!("ALTER DATABASE {own} RENAME TO {next}"),
                &format!("ALTER DATABASE {next} WITH ALLOW_CONNECTIONS true"),
            ]);
            execute(&next, &[RESET]);
            locked(&template.free).push(next);
        } else {
            admin(&[&format!("DROP DATABASE {} WITH (FORCE)", self.name)]);
        }
        give_place();
    }
}

fn disconnect(name: &str) -> String {
    format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
}

/// A name that no other process uses. The first one begins to watch over them.
fn name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    watch();
    format!("{}{}", prefix(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

fn prefix() -> String {
    format!("botserver_test_{}_", std::process::id())
}

/// Starts a process that drops this one's databases when this one has ended, however it ended.
fn watch() {
    static WATCH: OnceLock<Option<Mutex<Child>>> = OnceLock::new();
    WATCH.get_or_init(|| {
        let script = "read -r address; cat > /dev/null; exec psql -qAtX \"$address\" <<END
            SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', datname) FROM pg_database
            WHERE starts_with(datname, '$0') \\gexec
END";
        let mut shell = Command::new("sh");
        shell.args(["-c", script, &prefix()]).stdin(Stdio::piped());
        let mut child = shell.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        // The end of its input is the end of this process.
        writeln!(child.stdin.as_mut()?, "{}", server()).ok()?;
        Some(Mutex::new(child))
    });
}

fn server() -> String {
    let given = std::env::var("BOTSERVER_TEST_POSTGRES").ok();
    given.unwrap_or_else(|| "postgres://postgres@127.0.0.1:5432/postgres".to_owned())
}

/// The same server, and that database of it. Nobody needs a test's commits after a power cut.
fn url_of(name: &str) -> String {
    let server = server();
    let (rest, options) = server.split_once('?').unwrap_or((&server, ""));
    let host = rest.find("://").map_or(0, |at| at + 3);
    let end = rest[host..].find('/').map_or(rest.len(), |at| host + at);
    let own = if options.contains("sslmode=") { "" } else { "sslmode=disable&" };
    format!("{}/{name}?{own}options=-csynchronous_commit%3Doff&{options}", &rest[..end])
}

/// Runs statements one by one in the server's own database.
fn admin(statements: &[&str]) {
    run(&server(), statements);
}

fn execute(database: &str, statements: &[&str]) {
    run(&url_of(database), statements);
}

fn run(url: &str, statements: &[&str]) {
    apart(|| async {
        let client = connect(url).await;
        for statement in statements {
            let mut tries = 0;
            while let Err(error) = client.batch_execute(statement).await {
                // A connection that was closed a moment ago still counts, and another test may copy the template.
                let busy = error.code().is_some_and(|code| code.code() == "55006");
                assert!(busy && tries < 20, "{statement}: {error:?}");
                tries += 1;
            }
        }
    });
}

async fn connect(url: &str) -> Client {
    let unreachable = |cause: &dyn std::fmt::Display| -> ! {
        panic!(
            "PostgreSQL can't be reached for the tests ({cause}): start it with scripts/services, or name another \
             server in BOTSERVER_TEST_POSTGRES"
        )
    };
    let config: Config = url.parse().unwrap_or_else(|error: tokio_postgres::Error| unreachable(&error));
    let (client, connection) = config.connect(NoTls).await.unwrap_or_else(|error| unreachable(&error));
    tokio::spawn(connection);
    client
}

/// Runs a future on a thread and a runtime of its own, and waits for it: tests have runtimes of their own.
fn apart<T: Send, F: Future<Output = T>>(work: impl FnOnce() -> F + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async { work().await })
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

static TAKEN: Mutex<usize> = Mutex::new(0);
static GIVEN: Condvar = Condvar::new();

fn take_place() {
    let taken = GIVEN.wait_while(locked(&TAKEN), |taken| *taken >= AT_ONCE);
    *taken.unwrap_or_else(PoisonError::into_inner) += 1;
}

fn give_place() {
    *locked(&TAKEN) -= 1;
    GIVEN.notify_one();
}
