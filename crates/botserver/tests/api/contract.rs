//! The contract is complete: of every operation it says everything that a client needs to know.
//!
//! That it is valid, that its examples fit and that the server does what it says, `scripts/contract` finds out.

use std::collections::BTreeSet;

use http::Method;

use crate::support::{App, Client, Value, botserver_test, json};

/// The document, with what is wrong with it.
struct Contract {
    document: Value,
    problems: Vec<String>,
}

impl Contract {
    async fn of(app: &App) -> Self {
        let answer = Client::send(app.anonymous().at(Method::GET, "/api/openapi.json")).await;
        Self { document: answer.assert_ok().json(), problems: Vec::new() }
    }

    fn operations(&self) -> Vec<(String, Value)> {
        let mut found = Vec::new();
        for (path, item) in object(&self.document["paths"]) {
            for (method, operation) in object(item) {
                found.push((format!("{} {path}", method.to_uppercase()), operation.clone()));
            }
        }
        assert!(found.len() > 40, "{} operations", found.len());
        found
    }

    fn check(&mut self, holds: bool, place: &str, problem: &str) {
        if !holds {
            self.problems.push(format!("{place}: {problem}"));
        }
    }

    /// A reference followed, anything else as it is.
    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let Some(reference) = value["$ref"].as_str() else { return value };
        let found = self.document.pointer(reference.trim_start_matches('#'));
        found.unwrap_or_else(|| panic!("{reference} leads nowhere"))
    }

    /// Media types with a schema and an example, at least one.
    fn check_content(&mut self, place: &str, content: &Value) {
        self.check(content.as_object().is_some_and(|kinds| !kinds.is_empty()), place, "no content");
        for (kind, content) in content.as_object().into_iter().flatten() {
            let place = format!("{place} {kind}");
            self.check(content["schema"].is_object(), &place, "no schema");
            let example = !content["example"].is_null() || !content["examples"].is_null();
            self.check(example, &place, "no example");
        }
    }

    fn finish(self) {
        assert!(self.problems.is_empty(), "{}", self.problems.join("\n"));
    }
}

fn object(value: &Value) -> &serde_json::Map<String, Value> {
    value.as_object().expect("an object")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Every `$ref` of the document leads somewhere.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[botserver_test]
async fn every_operation_says_what_it_is_and_who_may_call_it(app: App) {
    let mut contract = Contract::of(&app).await;
    assert_eq!(contract.document["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();

    for (place, operation) in contract.operations() {
        for text in ["summary", "description", "operationId", "x-access"] {
            contract.check(operation[text].as_str().is_some_and(|text| !text.is_empty()), &place, text);
        }
        contract.check(list(&operation["tags"]).len() == 1, &place, "not one tag");
        contract.check(operation["security"].is_array(), &place, "no security");
        contract.check(ids.insert(operation["operationId"].to_string()), &place, "the id is taken");
    }

    contract.finish();
}

#[botserver_test]
async fn every_parameter_and_body_is_described_with_an_example(app: App) {
    let mut contract = Contract::of(&app).await;

    for (place, operation) in contract.operations() {
        let names: Vec<_> = list(&operation["parameters"]).iter().map(|p| p["name"].to_string()).collect();
        for parameter in list(&operation["parameters"]) {
            let place = format!("{place} {}", parameter["name"]);
            contract.check(parameter["description"].is_string(), &place, "no description");
            contract.check(parameter["schema"].is_object(), &place, "no schema");
            contract.check(!parameter["example"].is_null(), &place, "no example");
        }
        for part in place.split('{').skip(1) {
            let name = part.split('}').next().unwrap_or_default();
            contract.check(names.contains(&format!("\"{name}\"")), &place, "an undescribed part of the path");
        }
        if operation["requestBody"].is_object() {
            contract.check_content(&format!("{place} request"), &operation["requestBody"]["content"]);
        }
    }

    contract.finish();
}

#[botserver_test]
async fn every_answer_is_described_with_an_example_and_refusals_share_one_shape(app: App) {
    let mut contract = Contract::of(&app).await;

    for (place, operation) in contract.operations() {
        let responses = object(&operation["responses"]).clone();
        contract.check(responses.keys().any(|status| status.starts_with(['1', '2'])), &place, "no success");
        for (status, response) in &responses {
            let place = format!("{place} {status}");
            let response = contract.resolved(response).clone();
            contract.check(
                response["description"].as_str().is_some_and(|d| !d.is_empty()),
                &place,
                "no description",
            );
            contract.check(response["headers"]["X-Request-Id"].is_object(), &place, "no X-Request-Id");
            if !matches!(status.as_str(), "101" | "204" | "304") {
                contract.check_content(&place, &response["content"]);
            }
            if status.starts_with(['4', '5']) {
                let schema = &response["content"]["application/json"]["schema"]["$ref"];
                contract.check(schema == "#/components/schemas/ErrorEnvelope", &place, "another shape");
            }
            if status == "201" {
                contract.check(response["headers"]["Location"].is_object(), &place, "no Location");
            }
        }
    }

    contract.finish();
}

#[botserver_test]
async fn refusals_follow_from_who_may_call_and_from_the_shape(app: App) {
    let mut contract = Contract::of(&app).await;

    for (place, operation) in contract.operations() {
        let is_in = |place: &str| list(&operation["parameters"]).iter().any(|p| p["in"] == place);
        let named = |name: &str| list(&operation["parameters"]).iter().any(|p| p["name"] == name);
        let access = operation["x-access"].as_str().unwrap_or_default().to_owned();
        let has_body = operation["requestBody"].is_object();
        let wanted = [
            ("500", true),
            ("503", true),
            ("401", access != "public"),
            ("403", access.contains(':')),
            ("404", is_in("path")),
            ("400", has_body),
            ("413", has_body),
            ("415", has_body),
            ("422", has_body || is_in("query")),
            ("412", named("If-Match")),
            ("304", named("If-None-Match")),
            ("409", named("Idempotency-Key")),
        ];
        for (status, holds) in wanted {
            let told = operation["responses"][status].is_object();
            contract.check(told || !holds, &place, &format!("{status} is missing"));
        }
    }

    contract.finish();
}

#[botserver_test]
async fn every_reference_leads_somewhere_and_requests_take_no_unknown_fields(app: App) {
    let mut contract = Contract::of(&app).await;
    let mut found = BTreeSet::new();
    references(&contract.document, &mut found);
    for reference in found {
        let there = contract.document.pointer(reference.trim_start_matches('#')).is_some();
        contract.check(there, &reference, "leads nowhere");
    }

    for (place, operation) in contract.operations() {
        let json = &operation["requestBody"]["content"]["application/json"]["schema"];
        if json.is_object() {
            let schema = contract.resolved(json);
            // Where the fields are the data, all of them are known.
            let is_map = schema["properties"].is_null() && schema["additionalProperties"].is_object();
            let closed = is_map || schema["additionalProperties"] == false;
            contract.check(closed, &place, "takes unknown fields");
        }
    }

    contract.finish();
}

/// What the document says of a list is what its query is read by: all that it names is taken, all else is refused.
#[botserver_test]
async fn a_list_takes_exactly_the_sorts_and_filters_of_its_contract(app: App) {
    let contract = Contract::of(&app).await;
    app.bot("Echo", "TALK 1").await;
    let admin = app.admin();
    let hook = json!({ "url": "https://93.184.216.34/hook", "events": ["*"] });
    let hook = admin.post("/webhooks", hook).await.assert_status(201).data();
    let group = admin.post("/groups", json!({ "name": "Desk" })).await.assert_status(201).data();
    let mut lists = 0;

    for (place, operation) in contract.operations() {
        let parameters = list(&operation["parameters"]);
        let Some(sort) = parameters.iter().find(|p| p["name"] == "sort") else { continue };
        let path = place.trim_start_matches("GET /api/v1");
        if path.contains("{conversation_id}") {
            continue;
        }
        let path = path.replace("{user_id}", "me").replace("{bot_id}", "echo");
        let path = path.replace("{org_id}", &app.organization().await.to_string());
        let path = path.replace("{webhook_id}", hook["webhook_id"].as_str().expect("an id"));
        let path = path.replace("{group_id}", group["group_id"].as_str().expect("an id"));
        lists += 1;
        // What an operation can't do without is given by its example.
        let needed = parameters.iter().filter(|p| p["in"] == "query" && p["required"] == true);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let needed: String = needed
            .flat_map(|p| [text(&p["name"]), "=".to_owned(), text(&p["example"]), "&".to_owned()])
            .collect();
        for field in list(&sort["schema"]["enum"]) {
            admin.get(format!("{path}?{needed}sort={}", field.as_str().expect("a name"))).await.assert_ok();
        }
        admin.get(format!("{path}?{needed}sort=shoe_size")).await.assert_fields(&["sort"]);
        for filter in
            parameters.iter().filter(|p| p["name"].as_str().is_some_and(|n| n.starts_with("filter[")))
        {
            let name = filter["name"].as_str().expect("a name");
            let example = &filter["example"];
            let value =
                example[0].as_str().or(example.as_str()).map_or_else(|| example.to_string(), str::to_owned);
            admin.get(format!("{path}?{needed}{name}={value}")).await.assert_ok();
        }
    }

    assert!(lists >= 4, "{lists} lists");
}

#[botserver_test]
async fn the_page_of_the_websocket_is_what_the_server_speaks(app: App) {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/websocket.md");
    let page = gateway::socket::page(&app.modules());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(file, &page).expect("a page");
    }
    let written = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        written == page,
        "docs/websocket.md is old; write it with: BLESS=1 cargo test -p botserver --test api websocket"
    );
    for kind in ["message", "read", "stop", "status", "ack", "error", "suggestion"] {
        assert!(page.contains(&format!("### `{kind}`")), "{kind}");
    }
}
