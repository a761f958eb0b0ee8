//! `SET SCHEDULE` where a script comes to it: it plans a script of the package.

use basic::{Answer, Command, Data, ErrorCode};
use gateway::{
    Module,
    command::{Draft, NotWritten, Performed, Run, Unperformed},
};
use kernel::{Id, Timestamp, id::kind::Bot};
use platform::{
    db::{Json, Unit},
    objects::ObjectHash,
};
use serde_json::json;

use super::{
    Schedules, declared,
    declared::put_up,
    store::{self, Put},
    when::{Moment, When},
};
use crate::{bots, conversations::script_name};

/// Bytes of the arguments of a planned script, as JSON.
const ARGUMENTS: usize = 64 << 10;

/// What a turn plans.
#[derive(Debug, Default)]
struct Plans {
    bot: Option<Id<Bot>>,
    most: usize,
    planned: Vec<Planned>,
}

#[derive(Debug)]
struct Planned {
    when: When,
    script: String,
    /// The same for the same arguments.
    plan: String,
    arguments: Json,
}

/// The command that plans.
pub(super) fn with_commands(module: Module, schedules: &Schedules) -> Module {
    let schedules = schedules.clone();
    module.command("SET SCHEDULE", move |run, command| {
        let schedules = schedules.clone();
        async move { schedules.plan(&run, &command).await }
    })
}

impl Schedules {
    async fn plan(&self, run: &Run, command: &Command) -> Performed {
        let mut given = command.arguments.iter();
        let when = given.next().ok_or_else(|| Unperformed::argument("when the script runs is missing"))?;
        let mut when = When::read(when).map_err(Unperformed::argument)?;
        let mut named = given.next();
        // A date between the schedule and the script is the day on which the plan begins.
        if let (When::Again { from, .. }, Some(day)) = (&mut when, named)
            && let Some(day) = Moment::read(day)
        {
            *from = Some(day);
            named = given.next();
        }
        let Some(named) = named.map(ToString::to_string) else {
            return Err(Unperformed::argument(
                "SET SCHEDULE without a script stands at the top of the script that is to run",
            ));
        };
        let script = script_name(&named);
        if !self.has_script(run, &script).await? {
            let message = format!("the package has no script {script} that can run");
            return Err(Unperformed::failed(ErrorCode::NotFound, message));
        }
        let given: Vec<_> = given.map(Data::to_json).collect();
        let plan = format!("planned {}", ObjectHash::of(json!(given).to_string().as_bytes()));
        let arguments = Json::of(&given);
        if arguments.size() > ARGUMENTS {
            return Err(Unperformed::argument(format!(
                "the arguments of a plan have at most {ARGUMENTS} bytes"
            )));
        }
        let most = self.settings.get().schedules_per_bot;
        run.drafts.with(|plans: &mut Plans| {
            (plans.bot, plans.most) = (Some(run.bot), most);
            plans.planned.push(Planned { when, script, plan, arguments });
        });
        Ok(Answer::Done)
    }
}

impl Draft for Plans {
    fn write(&self, unit: &Unit<'_>, at: Timestamp) -> Result<(), NotWritten> {
        let Some(bot) = self.bot else { return Ok(()) };
        let Some(row) = bots::store::by_id(unit, bot)? else { return Ok(()) };
        let settings = row.config.read().unwrap_or_default();
        let zone = declared::zone(&settings);
        for Planned { when, script, plan, arguments } in &self.planned {
            let next = when.first_after(at, zone).map_err(|error| NotWritten::Refused(error.to_string()))?;
            let Some(next) = next else {
                return Err(NotWritten::Refused(format!("the schedule of {script} never comes")));
            };
            let cron = match when {
                When::Again { cron, .. } => Some(cron.as_str()),
                When::Once(_) => None,
            };
            let put = Put { bot, script, plan, arguments, cron, timezone: zone, declared: false, next };
            let is_new = put_up(unit, &put, at)?;
            if is_new && store::has_more_than(unit, bot, self.most)? {
                return Err(NotWritten::Refused(format!("a bot has at most {} schedules", self.most)));
            }
        }
        Ok(())
    }
}
