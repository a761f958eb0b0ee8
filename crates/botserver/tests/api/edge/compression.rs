//! Answers made smaller.

use std::io::Read;

use crate::support::{RawAnswer, Stand, Wire, run_test};

async fn get(stand: &Stand, path: &str, headers: &str) -> RawAnswer {
    let mut wire = Wire::open(stand.address).await;
    wire.send(format!("GET /api/v1/stand{path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n")).await;
    wire.answer().await.expect("an answer")
}

fn varies(answer: &RawAnswer) -> bool {
    answer.header("vary").is_some_and(|vary| vary.eq_ignore_ascii_case("accept-encoding"))
}

fn encoding(answer: &RawAnswer) -> &str {
    answer.header("content-encoding").unwrap_or_default()
}

#[test]
fn a_large_answer_is_compressed_in_the_best_way_that_the_client_takes() {
    run_test(async {
        let stand = Stand::start().await;
        let plain = get(&stand, "/large?bytes=20000", "").await;
        assert_eq!((encoding(&plain), varies(&plain)), ("", true));
        for (accepted, expected) in [
            ("gzip", "gzip"),
            ("gzip, deflate, br, zstd", "zstd"),
            ("br", "br"),
            ("gzip;q=0.5, br;q=0.9, zstd;q=0", "br"),
            ("identity, gzip;q=0", ""),
            ("compress", ""),
            ("", ""),
            ("identity;q=0, x", ""),
        ] {
            let answer = get(&stand, "/large?bytes=20000", &format!("accept-encoding: {accepted}\r\n")).await;

            assert_eq!((answer.status, encoding(&answer)), (200, expected), "{accepted}");
            assert!(varies(&answer), "{accepted}");
            assert_eq!(answer.body.len() < 2000, !expected.is_empty(), "{accepted}: {}", answer.body.len());
        }
    });
}

#[test]
fn what_is_compressed_is_the_same_answer() {
    run_test(async {
        let stand = Stand::start().await;
        let plain = get(&stand, "/large?bytes=200000", "").await;

        let compressed = get(&stand, "/large?bytes=200000", "accept-encoding: gzip\r\n").await;

        let mut body = Vec::new();
        flate2::read::GzDecoder::new(&compressed.body[..]).read_to_end(&mut body).expect("gzip");
        assert!(body == plain.body, "another answer");
    });
}

#[test]
fn what_gains_nothing_or_would_tell_a_secret_is_left_as_it_is() {
    run_test(async {
        let stand = Stand::start().await;
        for path in ["/large?bytes=100", "/archive", "/secret"] {
            let answer = get(&stand, path, "accept-encoding: gzip, br, zstd\r\n").await;

            assert_eq!((answer.status, encoding(&answer)), (200, ""), "{path}");
        }
        let mut wire = Wire::open(stand.address).await;
        wire.send("GET /api/v1/stand/events HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip\r\n\r\n").await;
        assert_eq!(wire.head().await.header("content-encoding"), None, "events arrive at once");
    });
}

#[test]
fn the_tag_of_a_compressed_answer_is_its_own_and_still_known() {
    run_test(async {
        let stand = Stand::start().await;
        let first = get(&stand, "/tagged", "accept-encoding: gzip\r\n").await;
        assert_eq!((encoding(&first), first.header("etag")), ("gzip", Some("\"7-00ff-gzip\"")));

        let again =
            get(&stand, "/tagged", "accept-encoding: gzip\r\nif-none-match: \"7-00ff-gzip\"\r\n").await;

        assert_eq!((again.status, again.header("etag")), (304, Some("\"7-00ff-gzip\"")));
        let plain = get(&stand, "/tagged", "if-none-match: \"7-00ff\"\r\n").await;
        assert_eq!((plain.status, plain.header("etag")), (304, Some("\"7-00ff\"")));
    });
}

#[test]
fn compression_can_be_switched_off() {
    run_test(async {
        let stand = Stand::with(|settings| settings.compress_from = 0).await;

        let answer = get(&stand, "/large?bytes=20000", "accept-encoding: gzip\r\n").await;

        assert_eq!((encoding(&answer), answer.header("vary")), ("", None));
    });
}
