//! Language models, knowledge, tools, pictures, the web.

use super::Gives::{Nothing, Value};
use super::Row;
use super::Tier::{One, Three, Two};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row("LLM", "prompt", "WITH OPTIMIZE FOR|WITH OPTIMIZE value; WITH MAX_COST value; WITH MAX_LATENCY value", Value, One, "model",
        "The answer of the language model to a prompt, as a text; the user sees neither. Where the prompt asks for JSON, a member of the answer can be read at once, as in `answer.name`. `WITH OPTIMIZE FOR` prefers a model by `\"speed\"`, `\"cost\"` or `\"quality\"`; `WITH MAX_COST` and `WITH MAX_LATENCY` leave out models that cost more or take more milliseconds. A model that fails is an error of the code MODEL.",
        r#"idea = LLM "A name for a soup of leek and potato"
TALK idea   ' -> Leek and potato soup
quick = LLM "Another one" WITH OPTIMIZE FOR "speed" WITH MAX_LATENCY 2000"#),
    Row("REWRITE", "prompt [+value]", "", Value, One, "model",
        "The answer of the model to a prompt together with what SET CONTEXT gave it and the conversation so far; meant for texts to be said in other words. A second argument is the text to be rewritten.",
        r#"TALK REWRITE("Say it shorter")
TALK REWRITE("Say it more politely", "Pay now.")"#),
    Row("ANSWER", "question", "", Value, Two, "model",
        "The answer that the bot itself would give to a question, with its collections, tools and answer mode, as a text. The user does not see it.",
        r#"TALK ANSWER("When do you open?")"#),
    Row("USE KB|ADD KB|SET KB", "collection:word", "", Nothing, One, "knowledge.read",
        "Lets the bot answer from a collection of documents, a folder of the package's knowledge base, in this conversation. Several collections add up. The compiler warns of a name that the package does not have.",
        r#"USE KB "menu"
USE KB allergens"#),
    Row("CLEAR KB", "[collection:word]", "ALL", Nothing, One, "knowledge.read",
        "Takes a collection away from the conversation; without a name, or with ALL, every one.",
        r#"CLEAR KB "menu"
CLEAR KB ALL"#),
    Row("ADD TOOL|USE TOOL", "name:word", "", Nothing, One, "tools",
        "Lets the model call a script of the package as a tool in this conversation. The script says with PARAM and DESCRIPTION what it takes and does. The compiler warns of a name that the package does not have.",
        r#"ADD TOOL "book"
USE TOOL "cancel""#),
    Row("CLEAR TOOLS", "", "", Nothing, One, "tools",
        "Takes all tools away from the conversation.",
        "CLEAR TOOLS"),
    Row("USE WEBSITE|ADD WEBSITE", "address [age]", "REFRESH value", Nothing, Two, "knowledge.write",
        "Reads a web site and lets the bot answer from it in this conversation. A second argument, or REFRESH, says after what time the site is read again, such as `\"1d\"`, `\"12h\"` or `\"1w\"`; without it a page that is known is not read again.",
        r#"USE WEBSITE "https://example.com" REFRESH "1d"
USE_WEBSITE("https://example.com/menu", "12h")"#),
    Row("CLEAR WEBSITES", "", "", Nothing, Two, "knowledge.read",
        "Takes all web sites away from the conversation. What was read stays known to the server.",
        "CLEAR WEBSITES"),
    Row("USE MODEL", "name:word", "", Nothing, Two, "model",
        "Chooses the model for what follows in this conversation, by a name of the server's settings. A name that nobody knows is an error.",
        r#"USE MODEL "small""#),
    Row("USE ACCOUNT", "address", "", Nothing, Two, "mail.send",
        "Chooses the mail account that SEND MAIL sends from in what follows. An account that the bot does not have is an error.",
        r#"USE ACCOUNT "sales@example.com""#),
    Row("USE MCP", "server tool [arguments]", "", Value, Two, "tools",
        "Calls a tool of an MCP server that the settings name, with an object of arguments, and gives its result. A server or tool that nobody knows is an error.",
        r#"TALK USE MCP("files", "list", #{ path: "/" })"#),
    Row("THINK KB", "question", "", Value, Two, "knowledge.read",
        "What the collections of the conversation say on a question, with the places it comes from, as an object. Nothing found gives an empty one.",
        r#"found = THINK KB("allergens")
TALK found.answer"#),
    Row("SET ANSWER MODE", "mode:word", "", Nothing, Two, "model",
        "How the bot answers in this conversation: `direct` from the model, `document` from the collections, `sql` from the tables, `tool` by its tools.",
        r#"SET ANSWER MODE "document""#),
    Row("REFRESH", "name:word", "", Nothing, Two, "knowledge.write",
        "Rebuilds what a script or a collection feeds: runs the script, or reads the documents of the collection again.",
        r#"REFRESH "menu""#),
    Row("KB STATISTICS", "", "", Value, Two, "knowledge.read",
        "Numbers of all collections of the bot, as an object with `total_collections`, `total_documents` and `total_size_mb`.",
        r"s = KB STATISTICS
TALK s.total_documents"),
    Row("KB LIST COLLECTIONS", "", "", Value, Two, "knowledge.read",
        "The names of the bot's collections, as an array.",
        r"FOR EACH c IN KB LIST COLLECTIONS
    TALK c
NEXT"),
    Row("KB COLLECTION STATS", "name", "", Value, Two, "knowledge.read",
        "Numbers of one collection, as an object. A collection that does not exist is an error.",
        r#"s = KB COLLECTION STATS "menu"
TALK s.documents"#),
    Row("KB STORAGE SIZE", "", "", Value, Two, "knowledge.read",
        "The megabytes that the collections of the bot take, as a number.",
        "TALK KB STORAGE SIZE"),
    Row("KB DOCUMENTS COUNT", "", "", Value, Two, "knowledge.read",
        "How many documents the collections of the bot have, as a number.",
        "TALK KB DOCUMENTS COUNT"),
    Row("KB DOCUMENTS ADDED SINCE", "days", "DAYS", Value, Two, "knowledge.read",
        "How many documents came in the last days, as a number.",
        "TALK KB DOCUMENTS ADDED SINCE 7"),
    Row("SEE", "image", "", Value, Two, "model",
        "What a picture shows, in words of the model. The picture is a file, an address or a path of the drive.",
        r#"TALK SEE("dish.jpg")"#),
    Row("IMAGE|GET IMAGE", "prompt", "", Value, Two, "model",
        "A picture that a model makes from a prompt, as a file.",
        r#"SEND FILE IMAGE("a bowl of soup")"#),
    Row("SCAN BARCODE", "file", "", Value, Two, "model",
        "The content of a bar code or QR code in a picture, as a text; null where none is found.",
        r#"TALK SCAN BARCODE("code.jpg")"#),
    Row("CHART", "kind rows [options...]", "", Value, Two, "model",
        "A diagram of values as a picture, as a file. The kind is a word such as `bar`, `line` or `pie`; the values are an array of numbers or rows; options are the names of the fields for labels and values.",
        r#"SEND FILE CHART("bar", [{ day: "Mon", n: 3 }, { day: "Tue", n: 5 }], "day", "n")"#),
    Row("SEARCH PRODUCTS", "query [limit]", "", Value, Two, "data.read",
        "Products of the catalogue that fit a text, the best first, as `{items, count}`; no more than the second argument says.",
        r#"p = SEARCH PRODUCTS "tea", 5
FOR EACH product IN p.items
    TALK product.name
NEXT"#),
    Row("PRODUCT", "id", "", Value, Two, "data.read",
        "One product of the catalogue as an object; null where there is none with that id.",
        r#"p = PRODUCT "A1"
TALK p.name"#),
    Row("SCRAPE", "address selector", "", Value, Two, "http",
        "The text of the first element of a web page that a CSS selector finds; the empty text where it finds none.",
        r#"TALK SCRAPE("https://example.com", "h1")"#),
    Row("SCRAPE ALL", "address selector", "", Value, Two, "http",
        "The texts of all elements of a web page that a CSS selector finds, as an array.",
        r#"FOR EACH title IN SCRAPE_ALL("https://example.com", "h2")
    TALK title
NEXT"#),
    Row("SUMMARIZE", "text", "", Value, Three, "model",
        "The text in short, in the words of the model.",
        r#"TALK SUMMARIZE("A long text")"#),
    Row("CLASSIFY", "text [labels]", "", Value, Three, "model",
        "The label of an array that fits a text best; without labels a word of the model's choice.",
        r#"TALK CLASSIFY("refund please", ["sales", "service"])"#),
    Row("TRANSLATE", "text [~language:word]", "", Value, Three, "model",
        "The text in another language, which is a code or a name; in the language of the user where none is given.",
        r#"TALK TRANSLATE("Hello", "de")
german = TRANSLATE "Hello" TO "de"
TALK german"#),
    Row("SENTIMENT", "text", "", Value, Three, "model",
        "How a text is meant: `positive`, `neutral` or `negative`.",
        r#"TALK SENTIMENT("great")"#),
    Row("OCR", "file", "", Value, Three, "model",
        "The text in a picture; empty where there is none.",
        r#"TALK OCR("bill.jpg")"#),
    Row("DETECT", "file", "", Value, Three, "model",
        "What is seen in a picture, or what is unusual in a table, as an array.",
        r#"TALK DETECT("photo.jpg")"#),
    Row("DETECT FACES", "file", "", Value, Three, "model",
        "The faces in a picture, as an array of their places; empty where there are none.",
        r#"TALK UBOUND(DETECT FACES("photo.jpg"))"#),
    Row("FORECAST", "rows [periods]", "", Value, Three, "model",
        "The values that are likely to follow an array of numbers, as an array of as many as the second argument says, else one.",
        "TALK FORECAST([1, 2, 3], 2)"),
];
