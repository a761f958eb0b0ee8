//! One connection, one reading of it: what could be taken for one request here and for two elsewhere is refused, or
//! ends the connection behind it.

use crate::support::{Stand, Wire, run_test};

/// Sends the bytes and gives the statuses of all answers until the connection closes. A request for `/health` that
/// asks to close stands behind, so that a connection which stays open ends, too.
async fn statuses(stand: &Stand, bytes: &str) -> Vec<u16> {
    const LAST: &str = "GET /health-of-nobody HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let mut wire = Wire::open(stand.address).await;
    wire.send(format!("{bytes}{LAST}")).await;
    let mut found = Vec::new();
    while let Some(answer) = wire.answer().await {
        assert!(answer.status >= 200, "{answer:?}");
        found.push(answer.status);
    }
    found
}

/// Refused by the library or by the door, and nothing behind it is read.
const REFUSED: &[&str] = &[
    // Two lengths that differ, in two fields, one field, and of other than digits.
    "POST /api/v1/stand/echo HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 40\r\n\r\n{}",
    "POST /api/v1/stand/echo HTTP/1.1\r\nhost: x\r\ncontent-length: 2, 40\r\n\r\n{}",
    "POST /api/v1/stand/echo HTTP/1.1\r\nhost: x\r\ncontent-length: +2\r\n\r\n{}",
    "POST /api/v1/stand/echo HTTP/1.1\r\nhost: x\r\ncontent-length: 0x2\r\n\r\n{}",
    "POST /api/v1/stand/echo HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n{}",
    "POST /api/v1/stand/echo HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n{}",
    // Codings other than chunked, and chunked that isn't last or not alone.
    "POST /api/v1/stand/echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "POST /api/v1/stand/echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "POST /api/v1/stand/echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: identity\r\n\r\n",
    "POST /api/v1/stand/echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "POST /api/v1/stand/echo HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    // Names and lines that others read in another way.
    "POST /api/v1/stand/echo HTTP/1.1\r\nhost: x\r\ncontent-length : 2\r\n\r\n{}",
    "POST /api/v1/stand/echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n",
    "GET /api/v1/stand/large HTTP/1.1\r\nhost: x\r\nx-a: b\r\n folded: c\r\n\r\n",
    "GET /api/v1/stand/large HTTP/1.1\r\n host: x\r\n\r\n",
    "GET /api/v1/stand/large HTTP/1.1\r\nhost: x\r\nx-a: b\rtransfer-encoding: chunked\r\n\r\n",
    "GET /api/v1/stand/large HTTP/1.1\r\nhost: x\r\nx-a: b\0c\r\n\r\n",
    "GET /api/v1/stand/large HTTP/1.1\r\nhost: x\r\nx a: b\r\n\r\n",
    "GET  /api/v1/stand/large HTTP/1.1\r\nhost: x\r\n\r\n",
    "GET /api/v1/stand/large HTTP/1.1 HTTP/1.1\r\nhost: x\r\n\r\n",
    "GET /api/v1/stand/large HTTP/2.0\r\nhost: x\r\n\r\n",
    "GET /api/v1/stand/large\r\nhost: x\r\n\r\n",
];

#[test]
fn what_can_be_read_in_two_ways_is_refused_and_ends_the_connection() {
    run_test(async {
        let stand = Stand::start().await;
        for bytes in REFUSED {
            let found = statuses(&stand, bytes).await;

            assert!(matches!(found[..], [400 | 505] | []), "{found:?} for {bytes:?}");
        }
    });
}

#[test]
fn a_request_with_both_kinds_of_length_is_the_last_of_its_connection() {
    run_test(async {
        let stand = Stand::start().await;
        for lengths in [
            "content-length: 44\r\ntransfer-encoding: chunked",
            "transfer-encoding: chunked\r\ncontent-length: 44",
            "content-length: 5\r\nTransfer-Encoding: chunked",
        ] {
            // Read by its length the rest would be the body; read by its chunks it would be a second request.
            let bytes = format!("POST /api/v1/stand/echo HTTP/1.1\r\nhost: x\r\n{lengths}\r\n\r\n0\r\n\r\n");

            let found = statuses(&stand, &bytes).await;

            assert_eq!(found.len(), 1, "{lengths}");
        }
    });
}

#[test]
fn two_codings_are_refused_whatever_they_say() {
    run_test(async {
        let stand = Stand::start().await;
        for codings in [
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
            "transfer-encoding: gzip, chunked",
            "transfer-encoding: identity\r\ntransfer-encoding: chunked",
        ] {
            let mut wire = Wire::open(stand.address).await;
            let head = format!(
                "POST /api/v1/stand/echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{codings}\r\n\r\n"
            );
            wire.send(format!("{head}d\r\n{{\"text\":\"hi\"}}\r\n0\r\n\r\n")).await;

            let answer = wire.answer().await.expect("an answer");

            assert_eq!(answer.status, 400, "{codings}");
            assert_eq!(answer.json()["error"]["code"], "BAD_REQUEST");
        }
    });
}

#[test]
fn chunks_are_read_as_they_are_written_or_not_at_all() {
    run_test(async {
        let stand = Stand::start().await;
        let ask = async |chunks: String| {
            let mut wire = Wire::open(stand.address).await;
            let head = "POST /api/v1/stand/echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                        transfer-encoding: chunked\r\nconnection: close\r\n\r\n";
            wire.send(format!("{head}{chunks}")).await;
            wire.answer().await.map_or(0, |answer| answer.status)
        };
        let json = "{\"text\":\"hi\"}";

        assert_eq!(ask(format!("d\r\n{json}\r\n0\r\n\r\n")).await, 200);
        assert_eq!(
            ask(format!("d;name=value\r\n{json}\r\n0\r\n\r\n")).await,
            200,
            "an extension says nothing"
        );
        assert_eq!(
            ask(format!("d\r\n{json}\r\n0\r\ncontent-length: 7\r\n\r\n")).await,
            200,
            "nor does a trailer"
        );
        for bad in [
            format!("d;{}\r\n{json}\r\n0\r\n\r\n", "x".repeat(64 << 10)),
            format!("0xd\r\n{json}\r\n0\r\n\r\n"),
            format!("ffffffffffffffffff\r\n{json}\r\n0\r\n\r\n"),
            format!("-d\r\n{json}\r\n0\r\n\r\n"),
            format!("d\r\n{json}X0\r\n\r\n"),
            format!("d\n{json}\n0\n\n"),
            format!("d\r\n{json}\r\n0\r\n{}\r\n\r\n", "x: y\r\n".repeat(10_000)),
        ] {
            let status = ask(bad.clone()).await;
            assert!(matches!(status, 400 | 0), "{status} for {:?}", &bad[..bad.len().min(60)]);
        }
    });
}

#[test]
fn a_request_names_its_host_once() {
    run_test(async {
        let stand = Stand::start().await;
        for hosts in ["", "host: a\r\nhost: b\r\n"] {
            let mut wire = Wire::open(stand.address).await;
            wire.send(format!("GET /nowhere HTTP/1.1\r\n{hosts}\r\n")).await;

            assert_eq!(
                wire.answer().await.expect("an answer").json()["error"]["code"],
                "BAD_REQUEST",
                "{hosts}"
            );
        }
        let mut wire = Wire::open(stand.address).await;
        wire.send("GET http://elsewhere.example/nowhere HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert_eq!(
            wire.answer().await.expect("an answer").status,
            404,
            "the absolute form is read like the other"
        );
    });
}

#[test]
fn requests_behind_one_another_are_answered_in_their_order() {
    run_test(async {
        let stand = Stand::start().await;
        let echo = |text: &str| {
            let body = format!("{{\"text\":\"{text}\"}}");
            format!(
                "POST /api/v1/stand/echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                 content-length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        let mut wire = Wire::open(stand.address).await;

        wire.send(format!("{}{}{}", echo("one"), echo("two"), echo("three"))).await;

        for text in ["one", "two", "three"] {
            assert_eq!(wire.answer().await.expect("an answer").json()["data"]["text"], text);
        }
    });
}
