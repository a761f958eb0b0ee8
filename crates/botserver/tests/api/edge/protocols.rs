//! HTTP/2, plain and under TLS, and certificates that change while the server runs.

use std::{path::Path, sync::Arc, time::Duration};

use http::{Method, Request, Version};
use http_body_util::{BodyExt, Empty, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        self, ClientConfig, RootCertStore, SupportedProtocolVersion,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
        version::{TLS12, TLS13},
    },
};

use crate::support::{App, Stand, Wire, json, run_test, run_with};

type Http2 = SendRequest<Full<bytes::Bytes>>;

async fn http2(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Http2 {
    let (sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
    tokio::spawn(connection);
    sender
}

fn get(path: &str) -> Request<Full<bytes::Bytes>> {
    Request::get(format!("http://server{path}")).body(Full::default()).expect("a request")
}

#[test]
fn http_2_is_spoken_without_being_asked_first() {
    run_with(
        |_| {},
        |app| async move {
            let client = reqwest::Client::builder().http2_prior_knowledge().build().expect("a client");
            let ask = |method: Method, path: &str| {
                client.request(method, format!("{}/api/v1{path}", app.url())).bearer_auth(app.admin().token())
            };

            let answer = ask(Method::GET, "/users/me").send().await.expect("an answer");
            assert_eq!((answer.version(), answer.status().as_u16()), (Version::HTTP_2, 200));
            let made = ask(Method::POST, "/bots").json(&json!({ "name": "Two" })).send().await.expect("one");
            assert_eq!(made.status(), 201);
            let refused = ask(Method::GET, "/nowhere").send().await.expect("an answer");
            assert_eq!(refused.status(), 404);
            let head = ask(Method::HEAD, "/nowhere").send().await.expect("an answer");
            assert_eq!((head.status().as_u16(), head.bytes().await.expect("a body").len()), (404, 0));
            let large = ask(Method::POST, "/bots").body("x".repeat(3 << 20));
            let large = large.header("content-type", "application/json").send().await.expect("an answer");
            assert_eq!(large.status(), 413);
        },
    );
}

#[test]
fn many_requests_share_a_connection_of_http_2() {
    run_test(async {
        let stand = Stand::start().await;
        let sender = http2(TcpStream::connect(stand.address).await.expect("a connection")).await;

        let asked = (0..100).map(|_| {
            let mut sender = sender.clone();
            async move {
                let answer = sender.send_request(get("/api/v1/stand/large?bytes=5000")).await.expect("one");
                (
                    answer.status().as_u16(),
                    answer.into_body().collect().await.expect("a body").to_bytes().len(),
                )
            }
        });

        for (status, length) in futures_util::future::join_all(asked).await {
            assert_eq!((status, length > 5000), (200, true));
        }
    });
}

#[test]
fn a_client_of_http_2_that_takes_nothing_is_let_go() {
    run_test(async {
        let stand = Stand::with(|settings| settings.slow_client_seconds = 1).await;
        let stream = TcpStream::connect(stand.address).await.expect("a connection");
        let (mut sender, connection) =
            http2::handshake::<_, _, Empty<bytes::Bytes>>(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .expect("HTTP/2");
        let connection = tokio::spawn(connection);
        let request = Request::get("http://server/api/v1/stand/flood").body(Empty::new()).expect("a request");

        // The body is held and never read, so that its window closes, while the connection itself is alive.
        let answer = sender.send_request(request).await.expect("an answer");

        let ended = tokio::time::timeout(Duration::from_secs(15), connection).await;
        assert!(ended.is_ok(), "the connection stays open");
        drop(answer);
    });
}

#[test]
fn an_idle_connection_of_http_2_is_ended_politely() {
    run_test(async {
        let stand = Stand::with(|settings| settings.keep_alive_seconds = 1).await;
        let stream = TcpStream::connect(stand.address).await.expect("a connection");
        let (mut sender, connection) =
            http2::handshake::<_, _, Empty<bytes::Bytes>>(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .expect("HTTP/2");
        let connection = tokio::spawn(connection);
        let request = Request::get("http://server/nowhere").body(Empty::new()).expect("a request");
        sender.send_request(request).await.expect("an answer").into_body().collect().await.expect("a body");

        let ended = tokio::time::timeout(Duration::from_secs(15), connection).await;

        assert!(matches!(ended, Ok(Ok(Ok(())))), "{ended:?}");
    });
}

/// A certificate of the test's own for the name `server`, written to the folder.
fn certify(folder: &Path) -> CertifiedKey<KeyPair> {
    let made = generate_simple_self_signed(["server".to_owned()]).expect("a certificate");
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).expect("a file");
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).expect("a file");
    made
}

/// The connection under TLS, if the server shows that certificate.
async fn tls(
    address: std::net::SocketAddr,
    trusted: &CertifiedKey<KeyPair>,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.cert.der().clone()).expect("a certificate");
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(address).await.expect("a connection");
    TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from("server").expect("a name"), stream)
        .await
}

fn with_tls(folder: &Path, seconds: u64, claim: impl AsyncFnOnce(App)) {
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let settings = gateway::TlsSettings { cert: Some(cert), key: Some(key), reload_seconds: seconds };
    run_test(async {
        // The administrator signs in over plain HTTP before; a restart with the certificate follows.
        let app = App::start_with(|_| {}).await;
        claim(app.restart_with(|config| config.tls = settings).await).await;
    });
}

#[test]
fn both_protocols_are_spoken_under_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = certify(folder.path());
    with_tls(folder.path(), 600, async |app| {
        for version in [&TLS12, &TLS13] {
            let stream = tls(app.address(), &made, &[version], &[b"h2", b"http/1.1"]).await.expect("TLS");
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
            let answer = http2(stream).await.send_request(get("/health")).await.expect("an answer");
            assert_eq!((answer.version(), answer.status().as_u16()), (Version::HTTP_2, 200));

            for protocols in [&[&b"http/1.1"[..]][..], &[]] {
                let stream = tls(app.address(), &made, &[version], protocols).await.expect("TLS");
                let mut wire = Wire::over(stream);
                wire.send("GET /health HTTP/1.1\r\nhost: server\r\n\r\n").await;
                let answer = wire.answer().await.expect("an answer");
                assert_eq!(answer.status, 200);
                assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"));
            }
        }
        let refused = tls(app.address(), &made, &[&TLS13], &[b"spdy/3"]).await;
        assert!(refused.is_err(), "a protocol that nobody speaks");
        let mut plain = Wire::open(app.address()).await;
        plain.send("GET /health HTTP/1.1\r\nhost: server\r\n\r\n").await;
        assert!(!plain.closed().await.starts_with(b"HTTP"), "nothing is said in the clear");
    });
}

#[test]
fn a_new_certificate_is_taken_over_without_ending_a_connection() {
    let folder = tempfile::tempdir().expect("a folder");
    let old = certify(folder.path());
    with_tls(folder.path(), 600, async |app| {
        let mut standing =
            Wire::over(tls(app.address(), &old, rustls::ALL_VERSIONS, &[]).await.expect("TLS"));
        let new = certify(folder.path());

        assert!(app.reload_certificate().await);

        assert!(tls(app.address(), &new, rustls::ALL_VERSIONS, &[]).await.is_ok(), "the new one is shown");
        assert!(
            tls(app.address(), &old, rustls::ALL_VERSIONS, &[]).await.is_err(),
            "and the old one no more"
        );
        standing.send("GET /health HTTP/1.1\r\nhost: server\r\n\r\n").await;
        assert_eq!(standing.answer().await.expect("the old connection stands").status, 200);
    });
}

#[test]
fn a_certificate_that_cannot_be_used_is_not_taken_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = certify(folder.path());
    with_tls(folder.path(), 600, async |app| {
        let other = generate_simple_self_signed(["server".to_owned()]).expect("a certificate");
        for (file, content) in [
            ("cert.pem", "nonsense".to_owned()),
            ("cert.pem", other.cert.pem()),
            ("cert.pem", String::new()),
            ("key.pem", "nonsense".to_owned()),
        ] {
            std::fs::write(folder.path().join(file), content).expect("a file");
            assert!(app.reload_certificate().await);
            assert!(tls(app.address(), &good, rustls::ALL_VERSIONS, &[]).await.is_ok(), "{file}");
        }
        std::fs::remove_file(folder.path().join("cert.pem")).expect("a file");
        app.reload_certificate().await;
        assert!(tls(app.address(), &good, rustls::ALL_VERSIONS, &[]).await.is_ok());
    });
}

#[test]
fn files_that_change_are_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    certify(folder.path());
    with_tls(folder.path(), 1, async |app| {
        let new = certify(folder.path());

        let noticed = async {
            while tls(app.address(), &new, rustls::ALL_VERSIONS, &[]).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(15), noticed).await.expect("the new certificate");
    });
}

#[test]
fn half_a_handshake_is_let_go() {
    let folder = tempfile::tempdir().expect("a folder");
    certify(folder.path());
    let files = gateway::TlsSettings {
        cert: Some(folder.path().join("cert.pem")),
        key: Some(folder.path().join("key.pem")),
        reload_seconds: 600,
    };
    run_test(async {
        let tls = gateway::Tls::open(&files).expect("a certificate");
        let stand = Stand::with_tls(|settings| settings.header_timeout_seconds = 1, tls).await;
        for beginning in [&b""[..], b"\x16\x03\x01"] {
            let mut wire = Wire::open(stand.address).await;
            wire.send(beginning).await;
            wire.closed().await;
        }
    });
}

#[test]
fn a_start_with_files_that_cannot_be_used_says_which_and_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let open = |cert: Option<&Path>, key: Option<&Path>| {
        let owned = |path: Option<&Path>| path.map(Path::to_owned);
        let settings = gateway::TlsSettings { cert: owned(cert), key: owned(key), reload_seconds: 10 };
        gateway::Tls::open(&settings).err().map(|error| error.to_string()).unwrap_or_default()
    };

    assert!(open(Some(&cert), None).contains("tls.key"));
    assert!(open(Some(&cert), Some(&key)).contains("cert.pem"), "it isn't there");
    certify(folder.path());
    assert_eq!(open(Some(&cert), Some(&key)), "");
    assert!(open(Some(&key), Some(&key)).contains("holds no certificate"));
    assert!(open(Some(&cert), Some(&cert)).contains("holds no private key"));
    assert!(CertificateDer::from_pem_file(&cert).is_ok());
}
