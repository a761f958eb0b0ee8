//! What is remembered, and what the model sees.

use super::Gives::{Nothing, Value};
use super::Row;
use super::Tier::{One, Two};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row("SET BOT MEMORY", "key:word =value", "", Nothing, One, "memory.write",
        "Keeps a value under a key for all users of the bot, until it is set again. Numbers, arrays and objects keep their type. Null forgets the value. `=` or AS may stand for the comma.",
        r#"SET BOT MEMORY "visits", 3
SET BOT MEMORY "greeting" AS "Welcome!"
TALK GET BOT MEMORY("visits")   ' -> 3"#),
    Row("GET BOT MEMORY", "key:word", "", Value, One, "memory.read",
        "The value kept under a key for all users of the bot, in the type it was kept with; null where there is none.",
        r#"visits = GET BOT MEMORY("visits") + 1
SET BOT MEMORY "visits", visits
TALK "Visit number " + visits   ' -> Visit number 42"#),
    Row("SET USER MEMORY", "key:word =value", "", Nothing, Two, "memory.write",
        "Keeps a value under a key for this person in all bots, until it is set again. Values keep their type; null forgets the value.",
        r#"SET USER MEMORY "diet", "vegetarian"
TALK GET USER MEMORY("diet")   ' -> vegetarian"#),
    Row("GET USER MEMORY", "key:word", "", Value, Two, "memory.read",
        "The value kept under a key for this person in all bots; null where there is none.",
        r#"TALK GET USER MEMORY("diet") OR "anything"   ' -> vegan"#),
    Row("CLEAR USER MEMORY", "[key:word]", "", Nothing, Two, "memory.write",
        "Forgets the value under a key that is kept for this person in all bots, or without a key all of them. It does nothing where there is none.",
        r#"CLEAR USER MEMORY "diet"
CLEAR USER MEMORY"#),
    Row("SET USER FACT", "key:word =value", "", Nothing, Two, "memory.write",
        "Keeps a fact about this person that the model sees in every conversation, such as a diet. The same key replaces; null forgets the fact.",
        r#"SET USER FACT "diet", "vegan""#),
    Row("USER FACTS", "", "", Value, Two, "memory.read",
        "The facts kept about this person, as an object of keys and values; empty where there are none.",
        r"facts = USER FACTS()
TALK facts.diet"),
    Row("REMEMBER", "key:word =value [ttl]", "", Nothing, One, "memory.write",
        "Keeps a value under a key for this person and this bot. With a third argument it is forgotten after that many seconds. Values keep their type; the same key replaces, and null forgets.",
        r#"REMEMBER "table" = 7
REMEMBER "code", "1234", 600
TALK RECALL("table")   ' -> 7"#),
    Row("RECALL", "key:word", "", Value, One, "memory.read",
        "The value kept with REMEMBER under a key; null where there is none or its time is over.",
        r#"diet = RECALL "diet"
TALK diet   ' -> vegan"#),
    Row("GET SESSION", "key:word [name]", "", Value, One, "dialog",
        "An attribute of the running conversation; null where there is none. A server provides `id`, `channel`, `user_id`, `user_name`, `user_email`, `user_phone` and `client_ip`, as far as it knows them; SET SESSION adds others. With two arguments the first is the id of another conversation and the second the name of its attribute. `GET \"session.name\"` is the same for the running one.",
        r#"TALK "Hello " + GET SESSION("user_name")   ' -> Hello Ann
topic = GET SESSION session.id, "topic"
IF topic IS NULL THEN TALK "none yet"       ' -> none yet"#),
    Row("SET SESSION", "key:word =value [more]", "", Nothing, One, "dialog",
        "Sets an attribute of the running conversation, which all scripts that run in it read with GET SESSION. With three arguments the first is the id of another conversation. `SET \"session.name\", value` is the same for the running one.",
        r#"SET SESSION "topic", "refund"
SET SESSION session.id, "step", 2
TALK GET SESSION("topic")   ' -> refund"#),
    Row("GET", "address:word [name] [more]", "WITH fields; INTO place", Value, One, "read",
        "Reads what a text names, by the first of these that fits: an address with `http://` or `https://` is requested; a path that begins with `/` asks this server on behalf of the user; with two arguments, `GET \"config\", key`, a setting of the bot; `session.x`, `user.x` and `bot.x` an attribute; `name.path` of a variable its member; a text with `/` or the ending of a file name the text of a file of the package or drive, for PDF and office files their text; all else a value of REMEMBER or, failing that, of the bot's memory. What is missing gives null. WITH adds parameters to the address of a request, where a name alone is a parameter of that name with the variable's value; INTO names a variable for the value. The result of a request is a response: it behaves like the body of the answer, `http_status` is its status, and a status of 400 or more makes it false without being an error; no connection is one. A bare word that is no variable stands for itself: `GET role`.",
        r#"health = GET "https://example.com/health"
TALK health.status + " " + health.http_status   ' -> up 200
items = GET "https://example.com/items" WITH page = 1
TALK items[0].name                              ' -> tea
IF NOT GET("https://example.com/items/9") THEN TALK "gone"   ' -> gone
TALK GET "session.user_name"                    ' -> Ann
TALK GET "hours.txt"                            ' -> We open at nine.
TALK GET "greeting"                             ' -> Welcome!
limit = GET "config", "limit"
TALK limit IS NULL                              ' -> true"#),
    Row("SET", "target:word =value [more]", "", Nothing, One, "write",
        "Sets what a text names: `session.x`, `user.x` or `bot.x` an attribute, another word an attribute of the user. With a table, a filter and `field=value` it changes the rows that the filter finds; UPDATE does the same with clauses. `SET x = value` without quotes assigns a variable, and so does `SET x, value` where the script has a variable `x` from elsewhere; otherwise that sets the attribute `x` of the user, which `GET x` reads.",
        r#"SET "session.topic", "refund"
SET "session.step" = 2
SET role, "guest"
SET "orders", "id=1", "status=done"
TALK GET "session.topic"   ' -> refund"#),
    Row("SET CONTEXT", "text [value]", "AS value", Nothing, One, "dialog",
        "Gives the model a text that it sees from now on in this conversation. With `SET CONTEXT name AS text` a later text of the same name replaces it, and an empty one takes it away; without a name it is `default`.",
        r#"SET CONTEXT "hours" AS "We open at nine."
SET CONTEXT "Answer in one sentence.""#),
    Row("SET SYSTEM PROMPT", "text", "", Nothing, One, "dialog",
        "Sets the instructions of the model for this bot in this conversation, in place of those set before. `BEGIN SYSTEM PROMPT … END SYSTEM PROMPT` does the same with a text of several lines.",
        r#"SET SYSTEM PROMPT "You are a waiter."
BEGIN SYSTEM PROMPT
You are a waiter.
Today is ${TODAY()}.
END SYSTEM PROMPT"#),
    Row("SET USER", "id [value]", "", Nothing, Two, "impersonate",
        "Goes on on behalf of another user, by the user's id, with what that user may do. An id that nobody has is an error. With a second argument it sets an attribute of the user instead, as `SET \"user.name\", value` does.",
        r#"SET USER "ann"
SET USER "verified", true"#),
    Row("GET USER", "name:word", "", Value, Two, "memory.read",
        "An attribute of the user, as `GET \"user.name\"` gives it; null where there is none.",
        r#"IF GET USER "role" = "guest" THEN TALK "Please sign in""#),
    Row("GET TOOL PARAM", "name:word", "", Value, Two, "memory.read",
        "What the script was called with under a name: a value of the model, or of the query or the body of a web hook. PARAM declares such values and checks them; here what is missing is null.",
        r#"id = GET TOOL PARAM "order_id"
IF id IS NULL THEN TALK "Which order?""#),
    Row("CACHE SET", "key value [ttl]", "", Nothing, Two, "memory.write",
        "Keeps a value under a key for all users of the bot for some seconds, or as long as the server likes where no time is given. Unlike BOT MEMORY a server may forget it earlier.",
        r#"CACHE SET "rates", 1.08, 600"#),
    Row("CACHE GET", "key", "", Value, Two, "memory.read",
        "The value kept with CACHE SET under a key; null where there is none, its time is over, or the server needed the room.",
        r#"CACHE SET "rates", 1.08, 600
TALK CACHE GET("rates")   ' -> 1.08"#),
];
