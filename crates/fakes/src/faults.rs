//! Scripted trouble: which request meets it, how often, and what it looks like.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::request::Parts;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One fault as it is posted to `/_faults`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// Words that must all occur in `METHOD path target`; empty: every request.
    #[serde(default, rename = "match")]
    pub matches: String,
    /// A substring of the request's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_match: Option<String>,
    /// For how many requests; default 1.
    #[serde(default = "once")]
    pub times: u32,
    /// Only each so-manieth of the requests that it is about meets it; default 1: each.
    #[serde(default = "once", skip_serializing_if = "is_one")]
    pub one_in: u32,
    /// How many requests it was about. Counted here, ignored when posted.
    #[serde(default, skip_serializing_if = "is_none")]
    pub seen: u32,
    /// Answers with this status and leaves the request without effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// A string is sent as it is, anything else as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Milliseconds to wait, before the effect where there is one. The effect takes place even if the client gave up.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delay_ms: u64,
    /// Performs the effect, then closes the connection without an answer.
    #[serde(default, skip_serializing_if = "is_false")]
    pub drop_after: bool,
    /// Closes the connection without effect and without an answer.
    #[serde(default, skip_serializing_if = "is_false")]
    pub drop_before: bool,
    /// AWS only: the exception's name; the status follows from it unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exception: Option<String>,
    /// HubSpot only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hubspot_limit: Option<HubSpotLimit>,
    /// How many requests have met it. Counted here, ignored when posted.
    #[serde(default)]
    pub hits: u32,
}

/// Which of HubSpot's rate limits was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum HubSpotLimit {
    TenSecondlyRolling,
    Daily,
}

fn once() -> u32 {
    1
}

fn is_one(number: &u32) -> bool {
    *number == 1
}

fn is_none(number: &u32) -> bool {
    *number == 0
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Fault {
    pub(crate) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    /// Why the fault can't be used, if so.
    fn contradiction(&self) -> Option<&'static str> {
        let answers =
            [self.status.is_some() && self.exception.is_none(), self.exception.is_some(), self.hubspot_limit.is_some()];
        let answers = answers.into_iter().filter(|given| *given).count();
        let drops = u32::from(self.drop_after) + u32::from(self.drop_before);
        if answers > 1 {
            Some("status, exception and hubspot_limit exclude each other")
        } else if drops > 1 || (drops == 1 && answers > 0) {
            Some("a fault either answers or closes the connection, in one way")
        } else if answers == 0 && (self.body.is_some() || !self.headers.is_empty()) {
            Some("body and headers need a status")
        } else if self.status.is_some_and(|status| !(200..=599).contains(&status)) {
            Some("status must be between 200 and 599")
        } else if self.one_in == 0 {
            Some("one_in must be 1 or more")
        } else if answers == 0 && drops == 0 && self.delay_ms == 0 {
            Some("the fault does nothing")
        } else {
            None
        }
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

/// What `match` is compared with: method, path and query, target, and the path decoded.
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
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Arc<Mutex<Vec<Fault>>>);

impl Faults {
    /// Adds to those that are there; adds none and says why if one contradicts itself.
    pub(crate) fn add(&self, faults: Vec<Fault>) -> Result<(), String> {
        if let Some((index, why)) = faults.iter().enumerate().find_map(|(i, fault)| Some((i, fault.contradiction()?))) {
            return Err(format!("fault {index}: {why}"));
        }
        let unused = faults.into_iter().map(|fault| Fault { hits: 0, seen: 0, ..fault });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(unused);
        Ok(())
    }

    pub(crate) fn take(&self, line: &str, body: &[u8]) -> Option<Fault> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = faults.iter_mut().filter(|fault| fault.is_about(line, body)).find_map(|fault| {
            fault.seen += 1;
            fault.seen.is_multiple_of(fault.one_in).then_some(fault)
        })?;
        fault.hits += 1;
        Some(fault.clone())
    }

    pub(crate) fn list(&self) -> Vec<Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
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
        let faults = Faults::default();
        faults.add(vec![fault(json!({"match": "POST /a", "times": 2, "status": 503}))]).unwrap();
        let met = (0..3).map(|_| faults.take("POST /a/b", b"").is_some()).collect::<Vec<_>>();
        assert_eq!(met, [true, true, false]);
        assert_eq!(faults.list()[0].hits, 2);
    }

    #[test]
    fn a_fault_may_be_met_by_one_request_in_so_many() {
        let faults = Faults::default();
        faults
            .add(vec![
                fault(json!({"one_in": 3, "times": 2, "status": 503})),
                fault(json!({"one_in": 2, "times": 9, "drop_after": true})),
            ])
            .unwrap();
        let met: Vec<_> = (0..9).map(|_| faults.take("POST /a", b"").and_then(|fault| fault.status)).collect();
        let hits: Vec<_> = faults.list().iter().map(|fault| fault.hits).collect();
        assert_eq!((met.iter().flatten().count(), met[2], met[5], hits), (2, Some(503), Some(503), vec![2, 3]));
        assert!(Faults::default().add(vec![fault(json!({"one_in": 0, "status": 500}))]).is_err());
    }

    #[test]
    fn a_body_match_leaves_other_tenants_alone() {
        let faults = Faults::default();
        faults.add(vec![fault(json!({"body_match": "tenant-7", "status": 500}))]).unwrap();
        assert!(faults.take("POST /", b"{\"tenant\":\"tenant-8\"}").is_none());
        assert!(faults.take("POST /", b"{\"tenant\":\"tenant-7\"}").is_some());
    }

    #[test]
    fn a_match_sees_the_decoded_path_and_the_token() {
        let request = Request::patch("/contacts/ana%40example.com").header("authorization", "Bearer pat-7");
        let line = line(&request.body(()).unwrap().into_parts().0);
        let faults = Faults::default();
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
            json!({"status": 42}),
            json!({}),
            json!({"drop_before": true, "drop_after": true}),
        ] {
            assert!(Faults::default().add(vec![fault(json.clone())]).is_err(), "{json}");
        }
        assert!(serde_json::from_value::<Fault>(json!({"state": 500})).is_err());
    }
}
