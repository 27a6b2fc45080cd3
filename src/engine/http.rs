//! One question over HTTP to a port of this machine, and its answer: redirections are answers, and nothing is taken on trust.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::project::{Body, HttpCheck, Method};

/// How much of an answer is read.
const MOST: usize = 4 << 20;

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Where it sends whoever asks.
    pub location: Option<String>,
    /// The beginning of what it says.
    pub text: String,
}

/// What a check over HTTP was told instead of what is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// The name of the check.
    pub check: String,
    /// What is wrong: one sentence without a full stop.
    pub why: String,
}

/// Asks a server on this machine for a page; why there is no answer.
pub async fn get(port: u16, path: &str, patience: Duration) -> Result<Answer, String> {
    ask(port, &HttpCheck::page(path), patience).await
}

/// Asks all checks of the server on this port, one after the other; those that do not hold.
pub async fn unmet(port: u16, checks: &BTreeMap<String, HttpCheck>, patience: Duration) -> Vec<Unmet> {
    let mut found = Vec::new();
    for (name, check) in checks {
        let wrong = match ask(port, check, patience).await {
            Ok(answer) => wrong(check, &answer),
            Err(why) => Some(format!("{} is not answered: {why}", check.path)),
        };
        found.extend(wrong.map(|why| Unmet { check: name.clone(), why }));
    }
    found
}

async fn ask(port: u16, check: &HttpCheck, patience: Duration) -> Result<Answer, String> {
    match tokio::time::timeout(patience, exchange(port, check)).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("there is no answer within {} s", patience.as_secs().max(1))),
    }
}

async fn exchange(port: u16, check: &HttpCheck) -> Result<Answer, String> {
    let failed = |e: hyper::Error| why(&e);
    let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(|e| e.to_string())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let connection = Hangs(tokio::spawn(connection));
    let answer = sender.send_request(request(port, check)?).await.map_err(failed)?;
    let answer = read(answer).await;
    drop(connection);
    answer
}

/// A connection that ends with whoever waits for its answer.
struct Hangs(tokio::task::JoinHandle<hyper::Result<()>>);

impl Drop for Hangs {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn request(port: u16, check: &HttpCheck) -> Result<Request<Full<Bytes>>, String> {
    let method = match check.method {
        Method::Get => hyper::Method::GET,
        Method::Post => hyper::Method::POST,
    };
    let request = Request::builder()
        .method(method)
        .uri(&check.path)
        .header(HOST, format!("localhost:{port}"))
        .header(USER_AGENT, "odpm")
        .header(CONNECTION, "close");
    let (request, body) = match &check.body {
        None => (request, ""),
        Some(Body::Json(text)) => (request.header(CONTENT_TYPE, "application/json"), text.as_str()),
        Some(Body::Form(text)) => {
            (request.header(CONTENT_TYPE, "application/x-www-form-urlencoded"), text.as_str())
        }
    };
    request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).map_err(|e| e.to_string())
}

async fn read(answer: Response<hyper::body::Incoming>) -> Result<Answer, String> {
    let (head, mut body) = answer.into_parts();
    let location = head.headers.get(LOCATION).map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned());
    let mut bytes = Vec::new();
    while bytes.len() < MOST
        && let Some(frame) = body.frame().await
    {
        let frame = frame.map_err(|e| format!("its answer breaks off: {}", why(&e)))?;
        bytes.extend(frame.into_data().unwrap_or_default());
    }
    bytes.truncate(MOST);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(Answer { status: head.status.as_u16(), location, text })
}

fn why(error: &hyper::Error) -> String {
    let source = std::error::Error::source(error).map_or_else(String::new, |source| format!(": {source}"));
    format!("{error}{source}")
}

/// What is wrong with an answer.
fn wrong(check: &HttpCheck, answer: &Answer) -> Option<String> {
    let path = &check.path;
    if answer.status != check.status {
        let to = answer.location.as_ref().map_or_else(String::new, |to| format!(", to {to}"));
        return Some(format!("{path} answers {}{to}, not {}", answer.status, check.status));
    }
    if let Some(said) = refusal(check, &answer.text) {
        return Some(format!("{path} answers with an error: {said}"));
    }
    match &check.contains {
        Some(text) if !answer.text.contains(text) => {
            Some(format!("the answer of {path} does not hold `{}`", text.escape_debug()))
        }
        _ => None,
    }
}

/// What Odoo answers to JSON that it could not do, with the status 200.
fn refusal(check: &HttpCheck, text: &str) -> Option<String> {
    let Some(Body::Json(_)) = check.body else { return None };
    let said: serde_json::Value = serde_json::from_str(text).ok()?;
    let error = said.get("error").filter(|error| !error.is_null())?;
    let told = error.pointer("/data/message").or_else(|| error.get("message"));
    Some(told.and_then(serde_json::Value::as_str).map_or_else(|| error.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// A server that says this to whoever asks, once, and what it was asked.
    async fn serve(said: Vec<u8>) -> (u16, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 4096];
            let length = stream.read(&mut asked).await.unwrap();
            let _ = stream.write_all(&said).await;
            String::from_utf8_lossy(&asked[..length]).into_owned()
        });
        (port, asked)
    }

    const PATIENCE: Duration = Duration::from_secs(5);

    async fn told(said: &str, check: HttpCheck) -> Option<String> {
        let (port, _) = serve(said.as_bytes().to_vec()).await;
        unmet(port, &BTreeMap::from([("one".to_owned(), check)]), PATIENCE).await.pop().map(|unmet| unmet.why)
    }

    #[tokio::test]
    async fn answers_are_compared_with_what_is_right() {
        let page = || HttpCheck::page("/web/login");
        let json = || HttpCheck { method: Method::Post, body: Some(Body::Json("{}".into())), ..page() };
        let holds = |text: &str| HttpCheck { contains: Some(text.into()), ..page() };
        let error = r#"{"error": {"message": "Odoo Server Error", "data": {"message": "no such price"}}}"#;
        for (said, check, wrong) in [
            ("HTTP/1.0 200 OK\r\n\r\nhello", page(), None),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                holds("ello"),
                None,
            ),
            ("HTTP/1.0 200 OK\r\n\r\nhello", holds("help"), Some("does not hold `help`")),
            (
                "HTTP/1.0 303 See\r\nLocation: /web/database/selector\r\n\r\n",
                page(),
                Some("answers 303, to /web/database/selector, not 200"),
            ),
            ("HTTP/1.0 303 See\r\n\r\n", HttpCheck { status: 303, ..page() }, None),
            ("HTTP/1.0 500 Oh\r\n\r\n", page(), Some("/web/login answers 500, not 200")),
            (&format!("HTTP/1.0 200 OK\r\n\r\n{error}"), json(), Some("with an error: no such price")),
            (&format!("HTTP/1.0 200 OK\r\n\r\n{error}"), page(), None),
            ("HTTP/1.0 200 OK\r\n\r\n{\"error\": null, \"result\": 1}", json(), None),
            ("", page(), Some("/web/login is not answered")),
            ("SSH-2.0-OpenSSH_9\r\n", page(), Some("/web/login is not answered")),
            ("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort", page(), Some("its answer breaks off")),
        ] {
            let told = told(said, check).await;
            match (&told, wrong) {
                (None, None) => {}
                (Some(told), Some(wrong)) if told.contains(wrong) => {}
                _ => panic!("{said:?}: {told:?} instead of {wrong:?}"),
            }
        }
    }

    #[tokio::test]
    async fn what_is_sent_is_said_to_be_what_it_is() {
        let (port, asked) = serve(b"HTTP/1.0 200 OK\r\n\r\n".to_vec()).await;
        let check = HttpCheck {
            method: Method::Post,
            body: Some(Body::Json("{\"a\": 1}".into())),
            ..HttpCheck::page("/x?y=1")
        };
        ask(port, &check, PATIENCE).await.unwrap();
        let asked = asked.await.unwrap();
        assert!(asked.starts_with("POST /x?y=1 HTTP/1.1\r\n"), "{asked}");
        assert!(
            asked.contains("application/json") && asked.contains(&format!("localhost:{port}")),
            "{asked}"
        );
    }

    #[tokio::test]
    async fn nobody_is_waited_for_for_ever_or_heard_out_without_end() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let why = get(port, "/", Duration::from_millis(100)).await.unwrap_err();
        assert!(why.contains("no answer within"), "{why}");
        let long = [b"HTTP/1.0 200 OK\r\n\r\n".to_vec(), vec![b'x'; MOST + 100_000]].concat();
        let (port, _) = serve(long).await;
        assert_eq!(get(port, "/", PATIENCE).await.unwrap().text.len(), MOST);
    }
}
