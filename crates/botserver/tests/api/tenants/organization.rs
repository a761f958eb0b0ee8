//! An organization that has one of everything.

use std::collections::BTreeMap;

use crate::support::{App, Client, Operation, PASSWORD, Value, json, prefix, until, zip_of};

/// An organization with its owner and one thing of each kind, all made over the API. Whatever a person wrote in it
/// contains its mark.
pub(super) struct Organization {
    /// What its texts contain, and those of no other.
    pub(super) mark: &'static str,
    pub(super) owner: Client,
    /// By the name of the parameter that names one.
    things: BTreeMap<&'static str, String>,
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

async fn made(client: &Client, path: &str, body: Value) -> Value {
    client.post(path, body).await.assert_status(201).data()
}

impl Organization {
    /// Makes one of everything.
    pub(super) async fn new(app: &App, owner: Client, mark: &'static str) -> Self {
        let person = person(app, &owner, mark).await;
        let mut things = BTreeMap::new();
        things.insert("user_id", text(&person.me().await["user_id"]));
        things.insert("session_id", text(&owner.get("/sessions/current").await.data()["session_id"]));

        let bot = text(&bot(&owner, mark).await["bot_id"]);
        let schedules = owner.get(format!("/bots/{bot}/schedules")).await.assert_ok().items();
        things.insert("schedule_id", text(&schedules[0]["schedule_id"]));
        let talk = made(&owner, "/conversations", json!({ "bot_id": bot })).await;
        let talk = text(&talk["conversation_id"]);
        let sent = owner.send_file(&talk, mark).await;
        let said = json!({ "content": mark, "attachments": [sent] });
        let said = made(&owner, &format!("/conversations/{talk}/messages"), said).await;
        things.insert("message_id", text(&said["message_id"]));
        things.insert("attachment_id", sent);
        things.insert("conversation_id", talk);
        things.insert("bot_id", bot);

        let org = text(&owner.me().await["organization_id"]);
        let invite = json!({ "email": format!("{}@example.com", role_name(mark)) });
        let invited = made(&owner, &format!("/organizations/{org}/invitations"), invite).await;
        things.insert("invitation_id", text(&invited["invitations"][0]["invitation_id"]));
        things.insert("org_id", org);

        let role = json!({ "name": role_name(mark), "display_name": mark });
        things.insert("role_id", text(&made(&owner, "/roles", role).await["role_id"]));
        let group = json!({ "name": mark, "visibility": "public" });
        let group = text(&made(&owner, "/groups", group).await["group_id"]);
        let usher = json!({ "name": "usher", "permissions": ["read"] });
        let usher = made(&owner, &format!("/groups/{group}/roles"), usher).await;
        things.insert("role_id of a group", text(&usher["role_id"]));
        let asks = made(&person, &format!("/groups/{group}/join-requests"), json!({ "message": mark })).await;
        things.insert("request_id", text(&asks["request_id"]));
        things.insert("group_id", group);

        let key = json!({ "name": mark, "scopes": ["users:read"] });
        things.insert("key_id", text(&made(&owner, "/api-keys", key).await["key_id"]));
        let hook = json!({ "name": mark, "url": "http://127.0.0.1:9/", "events": ["webhook.disabled"] });
        let hook = text(&made(&owner, "/webhooks", hook).await["webhook_id"]);
        owner.post(format!("/webhooks/{hook}/test"), json!({})).await.assert_ok();
        let deliveries = owner.get(format!("/webhooks/{hook}/deliveries")).await.assert_ok().items();
        things.insert("delivery_id", text(&deliveries[0]["delivery_id"]));
        things.insert("webhook_id", hook);

        let export = json!({ "format": "jsonl", "date_range": { "start": "2020-01-01" } });
        let export = owner.post("/audit/export", export).await.assert_status(202).data();
        let job = text(&export["job_id"]);
        until(&owner, &format!("/jobs/{job}"), "completed").await;
        things.insert("job_id", job);
        let logged = owner.get("/audit?limit=1").await.assert_ok().items();
        things.insert("event_id", text(&logged[0]["log_id"]));
        Self { mark, owner, things }
    }

    /// The thing of its own that such a parameter of the operation names.
    pub(super) fn named(&self, operation: &Operation, parameter: &str) -> &str {
        let kind = match parameter {
            "role_id" if operation.path.contains("{group_id}") => "role_id of a group",
            other => other,
        };
        let found = self.things.get(kind);
        found.unwrap_or_else(|| panic!("{} takes a {parameter}: make one here", operation.id))
    }

    /// The value that a field of a body would have that names something of this organization; `kind` is the prefix of
    /// such ids where it is known.
    pub(super) fn in_field(&self, field: &str, kind: Option<&str>) -> Option<Value> {
        match kind {
            _ if field.ends_with("roles") => Some(json!([role_name(self.mark)])),
            None => self.things.get(field).map(|id| json!(id)),
            Some(kind) => {
                let found = self.things.values().find(|id| prefix(id) == Some(kind));
                Some(json!(found.unwrap_or_else(|| panic!("{field} takes a {kind}: make one here"))))
            }
        }
    }

    /// The kinds of things that there are.
    pub(super) fn kinds(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.things.iter().map(|(kind, id)| (*kind, id.as_str()))
    }
}

/// Names of roles are told to whoever asks for one, so they have no mark.
fn role_name(mark: &str) -> String {
    format!("desk-{}", &mark[..1])
}

async fn person(app: &App, owner: &Client, mark: &str) -> Client {
    let new = json!({ "username": mark, "email": format!("{mark}@example.com"), "password": PASSWORD,
        "display_name": mark });
    made(owner, "/users", new).await;
    app.with_token(&app.anonymous().sign_in(mark, PASSWORD).await)
}

/// A bot in whose package there is what the contract takes for examples.
async fn bot(owner: &Client, mark: &str) -> Value {
    let bot = made(owner, "/bots", json!({ "name": mark, "description": mark })).await;
    let start = format!("SET BOT MEMORY \"greeting\", \"{mark}\"\nDO\nHEAR x\nTALK x\nLOOP");
    let tool = format!("DESCRIPTION \"{mark}\"\nRETURN 1");
    let report = "SET SCHEDULE \"every monday at 9am\"\nRETURN 1";
    let files = [
        ("booking.gbdialog/start.bas", start.as_bytes()),
        ("booking.gbdialog/book table.bas", tool.as_bytes()),
        ("booking.gbdialog/report.bas", report.as_bytes()),
    ];
    // Three versions, so that there is an earlier one.
    for _ in 0..3 {
        let path = format!("/bots/{}/package", text(&bot["bot_id"]));
        owner.put_zip(path, zip_of(&files)).await.assert_ok();
    }
    bot
}
