//! The notification that a session has ended, checked field by field.

mod fields;

use aws_lc_rs::digest;
use domain::locale::Locale;
use domain::session::{Channel, EmailConsent, Session, Visitor};
use domain::time_zone::TimeZone;
use domain::transcript::{Role, Transcript, Turn};
use serde_json::{Map, Value};

use crate::error::{Error, FieldError};
use fields::{FieldErrors, FieldReader, choice, millis, parsed, text, time};

/// Turns of one transcript; three hours of lively talk have about 3,000.
const MAX_TURNS: usize = 20_000;
/// Serialized metadata in bytes: it is passed through to third parties whose requests are limited.
const MAX_METADATA_BYTES: usize = 16 * 1024;
/// Names, phone numbers and other short texts in characters.
const MAX_SHORT_TEXT: usize = 256;
/// An address in characters: the longest valid address has 254; a longer text is kept up to here as an invalid address.
const MAX_EMAIL: usize = 320;

const FIELDS: [&str; 10] = [
    "session_id",
    "tenant_id",
    "agent_id",
    "channel",
    "started_at",
    "ended_at",
    "end_reason",
    "visitor",
    "metadata",
    "transcript",
];

/// Valid notification.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    pub session: Session,
    /// `None` if the notification has no transcript: the AI engine writes the turns.
    pub transcript: Option<Transcript>,
    /// SHA-256 of the notification with sorted keys and without white space: equal for equal content.
    pub hash: Vec<u8>,
}

impl Notification {
    /// Parses a notification. The error names every field that is not as documented, up to a limit.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let mut document: Value = serde_json::from_slice(body).map_err(Error::Json)?;
        let mut report = FieldErrors::default();
        report.no_null_bytes(&document, String::new());
        let parsed = document.as_object().map(|object| read(&mut report, object));
        let errors = report.into_errors();
        match parsed {
            None => Err(Error::Invalid(vec![FieldError::new("", "must be an object")])),
            Some(Some((session, transcript))) if errors.is_empty() => {
                // A sender may order its keys differently on a retry.
                document.sort_all_objects();
                let hash = digest::digest(&digest::SHA256, document.to_string().as_bytes()).as_ref().to_vec();
                Ok(Self { session, transcript, hash })
            }
            Some(_) => Err(Error::Invalid(errors)),
        }
    }
}

/// `None` only after an error was reported.
fn read(report: &mut FieldErrors, object: &Map<String, Value>) -> Option<(Session, Option<Transcript>)> {
    let mut fields = FieldReader::new(report, object, "");
    // A misspelt optional field would otherwise be lost unnoticed.
    fields.only(&FIELDS);
    let session_id = fields.required("session_id", parsed);
    let tenant_id = fields.required("tenant_id", parsed);
    let agent_id = fields.required("agent_id", parsed);
    let channel = fields.required("channel", |value| choice(value, Channel::parse, "voice or text"));
    let started_at = fields.required("started_at", time);
    let ended_at = fields.required("ended_at", time);
    let end_reason = fields.optional("end_reason", |value| text(value, MAX_SHORT_TEXT));
    let visitor = fields.object("visitor", read_visitor);
    let metadata = fields.optional("metadata", metadata);
    let transcript = fields.array("transcript", MAX_TURNS, read_turn);
    if let (Some(started_at), Some(ended_at)) = (started_at, ended_at)
        && ended_at < started_at
    {
        fields.error("ended_at", "must not be before started_at");
    }
    let session = Session {
        tenant_id: tenant_id?,
        session_id: session_id?,
        agent_id: agent_id?,
        channel: channel?,
        started_at: started_at?,
        ended_at: ended_at?,
        end_reason,
        visitor: visitor.unwrap_or_default(),
        metadata: metadata.unwrap_or_default(),
    };
    Some((session, transcript.map(Transcript::new)))
}

fn read_visitor(fields: &mut FieldReader<'_>) -> Option<Visitor> {
    fields.only(&["id", "name", "email", "phone", "locale", "time_zone", "email_consent"]);
    let short = |value: &Value| text(value, MAX_SHORT_TEXT);
    Some(Visitor {
        id: fields.optional("id", short),
        name: fields.optional("name", short),
        // Any text: an invalid address must not lose the session.
        email: fields.optional("email", |value| text(value, MAX_EMAIL)),
        phone: fields.optional("phone", short),
        locale: fields.optional("locale", parsed::<Locale>).map(|locale| locale.to_string()),
        time_zone: fields.optional("time_zone", parsed::<TimeZone>).map(|zone| zone.to_string()),
        email_consent: fields
            .optional("email_consent", |value| choice(value, EmailConsent::parse, "given or withdrawn")),
    })
}

fn read_turn(fields: &mut FieldReader<'_>) -> Option<Turn> {
    fields.only(&["role", "text", "started_ms", "ended_ms"]);
    let role = fields.required("role", |value| choice(value, Role::parse, "visitor, agent, system or tool"));
    let text = fields.required("text", |value| text(value, usize::MAX));
    let started_ms = fields.optional("started_ms", millis);
    let ended_ms = fields.optional("ended_ms", millis);
    if started_ms.zip(ended_ms).is_some_and(|(started, ended)| ended < started) {
        fields.error("ended_ms", "must not be before started_ms");
    }
    Some(Turn { role: role?, text: text?, started_ms, ended_ms })
}

fn metadata(value: &Value) -> Result<Map<String, Value>, String> {
    let map = value.as_object().ok_or("must be an object")?;
    match value.to_string().len() {
        bytes if bytes > MAX_METADATA_BYTES => Err(format!("must have at most {MAX_METADATA_BYTES} bytes as JSON")),
        _ => Ok(map.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn valid() -> Value {
        json!({
            "session_id": "s-1", "tenant_id": "acme", "agent_id": "a-1", "channel": "voice",
            "started_at": "2026-11-22T10:00:00Z", "ended_at": "2026-11-22T11:05:00+01:00",
            "visitor": {
                "name": "Ana", "email": "not an address", "locale": "pt-BR", "time_zone": "America/Sao_Paulo",
                "email_consent": "given"
            },
            "metadata": { "page": "/pricing" },
            "transcript": [
                { "role": "agent", "text": "Hello", "started_ms": 0, "ended_ms": 900 },
                { "role": "visitor", "text": "", "started_ms": 1000 }
            ]
        })
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut document = valid();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = document.pointer_mut(parent).unwrap();
        match parent {
            Value::Array(array) => array[key.parse::<usize>().unwrap()] = value,
            parent => parent[key] = value,
        }
        document
    }

    fn parse(document: &Value) -> Result<Notification, Error> {
        Notification::parse(document.to_string().as_bytes())
    }

    fn errors(document: &Value) -> Vec<String> {
        match parse(document).unwrap_err() {
            Error::Invalid(errors) => errors.iter().map(|e| format!("{} {}", e.pointer, e.detail)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_documented_notification_is_read() {
        let Notification { session, transcript, .. } = parse(&valid()).unwrap();
        assert_eq!((session.ended_at - session.started_at).num_minutes(), 5);
        assert_eq!(session.visitor.email.as_deref(), Some("not an address"));
        assert_eq!(session.visitor.locale.as_deref(), Some("pt-BR"));
        assert_eq!(session.visitor.time_zone.as_deref(), Some("America/Sao_Paulo"));
        assert_eq!(session.visitor.email_consent, Some(EmailConsent::Given));
        let transcript = transcript.unwrap();
        assert_eq!((transcript.turns().len(), transcript.turns()[0].ended_ms), (2, Some(900)));
    }

    #[test]
    fn each_wrong_field_is_named() {
        let cases = [
            (with("/channel", json!("fax")), "/channel must be voice or text"),
            (
                with("/session_id", json!("a b")),
                "/session_id may contain only letters, digits and . _ : - and must start with a letter or digit",
            ),
            (with("/tenant_id", Value::Null), "/tenant_id is missing"),
            (with("/agent_id", json!(7)), "/agent_id must be a string"),
            (
                with("/started_at", json!("yesterday")),
                "/started_at must be an RFC 3339 time such as 2026-11-22T10:00:00Z",
            ),
            (with("/ended_at", json!("2026-11-22T09:59:59Z")), "/ended_at must not be before started_at"),
            (with("/visitor", json!([])), "/visitor must be an object"),
            (with("/visitor/locale", json!("Deutsch!")), "/visitor/locale must be a language tag such as en or pt-BR"),
            (
                with("/visitor/locale", json!("say-only-hello")),
                "/visitor/locale must be a language tag such as en or pt-BR",
            ),
            (
                with("/visitor/time_zone", json!("half past ten")),
                "/visitor/time_zone must be a name of the IANA time zone database such as Europe/Berlin, or UTC",
            ),
            (with("/visitor/email_consent", json!(true)), "/visitor/email_consent must be given or withdrawn"),
            (with("/visitor/name", json!("x".repeat(257))), "/visitor/name must have at most 256 characters"),
            (with("/visitor/e-mail", json!("x")), "/visitor/e-mail is not a known field"),
            (with("/a~b", json!("x")), "/a~0b is not a known field"),
            (with("/metadata", json!({ "x": "y".repeat(20_000) })), "/metadata must have at most 16384 bytes as JSON"),
            (with("/metadata", json!({ "x": ["\0"] })), "/metadata/x/0 must not contain null bytes"),
            (with("/transcript", json!("hello")), "/transcript must be an array"),
            (with("/transcript/1", json!("hello")), "/transcript/1 must be an object"),
            (with("/transcript/0/role", json!("user")), "/transcript/0/role must be visitor, agent, system or tool"),
            (with("/transcript/0/text", json!("a\0b")), "/transcript/0/text must not contain null bytes"),
            (
                with("/transcript/0/started_ms", json!(-1)),
                "/transcript/0/started_ms must be whole milliseconds from 0 to 2147483647",
            ),
            (
                with("/transcript/0/ended_ms", json!(1.5)),
                "/transcript/0/ended_ms must be whole milliseconds from 0 to 2147483647",
            ),
            (with("/transcript/1/ended_ms", json!(999)), "/transcript/1/ended_ms must not be before started_ms"),
        ];
        for (document, expected) in cases {
            assert_eq!(errors(&document), [expected]);
        }
    }

    #[test]
    fn all_wrong_fields_are_named_at_once_up_to_a_limit() {
        let empty = errors(&json!({}));
        assert_eq!(empty.len(), 6, "{empty:?}");
        let turns: Vec<_> = (0..5000).map(|_| json!({ "role": "user", "text": "x" })).collect();
        let many = errors(&with("/transcript", json!(turns)));
        assert_eq!(many.len(), 51);
        assert_eq!(many[50], " has 4950 more errors");
        assert_eq!(errors(&json!([])), [" must be an object"]);
    }

    #[test]
    fn a_body_that_is_not_json_is_refused() {
        for body in [&b""[..], b"{", b"\xff", b"{} {}"] {
            assert!(matches!(Notification::parse(body), Err(Error::Json(_))), "{body:?}");
        }
    }

    #[test]
    fn a_transcript_that_is_left_out_differs_from_an_empty_one() {
        assert_eq!(parse(&with("/transcript", Value::Null)).unwrap().transcript, None);
        assert_eq!(parse(&with("/transcript", json!([]))).unwrap().transcript, Some(Transcript::default()));
    }

    #[test]
    fn consent_that_is_left_out_differs_from_consent_that_is_withdrawn() {
        let consent = |value| parse(&with("/visitor/email_consent", value)).unwrap().session.visitor.email_consent;
        assert_eq!(consent(Value::Null), None);
        assert_eq!(consent(json!("withdrawn")), Some(EmailConsent::Withdrawn));
    }

    #[test]
    fn the_hash_is_of_the_content_not_of_its_spelling() {
        let hash = |text: &str| Notification::parse(text.as_bytes()).unwrap().hash;
        let spaced = serde_json::to_string_pretty(&valid()).unwrap();
        assert_eq!(hash(&spaced), hash(&valid().to_string()));
        assert_ne!(hash(&with("/transcript/0/text", json!("hello")).to_string()), hash(&spaced));
    }
}
