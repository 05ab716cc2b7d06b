//! The journal: requests and the status of their answers.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// One request, whole.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    at: DateTime<Utc>,
    method: String,
    /// The path of the request, with its query.
    path: String,
    /// Names in lower case; values of a repeated header are joined by `, `.
    headers: BTreeMap<String, String>,
    body: String,
    /// `None` while unanswered, and when a fault closed the connection instead.
    status: Option<u16>,
    #[serde(skip)]
    id: u64,
}

impl Entry {
    fn new(id: u64, parts: &Parts, body: &[u8]) -> Self {
        Self {
            at: Utc::now(),
            method: parts.method.to_string(),
            path: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            headers: headers(&parts.headers),
            body: String::from_utf8_lossy(body).into_owned(),
            status: None,
            id,
        }
    }

    fn contains(&self, part: &str) -> bool {
        self.path.contains(part) || self.body.contains(part) || self.headers.values().any(|value| value.contains(part))
    }
}

/// Names in lower case; values of a repeated header are joined by `, `.
pub(crate) fn headers(map: &HeaderMap) -> BTreeMap<String, String> {
    let joined = map.keys().map(|name| {
        let values = map.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        (name.to_string(), values.collect::<Vec<_>>().join(", "))
    });
    joined.collect()
}

/// The requests of one fake in the order of their arrival.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) entries: Vec<Entry>,
    opened: u64,
}

impl Journal {
    /// Enters a request on its arrival, so that unanswered requests show too.
    pub(crate) fn open(&mut self, parts: &Parts, body: &[u8]) -> u64 {
        self.opened += 1;
        self.entries.push(Entry::new(self.opened, parts, body));
        self.opened
    }

    pub(crate) fn close(&mut self, id: u64, status: Option<u16>) {
        // The entry may have been cleared meanwhile.
        if let Some(entry) = self.entries.iter_mut().rev().find(|entry| entry.id == id) {
            entry.status = status;
        }
    }

    /// The entries whose path, header values or body contain `part`; all for an empty one.
    pub(crate) fn with(&self, part: &str) -> Vec<Entry> {
        self.entries.iter().filter(|entry| entry.contains(part)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn parts(path: &str) -> Parts {
        Request::post(path).header("x-a", "1").header("x-a", "2").body(()).unwrap().into_parts().0
    }

    #[test]
    fn an_entry_keeps_the_query_and_every_header_value() {
        let mut journal = Journal::default();
        journal.open(&parts("/a?b=c"), b"text");
        let entry = journal.with("").remove(0);
        assert_eq!((entry.path.as_str(), entry.body.as_str(), entry.status), ("/a?b=c", "text", None));
        assert_eq!(entry.headers["x-a"], "1, 2");
    }

    #[test]
    fn a_status_finds_its_entry_after_others_were_cleared() {
        let mut journal = Journal::default();
        let gone = journal.open(&parts("/gone"), b"");
        journal.entries.clear();
        let kept = journal.open(&parts("/kept"), b"");
        journal.close(gone, Some(500));
        journal.close(kept, Some(204));
        assert_eq!(journal.with("").iter().map(|entry| entry.status).collect::<Vec<_>>(), [Some(204)]);
        assert!(journal.with("elsewhere").is_empty());
    }
}
