//! Tools over HTTP.

use gateway::{Caller, Envelope, ListQuery, Params, Path, Reply, Result, State};
use kernel::list::Page;
use serde::Deserialize;
use utoipa::{
    IntoParams,
    openapi::{Object, ObjectBuilder, Type},
};

use super::{
    Scripts,
    tools::{AnyTool, Format, ToolList},
};

/// How tools are told.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Options {
    /// In which form.
    #[param(schema_with = formats, required = false)]
    format: Format,
}

/// The same beside what is asked of a list, which knows all other parameters.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Beside {
    format: Format,
}

fn formats() -> Object {
    let formats = ObjectBuilder::new()
        .description(Some(
            "In which form: `native` with everything that is known, `mcp` as the Model Context Protocol has it, \
             `openai` as chat completion interfaces take it.",
        ))
        .schema_type(Type::String)
        .enum_values(Some(["native", "mcp", "openai"]));
    formats.default(Some("native".into())).build()
}

/// The tools of a bot.
///
/// Scripts that a model may call: those with PARAM or DESCRIPTION.
#[utoipa::path(
    get,
    path = "/bots/{bot_id}/tools",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ListQuery<ToolList>,
        Options,
    ),
    responses((status = 200, body = Envelope<Page<AnyTool>>)),
)]
pub(super) async fn list_tools(
    State(scripts): State<Scripts>,
    Caller(who): Caller,
    Path(bot): Path<String>,
    query: ListQuery<ToolList>,
    Params(Beside { format }): Params<Beside>,
) -> Result<Reply<Page<AnyTool>>> {
    Ok(Reply::ok(scripts.tools(&who, &bot, &query.0, format).await?))
}

/// One tool of a bot.
///
/// Named as the model names it, or as the script is.
#[utoipa::path(
    get,
    path = "/bots/{bot_id}/tools/{name}",
    params(
        ("bot_id" = String, Path, description = "Id or slug", example = "table-booking"),
        ("name" = String, Path, description = "The tool's name", example = "book_table"), Options),
    responses(
        (status = 200, body = Envelope<AnyTool>),
        (status = 404, description = "`script_not_found`, or `not_a_tool`, or there is no such bot for the caller"),
    ),
)]
pub(super) async fn get_tool(
    State(scripts): State<Scripts>,
    Caller(who): Caller,
    Path((bot, name)): Path<(String, String)>,
    Params(options): Params<Options>,
) -> Result<Reply<AnyTool>> {
    Ok(Reply::ok(scripts.tool(&who, &bot, &name, options.format).await?))
}
