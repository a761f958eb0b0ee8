//! Talking with people: messages, questions, suggestions, mail, hand-off.

use super::Gives::{Nothing, Value};
use super::Row;
use super::Tier::{One, Three, Two};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row("TALK", "[message]", "", Nothing, One, "dialog",
        "Says something to the current conversation. Numbers and dates are said as their text, arrays and objects as JSON, a file as its address; null or nothing says an empty line. Several lines are one message: write `\\n` in a string, let a string run over the line, or use `BEGIN TALK … END TALK`. The script goes on at once.",
        r#"name = "Ada"
TALK "Hello " + name                    ' -> Hello Ada
TALK "You have ${2 + 1} new messages"   ' -> You have 3 new messages
TALK #{ total: 5 }                      ' -> {"total":5}"#),
    Row("TALK TO", "address ~message", "", Nothing, One, "message",
        "Says something to someone else than the user of the conversation. The address is an e-mail address, a phone number, the id of a user, or `channel:id` for an account on a certain channel. An address that nobody has is an error.",
        r#"TALK TO "ann@example.com", "Your order has left"
TALK TO "whatsapp:4915112345678", "Your order has left""#),
    Row("SEND MESSAGE", "message", "", Nothing, Two, "dialog",
        "Says something to the current conversation; another spelling of TALK with one message.",
        r#"SEND MESSAGE "Hello"   ' -> Hello"#),
    Row("PRINT|DEBUG", "[message...]", "", Nothing, One, "dialog",
        "Writes a line to the log of the bot, where its authors see it and the user does not. Several values are parted by blanks; without one the line is empty.",
        r#"total = 5
PRINT "the total is", total"#),
    Row("WAIT", "seconds", "", Nothing, One, "dialog",
        "Stops the script for some seconds; fractions are allowed. A server may shorten long waits. A negative number is an error.",
        "WAIT 1.5"),
    Row("ADD SUGGESTION|ADD_SUGG", "value:word [label]", "AS value", Nothing, One, "dialog",
        "Offers a button for a quick reply beside the conversation. The text after AS, or the second argument, is the label, which is what the user says by pressing it; the first is the context it belongs to or the value it stands for. With one text it is both. Suggestions stay until CLEAR SUGGESTIONS.",
        r#"ADD SUGGESTION "hours" AS "When are you open?"
ADD SUGGESTION "hours", "Are you open today?"
ADD SUGGESTION "Book a table""#),
    Row("ADD SUGGESTION TOOL", "tool:word [arguments...]", "AS value", Nothing, Three, "dialog",
        "Offers a button that runs a tool, without asking the model. Further arguments are the values of its PARAMs in their order; the text after AS is the label, the name of the tool where there is none.",
        r#"ADD SUGGESTION TOOL "book", 2 AS "A table for two""#),
    Row("ADD SUGGESTION TEXT", "text", "AS value", Nothing, Three, "dialog",
        "Offers a button that sends a text as if the user had typed it. The text after AS is the label, the text itself where there is none.",
        r#"ADD SUGGESTION TEXT "hello" AS "Say hello""#),
    Row("CLEAR SUGGESTIONS", "", "", Nothing, One, "dialog",
        "Takes all suggestions of the conversation away. It does nothing where there are none.",
        "CLEAR SUGGESTIONS"),
    Row("ADD SWITCHER", "value:word [label]", "AS value", Nothing, Three, "dialog",
        "Offers a switch that stays on until the user switches it off, such as a way in which the bot answers. The first text is its name, the text after AS or the second argument its label.",
        r#"ADD SWITCHER "tables" AS "As a table""#),
    Row("CLEAR SWITCHERS", "", "", Nothing, Three, "dialog",
        "Takes all switches of the conversation away. It does nothing where there are none.",
        "CLEAR SWITCHERS"),
    Row("SEND FILE", "[file] [caption]", "TO value", Nothing, One, "dialog",
        "Sends a file to the conversation, or with TO to someone else. The file is a path of the drive, an address, or a file as DOWNLOAD and other commands give it; the caption is said with it. A file that does not exist is an error.",
        r#"SEND FILE "menu.pdf", "Our menu"
SEND FILE "menu.pdf" TO "ann@example.com""#),
    Row("SEND FILE TO", "address file [caption]", "", Nothing, One, "message",
        "Sends a file to someone else, whose address is as for TALK TO. The file and the caption are as for SEND FILE.",
        r#"SEND FILE TO "ann@example.com", "menu.pdf", "Our menu""#),
    Row("WAIT FOR RESPONSE", "", "AS place; TIMEOUT value", Value, Three, "dialog",
        "Waits for the next message of the user like HEAR, but no longer than TIMEOUT says in seconds. The text goes to the variable after AS; it is null when the time is over. As a value it stands without AS.",
        r#"WAIT FOR RESPONSE AS reply TIMEOUT 60
IF reply IS NULL THEN TALK "Are you still there?""#),

    Row("SEND MAIL|SEND EMAIL", "[to] [subject] [body] [attachment...]", "TO value; SUBJECT value; BODY value; ATTACHMENT values; USING value", Value, One, "mail.send",
        "Sends a mail. The receiver is an address or several in an array. With two arguments the second is the text and its first line the subject. Attachments are files or paths of the drive: one, several, or an array of them as the fourth argument or after ATTACHMENT. The clauses TO, SUBJECT and BODY name the parts instead of their order; USING names the mail account to send from, the account of the bot where it is left out. Without a receiver it is an error.",
        r#"SEND MAIL "ann@example.com", "Your order", "It has left."
SEND MAIL "ann@example.com", "Your bill", "Find it attached.", ["bill.pdf"]
SEND MAIL "ann@example.com", "Your bill", "Find it attached." ATTACHMENT "bill.pdf"
SEND EMAIL "ann@example.com", "Your order\nIt has left."
SEND EMAIL TO "ann@example.com" SUBJECT "Your order" BODY "It has left.""#),
    Row("IS VALID", "address", "", Value, Three, "mail.send",
        "Whether a mail address can receive mail, as far as the server can find out.",
        r#"IF IS VALID "ann@example.com" THEN TALK "It is""#),
    Row("CREATE DRAFT", "to subject [body] [attachments]", "", Value, Two, "mail.send",
        "Puts a mail into the drafts of the mail account instead of sending it, so that a person can look at it. The arguments are those of SEND MAIL. It gives the id of the draft.",
        r#"CREATE DRAFT "ann@example.com", "Offer", "Dear Ann", ["offer.pdf"]"#),
    Row("SEND SMS|SMS", "to text [provider] [priority]", "", Value, Two, "message",
        "Sends a text message to a phone number, written with its country code. A provider and a priority are those of the server's settings; without them its own are taken. A number that cannot be one is an error.",
        r#"SEND SMS "+4915112345678", "Your code is 1234""#),
    Row("SEND WHATSAPP", "to text", "", Value, Two, "message",
        "Sends a message to a phone number on WhatsApp, written with its country code; `TALK TO \"whatsapp:number\"` does the same. It gives `{success, error}`. A number without an account there is an error.",
        r#"SEND WHATSAPP "+4915112345678", "Your order has left""#),
    Row("SEND TEMPLATE", "name ~to:word [+variables] [more]", "", Value, One, "message",
        "Sends a message template that a channel knows. `SEND TEMPLATE name, channel, to, variables` names the channel, a word such as `email`, `sms` or `whatsapp`; `SEND TEMPLATE to, name, variables` leaves it to the address. The receivers are one or an array; `variables` is an object with the values of the template. It gives an array of `{success, error}`, one for each receiver.",
        r#"SEND TEMPLATE "welcome", "email", "ann@example.com", #{ name: "Ann" }
SEND TEMPLATE "+4915112345678", "welcome", #{ name: "Ann" }"#),
    Row("SEND TEMPLATE TO", "to name [variables]", "", Value, One, "message",
        "Sends a message template to someone, by the channel that the address shows. It gives an array of `{success, error}`, one for each receiver.",
        r#"sent = SEND TEMPLATE TO "+4915112345678", "welcome", #{ name: "Ann" }
IF NOT sent[0].success THEN TALK sent[0].error"#),
    Row("CREATE TEMPLATE", "name channel subject [body]", "", Nothing, Two, "message",
        "Keeps a message template for a channel under a name, in place of one that is there. `{{name}}` in the subject and the body stands for a value that SEND TEMPLATE fills in.",
        r#"CREATE TEMPLATE "welcome", "email", "Hello {{name}}", "Welcome, {{name}}!""#),
    Row("GET TEMPLATE", "name", "", Value, Two, "message",
        "A message template by its name, as an object with `name`, `channel`, `subject` and `body`; null where there is none.",
        r#"t = GET TEMPLATE "welcome"
TALK t.body"#),
    Row("POST TO", "network:word [+media] [caption] [more...]", "AT value", Value, Two, "social",
        "Publishes a picture or film with a caption on a social network, or on several whose names stand in one text with commas. AT gives the date and time to publish at; without it that is now. A network without an account is an error.",
        r#"POST TO "instagram" "photo.jpg", "A new dish"
POST TO "facebook,instagram" AT "2025-03-20 10:00" "photo.jpg", "Tomorrow""#),
    Row("PUBLISH", "[network:word] [media] [caption]", "", Value, Two, "social",
        "Publishes a text or a file on a social network or a site; the arguments are those of POST TO.",
        r#"PUBLISH "blog", "news.md""#),
    Row("GET * METRICS", "network +id", "", Value, Two, "social",
        "How something published on a social network does, as an object of numbers such as `likes` and `comments`. The network stands in the middle of the words.",
        r#"m = GET INSTAGRAM METRICS "post-1"
TALK m.likes"#),
    Row("GET * POSTS", "network", "", Value, Two, "social",
        "What the account on a social network has published, the newest first, as an array of `{id, caption, image, created_at}`. The network stands in the middle of the words.",
        r"FOR EACH post IN GET INSTAGRAM POSTS
    TALK post.caption
NEXT"),
    Row("DELETE POST", "id", "", Nothing, Two, "social",
        "Removes something published or planned on a social network. An id that nobody knows is an error.",
        r#"DELETE POST "post-1""#),
    Row("BROADCAST", "message", "TO BOTS; TO value", Value, Three, "message",
        "Sends one message to a list of receivers, an array of addresses as for TALK TO. It gives an array of `{success, error}`, one for each receiver.",
        r#"BROADCAST "We open at nine" TO ["ann@example.com", "bo@example.com"]"#),

    Row("TRANSFER TO HUMAN", "[department] [~priority] [~summary]", "", Value, Three, "attendance",
        "Hands the conversation to a person of a department, or of any where it is left out. The priority is a word such as `high`; the summary is what that person reads first. It gives `{success, status, assigned_to_name, queue_position, estimated_wait_seconds}`; where nobody is free, the conversation waits in the queue and `success` is still true.",
        r#"result = TRANSFER TO HUMAN "sales", "high", "wants an offer"
TALK "You are number " + result.queue_position"#),
    Row("GET QUEUE", "", "", Value, Three, "attendance",
        "The conversations that wait for a person, as `{items, count}`, the one that waits longest first.",
        r#"q = GET QUEUE
TALK q.count + " are waiting""#),
    Row("GET ATTENDANTS", "[status:word]", "", Value, Three, "attendance",
        "The people who take over conversations, all or those with a status such as `online`, as `{items, count}`.",
        r#"a = GET ATTENDANTS "online"
FOR EACH one IN a.items
    TALK one.name
NEXT"#),
    Row("GET ATTENDANT STATS", "id", "", Value, Three, "attendance",
        "What an attendant did today, as an object of numbers. An id that nobody has is an error.",
        r#"s = GET ATTENDANT STATS "ann"
TALK s"#),
    Row("GET ATTENDANT STATUS", "id", "", Value, Three, "attendance",
        "Whether an attendant is there, as an object with `status`. An id that nobody has is an error.",
        r#"s = GET ATTENDANT STATUS "ann"
TALK s.status"#),
    Row("ASSIGN CONVERSATION", "conversation ~who", "", Value, Three, "attendance",
        "Gives a conversation, by its id, to an attendant. A comma may stand for TO. Either of them unknown is an error.",
        r#"ASSIGN CONVERSATION session.id TO "ann""#),
    Row("RESOLVE CONVERSATION", "conversation [~why]", "", Value, Three, "attendance",
        "Marks a conversation as settled, with the reason where one is given.",
        r#"RESOLVE CONVERSATION session.id, "answered""#),
    Row("TAG CONVERSATION", "conversation ~tag", "", Value, Three, "attendance",
        "Puts a tag on a conversation, so that it is found among others. A tag that it has already changes nothing.",
        r#"TAG CONVERSATION session.id WITH "refund""#),
    Row("SET PRIORITY", "conversation ~priority:word", "", Value, Three, "attendance",
        "Sets how urgent a conversation is: `low`, `normal`, `high` or `urgent`.",
        r#"SET PRIORITY session.id, "high""#),
    Row("ADD NOTE", "conversation ~text", "", Value, Three, "attendance",
        "Writes a note on a conversation that only attendants see.",
        r#"ADD NOTE session.id, "called back""#),
    Row("SEND TO SESSION", "conversation ~text", "", Value, Three, "attendance",
        "Says something in another conversation, by its id. A conversation that does not exist is an error.",
        r#"SEND TO SESSION session.id, "We are back""#),
    Row("NOTIFY ATTENDANT|NOTIFY AGENT", "who ~text", "", Value, Three, "attendance",
        "Tells an attendant something outside of conversations.",
        r#"NOTIFY AGENT "ann" WITH "a customer waits"
NOTIFY ATTENDANT "ann", "a customer waits""#),
    Row("ESCALATE TO SUPERVISOR", "[conversation] [~why]", "", Value, Three, "attendance",
        "Calls a supervisor into a conversation, the current one where none is named.",
        r#"ESCALATE TO SUPERVISOR
ESCALATE TO SUPERVISOR session.id, "asks for the manager""#),
    Row("GET TIPS", "conversation ~message", "", Value, Three, "attendance",
        "Tips for the attendant on how to answer a message, from the model and the conversation so far, as `{items, count}`.",
        r#"t = GET TIPS session.id, "too expensive"
TALK t.items[0]"#),
    Row("POLISH MESSAGE", "message [~tone]", "", Value, Three, "attendance",
        "The message in better words, in a tone such as `friendly` or `formal`; the model chooses where none is given.",
        r#"TALK POLISH MESSAGE("pay now", "friendly")"#),
    Row("GET SMART REPLIES", "conversation", "", Value, Three, "attendance",
        "Replies that an attendant may choose from, as `{items, count}`.",
        r"r = GET SMART REPLIES session.id
TALK r.items[0]"),
    Row("GET SUMMARY", "conversation", "", Value, Three, "attendance",
        "What a conversation was about, as a text of the model.",
        "TALK GET SUMMARY(session.id)"),
    Row("GET CUSTOMER HISTORY", "user", "", Value, Three, "attendance",
        "The earlier conversations of a person, by the user's id, as `{items, count}`.",
        r"h = GET CUSTOMER HISTORY session.user_id
TALK h.count"),
    Row("ANALYZE SENTIMENT", "conversation [~message]", "", Value, Three, "attendance",
        "How a message of a conversation was meant, as an object with `sentiment`, which is `positive`, `neutral` or `negative`, and `score`.",
        r#"s = ANALYZE SENTIMENT session.id, "great"
IF s.sentiment = "negative" THEN TALK "I am sorry.""#),
];
