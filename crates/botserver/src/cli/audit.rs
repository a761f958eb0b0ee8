//! `botserver audit`.

use std::process::ExitCode;

use clap::Subcommand;
use identity::audit::Audits;
use kernel::{Id, Surroundings, id::kind::Organization};
use platform::audit::{Check, Link};

use super::say;
use crate::{
    Config,
    server::{House, OpenLog},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check that no entry of the audit log was changed, removed or added since it was sealed
    Verify {
        /// Only the log of that organization: its id or slug
        #[arg(long, value_name = "ORGANIZATION")]
        organization: Option<String>,
        /// The log has to go through this place, which an earlier check has told (NUMBER:HASH)
        #[arg(long, value_name = "PLACE", requires = "organization")]
        expect: Option<Link>,
    },
}

pub(super) async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    let open = House::audit_log(&config, Surroundings::system()).await?;
    let Command::Verify { organization, expect } = command;
    let done = verify(&open, organization, expect).await;
    open.db.close().await;
    done
}

async fn verify(
    open: &OpenLog,
    organization: Option<String>,
    expect: Option<Link>,
) -> anyhow::Result<ExitCode> {
    let mut all_hold = true;
    if let Some(named) = organization {
        let org = Audits::organization(&open.db, &named).await?;
        let org = org.ok_or_else(|| anyhow::anyhow!("there is no organization {named}"))?;
        all_hold = tell(org, &open.log.check(org, expect).await?, expect);
    } else {
        let mut after = None;
        while let Some(org) = open.log.next_organization(after).await? {
            all_hold &= tell(org, &open.log.check(org, None).await?, None);
            after = Some(org);
        }
    }
    Ok(if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says what a check found; tells whether the log holds.
fn tell(org: Id<Organization>, check: &Check, expect: Option<Link>) -> bool {
    match (&check.flaw, &check.last) {
        (Some(flaw), _) => say(&format!("{org}: the audit log was tampered with: {flaw}.")),
        (None, _) if expect.is_some() && !check.met => {
            say(&format!("{org}: the place that is expected was removed by retention."));
            return false;
        }
        (None, None) => say(&format!("{org}: nothing is sealed yet.")),
        (None, Some(last)) => {
            say(&format!("{org}: {} entries hold. The last is {last}", check.entries));
        }
    }
    check.flaw.is_none()
}
