//! Earlier states of a package, and the way back to one.

use chrono::{DateTime, Utc};
use kernel::{
    Actor, Versioned,
    id::UserId,
    list::{Cursor, ListRequest, ListSpec, Listed, Page, SortField, SortValue},
};
use platform::audit::{Audit, Category};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Installation, PackageError, Packages,
    install::Wanted,
    state::{State, difference, reports},
    store,
};
use crate::bots::{Bot, PackageSummary};

/// The list of versions.
pub(super) enum VersionList {}

impl Listed for VersionList {
    const SPEC: ListSpec = ListSpec { sorts: &[SortField::desc("version")], filters: &[], search: None };
}

/// A state of a package.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Version {
    /// Its number; each change of the package has the next one.
    #[serde(rename = "version")]
    number: u64,
    /// Is it the present one?
    current: bool,
    /// What made it, such as `bot_package_installed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "bot_package_installed")]
    action: Option<String>,
    /// What it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<PackageSummary>,
    /// Who made it; none if the server's operator did.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<UserId>,
    /// When.
    created_at: DateTime<Utc>,
}

impl Packages {
    /// The states that are kept, newest first: so few that the page is cut from all of them.
    pub(super) async fn versions(
        &self,
        who: &Actor,
        named: &str,
        request: ListRequest,
    ) -> Result<Page<Version>, PackageError> {
        let bot = self.bot(who, named).await?;
        let (id, current) = (bot.id, bot.version);
        let heads = self.db.read(who.org, move |tx| store::versions(tx, id)).await?;
        let shown = |head: store::VersionHead| {
            let version = Version {
                number: head.number.unsigned_abs(),
                current: head.number == current,
                action: head.action,
                package: head.summary.and_then(|summary| summary.read().ok()),
                created_by: head.created_by,
                created_at: head.created_at,
            };
            (Cursor { value: SortValue::Integer(head.number), id: [0; 16], skip: 0 }, version)
        };
        Ok(request.cut(heads.into_iter().map(shown).collect()))
    }

    /// Reads and compiles the package anew, as a state of its own.
    pub(crate) async fn restart(&self, who: &Actor, named: &str) -> Result<Versioned<Bot>, PackageError> {
        let (bot, state) = self.bot_and_state(who, named).await?;
        let change = self.prepare(who.org, bot.id, &state, Wanted::default().over(&state)).await?;
        let audit = Audit::by(who, "bot_restarted", Category::DataModification);
        self.write(who.org, &bot, change, Some(who.user), audit).await?;
        Ok(self.bots.get(who.clone(), named.to_owned()).await?)
    }

    /// Goes back to an earlier state, which becomes the next one. Its scripts are compiled anew.
    pub(super) async fn restore(
        &self,
        who: &Actor,
        named: &str,
        version: i64,
    ) -> Result<Installation, PackageError> {
        let (bot, present) = self.bot_and_state(who, named).await?;
        let id = bot.id;
        let row = self.db.read(who.org, move |tx| store::version(tx, id, version)).await?;
        let earlier = State::read(&row.ok_or(PackageError::VersionNotFound)?)?;
        let change = self.prepare(who.org, bot.id, &earlier, Wanted::default().over(&earlier)).await?;
        let installed = difference(&present, &change.state);
        let (diagnostics, warnings) = (reports(&change.state), change.warnings.clone());
        let audit =
            Audit::by(who, "bot_version_restored", Category::DataModification).detail("from", version);
        let version = self.write(who.org, &bot, change, Some(who.user), audit).await?;
        Ok(Installation { installed, diagnostics, warnings, version })
    }
}
