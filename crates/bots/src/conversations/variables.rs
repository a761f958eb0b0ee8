//! What a dialog that waits has in its variables, for who may see it.

use std::collections::BTreeMap;

use basic::{Limits, Machine, hear::PASSWORD_TEXT};
use kernel::{
    Actor, Id,
    id::{ConversationId, kind::Conversation as ConversationKind},
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{ConversationError, Conversations, access::readable, model::Status, store};
use crate::{
    config::known::{self, HIDDEN},
    memory::Owner,
};

/// Parts of names whose values are secrets, wherever they stand: settings are named in words, variables in any way.
const SECRETS: &[&str] = &["password", "passwd", "secret", "token", "apikey", "api_key", "credential"];

/// What a dialog waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Awaited {
    /// What the person says.
    Answer,
    /// A moment.
    Time,
}

/// One script of a dialog.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ScriptState {
    /// Its name.
    #[schema(example = "start")]
    pub script: String,
    /// Its variables by name; secrets as `***`, and what can't be shown as null.
    #[schema(example = json!({ "guests": 4, "password": "***" }))]
    pub variables: Map<String, Value>,
}

/// Where the dialog of a conversation stands.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DialogState {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// How it is.
    pub status: Status,
    /// What the dialog waits for. Absent where none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<Awaited>,
    /// The scripts that wait for each other, the one that goes on first in front.
    pub scripts: Vec<ScriptState>,
    /// What scripts have set with SET SESSION.
    #[schema(example = json!({ "tier": "gold" }))]
    pub attributes: BTreeMap<String, Value>,
}

impl Conversations {
    pub(super) async fn variables(
        &self,
        who: Actor,
        id: Id<ConversationKind>,
    ) -> Result<DialogState, ConversationError> {
        let (asks, now) = (who.clone(), self.surroundings.now());
        let limit = i64::try_from(self.settings.get().memory_values).unwrap_or(i64::MAX);
        let found = self.db.read(who.org, move |tx| {
            let row = readable(tx, &asks, id)?;
            let owner = Owner::session(row.bot_id, id);
            let attributes = crate::memory::all(tx, &owner, now, limit)?;
            let turn = store::for_turn(tx, id)?.ok_or(ConversationError::NotFound)?;
            Ok::<_, ConversationError>((row, attributes, store::found(tx, id, turn)?.run))
        });
        let (row, attributes, run) = found.await?;
        self.note_reading(&who, &row).await?;
        let waits_for = run.as_ref().map(|run| if run.sleeps { Awaited::Time } else { Awaited::Answer });
        let sealed = match &run {
            Some(run) => self.dialogs.sealed(who.org, row.bot_id, run.version).await?,
            None => Vec::new(),
        };
        let mut scripts = Vec::new();
        let stack = run.map(|run| run.stack);
        let waiting = stack.map(|stack| [stack.callers, vec![stack.top]].concat()).unwrap_or_default();
        for suspended in waiting.into_iter().rev() {
            // What can't be read any more ends with the next message.
            if let Ok(program) = self.dialogs.program_of(who.org, row.bot_id, suspended.program).await?
                && let Ok(machine) = Machine::load(program, Limits::default(), &suspended.state)
            {
                scripts.push(state_of(&machine, &sealed));
            }
        }
        let attributes = attributes.into_iter().map(|(name, value)| {
            let value = hidden(&name, value, &sealed);
            (name, value)
        });
        Ok(DialogState {
            conversation_id: id,
            status: Status::of(&row.status, row.archived),
            waits_for,
            scripts,
            attributes: attributes.collect(),
        })
    }
}

fn state_of(machine: &Machine, sealed: &[String]) -> ScriptState {
    let variables = machine.variables().into_iter().map(|(name, value)| {
        let value = hidden(&name, value.map_or(Value::Null, |value| value.to_json()), sealed);
        (name, value)
    });
    ScriptState { script: machine.program().name().to_owned(), variables: variables.collect() }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRETS.iter().any(|secret| name.contains(secret)) || known::is_secret(&name.replace('_', "-"))
}

/// A value as it may be shown: without what has the name of a secret, and without the sealed settings, whatever they
/// are called now.
fn hidden(name: &str, value: Value, sealed: &[String]) -> Value {
    if is_secret(name) {
        return HIDDEN.into();
    }
    match value {
        Value::String(text) if text == PASSWORD_TEXT || sealed.iter().any(|secret| text.contains(secret)) => {
            HIDDEN.into()
        }
        Value::Array(items) => items.into_iter().map(|item| hidden("", item, sealed)).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, field)| {
                let field = hidden(&name, field, sealed);
                (name, field)
            });
            Value::Object(fields.collect())
        }
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_hidden_by_their_names_and_by_what_they_are_wherever_they_stand() {
        let sealed = ["sk-live-1".to_owned()];
        let value = json!({
            "guests": 4, "stripe_key": "x", "MyPassword": "x", "all": [{ "token": 1 }, "Bearer sk-live-1", PASSWORD_TEXT],
        });

        let shown = hidden("order", value, &sealed);

        let all = json!([{ "token": "***" }, "***", "***"]);
        assert_eq!(shown, json!({ "guests": 4, "stripe_key": "***", "MyPassword": "***", "all": all }));
        assert_eq!(hidden("openai_key", json!("x"), &[]), json!("***"));
        assert_eq!(hidden("keyboard", json!("x"), &[]), json!("x"));
    }
}
