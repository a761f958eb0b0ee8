//! Calling a script from outside.

use std::{collections::HashMap, net::IpAddr, sync::Arc, time::Duration};

use basic::Data;
use bytes::Bytes;
use gateway::{Verbatim, command::NotWritten};
use http::{HeaderMap, Method, Uri};
use kernel::{
    Actor, Error, Id, Kind, Surroundings,
    id::kind::{Bot, Organization},
    text,
};
use platform::{
    counters::{CounterKey, Counters},
    db::{Db, Unit},
    secrets::Secrets,
    settings::Live,
};
use serde::Serialize;
use url::form_urlencoded;
use utoipa::ToSchema;

use super::{
    answer,
    credentials::{self, Known},
    declared, store,
};
use crate::{
    Parts, Settings,
    bots::{self, store::BotRow},
    conversations::{
        Conversations,
        once::{After, Once, Runner},
    },
    packages::state::State,
    scripts::programs::Programs,
    webhooks::signing::SigningSecret,
};

/// Who may call the hooks of a bot: the setting, and its value for everybody.
const AUTH: (&str, &str) = ("webhook-auth", "none");
/// Headers that are the hook's own business and no script's.
const HIDDEN: &[&str] = &["authorization", "cookie", "webhook-signature", "x-hub-signature-256"];
/// Bytes of a body that are read where the request came from; what has more is read aside.
const SMALL: usize = 64 << 10;
const MINUTE: Duration = Duration::from_mins(1);

/// The service of hooks. A cheap handle.
#[derive(Clone)]
pub(crate) struct Hooks {
    db: Db,
    secrets: Secrets,
    surroundings: Surroundings,
    counters: Counters,
    settings: Live<Settings>,
    programs: Programs,
    conversations: Conversations,
}

/// A hook as authors see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Hook {
    /// Its name.
    #[schema(example = "orders")]
    name: String,
    /// Where it is called.
    #[schema(example = "/api/v1/bots/bot_01jxk6qv9ve7m8g3t5s0c4d2ba/hooks/orders")]
    path: String,
    /// With what.
    #[schema(value_type = Vec<String>, example = json!(["POST"]))]
    methods: Vec<&'static str>,
    /// The bearer token, and what signs; absent where everybody may call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: Option<String>,
}

/// A call that has come.
pub(super) struct Call {
    pub(super) bot: String,
    pub(super) name: String,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) address: IpAddr,
}

fn not_found() -> Error {
    Error::new(Kind::NotFound, "There is no such hook.")
}

impl Hooks {
    /// The service over the given adapters, and over what runs scripts.
    pub(crate) fn new(parts: Parts, programs: Programs, conversations: Conversations) -> Self {
        let Parts { db, secrets, surroundings, counters, settings, .. } = parts;
        Self { db, secrets, surroundings, counters, settings, programs, conversations }
    }

    /// Runs the script of a hook as the bot, and answers with what it gives back.
    pub(super) async fn call(&self, call: Call) -> Result<Verbatim, Error> {
        let named = call.bot.clone();
        let found = self.db.read_server(move |tx| bots::store::anywhere(tx, &named)).await?;
        let (org, bot) = found.ok_or_else(not_found)?;
        self.count(bot, call.address).await?;
        let key = text::key(&call.name);
        let read = self.db.read(org, {
            let key = key.clone();
            move |tx| {
                let Some(secret) = store::secret(tx, bot, &key)? else { return Ok(None) };
                let bot = bots::store::by_id(tx, bot)?;
                Ok::<_, platform::db::DbError>(bot.map(|bot| (bot, secret)))
            }
        });
        let (bot, sealed) = read.await?.ok_or_else(not_found)?;
        let message = self.check(&bot, &key, &sealed, &call)?;
        let hook = self.programs.hook(org, bot.id, bot.version, &key).await?.ok_or_else(not_found)?;
        if call.method == Method::GET && !hook.takes_get {
            return Err(not_found());
        }
        if let Some(message) = &message {
            let (id, key, message) = (bot.id, key.clone(), message.clone());
            let taken = self.db.read(org, move |tx| store::is_taken(tx, id, &key, &message)).await?;
            if taken {
                // Sent again, because its sender did not hear that it was taken.
                return Ok(answer::of(&Data::Null, Vec::new()));
            }
        }
        let after = message.map(|message| self.taking(bot.id, key, message));
        self.run(org, &bot, &hook.script, call, after).await
    }

    /// How often an address may call the hooks of one bot.
    async fn count(&self, bot: Id<Bot>, address: IpAddr) -> Result<(), Error> {
        let (most, now) = (self.settings.get().hook_calls_per_minute, self.surroundings.now());
        if most == 0 {
            return Ok(());
        }
        let counted = self.counters.hit(CounterKey::address_at("hooks", address, bot), MINUTE, now).await;
        if counted.count <= u64::from(most) {
            return Ok(());
        }
        let seconds = (counted.resets_at - now).num_seconds().max(1);
        let message = "The hooks of this bot are called too often. Try again later.";
        Err(Error::new(Kind::RateLimited, message).detail("retry_after", seconds))
    }

    /// Is whoever calls somebody who knows the secret, or is it open to all? Gives the name of the message, if it is
    /// signed under one.
    fn check(&self, bot: &BotRow, key: &str, sealed: &[u8], call: &Call) -> Result<Option<String>, Error> {
        if is_open(bot)? {
            return Ok(None);
        }
        let secret = self.unsealed(bot.id, key, sealed)?;
        // No signature covers what a GET says.
        let known = match call.method {
            Method::GET => credentials::shown(&secret, &call.headers),
            _ => credentials::known(&secret, &call.headers, &call.body, self.surroundings.now()),
        };
        match known {
            Some(Known::Message(message)) => return Ok(Some(message)),
            Some(Known::Secret) => return Ok(None),
            None => {}
        }
        tracing::info!(bot = %bot.id, hook = key, address = %call.address, "a hook was called without its secret");
        Err(Error::unauthorized(
            "The hook wants its secret, or a body signed with it.",
            "credentials_invalid",
        ))
    }

    /// A signed message is taken once: it stands as taken with what the script did, as long as its signature holds.
    fn taking(&self, bot: Id<Bot>, key: String, message: String) -> After {
        let surroundings = self.surroundings.clone();
        Arc::new(move |unit: &Unit<'_>, failure: Option<&str>| {
            let now = surroundings.now();
            let forgotten = now - credentials::TOLERANCE * 4;
            let is_new = failure.is_some() || store::take(unit, (bot, &key), &message, now, forgotten)?;
            if is_new { Ok(()) } else { Err(NotWritten::Interrupted) }
        })
    }

    fn unsealed(&self, bot: Id<Bot>, key: &str, sealed: &[u8]) -> Result<SigningSecret, Error> {
        Ok(SigningSecret::from_bytes(self.secrets.unseal(&declared::context(bot, key), sealed)?))
    }

    async fn run(
        &self,
        org: Id<Organization>,
        bot: &BotRow,
        script: &str,
        call: Call,
        after: Option<After>,
    ) -> Result<Verbatim, Error> {
        let program = self.conversations.script_of(org, bot, script).await?.ok_or_else(not_found)?;
        let inputs = if call.body.len() <= SMALL {
            inputs(&call)
        } else {
            tokio::task::spawn_blocking(move || inputs(&call)).await.map_err(Error::internal)?
        };
        let once = Once { program: program.hash().0, inputs, conversation: None, after, name: None };
        let ran = self.conversations.run_once(&Runner::bot(org, bot.id), bot.id, once).await?.in_time()?;
        match ran.failure {
            None => Ok(answer::of(&ran.result, ran.results)),
            // Why is for its author, in the log.
            Some(_) => Err(Error::new(Kind::Validation, "The script failed.").reason("script_failed")),
        }
    }

    /// The hooks that a script of the bot declares, for its author. A script that asks for them on the author's behalf
    /// isn't told the secrets: it could send them anywhere.
    pub(crate) async fn of_script(
        &self,
        who: &Actor,
        bot: &BotRow,
        state: &State,
        script: &str,
    ) -> Result<Vec<Hook>, Error> {
        let declared: Vec<_> =
            declared::declared(state).into_iter().filter(|(_, hook)| hook.script == script).collect();
        let hidden = is_open(bot)? || who.origin.is_script();
        let mut hooks = Vec::new();
        for (key, hook) in declared {
            let (id, wanted) = (bot.id, key.clone());
            let sealed = self.db.read(who.org, move |tx| store::secret(tx, id, &wanted)).await?;
            let secret = sealed
                .filter(|_| !hidden)
                .map(|sealed| Ok::<_, Error>(self.unsealed(bot.id, &key, &sealed)?.text()));
            hooks.push(Hook {
                // A slug may be another bot's one day.
                path: format!("/api/v1/bots/{}/hooks/{}", bot.id, gateway::in_path(&hook.name)),
                methods: if hook.takes_get { vec!["GET", "POST"] } else { vec!["POST"] },
                name: hook.name,
                secret: secret.transpose()?,
            });
        }
        Ok(hooks)
    }
}

fn is_open(bot: &BotRow) -> Result<bool, Error> {
    let settings: std::collections::BTreeMap<String, String> = bot.config.read()?;
    Ok(settings.get(AUTH.0).is_some_and(|value| value.trim() == AUTH.1))
}

/// What the script finds: the call, and nothing that would let it be made again.
fn inputs(call: &Call) -> Vec<(String, Data)> {
    let query = call.uri.query().unwrap_or_default();
    let headers = call.headers.keys().filter(|name| !HIDDEN.contains(&name.as_str())).map(|name| {
        let values = call.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        (name.to_string(), Data::Text(values.collect::<Vec<_>>().join(", ")))
    });
    vec![
        ("params".to_owned(), fields(query.as_bytes())),
        ("body".to_owned(), body(call)),
        ("headers".to_owned(), Data::Object(headers.collect())),
        ("method".to_owned(), Data::Text(call.method.to_string())),
        ("path".to_owned(), Data::Text(call.uri.path().to_owned())),
    ]
}

/// A form as an object. A name that comes twice is an array.
fn fields(form: &[u8]) -> Data {
    let (mut fields, mut places): (Vec<(String, Data)>, HashMap<String, usize>) = Default::default();
    for (name, value) in form_urlencoded::parse(form) {
        let value = Data::Text(value.replace('\0', "\u{fffd}"));
        let place = *places.entry(name.to_string()).or_insert(fields.len());
        match fields.get_mut(place) {
            Some((_, Data::Array(values))) => values.push(value),
            Some((_, known)) => *known = Data::Array(vec![std::mem::take(known), value]),
            None => fields.push((name.into_owned(), value)),
        }
    }
    Data::Object(fields)
}

fn body(call: &Call) -> Data {
    let text = || String::from_utf8_lossy(&call.body).replace('\0', "\u{fffd}");
    match gateway::media_type(&call.headers).as_deref() {
        _ if call.body.is_empty() => Data::Null,
        Some("application/x-www-form-urlencoded") => fields(&call.body),
        _ => serde_json::from_slice(&call.body).unwrap_or_else(|_| Data::Text(text())),
    }
}
