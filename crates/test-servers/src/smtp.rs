//! A mail server.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    path::Path,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::process::{Process, on_a_free_port};

/// What serves: aiosmtpd, with a box that writes down what it gets.
const SCRIPT: &str = include_str!("smtp.py");

/// How long a test waits for a mail.
const PATIENCE: Duration = Duration::from_secs(20);

/// A mail server of a test's own, which keeps what it gets.
pub struct SmtpServer {
    port: u16,
    folder: TempDir,
    _process: Process,
}

/// A certificate for `localhost` with its key, both in PEM, and who may sign in.
pub struct Secured<'a> {
    /// The certificate's file.
    pub certificate: &'a Path,
    /// The key's file.
    pub key: &'a Path,
    /// The name that may sign in.
    pub user: &'a str,
    /// Its password.
    pub password: &'a str,
}

/// A mail as it arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// Who sent it, by the envelope.
    pub from: String,
    /// Who gets it, by the envelope.
    pub to: Vec<String>,
    /// Did it come over TLS?
    pub over_tls: bool,
    /// Who had signed in.
    pub user: Option<String>,
    /// Headers by their name in lower case, unfolded and not decoded.
    pub headers: BTreeMap<String, Vec<String>>,
    /// The message as it came.
    pub message: String,
}

impl SmtpServer {
    /// Starts one that takes mail from everybody, in the clear.
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// Starts one that asks for STARTTLS and a sign-in.
    pub fn secured(by: &Secured<'_>) -> Self {
        Self::start_with(Some(by))
    }

    fn start_with(secured: Option<&Secured<'_>>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let script = folder.path().join("smtp.py");
        std::fs::write(&script, SCRIPT).expect("the script");
        let mails = folder.path().join("mails");
        std::fs::create_dir(&mails).expect("a folder");
        let (port, process) = on_a_free_port(|port| {
            let port = port.to_string();
            let mut arguments = vec![script.as_os_str(), OsStr::new(&port), mails.as_os_str()];
            if let Some(by) = secured {
                let [user, password] = [by.user, by.password].map(OsStr::new);
                arguments.extend([by.certificate.as_os_str(), by.key.as_os_str(), user, password]);
            }
            Process::start(Path::new("/usr/bin/python3"), &arguments, "ready")
        });
        Self { port, folder, _process: process }
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What came for that receiver, oldest first.
    pub fn mails_to(&self, receiver: &str) -> Vec<Arrived> {
        self.mails().into_iter().filter(|mail| mail.to.iter().any(|to| to == receiver)).collect()
    }

    /// All that came, oldest first.
    pub fn mails(&self) -> Vec<Arrived> {
        let entries = std::fs::read_dir(self.folder.path().join("mails")).expect("the mails");
        let mut files: Vec<_> = entries
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
            .collect();
        files.sort();
        files.iter().map(|file| Arrived::read(&std::fs::read_to_string(file).expect("a mail"))).collect()
    }

    /// Waits until so many mails came for that receiver; gives the last of them.
    ///
    /// # Panics
    /// If they don't come in time.
    pub fn await_mail(&self, receiver: &str, number: usize) -> Arrived {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mails = self.mails_to(receiver);
            if let Some(mail) = mails.get(number - 1) {
                return mail.clone();
            }
            assert!(Instant::now() < deadline, "{} of {number} mails came for {receiver}", mails.len());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Arrived {
    fn read(text: &str) -> Self {
        let mail: serde_json::Value = serde_json::from_str(text).expect("a mail");
        let texts = |value: &serde_json::Value| {
            let texts = value.as_array().into_iter().flatten();
            texts.filter_map(|text| text.as_str().map(str::to_owned)).collect()
        };
        let message = mail["message"].as_str().expect("a message").to_owned();
        Self {
            from: mail["from"].as_str().expect("a sender").to_owned(),
            to: texts(&mail["to"]),
            over_tls: mail["tls"] == true,
            user: mail["user"].as_str().map(str::to_owned),
            headers: headers(&message),
            message,
        }
    }

    /// A header that is there once.
    ///
    /// # Panics
    /// If it isn't.
    pub fn header(&self, name: &str) -> &str {
        match self.headers.get(name).map(Vec::as_slice) {
            Some([one]) => one,
            other => panic!("{name}: {other:?} in {}", self.message),
        }
    }

    /// The message with the line breaks and escapes of quoted-printable (RFC 2045, section 6.7) taken away.
    pub fn text(&self) -> String {
        let joined = self.message.replace("=\r\n", "");
        let mut bytes = Vec::with_capacity(joined.len());
        let mut rest = joined.as_bytes();
        while let Some((&byte, after)) = rest.split_first() {
            let escaped = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
            let escaped = escaped.and_then(|two| u8::from_str_radix(two, 16).ok());
            match escaped {
                Some(escaped) if byte == b'=' => {
                    bytes.push(escaped);
                    rest = &after[2..];
                }
                _ => {
                    bytes.push(byte);
                    rest = after;
                }
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The token behind the first link.
    ///
    /// # Panics
    /// If there is none.
    pub fn token(&self) -> String {
        let text = self.text();
        let after = text.split_once("#token=").unwrap_or_else(|| panic!("no link in {text}")).1;
        after.chars().take_while(|c| c.is_ascii_alphanumeric() || "_-".contains(*c)).collect()
    }
}

fn headers(message: &str) -> BTreeMap<String, Vec<String>> {
    let head = message.split_once("\r\n\r\n").map_or(message, |(head, _)| head);
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in head.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n") {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        found.entry(name.to_ascii_lowercase()).or_default().push(value.trim().to_owned());
    }
    found
}
