//! Other scripts, other bots, workflows, schedules and events.

use super::Gives::{Nothing, Value};
use super::Row;
use super::Tier::{One, Three, Two};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row("CALL", "script:word [arguments...]", "", Value, One, "scripts.run",
        "Runs another script of the package and gives what it returns. The arguments become its PARAMs in their order; one that is missing is null or has its DEFAULT. The ending `.bas` may be left out, and a script in a folder is `folder/name`. A path that begins with `/` asks this server on behalf of the user instead. `CALL name(arguments)` without quotes calls a procedure of the script itself.",
        r#"CALL greet("Ann")   ' -> Hello Ann
answer = CALL "quote.bas", "pen", 3
TALK answer

SUB greet(who)
    TALK "Hello " + who
END SUB"#),
    Row("EXTENSION", "[arguments...]", "", Value, Three, "extension",
        "Stands for a call `name(arguments)` of a function that neither the language nor the script has. The compiler warns; the server may know the function, else the run ends with an error of the code UNKNOWN.",
        r#"TALK horoscope("leo")   ' ! UNKNOWN"#),

    Row("SET SCHEDULE", "when [+script] [+arguments...]", "", Nothing, One, "schedules.write",
        "Says when a script runs. With one text, at the top of a script and outside of all blocks, it is a declaration: this script runs then as long as the line stands. With a script and arguments for its PARAMs it plans that script when it is reached; the same script with the same arguments replaces the plan before. The time is a cron expression of five fields, or six with seconds first, or one of the natural forms, also without quotes; a date and time is once. With a date before the script the plan begins on that day. The page on schedules has all forms. A time that is none is an error.",
        r#"SET SCHEDULE "0 9 * * MON" "report"
SET SCHEDULE "every 5 minutes", "report", "short"
SET SCHEDULE every monday at 9am"#),
    Row("WEBHOOK", "name", "", Nothing, One, "webhooks.write",
        "Declares the script as an HTTP endpoint of this name, called with POST; `WEBHOOK \"GET name\"` takes GET, too. When it is requested, the script runs with the variables `params` for the query, `body`, `headers`, `method` and `path`; what RETURN gives is the reply, as JSON where it is an object. Without RETURN the variables are whose names begin with `result_`, and `result_status` is the status.",
        r#"WEBHOOK "orders"
RETURN WITH ok AS TRUE"#),
    Row("ALLOW ROLE", "role:word", "", Nothing, Two, "roles",
        "Declares that only users with a role may run this script; several lines allow several roles. Whoever has none of them gets an error of the code DENIED.",
        r#"ALLOW ROLE "manager""#),
    Row("TRIGGER", "name [id]", "", Nothing, Three, "events",
        "Raises an event of the package's own, with the id of what it is about; the handlers of `ON EVENT name` run.",
        r#"TRIGGER "ordered", 7"#),
    Row("PUBLISH EVENT", "name [values]", "", Nothing, Three, "events",
        "Publishes an event with an object of values to other bots and workflows; whoever waits for it goes on.",
        r#"PUBLISH EVENT "ordered", #{ id: 7 }"#),
    Row("WAIT FOR EVENT", "name", "TIMEOUT value", Value, Three, "events",
        "Waits until an event is published and gives its values; null when the seconds after TIMEOUT are over. Without TIMEOUT it waits on.",
        r#"e = WAIT FOR EVENT "paid" TIMEOUT 3600
IF e IS NULL THEN TALK "It took too long.""#),

    Row("ADD BOT", "name:word", "WITH TRIGGER|TRIGGER ON|TRIGGER value; WITH TOOLS value; WITH SCHEDULE value", Nothing, Two, "bots",
        "Lets another bot join the conversation. WITH TRIGGER names the words, parted by commas, at which it answers; WITH TOOLS the tools it may call; WITH SCHEDULE when it speaks by itself. A bot that does not exist is an error.",
        r#"ADD BOT "sommelier" WITH TRIGGER "wine, champagne"
ADD BOT "clerk" WITH TOOLS "book, cancel""#),
    Row("REMOVE BOT", "name:word", "", Nothing, Two, "bots",
        "Lets a bot that ADD BOT brought leave the conversation. It does nothing where that bot is not in it.",
        r#"REMOVE BOT "sommelier""#),
    Row("DELEGATE", "message", "TO BOT word; TO word; TIMEOUT value", Value, Three, "bots",
        "Gives a message to another bot and waits for its answer, which it gives as a text; null when the seconds after TIMEOUT are over.",
        r#"answer = DELEGATE "Which wine?" TO BOT "sommelier" TIMEOUT 30
TALK answer"#),
    Row("BROADCAST TO BOTS", "message", "", Nothing, Three, "bots",
        "Gives a message to all bots of the conversation.",
        r#"BROADCAST TO BOTS "we close""#),
    Row("TRANSFER CONVERSATION", "[bot:word]", "TO word", Nothing, Three, "bots",
        "Hands the conversation to another bot, which answers from now on. A bot that does not exist is an error.",
        r#"TRANSFER CONVERSATION TO "sales""#),
    Row("BOT REFLECTION", "[value:word]", "ON value", Value, Three, "bots",
        "Switches on or off, with true or false, that the bot looks at its own answers and improves them; ON names what it shall look at. Without a value it gives what it found.",
        r#"BOT REFLECTION true
BOT REFLECTION ON "accuracy""#),
    Row("BOT REFLECTION INSIGHTS", "", "", Value, Three, "bots",
        "What the bot found when it looked at its own answers, as an object with `summary`, `issues` and `suggestions`; null where it did not look.",
        r"found = BOT REFLECTION INSIGHTS()
IF found THEN PRINT found.summary"),
    Row("BOT SHARE MEMORY", "key", "WITH word", Nothing, Three, "bots",
        "Shares the value of the bot's memory under a key with another bot.",
        r#"BOT SHARE MEMORY "menu" WITH "sommelier""#),
    Row("BOT SYNC MEMORY", "", "FROM word", Nothing, Three, "bots",
        "Takes over all that another bot shares of its memory.",
        r#"BOT SYNC MEMORY FROM "sommelier""#),
    Row("ORCHESTRATE WORKFLOW", "name", "", Nothing, Three, "workflows",
        "Names the workflow that the steps of the script belong to, so that it can be watched while it runs, for days if need be.",
        r#"ORCHESTRATE WORKFLOW "onboarding"
STEP 1: BOT "writer" "draft the letter"
STEP 2: HUMAN APPROVAL FROM "ann@example.com""#),
    Row("BOT", "bot:word [+task]", "STEP value; BRANCH word", Value, Three, "workflows",
        "Runs a bot with a task and waits for its result. `STEP n:` before it gives it a place in the workflow, `BRANCH name:` in the branches after PARALLEL. Further texts follow the task with commas.",
        r#"STEP 1: BOT "writer" "draft the letter""#),
    Row("HUMAN APPROVAL", "", "FROM value; STEP value; TIMEOUT value; ON TIMEOUT word", Value, Three, "workflows",
        "Waits until the person after FROM approves. TIMEOUT says after how many seconds the action after `ON TIMEOUT:` is taken: `APPROVE WITH WARNING`, `REJECT ORDER` or `ESCALATE TO who`. Both may stand on indented lines of their own. It gives whether it was approved.",
        r#"STEP 2: HUMAN APPROVAL FROM "ann@example.com"
    TIMEOUT 3600
    ON TIMEOUT: ESCALATE TO boss"#),
    Row("PARALLEL", "", "STEP value", Nothing, Three, "workflows",
        "Begins branches that run beside each other, up to END PARALLEL. Each is a line `BRANCH name: BOT bot task`.",
        r#"STEP 3: PARALLEL
    BRANCH a: BOT "one" "count the chairs"
    BRANCH b: BOT "two" "count the tables"
END PARALLEL"#),
    Row("END PARALLEL", "", "", Nothing, Three, "workflows",
        "Waits until all branches begun with PARALLEL are done.",
        r#"STEP 3: PARALLEL
    BRANCH a: BOT "one" "count the chairs"
END PARALLEL"#),
    Row("DELAY", "seconds", "STEP value", Nothing, Three, "workflows",
        "Waits some seconds in a workflow, for days if need be, while the server may be restarted.",
        "STEP 4: DELAY 86400"),
    Row("SCHEDULE IN", "delay unit variables", "", Nothing, Three, "schedules.write",
        "Runs its body once later, as a run of its own with a copy of the variables as they are now. The unit is SECONDS, MINUTES, HOURS or DAYS; the script itself goes on at once.",
        r#"who = "Ann"
SCHEDULE IN 5 MINUTES DO
    TALK "Still there, ${who}?"
END SCHEDULE"#),
    Row("ON EVENT", "name", "CALL word", Nothing, Three, "events",
        "Declares what happens at an event: its body, or the procedure after CALL, runs as a run of its own. Without either it is this script that runs. `ON \"paid\" CALL thank` says the same shortly. With a name in quotes it holds as soon as the script is compiled, else when it is reached.",
        r#"ON EVENT "paid" DO
    TALK "Thank you!"
END ON"#),
    Row("ON FORM SUBMIT", "form", "CALL word", Nothing, Three, "events",
        "Declares what happens when a form is sent: its body runs with the variables `fields` for the values and `metadata` for when and by whom.",
        r#"ON FORM SUBMIT "contact"
    TALK "A message from " + fields.name
END ON"#),
    Row("ON INSERT OF", "table", "CALL word", Nothing, Three, "events",
        "Runs this script, or the procedure after CALL, whenever a row is inserted into a table.",
        r#"ON INSERT OF "orders" CALL ordered

SUB ordered()
    TALK "A new order"
END SUB"#),
    Row("ON UPDATE OF", "table", "CALL word", Nothing, Three, "events",
        "Runs this script, or the procedure after CALL, whenever a row of a table changes.",
        r#"ON UPDATE OF "orders""#),
    Row("ON DELETE OF", "table", "CALL word", Nothing, Three, "events",
        "Runs this script, or the procedure after CALL, whenever a row of a table is deleted.",
        r#"ON DELETE OF "orders""#),
    Row("ON EMAIL", "address", "FROM value; SUBJECT value; CALL word", Nothing, Three, "events",
        "Runs this script, or the procedure after CALL, when a mail comes for an address; with FROM only from that sender, with SUBJECT only where the subject has that text.",
        r#"ON EMAIL "orders@example.com" SUBJECT "order""#),
    Row("ON CHANGE", "path", "EVENTS value; CALL word", Nothing, Three, "events",
        "Runs this script, or the procedure after CALL, when a file of the drive, or in a folder of it, changes. EVENTS names the kinds of change, such as `\"create, delete\"`; without it every one counts.",
        r#"ON CHANGE "inbox/" EVENTS "create""#),
];
