//! Other scripts, other bots, workflows, schedules and events.

use super::Gives::{Nothing, Value};
use super::Row;
use super::Tier::{One, Three, Two};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row("CALL", "script:word [arguments...]", "", Value, One, "scripts.run", "Runs another script of the package with its PARAMs in order, or asks a path of this server. A procedure of the script itself is called the same way.", "answer = CALL \"quote.bas\", \"pen\", 3\nTALK answer"),
    Row("EXTENSION", "[arguments...]", "", Value, Three, "extension", "A function that neither the language nor the script has; the server may know it.", "EXTENSION 1"),

    Row("SET SCHEDULE", "when [+script] [+arguments...]", "", Nothing, One, "schedules.write", "At the top of a script with one text: this script runs so. With a script: plans that script. Cron with five or six fields, or `every monday at 9am`.", "SET SCHEDULE \"0 9 * * MON\" \"report\""),
    Row("WEBHOOK", "name", "", Nothing, One, "webhooks.write", "Declares this script as an HTTP endpoint; `params`, `body` and `headers` are its variables and RETURN its reply.", "WEBHOOK \"orders\""),
    Row("ALLOW ROLE", "role:word", "", Nothing, Two, "roles", "Declares who may run this script.", "ALLOW ROLE \"manager\""),
    Row("TRIGGER", "name [id]", "", Nothing, Three, "events", "Raises an event of one's own.", "TRIGGER \"ordered\", 7"),
    Row("PUBLISH EVENT", "name [values]", "", Nothing, Three, "events", "Publishes an event to other bots and workflows.", "PUBLISH EVENT \"ordered\""),
    Row("WAIT FOR EVENT", "name", "TIMEOUT value", Value, Three, "events", "Waits for an event; null when the time is over.", "e = WAIT FOR EVENT \"paid\" TIMEOUT 3600\nTALK e"),

    Row("ADD BOT", "name:word", "WITH TRIGGER value; WITH TOOLS value; WITH SCHEDULE value", Nothing, Two, "bots", "Lets another bot join the conversation.", "ADD BOT \"sommelier\" WITH TRIGGER \"wine, champagne\""),
    Row("DELEGATE", "message", "TO BOT word; TO word; TIMEOUT value", Value, Three, "bots", "Gives a message to another bot and waits for its answer.", "TALK DELEGATE(\"Which wine?\")"),
    Row("BROADCAST TO BOTS", "message", "", Nothing, Three, "bots", "Gives a message to all bots of the conversation.", "BROADCAST TO BOTS \"we close\""),
    Row("TRANSFER CONVERSATION", "[bot:word]", "TO word", Nothing, Three, "bots", "Hands the conversation to another bot.", "TRANSFER CONVERSATION TO \"sales\""),
    Row("BOT REFLECTION", "[value:word]", "", Value, Three, "bots", "Lets the bot look at its own answers.", "BOT REFLECTION true"),
    Row("BOT SHARE MEMORY", "key", "WITH word", Nothing, Three, "bots", "Shares a memory with another bot.", "BOT SHARE MEMORY \"menu\" WITH \"sommelier\""),
    Row("BOT SYNC MEMORY", "", "FROM word", Nothing, Three, "bots", "Takes over the memory of another bot.", "BOT SYNC MEMORY FROM \"sommelier\""),
    Row("ORCHESTRATE WORKFLOW", "name", "", Nothing, Three, "workflows", "Names the workflow that the steps belong to.", "ORCHESTRATE WORKFLOW \"onboarding\""),
    Row("BOT", "bot:word [+task]", "STEP value; BRANCH word", Value, Three, "workflows", "Runs a bot with a task and waits; STEP and BRANCH stand before it.", "STEP 1: BOT \"writer\" \"draft the letter\""),
    Row("HUMAN APPROVAL", "", "FROM value; STEP value; TIMEOUT value; ON TIMEOUT word", Value, Three, "workflows", "Waits until somebody approves.", "STEP 2: HUMAN APPROVAL FROM \"ann@example.com\""),
    Row("PARALLEL", "", "STEP value", Nothing, Three, "workflows", "Begins branches that run beside each other.", "STEP 3: PARALLEL\n    BRANCH a: BOT \"one\" \"task\"\nEND PARALLEL"),
    Row("END PARALLEL", "", "", Nothing, Three, "workflows", "Waits for the branches begun with PARALLEL.", "STEP 3: PARALLEL\nEND PARALLEL"),
    Row("DELAY", "seconds", "STEP value", Nothing, Three, "workflows", "Waits in a workflow.", "DELAY 60"),
    Row("SCHEDULE IN", "delay unit variables", "", Nothing, Three, "schedules.write", "Runs its body later as its own run, with a copy of the variables.", "SCHEDULE IN 5 MINUTES DO\n    TALK \"still there?\"\nEND SCHEDULE"),
    Row("ON EVENT", "name", "", Nothing, Three, "events", "Declares what happens at an event.", "ON EVENT \"paid\" DO\n    TALK \"thanks\"\nEND ON"),
    Row("ON FORM SUBMIT", "form", "", Nothing, Three, "events", "Declares what happens when a form is sent; `fields` has its values.", "ON FORM SUBMIT \"contact\"\n    TALK fields.name\nEND ON"),
    Row("ON INSERT OF", "table", "CALL word", Nothing, Three, "events", "Runs this script, or a procedure, when a row is inserted.", "ON INSERT OF \"orders\""),
    Row("ON UPDATE OF", "table", "CALL word", Nothing, Three, "events", "Runs this script, or a procedure, when a row changes.", "ON UPDATE OF \"orders\""),
    Row("ON DELETE OF", "table", "CALL word", Nothing, Three, "events", "Runs this script, or a procedure, when a row is deleted.", "ON DELETE OF \"orders\""),
    Row("ON EMAIL", "address", "FROM value; SUBJECT value; CALL word", Nothing, Three, "events", "Runs this script when a mail comes.", "ON EMAIL \"orders@example.com\""),
    Row("ON CHANGE", "path", "CALL word", Nothing, Three, "events", "Runs this script when a file changes.", "ON CHANGE \"inbox/\""),
];
