//! Running a script once, and calling a tool, over HTTP: with checked and converted parameters, with the caller's
//! rights, within the limits of scripts.

use basic::{Data, Program};
use gateway::{Body, Caller, Envelope, Path, Reply, Result, State};
use kernel::{Actor, Error, FieldErrors, id::ConversationId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Scripts;
use crate::{
    bots::store::BotRow,
    conversations::once::{Once, Ran},
    packages::{PackageError, ScriptEntry, state::hash_bytes},
};

/// A run that somebody wants.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NewRun {
    /// Values of the script's parameters, by their names.
    #[schema(example = json!({ "people": 4 }))]
    params: Map<String, Value>,
}

/// A call of a tool.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NewCall {
    /// Values of the tool's parameters, by their names.
    #[schema(example = json!({ "people": 4 }))]
    params: Map<String, Value>,
    /// A conversation of the caller's own with the bot, whose attributes the script sees.
    conversation_id: Option<ConversationId>,
}

/// Why a script failed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunError {
    /// The line of the script, from 1, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    /// What is wrong.
    #[schema(example = "division by zero")]
    message: String,
}

/// What came of a run.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunResult {
    /// What it said, in order.
    #[schema(example = json!(["The table is booked."]))]
    output: Vec<String>,
    /// What it gave back; null if nothing, or if it failed.
    #[schema(value_type = Value, example = json!({ "table": 7 }))]
    result: Value,
    /// Milliseconds that it took.
    duration_ms: u64,
    /// Why it failed, if it did. Then nothing of what it did stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<RunError>,
    /// Instructions that it took, as the limits of scripts count them: those of loops and calls.
    steps: u64,
}

/// What a tool gave.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CallResult {
    /// What it gave back; null if nothing, or if it failed.
    #[schema(value_type = Value, example = json!({ "table": 7 }))]
    result: Value,
    /// What it said, in order.
    #[schema(example = json!(["The table is booked."]))]
    output: Vec<String>,
    /// Why it failed, if it did. Then nothing of what it did stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<RunError>,
}

fn error_of(ran: &Ran) -> Option<RunError> {
    ran.failure.as_ref().map(|(line, message)| RunError { line: *line, message: message.clone() })
}

/// Run a script once.
///
/// With the caller's rights, outside of any conversation: a script that asks fails. A script that fails is answered
/// with its `error`.
#[utoipa::path(
    post,
    path = "/bots/{bot_id}/scripts/{name}/run",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ("name" = String, Path, description = "The file's name without `.bas`", example = "start")),
    request_body = NewRun,
    responses(
        (status = 200, body = Envelope<RunResult>),
        (status = 404, description = "`script_not_found`, or there is no such bot for the caller"),
        (status = 409, description = "`bot_inactive`, or `compile_failed`: the script never compiled"),
        (status = 422, description = "`script_timeout`; `fields` names parameters that are wrong"),
    ),
)]
pub(super) async fn run(
    State(scripts): State<Scripts>,
    Caller(who): Caller,
    Path((bot, name)): Path<(String, String)>,
    Body(new): Body<NewRun>,
) -> Result<Reply<RunResult>> {
    let (bot, state) = scripts.packages.bot_and_state(&who, &bot).await?;
    let script = state.script(&name).ok_or(PackageError::ScriptNotFound)?;
    let ran = scripts.run(&who, &bot, script, new.params, None).await?;
    Ok(Reply::ok(RunResult {
        error: error_of(&ran),
        result: ran.result.to_json(),
        duration_ms: u64::try_from(ran.duration.as_millis()).unwrap_or(u64::MAX),
        steps: ran.steps,
        output: ran.says,
    }))
}

/// Call a tool.
///
/// As a model does: its parameters are checked and converted, and it acts with the caller's rights. A script that fails
/// is answered with its `error`.
#[utoipa::path(
    post,
    path = "/bots/{bot_id}/tools/{name}/invoke",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ("name" = String, Path, description = "The tool's name", example = "book_table")),
    request_body = NewCall,
    responses(
        (status = 200, body = Envelope<CallResult>),
        (status = 403, description = "`role_required`: the script is for people of another role"),
        (status = 404, description = "`script_not_found`, or `not_a_tool`, or there is no such bot or conversation for the caller"),
        (status = 409, description = "`bot_inactive`, or `compile_failed`: the script never compiled"),
        (status = 422, description = "`script_timeout`; `fields` names parameters that are wrong"),
    ),
)]
pub(super) async fn invoke(
    State(scripts): State<Scripts>,
    Caller(who): Caller,
    Path((bot, name)): Path<(String, String)>,
    Body(new): Body<NewCall>,
) -> Result<Reply<CallResult>> {
    let (bot, state) = scripts.packages.bot_and_state(&who, &bot).await?;
    let script = state.tool(&name)?;
    let ran = scripts.run(&who, &bot, script, new.params, new.conversation_id).await?;
    Ok(Reply::ok(CallResult { error: error_of(&ran), result: ran.result.to_json(), output: ran.says }))
}

impl Scripts {
    async fn run(
        &self,
        who: &Actor,
        bot: &BotRow,
        script: &ScriptEntry,
        params: Map<String, Value>,
        conversation: Option<ConversationId>,
    ) -> std::result::Result<Ran, Error> {
        let hash = hash_bytes(script.program.as_deref().ok_or(PackageError::NeverCompiled)?)?;
        let program = self.conversations.program(who.org, bot.id, hash).await?;
        if let Some(roles) = self.conversations.denial(who, &program).await? {
            return Err(PackageError::NotAllowed(roles).into());
        }
        let inputs = inputs(&program, params, self.conversations.now())?;
        let once = Once { program: hash, inputs, conversation, after: None, name: None };
        self.conversations.run_once(&who.into(), bot.id, once).await?.in_time()
    }
}

/// The parameters as the script finds them, or what is wrong with them.
fn inputs(
    program: &Program,
    params: Map<String, Value>,
    now: kernel::Timestamp,
) -> std::result::Result<Vec<(String, Data)>, Error> {
    let Some(tool) = &program.declarations().tool else {
        let mut wrong = FieldErrors::default();
        for name in params.keys() {
            wrong.add(&format!("params.{name}"), "is no parameter: the script has no PARAM");
        }
        wrong.finish()?;
        return Ok(Vec::new());
    };
    let given = Value::Object(params);
    tool.inputs(&given, now.fixed_offset()).map_err(|error| {
        let field = error.parameter().map_or_else(|| "params".to_owned(), |name| format!("params.{name}"));
        Error::invalid(&field, error.to_string())
    })
}
