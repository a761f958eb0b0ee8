//! Other documented addresses of operations: pure rewrites, all of them in one file. They stand outside the contract,
//! which has each operation once.

use std::{collections::HashMap, str::FromStr, sync::LazyLock};

use axum::http::{Method, Uri, uri::PathAndQuery};
use matchit::Router;

use crate::API_PREFIX;

/// A line for each: method and template of the alias, method and template of the operation, below the API's prefix.
const FILE: &str = include_str!("aliases.txt");

/// What an alias stands for.
struct Operation {
    method: Method,
    path: &'static str,
}

static ALIASES: LazyLock<Router<HashMap<Method, Operation>>> = LazyLock::new(|| {
    let mut by_path: HashMap<&str, HashMap<Method, Operation>> = HashMap::new();
    for line in FILE.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let mut next = || Some((words.next()?, words.next()?));
        let (Some((alias, path)), Some((method, target))) = (next(), next()) else { continue };
        let (Ok(alias), Ok(method)) = (Method::from_str(alias), Method::from_str(method)) else { continue };
        by_path.entry(path).or_default().insert(alias, Operation { method, path: target });
    }
    let mut router = Router::new();
    for (path, operations) in by_path {
        if let Err(cause) = router.insert(path, operations) {
            tracing::error!(path, %cause, "an alias contradicts another");
        }
    }
    router
});

/// The operation's own method and address, if those are an alias of it.
pub(crate) fn canonical(method: &Method, uri: &Uri) -> Option<(Method, Uri)> {
    let matched = ALIASES.at(uri.path().strip_prefix(API_PREFIX)?).ok()?;
    let asked = if *method == Method::HEAD { &Method::GET } else { method };
    let operation = matched.value.get(asked)?;
    let mut path = format!("{API_PREFIX}{}", operation.path);
    for (name, value) in matched.params.iter() {
        path = path.replace(&format!("{{{name}}}"), value);
    }
    if let Some(query) = uri.query() {
        path = format!("{path}?{query}");
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    let method = if *asked == *method { operation.method.clone() } else { method.clone() };
    Some((method, Uri::from_parts(parts).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(method: &Method, uri: &str) -> Option<String> {
        let (method, uri) = canonical(method, &uri.parse().unwrap())?;
        Some(format!("{method} {uri}"))
    }

    #[test]
    fn an_alias_becomes_its_operation_with_its_parameters_and_query() {
        let list = rewritten(&Method::GET, "/api/v1/admin/bots?limit=5");
        assert_eq!(list.as_deref(), Some("GET /api/v1/bots?limit=5"));
        let deploy = rewritten(&Method::POST, "/api/v1/bots/my%2Fshop/deploy?mode=merge");
        assert_eq!(deploy.as_deref(), Some("PUT /api/v1/bots/my%2Fshop/package?mode=merge"));
        let head = rewritten(&Method::HEAD, "/api/v1/admin/bots/shop");
        assert_eq!(head.as_deref(), Some("HEAD /api/v1/bots/shop"));
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        for (method, uri) in [
            (&Method::GET, "/api/v1/bots"),
            (&Method::GET, "/api/v1/bots/shop/deploy"),
            (&Method::POST, "/api/v1/admin/bots"),
            (&Method::GET, "/admin/bots"),
        ] {
            assert_eq!(rewritten(method, uri), None, "{uri}");
        }
    }

    #[test]
    fn every_line_of_the_file_is_read() {
        let lines = FILE.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        for line in lines {
            let words: Vec<_> = line.split_whitespace().collect();
            let [alias, path, ..] = words.as_slice() else { panic!("{line}") };
            let path = path.replace(['{', '}'], "");
            assert!(rewritten(&alias.parse().unwrap(), &format!("{API_PREFIX}{path}")).is_some(), "{line}");
        }
    }
}
