//! The client against servers of the test's own: hostile names, hostile redirects, hostile answers.

use std::{
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;

/// The only address that these tests allow; what stands for something private is another one of this machine.
const ALLOWED: &str = "127.0.0.2/32";

fn settings() -> Settings {
    Settings { allow: vec![ALLOWED.parse().unwrap()], http: true }
}

fn limits() -> Limits {
    Limits { time: Duration::from_secs(20), bytes: 1 << 20, excess: Excess::Fails }
}

fn get(url: &str) -> Outgoing {
    Outgoing { method: Method::GET, url: url.parse().unwrap(), headers: HeaderMap::new(), body: Bytes::new() }
}

/// A client for whom every name leads to these addresses, one after another; the last one stays.
fn with_names(addresses: &[&str]) -> Egress {
    let addresses: Vec<SocketAddr> =
        addresses.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
    let asked = Arc::new(AtomicUsize::new(0));
    let lookup: Lookup = Arc::new(move |_| {
        let at = asked.fetch_add(1, Ordering::SeqCst).min(addresses.len() - 1);
        let found = vec![addresses[at]];
        Box::pin(async move { Ok(found) })
    });
    Egress::with_lookup(&settings(), lookup)
}

fn egress() -> Egress {
    Egress::new(&settings())
}

/// Serves connections with what the function does; counts them.
async fn serve<F, Fut>(ip: &str, answer: F) -> (SocketAddr, Arc<AtomicUsize>)
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((ip, 0)).await.unwrap();
    let (address, count) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(answer(socket));
        }
    });
    (address, count)
}

/// Reads the head of a request.
async fn head(socket: &mut TcpStream) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        match socket.read_u8().await {
            Ok(byte) => read.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(read).unwrap()
}

/// Answers every request with this text.
async fn saying(ip: &str, text: String) -> (SocketAddr, Arc<AtomicUsize>) {
    serve(ip, move |mut socket| {
        let text = text.clone();
        async move {
            head(&mut socket).await;
            let _ = socket.write_all(text.as_bytes()).await;
        }
    })
    .await
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn redirect(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

#[tokio::test]
async fn what_is_allowed_is_reached_with_headers_and_body() {
    let heard = Arc::new(Mutex::new(String::new()));
    let noted = Arc::clone(&heard);
    let (address, _) = serve("127.0.0.2", move |mut socket| {
        let noted = Arc::clone(&noted);
        async move {
            let mut text = head(&mut socket).await;
            let mut body = [0; 5];
            socket.read_exact(&mut body).await.unwrap();
            text.push_str(std::str::from_utf8(&body).unwrap());
            *noted.lock().unwrap() = text;
            socket.write_all(ok("fine").as_bytes()).await.unwrap();
        }
    })
    .await;
    let mut request = get(&format!("http://{address}/path?q=1"));
    request.method = Method::POST;
    request.headers.insert("x-one", "two".parse().unwrap());
    request.body = "hello".into();

    let answer = egress().send(request, limits()).await.unwrap();

    assert_eq!((answer.status.as_u16(), &*answer.body, answer.whole), (200, b"fine".as_slice(), true));
    let heard = heard.lock().unwrap().clone();
    assert!(heard.starts_with("POST /path?q=1 HTTP/1.1\r\n") && heard.ends_with("\r\n\r\nhello"), "{heard}");
    assert!(heard.contains("x-one: two") && heard.contains("user-agent: BotServer/"), "{heard}");
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_not_even_connected_to() {
    let (address, count) = saying("127.0.0.1", ok("secret")).await;

    let refused = egress().send(get(&format!("http://{address}")), limits()).await;

    assert!(matches!(refused, Err(EgressError::Refused(Refused::Address(_)))), "{refused:?}");
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_is_judged_by_what_it_leads_to() {
    let (address, count) = saying("127.0.0.1", ok("secret")).await;
    let url = format!("http://inside.example:{}/", address.port());
    for private in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fe80::1"] {
        let egress = with_names(&[private]);

        let refused = egress.send(get(&url), limits()).await;

        let name = Refused::Name("inside.example".to_owned());
        assert!(
            matches!(&refused, Err(EgressError::Refused(refused)) if *refused == name),
            "{private}: {refused:?}"
        );
        assert_eq!(egress.check(&url.parse().unwrap()).await, Err(name), "{private}");
    }
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_after_the_check_is_refused_when_it_is_connected_to() {
    let (address, count) = saying("127.0.0.1", ok("secret")).await;
    let url = format!("http://rebinds.example:{}/", address.port());
    let egress = with_names(&["93.184.216.34", "127.0.0.1"]);

    egress.check(&url.parse().unwrap()).await.unwrap();
    let refused = egress.send(get(&url), limits()).await;

    assert!(matches!(refused, Err(EgressError::Refused(Refused::Name(_)))), "{refused:?}");
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn of_several_addresses_only_those_that_may_be_are_reached() {
    let (address, _) = saying("127.0.0.2", ok("fine")).await;
    let both = ["127.0.0.1", "127.0.0.2"].map(|ip| SocketAddr::new(ip.parse().unwrap(), 0));
    let lookup: Lookup = Arc::new(move |_| Box::pin(async move { Ok(both.to_vec()) }));
    let egress = Egress::with_lookup(&settings(), lookup);

    let answer = egress.send(get(&format!("http://two.example:{}", address.port())), limits()).await;

    assert_eq!(&*answer.unwrap().body, b"fine");
}

#[tokio::test]
async fn a_redirect_is_followed_only_where_that_is_asked_for() {
    let (goal, count) = saying("127.0.0.2", ok("goal")).await;
    let (start, _) = saying("127.0.0.2", redirect(&format!("http://{goal}/"))).await;
    let url = format!("http://{start}/");

    let answer = egress().send(get(&url), limits()).await.unwrap();
    assert_eq!((answer.status.as_u16(), count.load(Ordering::SeqCst)), (302, 0));

    let answer = egress().send_following(get(&url), limits(), Follow::Anywhere).await.unwrap();
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, b"goal".as_slice()));
}

#[tokio::test]
async fn a_redirect_to_what_is_not_allowed_is_refused() {
    let (inside, count) = saying("127.0.0.1", ok("secret")).await;
    for (goal, expected) in [
        (
            format!("http://{inside}/"),
            "The address 127.0.0.1 is not public, and requests to it are not allowed.",
        ),
        (
            format!("http://[::ffff:127.0.0.1]:{}/", inside.port()),
            "The address ::ffff:127.0.0.1 is not public, and requests to it are not allowed.",
        ),
        (
            format!("http://localhost:{}/", inside.port()),
            "The name localhost does not lead to a public address, and requests to it are not allowed.",
        ),
    ] {
        let (start, _) = saying("127.0.0.2", redirect(&goal)).await;
        let egress = egress();

        let refused =
            egress.send_following(get(&format!("http://{start}/")), limits(), Follow::Anywhere).await;

        let refused = refused.expect_err(&goal);
        assert!(matches!(refused, EgressError::Refused(_)), "{goal}: {refused:?}");
        assert_eq!(refused.to_string(), expected);
    }
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_for_one_server_does_not_follow_a_redirect_to_another() {
    let (elsewhere, count) = saying("127.0.0.2", ok("goal")).await;
    let (start, _) = saying("127.0.0.2", redirect(&format!("http://{elsewhere}/"))).await;

    let url = format!("http://{start}/");
    let answer = egress().send_following(get(&url), limits(), Follow::SameOrigin).await.unwrap();

    assert_eq!((answer.status.as_u16(), count.load(Ordering::SeqCst)), (302, 0));
}

#[tokio::test]
async fn a_redirect_to_something_else_than_http_is_not_followed() {
    let (start, _) = saying("127.0.0.2", redirect("file:///etc/passwd")).await;

    let answer =
        egress().send_following(get(&format!("http://{start}/")), limits(), Follow::Anywhere).await.unwrap();

    assert_eq!((answer.status.as_u16(), answer.body.len()), (302, 0));
}

#[tokio::test]
async fn redirects_have_an_end() {
    let listener = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            head(&mut socket).await;
            socket.write_all(redirect(&format!("http://{address}/")).as_bytes()).await.unwrap();
        }
    });

    let refused =
        egress().send_following(get(&format!("http://{address}/")), limits(), Follow::Anywhere).await;

    assert!(matches!(refused, Err(EgressError::Refused(Refused::Redirects))), "{refused:?}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let (silent, _) = serve("127.0.0.2", |mut socket| async move {
        head(&mut socket).await;
        std::future::pending::<()>().await;
    })
    .await;
    let short = Limits { time: Duration::from_millis(200), excess: Excess::IsCut, ..limits() };

    let slow = egress().send(get(&format!("http://{silent}/")), short).await;

    assert!(matches!(slow, Err(EgressError::Slow(_))), "{slow:?}");
    assert_eq!(slow.unwrap_err().to_string(), "The server did not answer within 0.2 seconds.");
}

/// An answer whose body never ends.
async fn endless(pause: Option<Duration>) -> SocketAddr {
    let (address, _) = serve("127.0.0.2", move |mut socket| async move {
        head(&mut socket).await;
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        while socket.write_all(b"8\r\nxxxxxxxx\r\n").await.is_ok() {
            if let Some(pause) = pause {
                tokio::time::sleep(pause).await;
            }
        }
    })
    .await;
    address
}

#[tokio::test]
async fn an_endless_answer_is_an_error_or_is_cut() {
    let url = format!("http://{}/", endless(None).await);
    let short = Limits { bytes: 100_003, ..limits() };

    let failed = egress().send(get(&url), short).await;
    let cut = egress().send(get(&url), Limits { excess: Excess::IsCut, ..short }).await.unwrap();

    assert!(matches!(failed, Err(EgressError::TooLong(100_003))), "{failed:?}");
    assert_eq!((cut.status.as_u16(), cut.body.len(), cut.whole), (200, 100_003, false));
}

#[tokio::test]
async fn an_answer_that_trickles_has_no_longer_than_any_other() {
    let url = format!("http://{}/", endless(Some(Duration::from_millis(20))).await);
    let short = Limits { time: Duration::from_millis(300), ..limits() };

    let failed = egress().send(get(&url), short).await;
    let cut = egress().send(get(&url), Limits { excess: Excess::IsCut, ..short }).await.unwrap();

    assert!(matches!(failed, Err(EgressError::Slow(_))), "{failed:?}");
    assert!(!cut.whole && !cut.body.is_empty(), "{cut:?}");
}

#[tokio::test]
async fn an_answer_of_exactly_as_many_bytes_as_may_be_is_whole() {
    let (address, _) = saying("127.0.0.2", ok("12345")).await;
    let limits = |bytes| Limits { bytes, ..limits() };

    let whole = egress().send(get(&format!("http://{address}/")), limits(5)).await.unwrap();
    let long = egress().send(get(&format!("http://{address}/")), limits(4)).await;

    assert!(whole.whole && &*whole.body == b"12345");
    assert!(matches!(long, Err(EgressError::TooLong(4))), "{long:?}");
}

#[tokio::test]
async fn a_head_without_end_is_given_up() {
    let (address, _) = serve("127.0.0.2", |mut socket| async move {
        head(&mut socket).await;
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while socket.write_all(b"x-more: and more of the same, and no end to it at all\r\n").await.is_ok() {}
    })
    .await;

    let broken = egress().send(get(&format!("http://{address}/")), limits()).await;

    assert!(matches!(broken, Err(EgressError::Unreachable(_))), "{broken:?}");
}

#[tokio::test]
async fn a_name_that_nobody_knows_passes_the_check_and_is_not_reached() {
    let lookup: Lookup = Arc::new(|_| Box::pin(async { Err(std::io::ErrorKind::NotFound.into()) }));
    let egress = Egress::with_lookup(&settings(), lookup);

    assert_eq!(egress.check(&"http://nobody.example/".parse().unwrap()).await, Ok(()));
    let unreachable = egress.send(get("http://nobody.example/"), limits()).await;
    assert!(matches!(unreachable, Err(EgressError::Unreachable(_))), "{unreachable:?}");
}
