//! Scripts that a model may call, in the forms in which models are told of them.

use basic::tools::{ParamKind, Parameter, ToolSpec, in_words};
use kernel::{
    Actor,
    list::{Cursor, ListRequest, ListSpec, Listed, Page, SortField, SortValue},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Scripts;
use crate::packages::{PackageError, ScriptEntry};

/// The list of a bot's tools.
pub(super) enum ToolList {}

impl Listed for ToolList {
    const SPEC: ListSpec =
        ListSpec { sorts: &[SortField::asc("name")], filters: &[], search: Some("names and descriptions") };
    const BESIDE: &'static [&'static str] = &["format"];
}

/// In which form tools are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// With everything that is known.
    #[default]
    Native,
    /// As the Model Context Protocol has it.
    Mcp,
    /// As chat completion interfaces in the manner of `OpenAI` take it.
    Openai,
}

/// A script that a model may call, in one of the forms.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum AnyTool {
    Native(Tool),
    Mcp(McpTool),
    Openai(OpenaiTool),
}

/// A script that a model may call.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tool {
    /// Its name for the model.
    #[schema(example = "book_table")]
    name: String,
    /// What it does.
    #[schema(example = "Books a table.")]
    description: String,
    /// What it takes, in the order of the script.
    parameters: Vec<ToolParameter>,
    /// The script's name.
    #[schema(example = "book table")]
    script: String,
}

/// What a parameter takes.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ToolParameterType)]
enum Type {
    String,
    Number,
    Integer,
    Boolean,
    Date,
    Email,
    Object,
    Array,
}

/// A parameter of a tool.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ToolParameter {
    /// Its name, which is that of the variable.
    #[schema(example = "people")]
    name: String,
    /// What it takes.
    r#type: Type,
    /// Must a call give it?
    required: bool,
    /// What it is.
    #[schema(example = "How many people come")]
    description: String,
    /// A value that it could have.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "4")]
    example: Option<String>,
    /// The texts to choose from, where there is a choice.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, example = json!(["lunch", "dinner"]))]
    r#enum: Vec<String>,
}

/// A tool as the Model Context Protocol has it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct McpTool {
    /// Its name.
    #[schema(example = "book_table")]
    name: String,
    /// What it does.
    #[schema(example = "Books a table.")]
    description: String,
    /// The JSON Schema of what it takes.
    #[schema(value_type = Object, example = json!({ "type": "object", "properties": {}, "required": [] }))]
    input_schema: Value,
}

/// A tool as chat completion interfaces take it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OpenaiTool {
    /// Always `function`.
    #[schema(pattern = "^function$", example = "function")]
    r#type: &'static str,
    /// What can be called.
    function: OpenaiFunction,
}

/// The function of a tool.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OpenaiFunction {
    /// Its name.
    #[schema(example = "book_table")]
    name: String,
    /// What it does.
    #[schema(example = "Books a table.")]
    description: String,
    /// The JSON Schema of what it takes.
    #[schema(value_type = Object, example = json!({ "type": "object", "properties": {}, "required": [] }))]
    parameters: Value,
}

impl From<ParamKind> for Type {
    fn from(kind: ParamKind) -> Self {
        match kind {
            ParamKind::Integer => Self::Integer,
            ParamKind::Number | ParamKind::Money => Self::Number,
            ParamKind::Boolean => Self::Boolean,
            ParamKind::Date | ParamKind::DateTime => Self::Date,
            ParamKind::Email => Self::Email,
            ParamKind::Array => Self::Array,
            ParamKind::Object => Self::Object,
            ParamKind::String
            | ParamKind::Name
            | ParamKind::Hour
            | ParamKind::Url
            | ParamKind::Uuid
            | ParamKind::Phone
            | ParamKind::File
            | ParamKind::Choice => Self::String,
        }
    }
}

impl From<&Parameter> for ToolParameter {
    fn from(parameter: &Parameter) -> Self {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Self {
            name: parameter.name.clone(),
            r#type: parameter.kind.into(),
            required: parameter.required(),
            description: parameter.description.clone().unwrap_or_else(|| in_words(&parameter.name)),
            example: parameter.example.as_ref().map(text),
            r#enum: parameter.choices.clone(),
        }
    }
}

impl AnyTool {
    fn of(spec: &ToolSpec, script: &ScriptEntry, format: Format) -> Self {
        let (name, description) = (spec.name.clone(), spec.description());
        match format {
            Format::Native => Self::Native(Tool {
                name,
                description,
                parameters: spec.parameters.iter().map(ToolParameter::from).collect(),
                script: script.name.clone(),
            }),
            Format::Mcp => {
                let input_schema = spec.mcp()["inputSchema"].take();
                Self::Mcp(McpTool { name, description, input_schema })
            }
            Format::Openai => {
                let function = OpenaiFunction { name, description, parameters: spec.schema() };
                Self::Openai(OpenaiTool { r#type: "function", function })
            }
        }
    }
}

impl Scripts {
    /// The scripts that a model may call, by their names.
    pub(super) async fn tools(
        &self,
        who: &Actor,
        bot: &str,
        request: &ListRequest,
        format: Format,
    ) -> Result<Page<AnyTool>, PackageError> {
        let (_, state) = self.packages.bot_and_state(who, bot).await?;
        let is_found = request.finder();
        let fits = |spec: &ToolSpec| is_found(&format!("{} {}", spec.name, spec.description()));
        let tools = state.tools().filter_map(|script| Some((script.tool.as_ref()?, script)));
        let placed = tools.enumerate().filter(|(_, (spec, _))| fits(spec)).map(|(at, (spec, script))| {
            // Scripts stand in an order of their own, which tells two tools of one name apart.
            let id = (at as u128).to_be_bytes();
            let place = Cursor { value: SortValue::Text(spec.name.clone()), id, skip: 0 };
            (place, AnyTool::of(spec, script, format))
        });
        Ok(request.cut(placed.collect()))
    }

    /// One of them, by its own name or by the script's.
    pub(super) async fn tool(
        &self,
        who: &Actor,
        bot: &str,
        name: &str,
        format: Format,
    ) -> Result<AnyTool, PackageError> {
        let (_, state) = self.packages.bot_and_state(who, bot).await?;
        let script = state.tool(name)?;
        let spec = script.tool.as_ref().ok_or(PackageError::NotATool)?;
        Ok(AnyTool::of(spec, script, format))
    }
}
