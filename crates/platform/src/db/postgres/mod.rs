//! PostgreSQL: a few threads, each with a connection of its own.
//!
//! Work goes to the thread that was idle for the shortest time, whose connection has the statements prepared and the
//! rows at hand; if none is idle another one is started, up to the limit; beyond it work waits in line. A thread drives
//! its connection itself, so that a statement costs no hop to another thread. What it is given runs to its end even if
//! its caller has gone.

use std::{
    any::TypeId,
    collections::{HashSet, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock},
    thread::{Builder, JoinHandle},
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;

use super::{DbError, DbOptions, Purpose, closed, work::Work};

mod address;
mod error;
mod migrate;
mod session;
#[cfg(test)]
mod tests;
mod tls;
mod values;
mod worker;

pub(super) use session::Session;
pub(super) use values::value;

pub(crate) use address::{Address, Driver};

/// Work that may wait for a connection; what comes after it waits for a place in the line.
const WAITING: usize = 4096;
/// How long a thread waits for work before it closes its connection and ends.
const IDLE: Duration = Duration::from_mins(5);
/// After a connection could not be made, how long nobody tries again.
const PAUSE: Duration = Duration::from_secs(1);

/// The engine.
pub(super) struct Postgres(Arc<Pool>);

/// The threads and what waits for them.
struct Pool {
    address: Address,
    statement_timeout: Duration,
    lock_timeout: Duration,
    connections: usize,
    places: Semaphore,
    state: Mutex<State>,
    /// Reads that were seen to have more than one statement.
    need_snapshot: RwLock<HashSet<TypeId>>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Task>,
    /// Threads without work; the last one was busy most recently.
    idle: Vec<Arc<Desk>>,
    threads: Vec<JoinHandle<()>>,
    running: usize,
    closed: bool,
    /// When the server could not be reached, and why.
    down: Option<(Instant, String)>,
}

struct Task {
    purpose: Purpose,
    work: Box<dyn Work>,
}

enum Next {
    Do(Task),
    Wait,
    End,
}

/// Where a thread gets its next task.
#[derive(Default)]
struct Desk {
    given: Mutex<Given>,
    bell: Condvar,
}

#[derive(Default)]
enum Given {
    #[default]
    Nothing,
    Task(Task),
    /// There will be no more.
    End,
}

impl Postgres {
    pub(super) fn open(options: &DbOptions) -> Result<Self, DbError> {
        Ok(Self(Arc::new(Pool {
            address: Address::parse(&options.url)?,
            statement_timeout: options.statement_timeout,
            lock_timeout: options.lock_timeout,
            connections: options.connections.max(1),
            places: Semaphore::new(WAITING),
            state: Mutex::default(),
            need_snapshot: RwLock::default(),
        })))
    }

    pub(super) async fn ask(&self, purpose: Purpose, work: Box<dyn Work>) -> Result<(), DbError> {
        let place = self.0.places.acquire().await.map_err(|_| closed())?;
        Pool::take(&self.0, Task { purpose, work })?;
        // It is given back when the task leaves the line.
        place.forget();
        Ok(())
    }

    /// Ends the threads after what waits in line.
    pub(super) fn close(&self) {
        for thread in self.0.shut() {
            if thread.join().is_err() {
                tracing::error!("a thread of the database panicked");
            }
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The threads hold the pool and end by themselves.
        drop(self.0.shut());
    }
}

impl Pool {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a task to a thread, or puts it in line.
    fn take(pool: &Arc<Self>, task: Task) -> Result<(), DbError> {
        let mut state = pool.state();
        if state.closed {
            return Err(closed());
        }
        if let Some(desk) = state.idle.pop() {
            drop(state);
            pool.places.add_permits(1);
            desk.put(Given::Task(task));
        } else {
            state.waiting.push_back(task);
            if state.running < pool.connections {
                let started = Self::start(pool, &mut state);
                if let (Err(cause), 0) = (started, state.running) {
                    state.waiting.pop_back();
                    return Err(DbError::Unavailable(cause.to_string()));
                }
            }
        }
        Ok(())
    }

    fn start(pool: &Arc<Self>, state: &mut State) -> std::io::Result<()> {
        state.threads.retain(|thread| !thread.is_finished());
        let own = Arc::clone(pool);
        let thread = Builder::new().name("db-connection".to_owned()).spawn(move || worker::run(&own))?;
        state.threads.push(thread);
        state.running += 1;
        Ok(())
    }

    /// What a thread that is done with a task does next.
    fn next(&self, desk: &Arc<Desk>) -> Next {
        let mut state = self.state();
        if let Some(task) = state.waiting.pop_front() {
            self.places.add_permits(1);
            return Next::Do(task);
        }
        if state.closed {
            state.running -= 1;
            return Next::End;
        }
        state.idle.push(Arc::clone(desk));
        Next::Wait
    }

    /// Waits at the desk of an idle thread for its next task. None if it shall end.
    fn wait(&self, desk: &Arc<Desk>) -> Option<Task> {
        let mut given = desk.wait(IDLE);
        if given.is_none() {
            let mut state = self.state();
            if let Some(at) = state.idle.iter().position(|idle| Arc::ptr_eq(idle, desk)) {
                state.idle.remove(at);
                state.running -= 1;
                return None;
            }
        }
        loop {
            match given {
                Some(Given::Task(task)) => return Some(task),
                Some(Given::End) => {
                    self.state().running -= 1;
                    return None;
                }
                // Somebody took the desk from the list at this moment and is about to put something on it.
                _ => given = desk.wait(IDLE),
            }
        }
    }

    /// Takes nothing more, and tells the idle threads to end.
    fn shut(&self) -> Vec<JoinHandle<()>> {
        let mut state = self.state();
        state.closed = true;
        let idle = std::mem::take(&mut state.idle);
        let threads = std::mem::take(&mut state.threads);
        drop(state);
        for desk in idle {
            desk.put(Given::End);
        }
        threads
    }

    /// Is it known that this read has more than one statement?
    fn needs_snapshot(&self, read: TypeId) -> bool {
        self.need_snapshot.read().unwrap_or_else(PoisonError::into_inner).contains(&read)
    }

    fn learn_of_snapshot(&self, read: TypeId) {
        self.need_snapshot.write().unwrap_or_else(PoisonError::into_inner).insert(read);
    }

    /// Makes a connection, unless it could not be made a moment ago: whoever waits shall not wait for each try.
    fn connect(&self) -> Result<Session, DbError> {
        if let Some((since, why)) = &self.state().down
            && since.elapsed() < PAUSE
        {
            return Err(DbError::Unavailable(why.clone()));
        }
        let connected = Session::connect(&self.address);
        let ready = connected.and_then(|session| {
            session.prepare_for_work(self.statement_timeout, self.lock_timeout)?;
            Ok(session)
        });
        let was_down = {
            let mut state = self.state();
            let down = ready.as_ref().err().map(|error| (Instant::now(), error.to_string()));
            std::mem::replace(&mut state.down, down).is_some()
        };
        match &ready {
            Ok(_) if was_down => tracing::info!("the database server can be reached again"),
            Err(error) if !was_down => tracing::error!(%error, "the database server can't be reached"),
            _ => {}
        }
        ready
    }
}

impl Desk {
    fn put(&self, given: Given) {
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = given;
        self.bell.notify_one();
    }

    /// What was put there; none if nothing was for so long.
    fn wait(&self, patience: Duration) -> Option<Given> {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.bell.wait_timeout_while(given, patience, |given| matches!(given, Given::Nothing));
        let (mut given, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match std::mem::take(&mut *given) {
            Given::Nothing => None,
            something => Some(something),
        }
    }
}
