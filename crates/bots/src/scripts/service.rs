//! What can be done with scripts.

use kernel::{
    Actor, Expected, Permission, Versioned,
    list::{Cursor, FilterField, ListRequest, ListSpec, Listed, Page, SortField, SortValue},
    text,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    conversations::Conversations,
    hooks::{Hook, Hooks},
    packages::{FileEntry, PackageError, Packages, ScriptEntry, ScriptKind, ScriptReport, ScriptStatus},
};

/// The list of a bot's scripts.
pub(super) enum ScriptList {}

impl Listed for ScriptList {
    const SPEC: ListSpec = ListSpec {
        sorts: &[SortField::asc("name")],
        filters: &[
            FilterField::one_of(
                "kind",
                &[
                    ScriptKind::Start.as_str(),
                    ScriptKind::Dialog.as_str(),
                    ScriptKind::Tool.as_str(),
                    ScriptKind::Scheduled.as_str(),
                    ScriptKind::Webhook.as_str(),
                    ScriptKind::Handler.as_str(),
                ],
                "For one of these.",
            ),
            FilterField::one_of(
                "status",
                &[ScriptStatus::Compiled.as_str(), ScriptStatus::Error.as_str()],
                "In one of these states.",
            ),
        ],
        search: Some("names"),
    };
}

/// The service of scripts. A cheap handle.
#[derive(Clone)]
pub struct Scripts {
    pub(super) packages: Packages,
    pub(super) conversations: Conversations,
    hooks: Hooks,
}

/// A script.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Script {
    /// The file's name without `.bas`.
    #[schema(example = "start")]
    name: String,
    /// Where it is in the package.
    #[schema(example = "booking.gbdialog/start.bas")]
    path: String,
    /// What it is for.
    kind: ScriptKind,
    /// Its text; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "HEAR name\nTALK \"Hello \" + name")]
    source: Option<String>,
    /// Its state.
    status: ScriptStatus,
    /// Errors and warnings.
    diagnostics: Vec<ScriptReport>,
    /// The SHA-256 of its text.
    #[schema(
        pattern = "^[0-9a-f]{64}$",
        example = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    )]
    checksum: String,
    /// Its bytes.
    size: u64,
    /// The addresses that it answers, for whoever may change it; absent in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hooks: Vec<Hook>,
}

/// A text to be checked: one, or all of the bot's.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ToCompile {
    /// The script to check; all scripts of the bot as they are if absent.
    #[schema(example = "HEAR name\nTALK \"Hello \" + name")]
    pub(super) source: Option<String>,
}

/// What a check found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Compiled {
    /// Each script with what is to be said of it.
    scripts: Vec<CompiledScript>,
}

/// What is to be said of one script.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CompiledScript {
    /// The script's name; absent for a text that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "start")]
    name: Option<String>,
    /// Its state.
    status: ScriptStatus,
    /// Errors and warnings.
    diagnostics: Vec<ScriptReport>,
}

fn shown(script: ScriptEntry, file: &FileEntry, source: Option<String>) -> Script {
    Script {
        name: script.name,
        path: script.path,
        kind: script.kind,
        source,
        status: script.status,
        diagnostics: script.diagnostics,
        checksum: file.checksum.clone(),
        size: file.size,
        hooks: Vec::new(),
    }
}

fn is_asked_for(request: &ListRequest, script: &ScriptEntry) -> bool {
    request.filters.iter().all(|(field, values)| {
        let is = if *field == "kind" { script.kind.as_str() } else { script.status.as_str() };
        values.iter().any(|value| value == is)
    })
}

fn versioned(
    script: ScriptEntry,
    file: &FileEntry,
    source: String,
) -> Result<Versioned<Script>, PackageError> {
    Ok(Versioned { revision: file.revision()?, value: shown(script, file, Some(source)) })
}

impl Scripts {
    /// The service over packages, and over what runs scripts.
    pub(crate) fn new(packages: Packages, conversations: Conversations, hooks: Hooks) -> Self {
        Self { packages, conversations, hooks }
    }

    /// A version keeps its scripts in one document, which has a limit; the page is cut from all of them.
    pub(super) async fn list(
        &self,
        who: Actor,
        bot: &str,
        request: ListRequest,
    ) -> Result<Page<Script>, PackageError> {
        let (_, state) = self.packages.bot_and_state(&who, bot).await?;
        let is_found = request.finder();
        let scripts = state.scripts.values().filter_map(|script| {
            let key = text::key(&script.name);
            let fits = is_asked_for(&request, script) && is_found(&script.name);
            // Names can be equal but for their case; paths are not.
            let value = SortValue::Text(format!("{key}\u{1}{}", script.path));
            fits.then(|| (Cursor { value, id: [0; 16], skip: 0 }, script.clone()))
        });
        let page = request.cut(scripts.collect());
        page.try_map(|script| {
            let file = state.files.get(&script.path).ok_or(PackageError::ScriptNotFound)?;
            Ok(shown(script, file, None))
        })
    }

    pub(super) async fn get(
        &self,
        who: Actor,
        bot: &str,
        name: &str,
    ) -> Result<Versioned<Script>, PackageError> {
        let (bot, state) = self.packages.bot_and_state(&who, bot).await?;
        let script = state.script(name).ok_or(PackageError::ScriptNotFound)?;
        let file = state.files.get(&script.path).ok_or(PackageError::ScriptNotFound)?;
        let source = self.packages.text(file).await?;
        let mut found = versioned(script.clone(), file, source)?;
        // The secrets are for whoever could set others.
        if who.may(Permission::BOTS_WRITE) {
            found.value.hooks = self.hooks.of_script(&who, &bot, &state, &script.name).await?;
        }
        Ok(found)
    }

    pub(super) async fn save(
        &self,
        who: Actor,
        bot: &str,
        name: &str,
        expected: Expected,
        source: String,
    ) -> Result<Versioned<Script>, PackageError> {
        let (script, file) = self.packages.save_script(who, bot, name, &expected, source.clone()).await?;
        versioned(script, &file, source)
    }

    pub(super) async fn delete(
        &self,
        who: Actor,
        bot: &str,
        name: &str,
        expected: Expected,
    ) -> Result<(), PackageError> {
        self.packages.delete_script(who, bot, name, &expected).await
    }

    pub(super) async fn compile(
        &self,
        who: Actor,
        bot: &str,
        to_compile: ToCompile,
    ) -> Result<Compiled, PackageError> {
        let (bot, state) = self.packages.bot_and_state(&who, bot).await?;
        if let Some(source) = to_compile.source {
            let tables = self.packages.tables_of(who.org, bot.id).await?;
            let tables = tables.values().map(|table| table.definition.name.clone());
            let compiling = state.compiling().with_tables(tables).on(self.packages.performed());
            let compile = move || basic::compile("source", &source, &compiling.known());
            let compiled = self.packages.compiling.run(compile).await?;
            let status =
                if compiled.program.is_some() { ScriptStatus::Compiled } else { ScriptStatus::Error };
            let diagnostics = compiled.diagnostics.iter().map(ScriptReport::from).collect();
            return Ok(Compiled { scripts: vec![CompiledScript { name: None, status, diagnostics }] });
        }
        let told = |script: &ScriptEntry| CompiledScript {
            name: Some(script.name.clone()),
            status: script.status,
            diagnostics: script.diagnostics.clone(),
        };
        Ok(Compiled { scripts: state.scripts.values().map(told).collect() })
    }
}
