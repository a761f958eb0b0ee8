//! A server's process.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// How long a server gets to say that it is ready.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process that is killed when this is dropped.
pub(crate) struct Process(Child);

impl Process {
    /// Starts a program and waits until it says these words. None if it ended before.
    pub(crate) fn start(program: &Path, arguments: &[&OsStr], ready: &'static str) -> Option<Self> {
        let mut command = Command::new(program);
        command.args(arguments).env("RUST_LOG", "info").env("NO_COLOR", "1");
        let mut child = spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let (tell, told) = mpsc::channel();
        let (output, errors) = (child.stdout.take(), child.stderr.take());
        watch(output.expect("an output"), ready, tell.clone());
        watch(errors.expect("an output"), ready, tell);
        // Err if both outputs ended: the process has.
        let is_ready = told.recv_timeout(PATIENCE).is_ok();
        let process = Self(child);
        is_ready.then_some(process)
    }

    /// Starts a program and waits until it listens there. None if it ended before.
    pub(crate) fn start_listening(program: &Path, arguments: &[&OsStr], port: u16) -> Option<Self> {
        let mut command = Command::new(program);
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = Self(spawn(&mut command));
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if process.0.try_wait().expect("a process").is_some() || Instant::now() > deadline {
                return None;
            }
            thread::sleep(Duration::from_millis(1));
        }
        Some(process)
    }

    /// Stops it where it is, without its end: nobody is answered.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.0.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the process can't be signalled");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn(command: &mut Command) -> Child {
    let started = command.stdin(Stdio::null()).spawn();
    started.unwrap_or_else(|_| {
        let program = Path::new(command.get_program()).display();
        panic!("{program} is missing: run scripts/services, which installs it.")
    })
}

/// Reads all that it says, so that it never waits for a reader.
fn watch(output: impl Read + Send + 'static, ready: &'static str, tell: mpsc::Sender<()>) {
    thread::spawn(move || {
        let mut tell = Some(tell);
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if line.contains(ready)
                && let Some(tell) = tell.take()
            {
                // Nobody waits any more once the other output has said it.
                let _ = tell.send(());
            }
        }
    });
}

/// A port that nobody had this moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Tries ports until one is still free when the server takes it.
pub(crate) fn on_a_free_port<T>(start: impl Fn(u16) -> Option<T>) -> (u16, T) {
    (0..10)
        .find_map(|_| {
            let port = free_port();
            Some((port, start(port)?))
        })
        .unwrap_or_else(|| panic!("the server does not start: see that scripts/services ran"))
}
