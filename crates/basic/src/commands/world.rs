//! The world outside: HTTP, tasks, calendars, leads, media.

use super::Gives::{Nothing, Value};
use super::Row;
use super::Tier::{One, Three, Two};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row("POST", "address [body:fields...]", "WITH fields", Value, One, "http",
        "Sends an HTTP POST. The body is sent as JSON, or as a form where the header Content-Type says so; `WITH name = value` builds it, and so do names alone after WITH and several variables or members, whose names the fields take; several other values are an error. A path that begins with `/` asks this server on behalf of the user. The result is a response: it behaves like the body of the answer; where the body has no such field, `status`, `statusText`, `data`, `headers` and `ok` come from the answer itself, and `http_status` always does. A status of 400 or more makes the response false and is no error; no connection, a forbidden address and a timeout are errors of the codes HTTP and TIMEOUT.",
        r#"r = POST "https://example.com/items", #{ name: "tea" }
TALK r.id + " " + r.http_status   ' -> 7 201
r = POST "https://example.com/orders" WITH who = "ann"
IF NOT r THEN TALK r.data.error   ' -> the dish is missing"#),
    Row("PUT", "address [body:fields...]", "WITH fields", Value, One, "http",
        "Sends an HTTP PUT. The body and the result are those of POST.",
        r#"r = PUT "https://example.com/items/1", #{ name: "tea" }
TALK r.ok   ' -> true"#),
    Row("PATCH", "address [body:fields...]", "WITH fields", Value, Two, "http",
        "Sends an HTTP PATCH. The body and the result are those of POST.",
        r#"PATCH "https://example.com/items/1" WITH name = "tea""#),
    Row("DELETE HTTP", "address", "", Value, Two, "http",
        "Sends an HTTP DELETE. The result is that of POST.",
        r#"DELETE HTTP "https://example.com/items/1""#),
    Row("GRAPHQL", "address query [variables]", "WITH fields", Value, Two, "http",
        "Sends a GraphQL request with an object of variables, which `WITH name = value` builds too, and gives `{status, data}`, where `data` is what the query asked for.",
        r#"r = GRAPHQL "https://example.com/graphql", "query($id: ID) { user(id: $id) { name } }", #{ id: 1 }
TALK r.data.user.name"#),
    Row("SOAP", "wsdl operation parameters", "", Value, Two, "http",
        "Calls an operation of a SOAP service by the address of its description, with an object of parameters, and gives `{status, data}`; `data.raw` is the answer as text.",
        r#"r = SOAP "https://example.com/x?wsdl", "Get", #{ id: 1 }
TALK r.status"#),
    Row("WEBHOOK POST", "address [body]", "WITH value", Value, Two, "http",
        "Sends an object, as the second argument or after WITH, to a web hook of another service. The result is that of POST.",
        r#"WEBHOOK POST "https://example.com/hook" WITH #{ paid: true }"#),
    Row("SET HEADER", "name:word =value", "", Nothing, One, "http",
        "Sets a header for all following requests of this run. `=` or AS may stand for the comma; an empty value removes the header.",
        r#"SET HEADER "Accept", "application/json"
SET HEADER "Authorization" AS "Bearer abc"
SET HEADER "Accept" = """#),
    Row("CLEAR HEADERS", "", "", Nothing, One, "http",
        "Removes all headers that SET HEADER set in this run.",
        "CLEAR HEADERS"),

    Row("CREATE TASK", "title [details...]", "", Value, One, "tasks.write",
        "Makes a task and gives it with its id. What follows the title is told apart by what it is: `low`, `normal`, `medium`, `high`, `critical` and `urgent` are the priority, a date is when it is due, any other text is who shall do it. Without them the priority is normal, there is no due date, and nobody has it.",
        r#"CREATE TASK "Call Ann", "high", "bo"
CREATE_TASK "Order tea", DATEADD(TODAY(), 3, "day")"#),
    Row("BOOK|BOOK_MEETING", "title [details...]", "", Value, Three, "calendar.write",
        "Puts a meeting into the calendar and gives it with its id. What follows the title is told apart by what it is: a date is when it begins, a number how many minutes it takes, a text who is invited.",
        r#"BOOK "Talk", "2025-03-20 10:00", 30, "ann@example.com""#),
    Row("CHECK_AVAILABILITY", "who [details...]", "", Value, Three, "calendar.read",
        "When somebody is free on a day, as an array of times. Further arguments are the day and how many minutes are needed.",
        r#"TALK CHECK_AVAILABILITY("ann", "2025-03-20", 30)"#),
    Row("START MEET", "[title]", "", Value, Three, "meet",
        "Starts a call and gives `{id, url}`; whoever opens the address takes part.",
        r#"m = START MEET "Talk"
TALK m.url"#),
    Row("ADD MEMBER", "group ~who", "", Nothing, Three, "groups.write",
        "Adds somebody to a group. Who is in it already stays; a group that does not exist is an error.",
        r#"ADD MEMBER "team", "ann""#),
    Row("WEATHER", "place", "", Value, Three, "http",
        "The weather at a place now, as an object with `temperature` and `description`.",
        r#"w = WEATHER("Lima")
TALK w.description"#),

    Row("SCORE LEAD|AI SCORE LEAD", "lead", "", Value, Three, "leads",
        "How promising a lead is, from an object with what is known of it: gives `{score, grade, status, qualified}`. `AI SCORE LEAD` asks the model too.",
        r#"s = SCORE LEAD #{ email: "ann@example.com", company: "Example Ltd" }
IF s.qualified THEN TALK s.grade"#),
    Row("GET LEAD SCORE", "email", "", Value, Three, "leads",
        "The score of a lead that is known by its e-mail address; null where there is none.",
        r#"TALK GET LEAD SCORE("ann@example.com")"#),
    Row("QUALIFY LEAD", "lead [threshold]", "", Value, Three, "leads",
        "Whether the score of a lead reaches a threshold, 70 where none is given: gives `{qualified, score, threshold, status, gap}`. A lead that nobody knows is an error.",
        r#"q = QUALIFY LEAD "ann@example.com", 85
IF q.qualified THEN TALK q.score"#),
    Row("UPDATE LEAD SCORE", "email points [why]", "", Value, Three, "leads",
        "Adds points to the score of a lead, or takes away with a negative number, for a reason that is kept. It gives the new score.",
        r#"UPDATE LEAD SCORE "ann@example.com", 5, "asked for an offer""#),
    Row("CREATE SITE", "alias [template] [prompt]", "WITH TEMPLATE|TEMPLATE value; USING PROMPT|PROMPT value", Value, Three, "sites",
        "Makes a small web site under an alias from a template, which the model fills as a prompt says, and gives its address. `WITH TEMPLATE` and `USING PROMPT` name the two instead of their order.",
        r#"url = CREATE SITE "spring", "landing", "a page for our spring menu"
TALK url"#),
    Row("WEBSITE OF", "company", "", Value, Three, "http",
        "The address of a company's web site, as far as the search finds it; null where it does not.",
        r#"TALK WEBSITE OF "Example Ltd""#),
    Row("SET PAGE MODE", "mode:word", "", Nothing, Three, "dialog",
        "How a channel that shows pages, such as a terminal, shows the bot: `auto`, `page` or `none`.",
        r#"SET PAGE MODE "auto""#),
    Row("SET MAX LINES", "lines", "", Nothing, Three, "dialog",
        "How many lines a message may have on a channel that shows pages; what is longer is divided.",
        "SET MAX LINES 5"),
    Row("PLAY", "file", "WITH OPTIONS value", Nothing, Three, "dialog",
        "Plays a film, a sound or a presentation to the user, from the drive or an address. The options are a text or an object, such as `\"autoplay,loop\"`.",
        r#"PLAY "intro.mp4" WITH OPTIONS "autoplay""#),
    Row("PAUSE", "", "", Nothing, Three, "dialog",
        "Pauses what plays. It does nothing where nothing plays.",
        "PAUSE"),
    Row("RESUME", "", "", Nothing, Three, "dialog",
        "Goes on with what was paused.",
        "RESUME"),
    Row("STOP", "", "", Nothing, Three, "dialog",
        "Stops what plays.",
        "STOP"),
    Row("CARD", "values...", "TO place", Value, Three, "dialog",
        "Shows a card with a title, a text and a picture; what is left out is not shown. What the server made of it is the value, or goes to the variable after TO.",
        r#"CARD "Soup", "Today's soup", "soup.jpg""#),
    Row("RUN PYTHON", "[code]", "WITH FILE value", Value, Three, "execute",
        "Runs Python, the text or with WITH FILE a file of the drive, in a sandbox, and gives what it printed. It is off unless a server's settings allow it; a failing program is an error.",
        r#"TALK RUN PYTHON("print(1)")"#),
    Row("RUN JAVASCRIPT", "[code]", "WITH FILE value", Value, Three, "execute",
        "Runs JavaScript, the text or with WITH FILE a file of the drive, in a sandbox, and gives what it printed. It is off unless a server's settings allow it; a failing program is an error.",
        r#"TALK RUN JAVASCRIPT("console.log(1)")"#),
    Row("RUN BASH", "[code]", "WITH FILE value", Value, Three, "execute",
        "Runs a shell script, the text or with WITH FILE a file of the drive, in a sandbox, and gives what it printed. It is off unless a server's settings allow it; a failing program is an error.",
        r#"TALK RUN BASH("echo 1")"#),
];
