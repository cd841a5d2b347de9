//! Who is answered: whoever has the token; without one, whoever asks this machine by an address and not by a name.

use std::net::IpAddr;

use http::{HeaderMap, Method, StatusCode, header};
use subtle::ConstantTimeEq;

/// Who is answered.
#[derive(Debug)]
pub(super) struct Guard {
    token: Option<Box<[u8]>>,
}

/// Why somebody is not answered.
pub(super) type Refusal = (StatusCode, &'static str);

impl Guard {
    pub(super) fn new(token: Option<String>) -> Self {
        Self {
            token: token
                .filter(|token| !token.is_empty())
                .map(|token| token.into_bytes().into()),
        }
    }

    pub(super) fn token_length(&self) -> usize {
        self.token.as_ref().map_or(0, |token| token.len())
    }

    /// Whether a request may be answered.
    pub(super) fn check(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<(), Refusal> {
        if method != Method::GET {
            return Err((
                StatusCode::METHOD_NOT_ALLOWED,
                "there is only GET here: nothing can be changed",
            ));
        }
        match &self.token {
            None if is_rebound(headers) => Err((
                StatusCode::FORBIDDEN,
                "ask by an IP address or localhost: another name in Host could be a web page's that leads here",
            )),
            None => Ok(()),
            // Probes have no secrets.
            Some(_) if matches!(path, "/healthz" | "/readyz") => Ok(()),
            Some(token) => {
                let given = headers.get(header::AUTHORIZATION);
                let given = given.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
                if given.is_some_and(|given| bool::from(given.ct_eq(token))) {
                    Ok(())
                } else {
                    Err((
                        StatusCode::UNAUTHORIZED,
                        "send `Authorization: Bearer …` with the token of Admin::token",
                    ))
                }
            }
        }
    }
}

/// Whether a page of the web may have led a browser here, by a name of its own that it lets stand for this machine.
fn is_rebound(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        // HTTP/1.0 has none, and no browser speaks that.
        return headers.contains_key(header::HOST);
    };
    let Ok(host) = host.to_str() else {
        return true;
    };
    !is_address(host)
}

fn is_address(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(name, _)| name),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(guard: &Guard, host: &str, token: Option<&str>) -> u16 {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().unwrap();
            headers.insert(header::AUTHORIZATION, value);
        }
        match guard.check(&Method::GET, "/calls", &headers) {
            Ok(()) => 200,
            Err((status, _)) => status.as_u16(),
        }
    }

    #[test]
    fn without_a_token_names_of_others_are_refused() {
        let guard = Guard::new(None);
        for host in [
            "127.0.0.1:9900",
            "127.0.0.1",
            "[::1]:9900",
            "localhost",
            "LOCALHOST:1",
        ] {
            assert_eq!(ask(&guard, host, None), 200, "{host}");
        }
        for host in ["evil.example:9900", "localhost.evil.example", "", "[", "1"] {
            assert_eq!(ask(&guard, host, None), 403, "{host}");
        }
    }

    #[test]
    fn with_a_token_it_alone_counts() {
        let guard = Guard::new(Some("0123456789abcdef".into()));
        let right = Some("0123456789abcdef");
        assert_eq!(ask(&guard, "admin.example", right), 200);
        for token in [
            None,
            Some(""),
            Some("0123456789abcdeF"),
            Some("0123456789abcdef0"),
        ] {
            assert_eq!(ask(&guard, "127.0.0.1", token), 401, "{token:?}");
        }
    }

    #[test]
    fn nothing_can_be_changed() {
        let headers = HeaderMap::new();
        let guard = Guard::new(None);
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::HEAD] {
            let (status, _) = guard.check(&method, "/", &headers).unwrap_err();
            assert_eq!(status.as_u16(), 405);
        }
    }
}
