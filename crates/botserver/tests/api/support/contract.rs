//! The operations of the served contract, called as somebody would who has read nothing else.

use std::{collections::BTreeSet, sync::Arc};

use http::Method;
use reqwest::RequestBuilder;

use super::{App, Client, Value, package};

/// An operation of the served document.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    /// Its `operationId`.
    pub(crate) id: String,
    pub(crate) method: Method,
    /// With its parameters in braces.
    pub(crate) path: String,
    place: String,
    document: Arc<Value>,
}

impl Operation {
    /// All of them, in the document's order.
    pub(crate) async fn all(app: &App) -> Vec<Self> {
        let document = Client::send(app.anonymous().at(Method::GET, "/api/openapi.json")).await;
        let document = Arc::new(document.assert_ok().json());
        let mut found = Vec::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let place = format!("/paths/{}/{method}", path.replace('~', "~0").replace('/', "~1"));
                found.push(Self {
                    id: operation["operationId"].as_str().expect("an id").to_owned(),
                    method: method.to_uppercase().parse().expect("a method"),
                    path: path.clone(),
                    place,
                    document: Arc::clone(&document),
                });
            }
        }
        assert!(found.len() > 40, "{} operations", found.len());
        found
    }

    fn told(&self) -> &Value {
        self.document.pointer(&self.place).expect("an operation")
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.told()[name].as_str()
    }

    fn parameters(&self) -> impl Iterator<Item = &Value> {
        self.told()["parameters"].as_array().into_iter().flatten()
    }

    /// Who may call it: `public`, `anonymous`, `authenticated`, or a permission.
    pub(crate) fn access(&self) -> &str {
        self.text("x-access").expect("an access")
    }

    /// The permission that it needs, if it needs one.
    pub(crate) fn permission(&self) -> Option<&str> {
        Some(self.access()).filter(|access| access.contains(':'))
    }

    pub(crate) fn takes_visitors(&self) -> bool {
        self.told()["x-visitors"] == true || matches!(self.access(), "public" | "anonymous")
    }

    pub(crate) fn takes_keys(&self) -> bool {
        self.told()["x-api-keys"] != false
    }

    /// Does it take callers whose credentials are good for that alone?
    pub(crate) fn takes_during(&self, confinement: &str) -> bool {
        self.told()["x-during"].as_array().into_iter().flatten().any(|during| during == confinement)
    }

    /// The parameter of the path that may name the caller, where that says who may call.
    pub(crate) fn own_parameter(&self) -> Option<&str> {
        self.text("x-own-parameter")
    }

    /// The parameters of the path, each with its example.
    pub(crate) fn path_parameters(&self) -> Vec<(&str, &str)> {
        let in_path = self.parameters().filter(|parameter| parameter["in"] == "path");
        in_path
            .map(|parameter| {
                let example = parameter["example"].as_str().unwrap_or("1");
                (parameter["name"].as_str().expect("a name"), example)
            })
            .collect()
    }

    /// The path with each parameter, which comes with its example, replaced.
    pub(crate) fn path_with(&self, value: impl Fn(&str, &str) -> String) -> String {
        self.path_parameters().into_iter().fold(self.path.clone(), |path, (name, example)| {
            path.replace(&format!("{{{name}}}"), &value(name, example))
        })
    }

    /// The reasons that the operation itself documents for a status, beside those that any operation may give.
    pub(crate) fn own_reasons(&self, status: u16) -> Option<BTreeSet<&str>> {
        let response = &self.told()["responses"][status.to_string()];
        let examples = response["content"]["application/json"]["examples"].as_object()?;
        Some(examples.keys().map(String::as_str).collect())
    }

    /// The body that the document shows for JSON.
    pub(crate) fn example(&self) -> Option<&Value> {
        let content = &self.told()["requestBody"]["content"]["application/json"];
        let among_several =
            content["examples"].as_object().and_then(|examples| examples.values().next()?.get("value"));
        content.get("example").or(among_several)
    }

    /// A reference followed, anything else as it is; of something that may be null, what it is else.
    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let some = schema["oneOf"].as_array().and_then(|ways| ways.iter().find(|way| way["type"] != "null"));
        let schema = some.unwrap_or(schema);
        match schema["$ref"].as_str() {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).expect("a schema"),
            None => schema,
        }
    }

    /// The fields that the body may have, if it is an object that takes no others.
    pub(crate) fn fields(&self) -> Option<BTreeSet<&str>> {
        let schema = self.resolved(&self.told()["requestBody"]["content"]["application/json"]["schema"]);
        let fields = schema["properties"].as_object().filter(|_| schema["additionalProperties"] == false)?;
        Some(fields.keys().map(String::as_str).collect())
    }

    /// The fields of the body that name things: the field, the prefix of their ids if the document tells it, and
    /// whether it takes several.
    pub(crate) fn fields_of_ids(&self) -> Vec<(String, Option<String>, bool)> {
        let schema = &self.told()["requestBody"]["content"]["application/json"]["schema"];
        let fields = self.resolved(schema)["properties"].as_object();
        let named = fields.into_iter().flatten().filter_map(|(name, schema)| {
            let items = &schema["items"];
            let of = self.resolved(if items.is_object() { items } else { schema });
            let kind = of["examples"][0].as_str().and_then(prefix).map(str::to_owned);
            let names = kind.is_some() || name.ends_with("_id") || name.ends_with("roles");
            names.then(|| (name.clone(), kind, items.is_object()))
        });
        named.collect()
    }

    /// A request there with a body as the document shows one.
    pub(crate) fn request(&self, client: &Client, path: &str) -> RequestBuilder {
        let request = client.at(self.method.clone(), path);
        if let Some(example) = self.example() {
            return request.json(example);
        }
        let content = self.told()["requestBody"]["content"].as_object();
        match content.and_then(|kinds| kinds.keys().next()).map(String::as_str) {
            None => request,
            Some("multipart/form-data") => {
                request.header("content-type", "multipart/form-data; boundary=end").body(FORM)
            }
            Some(kind) => request.header("content-type", kind).body(package("TALK 1")),
        }
    }

    /// Does it compare `If-Match`?
    pub(crate) fn compares(&self) -> bool {
        self.parameters().any(|parameter| parameter["name"] == "If-Match")
    }
}

const FORM: &str =
    "--end\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nhi\r\n--end--\r\n";

/// Is the text an id of a kind, and of which?
pub(crate) fn prefix(text: &str) -> Option<&str> {
    let (prefix, number) = text.split_once('_')?;
    let is_id = number.len() == 26 && number.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    is_id.then_some(prefix)
}
