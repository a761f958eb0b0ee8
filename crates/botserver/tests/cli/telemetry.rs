//! What a collector receives. The one here is made for the test: a socket that reads requests, and the published
//! messages of the protocol to decode them with.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message;

use super::Desk;

/// A request that the collector received.
struct Received {
    head: String,
    body: Vec<u8>,
}

/// Listens and answers 200 to everything.
fn collector() -> (String, Receiver<Received>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (inbox, received) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let inbox = inbox.clone();
            std::thread::spawn(move || {
                let mut stream = BufReader::new(stream);
                while let Some(request) = read(&mut stream) {
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
                    if inbox.send(request).is_err() || stream.get_mut().write_all(answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (url, received)
}

fn read(stream: &mut BufReader<TcpStream>) -> Option<Received> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Received { head, body })
}

/// A server that serves, and where.
fn serve(desk: &Desk, variables: &[(&str, &str)]) -> (Child, String) {
    let mut command = desk.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the program runs");
    let mut shown = BufReader::new(child.stdout.take().expect("output")).lines().map_while(Result::ok);
    let address =
        shown.find_map(|line| Some(line.split_once("API      http://")?.1.split('/').next()?.to_owned()));
    (child, address.expect("an address"))
}

fn stop(mut child: Child) {
    let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill runs");
    assert!(told.success() && child.wait().expect("an end").success());
}

fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> &'a str {
    let found = attributes.iter().find(|pair| pair.key == key);
    match found.and_then(|pair| pair.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(text)) => text,
        other => panic!("{key} is {other:?}"),
    }
}

#[test]
fn a_collector_receives_traces_that_continue_the_callers_and_the_metrics() {
    let (url, received) = collector();
    let desk = Desk::new();
    let variables = [
        ("BOTSERVER_TELEMETRY_OTLP_URL", url.as_str()),
        ("BOTSERVER_TELEMETRY_OTLP_HEADERS", "authorization=Bearer hush"),
        ("BOTSERVER_TELEMETRY_SERVICE_NAME", "desk"),
    ];
    let (serving, address) = serve(&desk, &variables);
    let (trace, parent) = (0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128, 0x00f0_67aa_0ba9_02b7_u64);

    let body = r#"{"username":"nobody","password":"nothing"}"#;
    let answer = ask(
        &address,
        &format!(
            "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
         traceparent: 00-{trace:032x}-{parent:016x}-01\r\ncontent-length: {}\r\n\r\n{body}",
            body.len(),
        ),
    );
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    stop(serving);

    let (mut spans, mut metrics, mut services) = (Vec::<Span>::new(), Vec::new(), Vec::new());
    while let Ok(Received { head, body }) = received.recv_timeout(Duration::from_millis(200)) {
        assert!(head.to_ascii_lowercase().contains("authorization: bearer hush"), "{head}");
        if head.starts_with("POST /v1/traces ") {
            let message = ExportTraceServiceRequest::decode(body.as_slice()).expect("traces");
            for of in message.resource_spans {
                services.push(text(&of.resource.expect("a resource").attributes, "service.name").to_owned());
                spans.extend(of.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        } else if head.starts_with("POST /v1/metrics ") {
            let message = ExportMetricsServiceRequest::decode(body.as_slice()).expect("metrics");
            for of in message.resource_metrics {
                services.push(text(&of.resource.expect("a resource").attributes, "service.name").to_owned());
                metrics.extend(of.scope_metrics.into_iter().flat_map(|scope| scope.metrics));
            }
        } else {
            panic!("{head}");
        }
    }
    assert!(!services.is_empty() && services.iter().all(|name| name == "desk"), "{services:?}");
    let named =
        |name: &str| spans.iter().find(|span| span.name == name && span.trace_id == trace.to_be_bytes());
    let request = named("POST /api/v1/auth/login").unwrap_or_else(|| panic!("{spans:?}"));
    assert_eq!(request.parent_span_id, parent.to_be_bytes());
    assert_eq!(text(&request.attributes, "http.route"), "/api/v1/auth/login");
    assert_eq!(named("db.read").expect("a read").parent_span_id, request.span_id);
    assert_eq!(named("db.write").expect("a write").parent_span_id, request.span_id);
    for name in ["http_requests_total", "db_query_duration_seconds", "process_resident_memory_bytes"] {
        assert!(metrics.iter().any(|metric| metric.name == name), "{name} is missing");
    }
}

#[test]
fn a_collector_that_is_away_holds_up_neither_requests_nor_the_stop() {
    let away = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let desk = Desk::new();
    let url = format!("http://{away}");
    let (serving, address) = serve(&desk, &[("BOTSERVER_TELEMETRY_OTLP_URL", &url)]);

    let answer = ask(&address, "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");

    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    stop(serving);
}

#[test]
fn an_address_that_is_none_stops_the_start() {
    let desk = Desk::new();

    let output = desk.command(&["serve"]).env("BOTSERVER_TELEMETRY_OTLP_URL", "collector").output();

    let output = output.expect("the program runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("telemetry.otlp_url must be an address"), "{error}");
}
