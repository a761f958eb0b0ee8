//! Redis.

use std::{ffi::OsStr, path::Path};

use tempfile::TempDir;

use crate::process::{Process, on_a_free_port};

/// The Redis that all tests share: `BOTSERVER_TEST_REDIS`, or the one on its usual port. Names there must begin with
/// a [`unique_prefix`].
pub fn shared_redis() -> String {
    std::env::var("BOTSERVER_TEST_REDIS").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned())
}

/// A prefix of names that no other test has.
pub fn unique_prefix() -> String {
    format!("test-{}", uuid::Uuid::now_v7().simple())
}

/// A Redis of a test's own, which it may kill, start again and let hang.
pub struct RedisServer {
    port: u16,
    folder: TempDir,
    password: Option<String>,
    process: Option<Process>,
}

impl RedisServer {
    /// Starts one that everybody may use.
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// Starts one that asks for a password.
    pub fn with_password(password: &str) -> Self {
        Self::start_with(Some(password.to_owned()))
    }

    fn start_with(password: Option<String>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (port, process) = on_a_free_port(|port| launch(port, folder.path(), password.as_deref()));
        Self { port, folder, password, process: Some(process) }
    }

    /// Its address, with the password.
    pub fn url(&self) -> String {
        let password = self.password.as_ref().map(|password| format!(":{password}@")).unwrap_or_default();
        format!("redis://{password}127.0.0.1:{}", self.port)
    }

    /// Kills it. It forgets everything.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again on the same port.
    pub fn restart(&mut self) {
        self.kill();
        self.process = launch(self.port, self.folder.path(), self.password.as_deref());
        assert!(self.process.is_some(), "Redis does not start again");
    }

    /// Lets it hang: connections stay and nobody is answered.
    pub fn pause(&self) {
        self.running().pause();
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.running().resume();
    }

    fn running(&self) -> &Process {
        self.process.as_ref().expect("a running Redis")
    }
}

fn launch(port: u16, folder: &Path, password: Option<&str>) -> Option<Process> {
    let port = port.to_string();
    let mut arguments: Vec<&OsStr> =
        ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port, "--dir"]
            .map(OsStr::new)
            .to_vec();
    arguments.push(folder.as_os_str());
    if let Some(password) = password {
        arguments.extend(["--requirepass", password].map(OsStr::new));
    }
    Process::start(Path::new("redis-server"), &arguments, "Ready to accept connections")
}
