//! Somebody who calls the API.

use http::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::Answer;

/// A client of the server under test, with or without a token.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
    headers: HeaderMap,
}

impl Client {
    pub(crate) fn new(http: reqwest::Client, url: String, token: Option<String>) -> Self {
        Self { http, url, token, headers: HeaderMap::new() }
    }

    /// The same client, which sends that header, too.
    pub(crate) fn with(&self, name: &'static str, value: &str) -> Self {
        let mut with = self.clone();
        with.headers.append(name, value.parse().expect("a header"));
        with
    }

    /// The token that it shows.
    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().expect("a token")
    }

    /// A request to a path below `/api/v1`, to be changed before it is sent.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.at(method, &format!("/api/v1{path}"))
    }

    /// A request to a path at the root.
    pub(crate) fn at(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url)).headers(self.headers.clone());
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(crate) async fn send(request: RequestBuilder) -> Answer {
        Answer::of(request.send().await.expect("an answer")).await
    }

    pub(crate) async fn get(&self, path: impl AsRef<str>) -> Answer {
        Self::send(self.request(Method::GET, path.as_ref())).await
    }

    pub(crate) async fn post(&self, path: impl AsRef<str>, body: Value) -> Answer {
        Self::send(self.request(Method::POST, path.as_ref()).json(&body)).await
    }

    pub(crate) async fn patch(&self, path: impl AsRef<str>, body: Value) -> Answer {
        Self::send(self.request(Method::PATCH, path.as_ref()).json(&body)).await
    }

    pub(crate) async fn put(&self, path: impl AsRef<str>, body: Value) -> Answer {
        Self::send(self.request(Method::PUT, path.as_ref()).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: impl AsRef<str>) -> Answer {
        Self::send(self.request(Method::DELETE, path.as_ref())).await
    }

    pub(crate) async fn put_zip(&self, path: impl AsRef<str>, zip: Vec<u8>) -> Answer {
        let request = self.request(Method::PUT, path.as_ref()).header("content-type", "application/zip");
        Self::send(request.body(zip)).await
    }

    /// Uploads a text file to a conversation; gives its id.
    pub(crate) async fn send_file(&self, conversation: &str, content: &str) -> String {
        let head = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"notes.txt\"\r\n\r\n";
        let form = format!("{head}{content}\r\n--x--\r\n");
        let path = format!("/conversations/{conversation}/attachments");
        let request = self.request(Method::POST, &path);
        let request = request.header("content-type", "multipart/form-data; boundary=x").body(form);
        let sent = Self::send(request).await.assert_status(201).data();
        sent["attachment_id"].as_str().expect("an id").to_owned()
    }

    /// Signs in and gives the access token.
    pub(crate) async fn sign_in(&self, username: &str, password: &str) -> String {
        let answer = self.post("/auth/login", json!({ "username": username, "password": password })).await;
        answer.assert_ok().data()["access_token"].as_str().expect("a token").to_owned()
    }

    /// The caller's own account.
    pub(crate) async fn me(&self) -> Value {
        self.get("/users/me").await.assert_ok().data()
    }

    /// Starts a conversation with the bot.
    pub(crate) async fn converse(&self, bot: &Value) -> Value {
        self.post("/conversations", json!({ "bot_id": bot["bot_id"] })).await.assert_status(201).data()
    }

    /// Says something and gives what the bot answers.
    pub(crate) async fn say(&self, conversation: &Value, content: &str) -> Vec<String> {
        let path =
            format!("/conversations/{}/messages", conversation["conversation_id"].as_str().expect("an id"));
        let answer = self.post(path, json!({ "content": content })).await.assert_status(201).data();
        texts(&answer["response"])
    }
}

/// The contents of a list of messages.
pub(crate) fn texts(messages: &Value) -> Vec<String> {
    let messages = messages.as_array().expect("messages");
    messages.iter().map(|message| message["content"].as_str().expect("content").to_owned()).collect()
}

/// Asks until the job at that path has that status.
pub(crate) async fn until(client: &Client, path: &str, status: &str) -> Value {
    let asks = async {
        loop {
            let job = client.get(path).await.assert_ok().data();
            if job["status"] == status {
                return job;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), asks).await.expect("it happens in time")
}
