//! A stretch of network between the engine and the server that a test can look into and cut.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_postgres::Config;
use tokio_rustls::TlsAcceptor;

/// Listens, and forwards to the server of the tests.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    database: String,
    state: Arc<State>,
    listening: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

#[derive(Default)]
struct State {
    /// Messages that the client sent at once, since it was set to 0.
    sent: AtomicUsize,
    /// Cuts the connection when the client sends this.
    trap: Mutex<Option<&'static [u8]>>,
    /// Was the last connection encrypted?
    encrypted: AtomicBool,
    /// What a request for TLS is answered with; refused if none.
    tls: Option<TlsAcceptor>,
}

impl Proxy {
    /// In front of that database.
    pub(super) async fn before(url: &str) -> Self {
        Self::with_tls(url, None).await
    }

    /// One that speaks TLS with that certificate and key.
    pub(super) async fn with_tls(url: &str, certified: Option<&rcgen::CertifiedKey<rcgen::KeyPair>>) -> Self {
        let tls = certified.map(|certified| {
            let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
            let config = config.unwrap().with_no_client_auth();
            let config = config.with_single_cert(vec![certified.cert.der().clone()], key).unwrap();
            TlsAcceptor::from(Arc::new(config))
        });
        let state = Arc::new(State { tls, ..State::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let proxy = Self { address, database: url.to_owned(), state, listening: Mutex::default() };
        proxy.listen(listener);
        proxy
    }

    /// The database's address by way of this, with an option.
    pub(super) fn url(&self, host: &str, options: &str) -> String {
        let config: Config = self.database.parse().unwrap();
        let password =
            config.get_password().map(|password| format!(":{}", String::from_utf8_lossy(password)));
        format!(
            "postgres://{}{}@{host}:{}/{}?{options}",
            config.get_user().unwrap(),
            password.unwrap_or_default(),
            self.address.port(),
            config.get_dbname().unwrap()
        )
    }

    fn listen(&self, listener: TcpListener) {
        let (state, database) = (Arc::clone(&self.state), self.database.clone());
        let listening = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(connect(client, Arc::clone(&state), database.clone()));
            }
        });
        *self.listening.lock().unwrap() = Some(listening);
    }

    /// Cuts every connection, and lets no new one in.
    pub(super) async fn stop(&self) {
        let listening = self.listening.lock().unwrap().take();
        if let Some(listening) = listening {
            listening.abort();
            // The connections go with the task that has them.
            assert!(listening.await.unwrap_err().is_cancelled());
        }
    }

    /// Lets connections in again.
    pub(super) async fn start(&self) {
        self.listen(TcpListener::bind(self.address).await.unwrap());
    }

    /// Cuts the connection on which the client sends this, before the server gets it.
    pub(super) fn cut_at(&self, message: &'static [u8]) {
        *self.state.trap.lock().unwrap() = Some(message);
    }

    /// How often the client has sent something since it was asked last.
    pub(super) fn trips(&self) -> usize {
        self.state.sent.swap(0, Ordering::SeqCst)
    }

    pub(super) fn was_encrypted(&self) -> bool {
        self.state.encrypted.load(Ordering::SeqCst)
    }
}

/// A request for TLS is 8 bytes: their number, and a code.
const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

async fn connect(mut client: TcpStream, state: Arc<State>, database: String) {
    let config: Config = database.parse().unwrap();
    let (tokio_postgres::config::Host::Tcp(host), port) = (&config.get_hosts()[0], config.get_ports()[0])
    else {
        return;
    };
    let server = TcpStream::connect((host.as_str(), port)).await.unwrap();
    let mut head = [0; 8];
    if client.peek(&mut head).await.is_ok_and(|read| read == 8 && head == TLS_REQUEST) {
        client.read_exact(&mut head).await.unwrap();
        let Some(tls) = &state.tls else {
            client.write_all(b"N").await.unwrap();
            return forward(client, server, &state).await;
        };
        client.write_all(b"S").await.unwrap();
        if let Ok(client) = tls.accept(client).await {
            state.encrypted.store(true, Ordering::SeqCst);
            forward(client, server, &state).await;
        }
        return;
    }
    state.encrypted.store(false, Ordering::SeqCst);
    forward(client, server, &state).await;
}

async fn forward(client: impl AsyncRead + AsyncWrite, server: TcpStream, state: &State) {
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (tokio::io::split(client), server.into_split());
    let there = async {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
            state.sent.fetch_add(1, Ordering::SeqCst);
            let trap = *state.trap.lock().unwrap();
            let sprung = trap.is_some_and(|trap| buffer[..read].windows(trap.len()).any(|part| part == trap));
            if sprung || to_server.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = there => {}
        _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
    }
}
