//! Every meter there is: its name, its kind, its unit and what it says. The one source of the help texts.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// What kind of meter it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts in buckets.
    Histogram,
}

/// A meter.
#[derive(Debug, Clone, Copy)]
pub struct Meter {
    /// Its name, as Prometheus shows it.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// What it is counted in.
    pub unit: Unit,
    /// What it says.
    pub help: &'static str,
}

const fn meter(name: &'static str, kind: Kind, unit: Unit, help: &'static str) -> Meter {
    Meter { name, kind, unit, help }
}

use Kind::{Counter, Gauge, Histogram};

/// The meters of all rooms, beside the process's own (`process_…`), which name themselves. Labels have few values:
/// routes are patterns, reasons and kinds are constants of the code.
pub const METERS: &[Meter] = &[
    // the edge
    meter("http_requests_total", Counter, Unit::Count, "Requests answered, by method, route and status."),
    meter("http_request_duration_seconds", Histogram, Unit::Seconds, "Time to answer, by method and route."),
    meter("http_connections_refused_total", Counter, Unit::Count, "Connections refused for their number."),
    meter("rate_limited_total", Counter, Unit::Count, "Requests and frames refused for their number."),
    meter("websocket_connections", Gauge, Unit::Count, "WebSockets open and signed in."),
    meter("auth_failures_total", Counter, Unit::Count, "Sign-ins refused, by reason."),
    meter(
        "audit_denials_lost_total",
        Counter,
        Unit::Count,
        "Permissions that were missing and don't stand in the audit log, for want of room or a database.",
    ),
    meter(
        "mails_total",
        Counter,
        Unit::Count,
        "Mails that are done with, by outcome: sent, refused, given up.",
    ),
    // conversations
    meter("conversation_turns_total", Counter, Unit::Count, "Turns of conversations, by outcome."),
    meter("conversation_turn_duration_seconds", Histogram, Unit::Seconds, "Time from message to answer."),
    // the database
    meter(
        "db_query_duration_seconds",
        Histogram,
        Unit::Seconds,
        "Time of a read or a unit of work, from asking to the answer, by operation.",
    ),
    meter(
        "db_pool_in_use",
        Gauge,
        Unit::Count,
        "Reads and units of work that wait for the database or run in it.",
    ),
    meter("db_write_batch_units", Histogram, Unit::Count, "Units of work that shared a commit."),
    // other nodes
    meter("cache_connected", Gauge, Unit::Count, "1 while the cache server answers."),
    meter(
        "cache_lost_total",
        Counter,
        Unit::Count,
        "Times that the connection to the cache server was lost.",
    ),
    meter(
        "counters_counted_locally_total",
        Counter,
        Unit::Count,
        "Counts taken in the process because the cache server was away.",
    ),
    meter("bus_connected", Gauge, Unit::Count, "1 while hints of other nodes are heard."),
    meter("bus_lost_total", Counter, Unit::Count, "Times that the connection to other nodes was lost."),
    meter("bus_hints_sent_total", Counter, Unit::Count, "Hints sent to other nodes."),
    meter("bus_hints_heard_total", Counter, Unit::Count, "Hints heard from other nodes."),
    meter("storage_writable", Gauge, Unit::Count, "1 while objects can be stored."),
    // jobs
    meter("jobs_queued", Gauge, Unit::Count, "Jobs that are due and wait for a runner, up to 10,000."),
    meter("jobs_running", Gauge, Unit::Count, "Jobs that run on this node."),
    meter(
        "jobs_finished_total",
        Counter,
        Unit::Count,
        "Jobs that ended, by kind and status; dead ones among them.",
    ),
    meter(
        "jobs_retries_total",
        Counter,
        Unit::Count,
        "Attempts after which a job was queued again, by kind.",
    ),
    meter("jobs_run_duration_seconds", Histogram, Unit::Seconds, "Time of one attempt, by kind."),
    // the machine
    meter("cpu_usage_percent", Gauge, Unit::Percent, "Use of all processors of the machine."),
    meter("memory_usage_percent", Gauge, Unit::Percent, "Use of the machine's memory."),
    meter("disk_usage_percent", Gauge, Unit::Percent, "Use of the volume that holds the data folder."),
    meter("disk_available_bytes", Gauge, Unit::Bytes, "Space left on the volume that holds the data folder."),
    meter("botserver_info", Gauge, Unit::Count, "Always 1; the label says which version runs."),
];

/// Tells the recorder of them.
pub(super) fn describe() {
    for meter in METERS {
        match meter.kind {
            Kind::Counter => describe_counter!(meter.name, meter.unit, meter.help),
            Kind::Gauge => describe_gauge!(meter.name, meter.unit, meter.help),
            Kind::Histogram => describe_histogram!(meter.name, meter.unit, meter.help),
        }
    }
}
