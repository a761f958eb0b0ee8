//! Bots that are made with a package: from a template, from one that is sent, as a copy of another bot. The bot and the
//! first state of its package are written in one unit of work.

use std::collections::BTreeMap;

use gateway::Upload;
use kernel::{Actor, Error, FieldErrors, Versioned};
use platform::audit::{Audit, Category};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{PackageError, Packages, archive::Unpacked, install::Wanted, layout, state::State, templates};
use crate::bots::{self, Bot, BotError, NewBot, store::BotRow};

/// A copy of a bot.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NewClone {
    /// What the copy is called; `Copy of …` if absent.
    #[schema(
        min_length = 1,
        max_length = 80,
        pattern = "^[^\\u0000-\\u001f]*[^\\s\\u0000-\\u001f][^\\u0000-\\u001f]*$",
        example = "Table Booking (test)"
    )]
    name: Option<String>,
    /// Its name in addresses; made of the name if absent.
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = "^[a-z0-9]+(-[a-z0-9]+)*$",
        example = "table-booking-test"
    )]
    slug: Option<String>,
}

/// What a new bot begins with.
struct Beginning {
    new: NewBot,
    wanted: Wanted,
    /// Refuse scripts with errors?
    strict: bool,
    action: &'static str,
}

impl Packages {
    /// Makes an empty bot, or one from a template.
    pub(crate) async fn create(&self, who: Actor, new: NewBot) -> Result<Versioned<Bot>, PackageError> {
        let Some(template) = &new.template else {
            return Ok(self.bots.create(who, new).await?);
        };
        let unpacked = match templates::find(template) {
            Some(template) => self.unpacking.template(template).await?,
            None => return Err(Error::invalid("template", "must be one of GET /bots/templates").into()),
        };
        self.begin(who, Beginning { new, wanted: unpacked.into(), strict: true, action: "bot_created" }).await
    }

    /// Makes a bot of a form: its fields, and its package in the part `file`.
    pub(crate) async fn create_from(
        &self,
        who: Actor,
        upload: Upload,
    ) -> Result<Versioned<Bot>, PackageError> {
        let (unpacked, fields) = self.unpacking.form(upload).await?;
        let new = new_bot(fields, &unpacked)?;
        self.begin(who, Beginning { new, wanted: unpacked.into(), strict: true, action: "bot_created" }).await
    }

    /// Makes a bot with the package of another one, as it stands now: files, settings, secrets.
    pub(crate) async fn clone_bot(
        &self,
        who: Actor,
        named: &str,
        copy: NewClone,
    ) -> Result<Versioned<Bot>, PackageError> {
        let (bot, state) = self.bot_and_state(&who, named).await?;
        let shown = bot.shown(who.org);
        let name = copy.name.unwrap_or_else(|| format!("Copy of {}", bot.name).chars().take(80).collect());
        let new = NewBot {
            name,
            slug: copy.slug,
            display_name: bot.display_name.clone(),
            description: bot.description.clone(),
            visibility: Some(shown.visibility),
            template: None,
        };
        let mut wanted = Wanted::default().over(&state);
        let settings =
            layout::settings_of(state.files.keys().map(String::as_str)).first().map(ToString::to_string);
        if let Some(path) = settings {
            wanted.secrets.insert(path, self.unsealed(bot.id, &state)?);
        }
        self.begin(who, Beginning { new, wanted, strict: false, action: "bot_cloned" }).await
    }

    async fn begin(&self, who: Actor, begins: Beginning) -> Result<Versioned<Bot>, PackageError> {
        let Beginning { new, wanted, strict, action } = begins;
        let row = self.bots.row(&new, self.surroundings.now())?;
        let row = BotRow { created_by: Some(who.user), ..row };
        let change = self.prepare(who.org, row.id, &State::default(), wanted).await?;
        let failed: Vec<_> = super::state::reports(&change.state);
        let failed: Vec<_> = failed.into_iter().filter(|report| report.report.is_error()).collect();
        if strict && !failed.is_empty() {
            return Err(PackageError::Compile(failed));
        }
        let (org, limit, this) = (who.org, self.settings.get().bots_per_organization, self.clone());
        let bot = self.in_unit(org, move |unit| {
            let audit = Audit::by(&who, action, Category::DataModification);
            let bot = bots::service::make(unit, row, limit, audit)?;
            this.write_next(unit, &bot, &change, action, Some(who.user))?;
            let made = bots::store::by_id(unit, bot.id)?.ok_or(BotError::NotFound)?;
            Ok::<_, PackageError>(made)
        });
        Ok(bot.await?.made(org))
    }
}

/// The bot of a form's fields; named as the package is if they don't say.
fn new_bot(mut fields: BTreeMap<String, String>, unpacked: &Unpacked) -> Result<NewBot, Error> {
    let mut wrong = FieldErrors::default();
    let name = fields.remove("name").or_else(|| unpacked.name.clone());
    wrong.check(name.is_some(), "name", "is missing, and the package has none");
    let visibility = fields.remove("visibility").and_then(|text| {
        let read = serde_json::from_value(Value::String(text));
        wrong.take("visibility", read.map_err(|_| "must be public, organization, private or admin"))
    });
    let new = NewBot {
        name: name.unwrap_or_default(),
        slug: fields.remove("slug"),
        display_name: fields.remove("display_name"),
        description: fields.remove("description"),
        visibility,
        template: None,
    };
    for field in fields.keys() {
        wrong.add(field, "is no field of a bot");
    }
    wrong.finish()?;
    Ok(new)
}
