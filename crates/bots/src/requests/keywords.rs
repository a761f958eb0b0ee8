//! The commands of requests.

use basic::{Answer, Command, Data, ErrorCode, commands::Target};
use gateway::{
    Module,
    command::{Performed, Run, Unperformed},
};
use http::{HeaderMap, HeaderValue, Method};
use kernel::Error;
use serde_json::json;
use tokio::task::spawn_blocking;

use super::{
    Requests, headers,
    message::{address, body, fields, path},
    soap::{self, Operation},
    xml::Element,
};
use crate::memory::keywords::{given, text};

/// The commands of requests.
pub(super) fn with_commands(mut module: Module, requests: &Requests) -> Module {
    let names_address: fn(&Command) -> bool =
        |command| command.arguments.len() == 1 && matches!(Target::of(&text(command, 0)), Target::Address(_));
    let is_asked: fn(&Command) -> bool = |command| names_path(command) && command.arguments.len() == 1;
    for (phrase, method) in [
        ("POST", Method::POST),
        ("PUT", Method::PUT),
        ("PATCH", Method::PATCH),
        ("WEBHOOK POST", Method::POST),
        ("DELETE HTTP", Method::DELETE),
    ] {
        let requests = requests.clone();
        module = module.command(phrase, move |run, command| {
            let (requests, method) = (requests.clone(), method.clone());
            async move { requests.ask(&run, method, &command, &[], body(&command)?).await }
        });
    }
    let (getting, deleting, querying) = (requests.clone(), requests.clone(), requests.clone());
    let (asking, calling, speaking) = (requests.clone(), requests.clone(), requests.clone());
    module
        .command_where("GET", is_asked, move |run, command| {
            let requests = asking.clone();
            async move { requests.ask(&run, Method::GET, &command, fields(&command, "WITH"), None).await }
        })
        .command_where("CALL", names_path, move |run, command| {
            let requests = calling.clone();
            async move {
                let body = body(&command)?;
                let method = if body.is_some() { Method::POST } else { Method::GET };
                requests.ask(&run, method, &command, &[], body).await
            }
        })
        .command_where("GET", names_address, move |run, command| {
            let requests = getting.clone();
            async move { requests.ask(&run, Method::GET, &command, fields(&command, "WITH"), None).await }
        })
        .command_where("DELETE", names_address, move |run, command| {
            let requests = deleting.clone();
            async move { requests.ask(&run, Method::DELETE, &command, &[], None).await }
        })
        .command("GRAPHQL", move |run, command| {
            let requests = querying.clone();
            async move { requests.query(&run, &command).await }
        })
        .command("SOAP", move |run, command| {
            let requests = speaking.clone();
            async move { requests.soap(&run, &command).await }
        })
        .command("SET HEADER", |run, command| async move {
            headers::set(&run, &text(&command, 0), &given(&command).to_string())?;
            Ok(Answer::Done)
        })
        .command("CLEAR HEADERS", |run, _| async move {
            headers::clear(&run);
            Ok(Answer::Done)
        })
}

/// Does the command name a path of this server's own API?
fn names_path(command: &Command) -> bool {
    matches!(Target::of(&text(command, 0)), Target::Path(_))
}

impl Requests {
    async fn ask(
        &self,
        run: &Run,
        method: Method,
        command: &Command,
        parameters: &[(String, Data)],
        body: Option<Data>,
    ) -> Performed {
        let named = text(command, 0);
        let response = if let Target::Path(named) = Target::of(&named) {
            self.ask_own(run, method, path(named, parameters)?, body.as_ref()).await?
        } else {
            let url = address(&named, parameters)?;
            self.send(run, method, url, body.as_ref()).await?
        };
        Ok(Answer::Value(Data::Response(Box::new(response))))
    }

    /// A GraphQL request: what it asked for, with the status of the answer.
    async fn query(&self, run: &Run, command: &Command) -> Performed {
        let url = address(&text(command, 0), &[])?;
        let variables = match fields(command, "WITH") {
            [] => command.arguments.get(2).cloned().unwrap_or_default(),
            named => Data::Object(named.to_vec()),
        };
        let asked = json!({ "query": text(command, 1), "variables": variables.to_json() });
        let response = self.send(run, Method::POST, url, Some(&Data::from_json(asked))).await?;
        let part = |name: &str| response.body.get(name).cloned();
        let mut envelope = vec![
            ("status".to_owned(), Data::Integer(response.status.into())),
            ("data".to_owned(), part("data").unwrap_or_default()),
        ];
        envelope.extend(part("errors").map(|errors| ("errors".to_owned(), errors)));
        Ok(Answer::Value(Data::Object(envelope)))
    }

    /// Asks for an operation of a SOAP service: what its answer holds, with its status and its text.
    async fn soap(&self, run: &Run, command: &Command) -> Performed {
        let refused = |why: &dyn std::fmt::Display| Unperformed::argument(why.to_string());
        let described_at = address(&text(command, 0), &[])?;
        let described = self.send(run, Method::GET, described_at.clone(), None).await?;
        if described.status >= 400 {
            let message = format!("the description of the service has the status {}", described.status);
            return Err(Unperformed::failed(ErrorCode::Http, message));
        }
        let (name, parameters) = (text(command, 1), command.arguments.get(2).cloned().unwrap_or_default());
        let read = spawn_blocking(move || {
            let description = Element::read(&described.body.to_string()).map_err(|why| {
                refused(&format_args!("the description of the service can't be read: {why}"))
            })?;
            let operation = Operation::of(&description, &name).map_err(|why| refused(&why))?;
            let envelope = operation.envelope(&parameters).map_err(|why| refused(&why))?;
            Ok::<_, Unperformed>((operation, envelope))
        });
        let (operation, envelope) = read.await.map_err(Error::internal)??;
        let mut own = HeaderMap::new();
        for (name, value) in operation.headers() {
            let value =
                HeaderValue::try_from(value).map_err(|_| refused(&"the action is no text of one line"))?;
            own.insert(name, value);
        }
        let asked = address(&operation.address, &[])?;
        let is_named = asked.origin() == described_at.origin();
        // What the script has set is not for a server that it didn't name.
        let set = if is_named { headers::of(run) } else { HeaderMap::new() };
        let envelope = Data::Text(envelope);
        let answer = self.send_with(run, set, own, Method::POST, asked, Some(&envelope)).await?;
        let envelope = spawn_blocking(move || {
            let raw = answer.body.to_string();
            let mut data = soap::answered(&raw).unwrap_or_default();
            data.retain(|(name, _)| name != "raw");
            data.push(("raw".to_owned(), Data::Text(raw)));
            vec![
                ("status".to_owned(), Data::Integer(answer.status.into())),
                ("data".to_owned(), Data::Object(data)),
            ]
        });
        Ok(Answer::Value(Data::Object(envelope.await.map_err(Error::internal)?)))
    }
}
