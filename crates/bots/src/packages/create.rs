//! Bots that are made with a package: from a template, from one that is sent, as a copy of another bot. The bot and the
//! first state of its package are written in one unit of work.

use std::collections::BTreeMap;

use gateway::Upload;
use kernel::{
    Actor, Error, FieldErrors, Id, Versioned,
    id::{BotId, kind::Organization},
};
use platform::{
    audit::{Audit, Category},
    db::Unit,
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    FileReport, PackageError, Packages,
    archive::Unpacked,
    install::{Change, Wanted},
    layout,
    state::{State, refuse_errors, reports},
    templates,
};
use crate::bots::{self, Bot, NewBot, store::BotRow};

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
pub(super) struct Beginning {
    pub(super) row: BotRow,
    pub(super) wanted: Wanted,
    /// Refuse scripts with errors?
    pub(super) strict: bool,
    pub(super) audit: Audit,
    /// The bot that it is a copy of, and who copies it.
    pub(super) original: Option<(Actor, BotId)>,
}

/// A new bot, and what is to be said of its package.
pub(super) struct Begun {
    pub(super) bot: BotRow,
    pub(super) diagnostics: Vec<FileReport>,
    pub(super) warnings: Vec<String>,
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
        self.made_of(who, &new, unpacked).await
    }

    /// Makes a bot of a form: its fields, and its package in the part `file`.
    pub(crate) async fn create_from(
        &self,
        who: Actor,
        upload: Upload,
    ) -> Result<Versioned<Bot>, PackageError> {
        // What scripts there are is for somebody who is there to say.
        who.require_in_person()?;
        let (unpacked, fields) = self.unpacking.form(upload).await?;
        let new = new_bot(fields, &unpacked)?;
        self.made_of(who, &new, unpacked).await
    }

    /// Makes a bot with the package of another one, as it stands now: files, settings, secrets. It is for the same people.
    pub(crate) async fn clone_bot(
        &self,
        who: Actor,
        named: &str,
        copy: NewClone,
    ) -> Result<Versioned<Bot>, PackageError> {
        let (bot, state) = self.bot_and_state(&who, named).await?;
        let name = copy.name.unwrap_or_else(|| format!("Copy of {}", bot.name).chars().take(80).collect());
        let new = NewBot {
            name,
            slug: copy.slug,
            display_name: bot.display_name.clone(),
            description: bot.description.clone(),
            visibility: None,
            template: None,
        };
        let mut wanted = Wanted::default().over(&state);
        let settings =
            layout::settings_of(state.files.keys().map(String::as_str)).first().map(ToString::to_string);
        if let Some(path) = settings {
            wanted.secrets.insert(path, self.unsealed(bot.id, &state)?);
        }
        let (row, org) = (self.row_by(&who, &new)?, who.org);
        let audit = Audit::by(&who, "bot_cloned", Category::DataModification);
        let begins = Beginning { row, wanted, strict: false, audit, original: Some((who, bot.id)) };
        Ok(self.begin(org, begins).await?.bot.made(org))
    }

    async fn made_of(
        &self,
        who: Actor,
        new: &NewBot,
        unpacked: Unpacked,
    ) -> Result<Versioned<Bot>, PackageError> {
        let row = self.row_by(&who, new)?;
        let audit = Audit::by(&who, "bot_created", Category::DataModification);
        let begins = Beginning { row, wanted: unpacked.into(), strict: true, audit, original: None };
        Ok(self.begin(who.org, begins).await?.bot.made(who.org))
    }

    fn row_by(&self, who: &Actor, new: &NewBot) -> Result<BotRow, Error> {
        let row = self.bots.row(new, self.surroundings.now())?;
        Ok(BotRow { created_by: Some(who.user), ..row })
    }

    /// Makes a bot with its package, or nothing.
    pub(super) async fn begin(
        &self,
        org: Id<Organization>,
        begins: Beginning,
    ) -> Result<Begun, PackageError> {
        let Beginning { row, wanted, strict, audit, original } = begins;
        let change = self.prepare(org, row.id, &State::default(), wanted).await?;
        let diagnostics = reports(&change.state);
        let warnings = change.warnings.clone();
        refuse_errors(strict, &diagnostics)?;
        let this = self.clone();
        let made = self.in_unit(org, move |unit| match original {
            Some((who, original)) => this.copy(unit, &who, original, row, &change, audit),
            None => this.make(unit, row, &change, audit),
        });
        Ok(Begun { bot: made.await?, diagnostics, warnings })
    }

    /// Writes a copy, which is for the same people as its original is by now.
    fn copy(
        &self,
        unit: &Unit<'_>,
        who: &Actor,
        original: BotId,
        row: BotRow,
        change: &Change,
        audit: Audit,
    ) -> Result<BotRow, PackageError> {
        unit.lock(bots::service::BOTS).map_err(Error::from)?;
        let now = self.surroundings.now();
        let original = bots::service::for_change(unit, who, &original.to_string(), now)?;
        let row = BotRow {
            visibility: original.visibility,
            is_listed: original.is_listed,
            anonymous_allowed: original.anonymous_allowed,
            max_sessions: original.max_sessions,
            ..row
        };
        bots::access::copy(unit, original.id, row.id).map_err(Error::from)?;
        self.make(unit, row, change, audit)
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
