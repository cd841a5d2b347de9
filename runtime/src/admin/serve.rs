//! Connections of those who ask: few, short, and with small heads.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::guard::Guard;
use super::pages::{Page, Pages};

/// Connections at once: a scraper, a probe and a few people. Further ones are closed.
const CONNECTIONS: usize = 32;

/// The most bytes of a head.
const HEAD: usize = 16 * 1024;

/// The most lines of a head.
const LINES: usize = 64;

/// Time for a head to come.
const HEAD_TIME: Duration = Duration::from_secs(5);

/// Time for a request in all, its answer included.
const TIME: Duration = Duration::from_secs(15);

/// After a failed accept, which may be for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers for as long as it is polled.
pub(super) async fn accept(listener: TcpListener, guard: Guard, pages: Arc<Pages>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let guard = Arc::new(guard);
    // Ends with this future.
    let mut open = tokio::task::JoinSet::new();
    loop {
        while open.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            sleep(PAUSE).await;
            continue;
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
            continue;
        };
        let (guard, pages) = (Arc::clone(&guard), Arc::clone(&pages));
        open.spawn(async move {
            // Whoever is too slow, or says what is not HTTP, is not waited for.
            let _ = timeout(TIME, answer(stream, &guard, &pages)).await;
            drop(place);
        });
    }
}

async fn answer(stream: TcpStream, guard: &Guard, pages: &Pages) {
    let service = service_fn(|request: Request<Incoming>| async move {
        Ok::<_, Infallible>(respond(&request, guard, pages))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD)
        .max_headers(LINES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // How it failed, only its peer would want to know.
    let _ = connection.await;
}

fn respond<B>(request: &Request<B>, guard: &Guard, pages: &Pages) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let page = match guard.check(request.method(), path, request.headers()) {
        Ok(()) => {
            let accepted = request.headers().get(header::ACCEPT);
            let accepted = accepted.and_then(|value| value.to_str().ok());
            pages.page(path, request.uri().query(), accepted)
        }
        Err((status, why)) => Page::text(status, format!("{why}\n")),
    };
    let mut response = Response::new(Full::new(Bytes::from(page.body)));
    *response.status_mut() = page.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(page.kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    match page.status {
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET"));
        }
        StatusCode::UNAUTHORIZED => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {}
    }
    response
}
