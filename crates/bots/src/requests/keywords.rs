//! The commands of requests.

use basic::{Answer, Command, Data, commands::Target};
use gateway::{
    Module,
    command::{Performed, Run},
};
use http::Method;
use serde_json::json;

use super::{
    Requests, headers,
    message::{address, body, fields, path},
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
    let (asking, calling) = (requests.clone(), requests.clone());
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
        let response = match Target::of(&named) {
            Target::Path(named) => self.ask_own(run, method, path(named, parameters)?, body.as_ref()).await?,
            _ => self.send(run, method, address(&named, parameters)?, body.as_ref()).await?,
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
}
