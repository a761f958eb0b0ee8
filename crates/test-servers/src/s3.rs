//! S3.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::process::{Process, on_a_free_port};

const KEY_ID: &str = "test-key";
const SECRET: &str = "test/secret+1";

/// An S3 store that checks signatures, with one bucket.
pub struct S3Server {
    port: u16,
    folder: TempDir,
    process: Option<Process>,
}

impl S3Server {
    /// The one bucket.
    pub const BUCKET: &str = "objects";

    /// Starts one.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join(Self::BUCKET)).expect("a bucket");
        let (port, process) = on_a_free_port(|port| launch(port, folder.path()));
        Self { port, folder, process: Some(process) }
    }

    /// The address of a place in the bucket, with the right key.
    pub fn url(&self, prefix: &str) -> String {
        self.url_with(SECRET, Self::BUCKET, prefix)
    }

    /// The address of a place in a bucket, with that secret.
    pub fn url_with(&self, secret: &str, bucket: &str, prefix: &str) -> String {
        let secret = secret.replace('/', "%2F").replace('+', "%2B");
        let port = self.port;
        format!("s3://{KEY_ID}:{secret}@{bucket}/{prefix}?endpoint=http://127.0.0.1:{port}&region=us-east-1")
    }

    /// The folder behind the bucket.
    pub fn bucket(&self) -> PathBuf {
        self.folder.path().join(Self::BUCKET)
    }

    /// Kills it. What it keeps stays.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again on the same port.
    pub fn restart(&mut self) {
        self.kill();
        self.process = launch(self.port, self.folder.path());
        assert!(self.process.is_some(), "the S3 store does not start again");
    }
}

fn launch(port: u16, folder: &Path) -> Option<Process> {
    let port = port.to_string();
    let mut arguments: Vec<&OsStr> =
        ["--host", "127.0.0.1", "--port", &port, "--access-key", KEY_ID, "--secret-key", SECRET]
            .map(OsStr::new)
            .to_vec();
    arguments.push(folder.as_os_str());
    Process::start(&program(), &arguments, "server is running at")
}

/// Where `scripts/services` installs it.
fn program() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache =
        cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache"));
    cache.join("botserver/tools/bin/s3s-fs")
}
