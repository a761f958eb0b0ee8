//! Calling a script from outside.

use std::net::IpAddr;

use basic::Data;
use bytes::Bytes;
use gateway::Verbatim;
use http::{HeaderMap, Method, Uri, header};
use kernel::{
    Error, Id, Kind, Surroundings,
    id::kind::{Bot, Organization},
    text,
};
use platform::{db::Db, secrets::Secrets};
use serde::Serialize;
use url::form_urlencoded;
use utoipa::ToSchema;

use super::{answer, credentials, declared, store};
use crate::{
    bots::{self, store::BotRow},
    conversations::{
        Conversations,
        once::{Once, Runner},
    },
    packages::state::State,
    scripts::programs::Programs,
    webhooks::signing::SigningSecret,
};

/// Who may call the hooks of a bot: the setting, and its value for everybody.
const AUTH: (&str, &str) = ("webhook-auth", "none");
/// Headers that are the hook's own business and no script's.
const HIDDEN: &[header::HeaderName] = &[header::AUTHORIZATION, header::COOKIE];

/// The service of hooks. A cheap handle.
#[derive(Clone)]
pub(crate) struct Hooks {
    db: Db,
    secrets: Secrets,
    surroundings: Surroundings,
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
    #[schema(example = "/api/v1/bots/table-booking/hooks/orders")]
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
    pub(crate) fn new(
        db: Db,
        secrets: Secrets,
        surroundings: Surroundings,
        programs: Programs,
        conversations: Conversations,
    ) -> Self {
        Self { db, secrets, surroundings, programs, conversations }
    }

    /// Runs the script of a hook as the bot, and answers with what it gives back.
    pub(super) async fn call(&self, call: Call) -> Result<Verbatim, Error> {
        let named = call.bot.clone();
        let found = self.db.read_server(move |tx| bots::store::anywhere(tx, &named)).await?;
        let (org, bot) = found.ok_or_else(not_found)?;
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
        self.check(&bot, &key, &sealed, &call)?;
        let hook = self.programs.hook(org, bot.id, bot.version, &key).await?.ok_or_else(not_found)?;
        if call.method == Method::GET && !hook.takes_get {
            return Err(not_found());
        }
        self.run(org, &bot, &hook.script, &call).await
    }

    /// Is whoever calls somebody who knows the secret, or is it open to all?
    fn check(&self, bot: &BotRow, key: &str, sealed: &[u8], call: &Call) -> Result<(), Error> {
        if is_open(bot)? {
            return Ok(());
        }
        let secret = self.unsealed(bot.id, key, sealed)?;
        if credentials::are_good(&secret, &call.headers, &call.body, self.surroundings.now()) {
            return Ok(());
        }
        tracing::info!(bot = %bot.id, hook = key, address = %call.address, "a hook was called without its secret");
        Err(Error::unauthorized(
            "The hook wants its secret, or a body signed with it.",
            "credentials_invalid",
        ))
    }

    fn unsealed(&self, bot: Id<Bot>, key: &str, sealed: &[u8]) -> Result<SigningSecret, Error> {
        Ok(SigningSecret::from_bytes(self.secrets.unseal(&declared::context(bot, key), sealed)?))
    }

    async fn run(
        &self,
        org: Id<Organization>,
        bot: &BotRow,
        script: &str,
        call: &Call,
    ) -> Result<Verbatim, Error> {
        let program = self.conversations.script_of(org, bot, script).await.map_err(|_| not_found())?;
        let once = Once { program: program.hash().0, inputs: inputs(call), conversation: None, after: None };
        let ran = self.conversations.run_once(&Runner::bot(org, bot.id), bot.id, once).await?;
        match ran.failure {
            None => Ok(answer::of(&ran.result, ran.results)),
            // Why is for its author, in the log.
            Some(_) => Err(Error::new(Kind::Validation, "The script failed.").reason("script_failed")),
        }
    }

    /// The hooks that a script of the bot declares, for its author.
    pub(crate) async fn of_script(
        &self,
        org: Id<Organization>,
        bot: &BotRow,
        state: &State,
        script: &str,
    ) -> Result<Vec<Hook>, Error> {
        let declared: Vec<_> =
            declared::declared(state).into_iter().filter(|(_, hook)| hook.script == script).collect();
        let open = is_open(bot)?;
        let mut hooks = Vec::new();
        for (key, hook) in declared {
            let (id, wanted) = (bot.id, key.clone());
            let sealed = self.db.read(org, move |tx| store::secret(tx, id, &wanted)).await?;
            let secret = sealed
                .filter(|_| !open)
                .map(|sealed| Ok::<_, Error>(self.unsealed(bot.id, &key, &sealed)?.text()));
            hooks.push(Hook {
                path: format!("/api/v1/bots/{}/hooks/{}", bot.slug, gateway::in_path(&hook.name)),
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
    let headers = call.headers.keys().filter(|name| !HIDDEN.contains(name)).map(|name| {
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
    let mut fields: Vec<(String, Data)> = Vec::new();
    for (name, value) in form_urlencoded::parse(form) {
        let value = Data::Text(value.replace('\0', "\u{fffd}"));
        match fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, Data::Array(values))) => values.push(value),
            Some((_, known)) => *known = Data::Array(vec![std::mem::take(known), value]),
            None => fields.push((name.into_owned(), value)),
        }
    }
    Data::Object(fields)
}

fn body(call: &Call) -> Data {
    let kind = call.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let text = || String::from_utf8_lossy(&call.body).replace('\0', "\u{fffd}");
    match kind.as_deref() {
        _ if call.body.is_empty() => Data::Null,
        Some("application/x-www-form-urlencoded") => fields(&call.body),
        _ => serde_json::from_slice(&call.body).unwrap_or_else(|_| Data::Text(text())),
    }
}
