//! Packages that the server brings along: those under `examples/`, built into the program.

use std::sync::LazyLock;

use include_dir::{Dir, include_dir};
use kernel::{
    list::{Cursor, ListRequest, ListSpec, Listed, Page, SortField, SortValue},
    text,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{layout, settings_csv};

static EXAMPLES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../examples");

/// The list of templates.
pub(crate) enum TemplateList {}

impl Listed for TemplateList {
    const SPEC: ListSpec =
        ListSpec { sorts: &[SortField::asc("name")], filters: &[], search: Some("names and descriptions") };
}

/// A package to begin with.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Template {
    /// Its name in requests.
    #[serde(rename = "template")]
    #[schema(example = "table-booking")]
    key: String,
    /// What its bot calls itself.
    #[schema(example = "Table Booking")]
    name: String,
    /// What it is for.
    #[schema(example = "Books a table at the Blue Door")]
    description: String,
    /// Its files.
    #[schema(example = json!(["table-booking.gbdialog/start.bas"]))]
    files: Vec<String>,
    #[serde(skip)]
    contents: Vec<&'static [u8]>,
}

static TEMPLATES: LazyLock<Vec<Template>> = LazyLock::new(|| EXAMPLES.dirs().filter_map(template).collect());

fn template(folder: &'static Dir<'static>) -> Option<Template> {
    let name = layout::package_name(folder.path().to_str()?)?;
    let mut found = Vec::new();
    collect(folder, folder, &mut found);
    found.sort_unstable();
    let settings =
        layout::settings_of(found.iter().map(|(path, _)| path.as_str())).first().map(ToString::to_string);
    let found_text = settings.and_then(|wanted| found.iter().find(|(path, _)| *path == wanted));
    let settings = found_text.map(|(_, content)| settings_csv::read(&String::from_utf8_lossy(content)));
    let mut settings = settings.unwrap_or_default();
    let (files, contents) = found.into_iter().unzip();
    Some(Template {
        key: text::slug(name),
        name: settings.remove("bot-name").unwrap_or_else(|| name.to_owned()),
        description: settings.remove("bot-description").unwrap_or_default(),
        files,
        contents,
    })
}

fn collect(root: &Dir<'static>, folder: &Dir<'static>, found: &mut Vec<(String, &'static [u8])>) {
    for file in folder.files() {
        if let Some(path) = file.path().strip_prefix(root.path()).ok().and_then(|path| path.to_str()) {
            found.push((path.to_owned(), file.contents()));
        }
    }
    folder.dirs().for_each(|inner| collect(root, inner, found));
}

/// A page of them. They are built in, and few.
pub(crate) fn page(request: &ListRequest) -> Page<Template> {
    let is_found = request.finder();
    let listed = TEMPLATES.iter().filter_map(|template| {
        let fits = is_found(&format!("{} {}", template.name, template.description));
        let value = SortValue::Text(text::key(&template.name));
        fits.then(|| (Cursor { value, id: [0; 16], skip: 0 }, template.clone()))
    });
    request.cut(listed.collect())
}

/// The one of that name.
pub(super) fn find(name: &str) -> Option<&'static Template> {
    TEMPLATES.iter().find(|template| template.key == name)
}

impl Template {
    /// Its files with their content.
    pub(super) fn contents(&self) -> impl Iterator<Item = (&str, &'static [u8])> {
        self.files.iter().map(String::as_str).zip(self.contents.iter().copied())
    }
}
