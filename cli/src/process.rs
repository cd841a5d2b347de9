//! What a running process tells of itself on its admin endpoint.

use std::time::Duration;

use callsheet_build::diagnostic::render;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HOST};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::report::Failure;

/// Holds the token where the endpoint wants one: on the command line everybody could read it.
const TOKEN: &str = "CALLSHEET_ADMIN_TOKEN";

/// The longest page that is read, in bytes.
const MAX_PAGE: usize = 64 * 1024 * 1024;

/// The page at `path` of the process whose admin endpoint is at `address`: `http://127.0.0.1:9900`.
pub(crate) async fn page(address: &str, path: &str, limit: Duration) -> Result<Value, Failure> {
    let failed = |why: String| {
        let address = render::shown(address);
        Failure(format!(
            "{address}: {why}; is it the address of the admin endpoint of a process that runs?"
        ))
    };
    let asked = tokio::time::timeout(limit, ask(address, path)).await;
    let text = asked
        .map_err(|_| failed(format!("nothing came within {} s", limit.as_secs())))?
        .map_err(failed)?;
    serde_json::from_slice(&text)
        .map_err(|error| failed(format!("not what was asked for: {error}")))
}

async fn ask(address: &str, path: &str) -> Result<Bytes, String> {
    let uri: Uri = address.parse().map_err(|error| format!("{error}"))?;
    let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err("write it as http://127.0.0.1:9900".into());
    };
    let (host, port) = (authority.host(), authority.port_u16().unwrap_or(80));
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, port)).await.map_err(told)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(told)?;
    // It ends with the command.
    drop(tokio::spawn(connection));
    let mut request = Request::get(path).header(HOST, authority.as_str());
    if let Ok(token) = std::env::var(TOKEN) {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(told)?;
    let reply = sender.send_request(request).await.map_err(told)?;
    let status = reply.status();
    let page = Limited::new(reply.into_body(), MAX_PAGE).collect().await;
    let page = page.map_err(told)?.to_bytes();
    if status.is_success() {
        return Ok(page);
    }
    let why = String::from_utf8_lossy(&page);
    let hint = if status == hyper::StatusCode::UNAUTHORIZED {
        format!(" (the variable {TOKEN} holds the token)")
    } else {
        String::new()
    };
    Err(format!("{status}: {}{hint}", why.trim()))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "`map_err` hands the error over"
)]
fn told(error: impl ToString) -> String {
    error.to_string()
}
