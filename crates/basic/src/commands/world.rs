//! The world outside: HTTP, tasks, calendars, leads, media.

use super::Gives::{Nothing, Value};
use super::Row;
use super::Tier::{One, Three, Two};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row("POST", "address [body]", "WITH fields", Value, One, "http", "An HTTP POST. The result behaves like the body of the answer; a status of 400 or more makes it false.", "r = POST \"https://example.com/items\", #{ a: 1 }\nTALK r.id"),
    Row("PUT", "address [body]", "WITH fields", Value, One, "http", "An HTTP PUT.", "PUT \"https://example.com/items/1\", #{ a: 1 }"),
    Row("PATCH", "address [body]", "WITH fields", Value, Two, "http", "An HTTP PATCH.", "PATCH \"https://example.com/items/1\", #{ a: 1 }"),
    Row("DELETE HTTP", "address", "", Value, Two, "http", "An HTTP DELETE.", "DELETE HTTP \"https://example.com/items/1\""),
    Row("GRAPHQL", "address query [variables]", "", Value, Two, "http", "A GraphQL request. Gives `{status, data}`.", "r = GRAPHQL \"https://example.com/graphql\", \"{ me { name } }\"\nTALK r.data"),
    Row("SOAP", "wsdl operation parameters", "", Value, Two, "http", "A SOAP request. Gives `{status, data}` with `data.raw`.", "r = SOAP \"https://example.com/x?wsdl\", \"Get\", #{ id: 1 }\nTALK r.status"),
    Row("WEBHOOK POST", "address [body]", "WITH value", Value, Two, "http", "Posts to a web hook of another service.", "WEBHOOK POST \"https://example.com/hook\" WITH #{ a: 1 }"),
    Row("SET HEADER", "name:word =value", "", Nothing, One, "http", "A header for all following requests of this run; an empty value removes it.", "SET HEADER \"Accept\", \"application/json\""),
    Row("CLEAR HEADERS", "", "", Nothing, One, "http", "Removes all headers set in this run.", "CLEAR HEADERS"),

    Row("CREATE TASK", "title [details...]", "", Value, One, "tasks.write", "Makes a task. After the title a priority, a due date and an assignee are told apart by what they are.", "CREATE TASK \"Call Ann\", \"high\", \"bo\""),
    Row("BOOK|BOOK_MEETING", "title [details...]", "", Value, Three, "calendar.write", "Puts a meeting into the calendar.", "BOOK \"Talk\", \"2025-03-20 10:00\""),
    Row("CHECK_AVAILABILITY", "who [details...]", "", Value, Three, "calendar.read", "When somebody is free.", "TALK CHECK_AVAILABILITY(\"ann\", \"2025-03-20\")"),
    Row("START MEET", "[title]", "", Value, Three, "meet", "Starts a call.", "m = START MEET \"Talk\"\nTALK m.url"),
    Row("ADD MEMBER", "group ~who", "", Nothing, Three, "groups.write", "Adds somebody to a group.", "ADD MEMBER \"team\", \"ann\""),
    Row("WEATHER", "place", "", Value, Three, "http", "The weather at a place.", "TALK WEATHER(\"Lima\")"),

    Row("SCORE LEAD|AI SCORE LEAD", "lead", "", Value, Three, "leads", "How promising a lead is: `{score, grade, status, qualified}`.", "s = SCORE LEAD #{ email: \"ann@example.com\" }\nTALK s.grade"),
    Row("GET LEAD SCORE", "email", "", Value, Three, "leads", "The score of a lead.", "TALK GET LEAD SCORE(\"ann@example.com\")"),
    Row("UPDATE LEAD SCORE", "email points [why]", "", Value, Three, "leads", "Changes the score of a lead.", "UPDATE LEAD SCORE \"ann@example.com\", 5, \"asked for an offer\""),
    Row("CREATE SITE", "alias template [prompt]", "", Value, Three, "sites", "Makes a small web site.", "CREATE SITE \"spring\", \"landing\", \"a page for our spring menu\""),
    Row("WEBSITE OF", "company", "", Value, Three, "http", "The address of a company's site.", "TALK WEBSITE OF \"Example Ltd\""),
    Row("SET PAGE MODE", "mode:word", "", Nothing, Three, "dialog", "How a channel with pages shows the bot.", "SET PAGE MODE \"auto\""),
    Row("SET MAX LINES", "lines", "", Nothing, Three, "dialog", "How many lines an answer may have.", "SET MAX LINES 5"),
    Row("PLAY", "file", "WITH OPTIONS value", Nothing, Three, "dialog", "Plays a file.", "PLAY \"intro.mp4\""),
    Row("PAUSE", "", "", Nothing, Three, "dialog", "Pauses what plays.", "PAUSE"),
    Row("RESUME", "", "", Nothing, Three, "dialog", "Goes on with what was paused.", "RESUME"),
    Row("STOP", "", "", Nothing, Three, "dialog", "Stops what plays.", "STOP"),
    Row("CARD", "values...", "", Nothing, Three, "dialog", "Shows a card.", "CARD \"Soup\", \"Today's soup\", \"soup.jpg\""),
    Row("RUN PYTHON", "code", "WITH FILE value", Value, Three, "execute", "Runs Python; off by default.", "TALK RUN PYTHON(\"print(1)\")"),
    Row("RUN JAVASCRIPT", "code", "WITH FILE value", Value, Three, "execute", "Runs JavaScript; off by default.", "TALK RUN JAVASCRIPT(\"console.log(1)\")"),
    Row("RUN BASH", "code", "WITH FILE value", Value, Three, "execute", "Runs a shell script; off by default.", "TALK RUN BASH(\"echo 1\")"),
];
