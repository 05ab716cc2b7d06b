//! Faults: the requests that meet one, how often, and what happens to them.

use std::collections::HashMap;

use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::setting::{Literal, with_headers};
use crate::{aws_error, hubspot};

/// A fault, in the form that is posted to `/_faults`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Fault {
    /// Words that must all occur in `METHOD path target`; empty: every request.
    #[serde(rename = "match")]
    pub(crate) matches: String,
    /// A substring of the request's body.
    pub(crate) body_match: Option<String>,
    /// The number of requests that meet it; default 1.
    #[serde(default = "one")]
    pub(crate) times: u32,
    /// Meets one in this many of the requests that it is about; default 1: each.
    #[serde(default = "one")]
    pub(crate) one_in: u32,
    /// The requests that it was about. Counted here, ignored when posted.
    pub(crate) seen: u32,
    /// Answers with this status and leaves the request without effect.
    pub(crate) status: Option<u16>,
    /// A string is sent without change, anything else as JSON.
    pub(crate) body: Option<Value>,
    pub(crate) headers: HashMap<String, String>,
    /// Milliseconds to wait, before the effect where there is one. The effect takes place even if the client gave up.
    pub(crate) delay_ms: u64,
    /// Performs the effect, then closes the connection without an answer.
    pub(crate) drop_after: bool,
    /// Closes the connection without effect and without an answer.
    pub(crate) drop_before: bool,
    /// The name of an AWS exception; the status follows from it unless given.
    pub(crate) exception: Option<String>,
    /// A limit of HubSpot that others have used up.
    pub(crate) hubspot_limit: Option<HubSpotLimit>,
    /// The requests that have met it. Counted here, ignored when posted.
    pub(crate) hits: u32,
}

/// Which of HubSpot's rate limits was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum HubSpotLimit {
    TenSecondlyRolling,
    Daily,
}

pub(crate) fn one() -> u32 {
    1
}

impl Fault {
    /// Whether the fault takes the place of the fake's answer.
    pub(crate) fn answers(&self) -> bool {
        self.status.is_some() || self.exception.is_some() || self.hubspot_limit.is_some()
    }

    /// Renders the answer; `Err` says why it cannot be sent.
    pub(crate) fn response(&self) -> Result<Response, String> {
        if let Some(name) = &self.exception {
            return with_headers(aws_error::scripted(name, self.status)?, &self.headers);
        }
        if let Some(limit) = self.hubspot_limit {
            return with_headers(hubspot::used_up(limit), &self.headers);
        }
        let Self { status, body, headers, .. } = self.clone();
        Literal { status: status.unwrap_or(200), body, headers }.response()
    }

    /// Says why the fault cannot be used, if so.
    fn contradiction(&self) -> Option<&'static str> {
        let has_limit = self.hubspot_limit.is_some();
        let drops = self.drop_before || self.drop_after;
        let rules = [
            (has_limit && (self.status.is_some() || self.exception.is_some()), "a limit has a status of its own"),
            (self.drop_before && self.drop_after, "a connection is closed before the effect or after it"),
            (drops && self.answers(), "a fault either answers or closes the connection"),
            (!self.answers() && (self.body.is_some() || !self.headers.is_empty()), "body and headers need a status"),
            (self.one_in == 0, "one_in must be 1 or more"),
            (!self.answers() && !drops && self.delay_ms == 0, "the fault does nothing"),
        ];
        rules.into_iter().find(|(is_broken, _)| *is_broken).map(|(_, why)| why)
    }

    fn is_about(&self, line: &str, body: &[u8]) -> bool {
        self.hits < self.times
            && self.matches.split_whitespace().all(|word| line.contains(word))
            && self.body_match.as_deref().is_none_or(|part| contains(body, part.as_bytes()))
    }
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    part.is_empty() || body.windows(part.len()).any(|window| window == part)
}

/// The text that `match` is compared with: method, path and query, target, and the path decoded.
///
/// The target is what tells requests to the same path apart: the AWS action, the token or the user's name.
pub(crate) fn line(parts: &Parts) -> String {
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    format!("{} {path} {} {decoded}", parts.method, target(&parts.headers))
}

fn target(headers: &HeaderMap) -> String {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let token = || header("authorization")?.strip_prefix("Bearer ");
    let name = header("x-amz-target").or_else(token).map(str::to_owned);
    name.or_else(|| Some(basic(headers)?.0)).unwrap_or_default()
}

/// User and password of HTTP Basic.
pub(crate) fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let encoded = headers.get("authorization")?.to_str().ok()?.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// The faults of one fake; the first that matches and is not used up is met.
#[derive(Debug, Default)]
pub(crate) struct Faults(pub(crate) Vec<Fault>);

impl Faults {
    /// Adds all faults, or none where a fault contradicts itself: `Err` says why.
    pub(crate) fn add(&mut self, faults: Vec<Fault>) -> Result<(), String> {
        if let Some((index, why)) = faults.iter().enumerate().find_map(|(i, fault)| Some((i, fault.contradiction()?))) {
            return Err(format!("fault {index}: {why}"));
        }
        self.0.extend(faults.into_iter().map(|fault| Fault { hits: 0, seen: 0, ..fault }));
        Ok(())
    }

    pub(crate) fn take(&mut self, line: &str, body: &[u8]) -> Option<Fault> {
        let fault = self.0.iter_mut().filter(|fault| fault.is_about(line, body)).find_map(|fault| {
            fault.seen += 1;
            fault.seen.is_multiple_of(fault.one_in).then_some(fault)
        })?;
        fault.hits += 1;
        Some(fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;
    use serde_json::json;

    fn fault(json: Value) -> Fault {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_fault_is_met_as_often_as_it_says() {
        let mut faults = Faults::default();
        faults.add(vec![fault(json!({"match": "POST /a", "times": 2, "status": 503}))]).unwrap();
        let met = (0..3).map(|_| faults.take("POST /a/b", b"").is_some()).collect::<Vec<_>>();
        assert_eq!(met, [true, true, false]);
        assert_eq!(faults.0[0].hits, 2);
    }

    #[test]
    fn a_fault_may_be_met_by_one_request_in_so_many() {
        let mut faults = Faults::default();
        faults
            .add(vec![
                fault(json!({"one_in": 3, "times": 2, "status": 503})),
                fault(json!({"one_in": 2, "times": 9, "drop_after": true})),
            ])
            .unwrap();
        let met: Vec<_> = (0..9).map(|_| faults.take("POST /a", b"").and_then(|fault| fault.status)).collect();
        let hits: Vec<_> = faults.0.iter().map(|fault| fault.hits).collect();
        assert_eq!((met.iter().flatten().count(), met[2], met[5], hits), (2, Some(503), Some(503), vec![2, 3]));
        assert!(Faults::default().add(vec![fault(json!({"one_in": 0, "status": 500}))]).is_err());
    }

    #[test]
    fn a_body_match_leaves_other_tenants_alone() {
        let mut faults = Faults::default();
        faults.add(vec![fault(json!({"body_match": "tenant-7", "status": 500}))]).unwrap();
        assert!(faults.take("POST /", b"{\"tenant\":\"tenant-8\"}").is_none());
        assert!(faults.take("POST /", b"{\"tenant\":\"tenant-7\"}").is_some());
    }

    #[test]
    fn a_match_sees_the_decoded_path_and_the_token() {
        let request = Request::patch("/contacts/ana%40example.com").header("authorization", "Bearer pat-7");
        let line = line(&request.body(()).unwrap().into_parts().0);
        let mut faults = Faults::default();
        faults.add(vec![fault(json!({"match": "PATCH ana@example.com pat-7", "status": 500}))]).unwrap();
        assert!(faults.take(&line, b"").is_some());
    }

    #[test]
    fn a_match_sees_whom_http_basic_names_but_not_the_password() {
        let request =
            Request::post("/token").header("authorization", format!("Basic {}", BASE64_STANDARD.encode("me:pw")));
        assert_eq!(line(&request.body(()).unwrap().into_parts().0), "POST /token me /token");
    }

    #[test]
    fn a_fault_that_contradicts_itself_is_refused() {
        for json in [
            json!({"status": 500, "drop_after": true}),
            json!({"body": "x"}),
            json!({}),
            json!({"drop_before": true, "drop_after": true}),
        ] {
            assert!(Faults::default().add(vec![fault(json.clone())]).is_err(), "{json}");
        }
        assert!(serde_json::from_value::<Fault>(json!({"state": 500})).is_err());
    }
}
