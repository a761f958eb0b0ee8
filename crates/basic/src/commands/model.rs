//! Language models, knowledge, tools, pictures, the web.

use super::Gives::{Nothing, Value};
use super::Row;
use super::Tier::{One, Three, Two};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row("LLM", "prompt", "WITH OPTIMIZE FOR|WITH OPTIMIZE value; WITH MAX_COST value; WITH MAX_LATENCY value", Value, One, "model",
        "The answer of the language model to a prompt. The user does not see it. JSON text opens when a member is read.",
        "idea = LLM \"A name for a soup\" WITH OPTIMIZE FOR \"speed\"\nTALK idea"),
    Row("REWRITE", "prompt [value]", "", Value, One, "model", "The answer of the model to a prompt, with the context of the conversation.", "TALK REWRITE(\"Say it shorter\")"),
    Row("ANSWER", "question", "", Value, Two, "model", "Answers as the bot would, with its knowledge and answer mode.", "TALK ANSWER(\"When do you open?\")"),
    Row("USE KB|ADD KB", "collection:word", "", Nothing, One, "knowledge.read", "Lets the bot answer from a collection of documents.", "USE KB \"menu\""),
    Row("CLEAR KB", "[collection:word]", "ALL", Nothing, One, "knowledge.read", "Takes a collection away, or all.", "CLEAR KB ALL"),
    Row("ADD TOOL|USE TOOL", "name:word", "", Nothing, One, "tools", "Lets the model call a script of the package.", "ADD TOOL \"book\""),
    Row("CLEAR TOOLS", "", "", Nothing, One, "tools", "Takes all tools away.", "CLEAR TOOLS"),
    Row("USE WEBSITE", "address [age]", "REFRESH value", Nothing, Two, "knowledge.write", "Reads a site and lets the bot answer from it.", "USE WEBSITE \"https://example.com\" REFRESH \"1d\""),
    Row("CLEAR WEBSITES", "", "", Nothing, Two, "knowledge.read", "Takes all sites away.", "CLEAR WEBSITES"),
    Row("USE MODEL", "name:word", "", Nothing, Two, "model", "The model for what follows.", "USE MODEL \"small\""),
    Row("USE ACCOUNT", "address", "", Nothing, Two, "mail.send", "The mail account for what follows.", "USE ACCOUNT \"sales@example.com\""),
    Row("USE MCP", "server tool [arguments]", "", Value, Two, "tools", "Calls a tool of an MCP server.", "TALK USE MCP(\"files\", \"list\", #{ path: \"/\" })"),
    Row("THINK KB", "question", "", Value, Two, "knowledge.read", "What the collections say on a question.", "TALK THINK KB(\"allergens\")"),
    Row("SET ANSWER MODE", "mode:word", "", Nothing, Two, "model", "How the bot answers: `direct`, `document`, `sql`, `tool`.", "SET ANSWER MODE \"document\""),
    Row("REFRESH", "name:word", "", Nothing, Two, "knowledge.write", "Rebuilds what a script or a collection feeds.", "REFRESH \"menu\""),
    Row("KB STATISTICS", "", "", Value, Two, "knowledge.read", "Numbers of all collections.", "s = KB STATISTICS\nTALK s.total_documents"),
    Row("KB LIST COLLECTIONS", "", "", Value, Two, "knowledge.read", "The collections.", "FOR EACH c IN KB LIST COLLECTIONS\n    TALK c\nNEXT"),
    Row("KB COLLECTION STATS", "name", "", Value, Two, "knowledge.read", "Numbers of one collection.", "s = KB COLLECTION STATS \"menu\"\nTALK s"),
    Row("KB STORAGE SIZE", "", "", Value, Two, "knowledge.read", "Megabytes the collections take.", "TALK KB STORAGE SIZE"),
    Row("KB DOCUMENTS COUNT", "", "", Value, Two, "knowledge.read", "How many documents there are.", "TALK KB DOCUMENTS COUNT"),
    Row("KB DOCUMENTS ADDED SINCE", "days", "", Value, Two, "knowledge.read", "How many documents came in some days.", "TALK KB DOCUMENTS ADDED SINCE 7"),
    Row("SEE", "image", "", Value, Two, "model", "What a picture shows, in words.", "TALK SEE(\"dish.jpg\")"),
    Row("IMAGE|GET IMAGE", "prompt", "", Value, Two, "model", "A picture made from a prompt.", "SEND FILE IMAGE(\"a bowl of soup\")"),
    Row("SCAN BARCODE", "file", "", Value, Two, "model", "The content of a bar code.", "TALK SCAN BARCODE(\"code.jpg\")"),
    Row("CHART", "kind rows [options...]", "", Value, Two, "model", "A diagram as a file.", "SEND FILE CHART(\"bar\", [1, 2, 3])"),
    Row("SEARCH PRODUCTS", "query [limit]", "", Value, Two, "data.read", "Products of the catalogue.", "p = SEARCH PRODUCTS \"tea\", 5\nTALK p.count"),
    Row("PRODUCT", "id", "", Value, Two, "data.read", "One product of the catalogue.", "p = PRODUCT \"A1\"\nTALK p.name"),
    Row("SCRAPE", "address selector", "", Value, Two, "http", "The text of the first element of a page that a CSS selector finds.", "TALK SCRAPE(\"https://example.com\", \"h1\")"),
    Row("SCRAPE_ALL", "address selector", "", Value, Two, "http", "The texts of all elements of a page that a CSS selector finds.", "TALK SCRAPE_ALL(\"https://example.com\", \"h2\")"),
    Row("SUMMARIZE", "text", "", Value, Three, "model", "A text in short.", "TALK SUMMARIZE(\"A long text\")"),
    Row("CLASSIFY", "text [labels]", "", Value, Three, "model", "The label that fits a text.", "TALK CLASSIFY(\"refund please\", [\"sales\", \"service\"])"),
    Row("TRANSLATE", "text [~language:word]", "", Value, Three, "model", "A text in another language.", "TALK TRANSLATE(\"Hello\", \"de\")"),
    Row("SENTIMENT", "text", "", Value, Three, "model", "How a text is meant.", "TALK SENTIMENT(\"great\")"),
    Row("OCR", "file", "", Value, Three, "model", "The text in a picture.", "TALK OCR(\"bill.jpg\")"),
    Row("DETECT", "file", "", Value, Three, "model", "What is seen in a picture or found unusual in a table.", "TALK DETECT(\"photo.jpg\")"),
    Row("DETECT FACES", "file", "", Value, Three, "model", "Faces in a picture.", "TALK DETECT FACES(\"photo.jpg\")"),
    Row("FORECAST", "rows [periods]", "", Value, Three, "model", "Values to come.", "TALK FORECAST([1, 2, 3], 2)"),
];
