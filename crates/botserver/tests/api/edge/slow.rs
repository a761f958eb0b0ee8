//! Clients that take their time, on purpose or not: none holds a connection or a handler for ever.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{App, Stand, Wire, botserver_test, run_test};

/// A server that loses patience after a second.
async fn impatient() -> Stand {
    Stand::with(|settings| {
        settings.header_timeout_seconds = 1;
        settings.keep_alive_seconds = 1;
        settings.slow_client_seconds = 1;
    })
    .await
}

const GET: &str = "GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n";

#[test]
fn a_client_that_says_nothing_or_not_enough_is_let_go() {
    run_test(async {
        let stand = impatient().await;
        // Nothing; the beginning of either protocol; the preface of HTTP/2 and no settings; half a head.
        let beginnings =
            ["", "P", "PRI * HT", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /nowhere HTTP/1.1\r\nhost: x\r\n"];
        let mut wires = Vec::new();
        for beginning in beginnings {
            let mut wire = Wire::open(stand.address).await;
            wire.send(beginning).await;
            wires.push(wire);
        }

        for wire in &mut wires {
            wire.closed().await;
        }
    });
}

#[test]
fn a_head_that_trickles_is_let_go() {
    run_test(async {
        let stand = impatient().await;
        let stream = TcpStream::connect(stand.address).await.expect("a connection");
        let (mut read, mut write) = stream.into_split();
        let trickle = tokio::spawn(async move {
            for byte in format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}", "a".repeat(1000)).into_bytes() {
                if write.write_all(&[byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });

        let started = Instant::now();
        let mut rest = Vec::new();
        let _ = read.read_to_end(&mut rest).await;

        assert!(started.elapsed() < Duration::from_secs(8), "each byte bought time");
        trickle.abort();
    });
}

#[test]
fn a_connection_between_two_requests_is_kept_for_a_while_only() {
    run_test(async {
        let stand = Stand::with(|settings| {
            settings.header_timeout_seconds = 60;
            settings.keep_alive_seconds = 1;
        })
        .await;
        let mut wire = Wire::open(stand.address).await;
        wire.send(GET).await;
        assert_eq!(wire.answer().await.expect("an answer").status, 404);
        wire.send(GET).await;
        assert_eq!(wire.answer().await.expect("an answer").status, 404, "the connection is kept");

        assert_eq!(wire.closed().await, b"");
    });
}

#[test]
fn the_second_head_has_its_time_limit_too() {
    run_test(async {
        let stand = Stand::with(|settings| {
            settings.header_timeout_seconds = 1;
            settings.keep_alive_seconds = 60;
        })
        .await;
        let mut wire = Wire::open(stand.address).await;
        wire.send(GET).await;
        wire.answer().await.expect("an answer");

        wire.send("GET /nowhere HTTP/1.1\r\nho").await;

        assert_eq!(wire.closed().await, b"");
    });
}

#[test]
fn a_body_that_stops_is_408() {
    run_test(async {
        let stand = impatient().await;
        for path in ["echo", "upload"] {
            let mut wire = Wire::open(stand.address).await;
            let head = format!(
                "POST /api/v1/stand/{path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                 content-length: 100\r\n\r\n{{\"text\":"
            );
            wire.send(head).await;

            let answer = wire.answer().await.expect("an answer");

            assert_eq!((answer.status, &answer.json()["error"]["code"]), (408, &"REQUEST_TIMEOUT".into()));
            wire.closed().await;
        }
    });
}

#[test]
fn a_body_that_trickles_is_408() {
    run_test(async {
        let stand = impatient().await;
        let stream = TcpStream::connect(stand.address).await.expect("a connection");
        let (read, mut write) = stream.into_split();
        let head = "POST /api/v1/stand/upload HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n";
        write.write_all(head.as_bytes()).await.expect("a head");
        let trickle = tokio::spawn(async move {
            while write.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });

        let mut answer = vec![0; 12];
        tokio::time::timeout(Duration::from_secs(10), { read }.read_exact(&mut answer))
            .await
            .expect("the server answers")
            .expect("an answer");

        assert_eq!(answer, b"HTTP/1.1 408");
        trickle.abort();
    });
}

#[test]
fn an_operation_that_waits_for_the_body_past_its_time_blames_the_client() {
    run_test(async {
        let stand = Stand::start().await;
        let mut wire = Wire::open(stand.address).await;
        wire.send(
            "PUT /api/v1/stand/echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             content-length: 100\r\n\r\n{",
        )
        .await;

        assert_eq!(wire.answer().await.expect("an answer").status, 408);
    });
}

#[test]
fn an_operation_that_takes_too_long_is_503() {
    run_test(async {
        let stand = Stand::start().await;

        let answer = reqwest::get(stand.url("/hangs")).await.expect("an answer");

        assert_eq!(answer.status(), 503);
        let json: serde_json::Value = answer.json().await.expect("JSON");
        assert_eq!(json["error"]["details"]["reason"], "timeout");
    });
}

#[test]
fn a_client_that_does_not_take_its_answer_is_let_go() {
    run_test(async {
        let stand = impatient().await;
        let mut stream = TcpStream::connect(stand.address).await.expect("a connection");
        let request = "GET /api/v1/stand/flood HTTP/1.1\r\nhost: x\r\n\r\n";
        stream.write_all(request.as_bytes()).await.expect("a request");

        // Nothing is read, so the server can write no more; then the end of its patience shows as a failing write.
        let ended = async {
            loop {
                tokio::time::sleep(Duration::from_millis(50)).await;
                if stream.write_all(b"x").await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), ended).await.expect("the server lets go");
    });
}

#[test]
fn a_stream_with_nothing_to_say_is_not_slow() {
    run_test(async {
        let stand = impatient().await;
        let mut stream = TcpStream::connect(stand.address).await.expect("a connection");
        let request = "GET /api/v1/stand/events HTTP/1.1\r\nhost: x\r\n\r\n";
        stream.write_all(request.as_bytes()).await.expect("a request");
        let mut seen = Vec::new();
        while !seen.windows(5).any(|bytes| bytes == b"first") {
            let mut chunk = [0; 1024];
            let count = stream.read(&mut chunk).await.expect("the event");
            assert!(count > 0, "the connection ended");
            seen.extend_from_slice(&chunk[..count]);
        }

        // Longer than every limit of this server.
        let mut more = [0; 1];
        let silence = tokio::time::timeout(Duration::from_secs(4), stream.read(&mut more)).await;

        assert!(silence.is_err(), "the stream ended");
    });
}

#[test]
fn a_refused_upload_still_gets_its_answer() {
    run_test(async {
        let stand = Stand::start().await;
        // More than fits into the buffers between the two, so that the client is busy sending when it is refused.
        let body = "x".repeat(7 << 20);
        for _ in 0..5 {
            let mut wire = Wire::open(stand.address).await;
            let head = format!(
                "POST /api/v1/stand/echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                 content-length: {}\r\n\r\n",
                body.len()
            );
            wire.send(head + &body).await;

            let answer = wire.answer().await.expect("an answer");

            assert_eq!((answer.status, &answer.json()["error"]["code"]), (413, &"PAYLOAD_TOO_LARGE".into()));
        }
    });
}

#[test]
fn an_address_has_so_many_connections_at_once() {
    run_test(async {
        let stand = Stand::with(|settings| settings.max_connections_per_address = 2).await;
        let (mut first, mut second) = (Wire::open(stand.address).await, Wire::open(stand.address).await);
        for wire in [&mut first, &mut second] {
            wire.send(GET).await;
            wire.answer().await.expect("an answer");
        }

        let mut third = Wire::open(stand.address).await;
        third.send(GET).await;
        assert!(third.answer().await.is_none(), "the third is closed");
        first.send("GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        first.answer().await.expect("an answer");
        first.closed().await;

        let mut fourth = Wire::open(stand.address).await;
        fourth.send(GET).await;
        assert_eq!(fourth.answer().await.expect("a place that was given back").status, 404);
    });
}

#[test]
fn a_proxy_may_have_more_connections() {
    run_test(async {
        let stand = Stand::with(|settings| {
            settings.max_connections_per_address = 1;
            settings.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
        })
        .await;
        let mut wires = Vec::new();
        for _ in 0..3 {
            let mut wire = Wire::open(stand.address).await;
            wire.send(GET).await;
            assert_eq!(wire.answer().await.expect("an answer").status, 404);
            wires.push(wire);
        }
    });
}

#[test]
fn a_client_that_hangs_does_not_hold_up_the_end() {
    run_test(async {
        let stand = Stand::with(|settings| settings.shutdown_seconds = 1).await;
        let mut hanging = Wire::open(stand.address).await;
        hanging.send("GET /api/v1/stand/events HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let mut silent = Wire::open(stand.address).await;

        tokio::time::timeout(Duration::from_secs(8), stand.stop()).await.expect("the end");

        silent.closed().await;
    });
}

#[botserver_test]
async fn requests_under_way_finish_when_the_server_stops(app: App) {
    let (ann, address) = (app.user("ann").await, app.address());
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let body = "{\"everywhere\":false}";
    let head = format!(
        "POST /api/v1/auth/logout HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        ann.token(),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("a head");
    // The server asks for the body only when the handler reads it: from here on the request is under way.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.expect("100 Continue");

    let stopping = tokio::spawn(app.stop());
    stream.write_all(body.as_bytes()).await.expect("a body");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");

    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    stopping.await.expect("the server stops");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}
