//! What is sent: the address with its parameters, and the body as the headers want it. Pure.

use basic::{Clause, Command, Data};
use gateway::command::Unperformed;
use http::{HeaderMap, HeaderValue, Uri, header};
use kernel::Error;
use url::{Position, Url, form_urlencoded};

/// Bytes of an address.
const ADDRESS: usize = 8 << 10;

/// The address that an argument names, with the parameters that stand behind it.
pub(super) fn address(text: &str, parameters: &[(String, Data)]) -> Result<Url, Unperformed> {
    let wrong = || Unperformed::argument("the address must be one such as https://example.com/items");
    let mut url = Url::parse(text.trim()).map_err(|_| wrong())?;
    if url.host().is_none() {
        return Err(wrong());
    }
    if !parameters.is_empty() {
        url.query_pairs_mut().extend_pairs(parameters.iter().map(|(name, value)| (name, value.to_string())));
    }
    if url.as_str().len() > ADDRESS {
        return Err(Unperformed::argument(format!("an address has at most {ADDRESS} bytes")));
    }
    Ok(url)
}

/// The path and query of the server's own API that an argument names, with the parameters that stand behind it.
pub(super) fn path(text: &str, parameters: &[(String, Data)]) -> Result<Uri, Unperformed> {
    let (path, query) =
        text.trim().split_once('?').map_or((text.trim(), None), |(path, query)| (path, Some(query)));
    // Written as addresses want it, whatever stands in it: it is never more than path and query of this server.
    let mut url = Url::parse("http://localhost/").map_err(Error::internal)?;
    url.set_path(path);
    url.set_query(query);
    if !parameters.is_empty() {
        url.query_pairs_mut().extend_pairs(parameters.iter().map(|(name, value)| (name, value.to_string())));
    }
    if url.as_str().len() > ADDRESS {
        return Err(Unperformed::argument(format!("an address has at most {ADDRESS} bytes")));
    }
    Ok(url[Position::BeforePath..].parse().map_err(Error::internal)?)
}

/// The fields that a clause names.
pub(super) fn fields<'a>(command: &'a Command, clause: &str) -> &'a [(String, Data)] {
    match command.clause(clause) {
        Some(Clause::Fields(fields)) => fields,
        _ => &[],
    }
}

/// What a command sends: the fields that it names, or the value behind the address.
pub(super) fn body(command: &Command) -> Result<Option<Data>, Unperformed> {
    let named = [fields(command, "WITH"), fields(command, "VALUES")].concat();
    if !named.is_empty() {
        return Ok(Some(Data::Object(named)));
    }
    if command.arguments.len() > 2 {
        return Err(Unperformed::argument("a request has one body: an object, a text or fields behind WITH"));
    }
    let value = command.clause_value("WITH").or_else(|| command.arguments.get(1));
    Ok(value.filter(|value| !value.is_null()).cloned())
}

/// The bytes of a body, as the header `Content-Type` wants them; JSON where it says nothing, and then it says so.
pub(super) fn encoded(body: &Data, headers: &mut HeaderMap) -> Result<Vec<u8>, Unperformed> {
    let Some(wanted) = gateway::media_type(headers) else {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        return Ok(json(body));
    };
    match (wanted.as_str(), body) {
        ("application/x-www-form-urlencoded", Data::Object(fields)) => Ok(form(fields).into_bytes()),
        ("application/x-www-form-urlencoded", Data::Text(text)) => Ok(text.clone().into_bytes()),
        ("application/x-www-form-urlencoded", _) => {
            Err(Unperformed::argument("a form is sent from an object"))
        }
        (json_like, _) if is_json(json_like) => Ok(json(body)),
        (_, body) => Ok(body.to_string().into_bytes()),
    }
}

/// Is it a kind of JSON (RFC 6839)?
pub(super) fn is_json(mime_type: &str) -> bool {
    mime_type == "application/json" || mime_type.ends_with("+json")
}

/// Text that is JSON already goes as it is: scripts write `POST url, JSON(order)`.
fn json(body: &Data) -> Vec<u8> {
    match body {
        Data::Text(text) if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => {
            text.clone().into_bytes()
        }
        body => body.to_json().to_string().into_bytes(),
    }
}

fn form(fields: &[(String, Data)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        form.append_pair(name, &value.to_string());
    }
    form.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent(body: &Data, content_type: Option<&'static str>) -> (String, String) {
        let mut headers = HeaderMap::new();
        if let Some(content_type) = content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        let bytes = encoded(body, &mut headers).unwrap();
        let said = headers[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        (String::from_utf8(bytes).unwrap(), said)
    }

    #[test]
    fn a_body_is_sent_as_its_header_wants_it() {
        let order = Data::from_json(json!({ "dish": "tea & cake", "count": 2 }));
        let json = r#"{"dish":"tea & cake","count":2}"#.to_owned();

        assert_eq!(sent(&order, None), (json.clone(), "application/json".into()));
        assert_eq!(sent(&Data::Text(json.clone()), None), (json.clone(), "application/json".into()));
        assert_eq!(sent(&Data::from("tea"), None).0, r#""tea""#);
        assert_eq!(sent(&order, Some("application/vnd.api+json; charset=utf-8")).0, json);
        assert_eq!(sent(&order, Some("application/x-www-form-urlencoded")).0, "dish=tea+%26+cake&count=2");
        assert_eq!(sent(&Data::from("tea"), Some("text/plain")).0, "tea");
    }

    #[test]
    fn parameters_are_written_as_an_address_wants_them() {
        let parameters = [("q".to_owned(), Data::from("tea & cake")), ("page".to_owned(), Data::Integer(2))];

        let url = address("https://example.com/items?all=1", &parameters).unwrap();

        assert_eq!(url.as_str(), "https://example.com/items?all=1&q=tea+%26+cake&page=2");
        for wrong in ["", "https://", "mailto:ann@example.com", "example.com/items"] {
            assert!(address(wrong, &[]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_path_of_the_own_api_is_one_whatever_stands_in_it() {
        let of = |text: &str| path(text, &[("q".to_owned(), Data::from("a b"))]).unwrap().to_string();

        assert_eq!(of("/users"), "/users?q=a+b");
        assert_eq!(of("/users?page=2"), "/users?page=2&q=a+b");
        assert_eq!(of("/bots/my bot#x"), "/bots/my%20bot%23x?q=a+b");
        assert_eq!(of("/a/../../b"), "/b?q=a+b");
        assert!(of("//example.com/x").starts_with("//example.com/"));
        assert!(of("/\\example.com").starts_with('/'));
        assert!(path(&format!("/{}", "x".repeat(ADDRESS)), &[]).is_err());
    }
}
