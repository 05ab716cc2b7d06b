//! Sessions and their transcripts.

use chrono::{DateTime, Utc};
use domain::address_hash::AddressHash;
use domain::id::{SessionId, TenantId};
use domain::session::{EmailConsent, Session, SessionStatus, Visitor, VisitorEmail};
use domain::transcript::{Transcript, Turn};

use crate::row::{FromRow, Row};
use crate::sql::{boolean, bytes, ints, jsonb, statements, text, texts, time};
use crate::{Error, Store};

/// A session that is over: it has ended, or was abandoned. The AI engine writes nothing to a session that it began 30
/// days ago, and has not notified of it.
macro_rules! is_over {
    () => {
        "(status IN ('completed', 'failed') OR (status = 'active' AND started_at < now() - interval '30 days'))"
    };
}
pub(crate) use is_over;

statements! {
// A session that was notified of before is a repetition or a conflict, and is not changed. Turns are never replaced.
ACCEPT_SESSION = "
-- accept_session()
WITH accepted AS (
    INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at, ended_at, end_reason, visitor_id,
                          visitor_name, visitor_email, visitor_phone, visitor_locale, metadata, notification_hash,
                          transcript_carried, visitor_time_zone, visitor_email_consent, visitor_email_hash, status,
                          open_steps, notified_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 'processing', 1, now())
    ON CONFLICT (tenant_id, session_id) DO UPDATE
    SET agent_id = EXCLUDED.agent_id, channel = EXCLUDED.channel, started_at = EXCLUDED.started_at,
        ended_at = EXCLUDED.ended_at, end_reason = EXCLUDED.end_reason, visitor_id = EXCLUDED.visitor_id,
        visitor_name = EXCLUDED.visitor_name, visitor_email = EXCLUDED.visitor_email,
        visitor_phone = EXCLUDED.visitor_phone, visitor_locale = EXCLUDED.visitor_locale,
        visitor_time_zone = EXCLUDED.visitor_time_zone, visitor_email_consent = EXCLUDED.visitor_email_consent,
        visitor_email_hash = EXCLUDED.visitor_email_hash,
        metadata = EXCLUDED.metadata, notification_hash = EXCLUDED.notification_hash,
        transcript_carried = EXCLUDED.transcript_carried, status = EXCLUDED.status,
        open_steps = EXCLUDED.open_steps, notified_at = EXCLUDED.notified_at, transcript_purged_at = NULL,
        erased_at = NULL
    WHERE sessions.status = 'active'
    RETURNING tenant_id, session_id
), turns AS (
    INSERT INTO transcript_turns (tenant_id, session_id, seq, role, text, started_ms, ended_ms)
    SELECT tenant_id, session_id, turn.number - 1, turn.role, turn.text, turn.started_ms, turn.ended_ms
    FROM accepted, unnest($19::text[], $20::text[], $21::int[], $22::int[])
         WITH ORDINALITY AS turn (role, text, started_ms, ended_ms, number)
    ON CONFLICT (tenant_id, session_id, seq) DO NOTHING
), planned AS (
    INSERT INTO steps (tenant_id, session_id, kind, analysis_version, message)
    SELECT tenant_id, session_id, 'analyze', 1, $23 FROM accepted
)
SELECT tenant_id FROM accepted";

REPEATED_NOTIFICATION = "
-- repeated_notification()
SELECT sessions.notification_hash = $3 AS same, sessions.status,
       coalesce(steps.status = 'pending' AND steps.attempt = 0, false) AS unclaimed
FROM sessions
LEFT JOIN steps ON steps.tenant_id = $1 AND steps.session_id = $2 AND kind = 'analyze' AND analysis_version = 1
WHERE sessions.tenant_id = $1 AND sessions.session_id = $2";

SESSION = "
-- session()
SELECT tenant_id, session_id, agent_id, channel, started_at, ended_at, end_reason, visitor_id, visitor_name,
       visitor_email, visitor_phone, visitor_locale, visitor_time_zone, visitor_email_consent, metadata, status,
       failure_code, transcript_carried, transcript_purged_at, notified_at
FROM sessions WHERE tenant_id = $1 AND session_id = $2 AND ended_at IS NOT NULL";

TRANSCRIPT = "
-- transcript()
SELECT seq, role, text, started_ms, ended_ms FROM transcript_turns
WHERE tenant_id = $1 AND session_id = $2 ORDER BY seq";
}

/// A validated notification.
#[derive(Clone, Copy)]
pub struct NotifiedSession<'a> {
    pub session: &'a Session,
    /// `None` if the AI engine writes the turns itself.
    pub transcript: Option<&'a Transcript>,
    /// SHA-256 of the notification in canonical form.
    pub hash: &'a [u8],
    /// The queue message that asks for the analysis.
    pub message: &'a str,
}

/// The result of accepting a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    New,
    /// A repeated notification. `unclaimed`: its message may never have reached the queue.
    Duplicate {
        status: SessionStatus,
        unclaimed: bool,
    },
    /// The session was notified before with other content.
    Conflict,
    UnknownTenant,
}

/// A session that has ended and how far it has come.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSession {
    pub session: Session,
    pub status: SessionStatus,
    /// Code of the first step that failed.
    pub failure_code: Option<String>,
    /// Whether the notification carried the transcript; if not, the AI engine writes the turns.
    pub transcript_carried: bool,
    /// When retention or an erasure took the turns.
    pub transcript_purged_at: Option<DateTime<Utc>>,
    /// `None` until the AI engine has notified us.
    pub notified_at: Option<DateTime<Utc>>,
}

impl Store {
    /// Stores a session with its transcript and plans its analysis, all or nothing.
    ///
    /// Turns that the AI engine has written are not changed.
    pub async fn accept_session(&self, notification: &NotifiedSession<'_>) -> Result<Accepted, Error> {
        match self.insert_session(notification).await {
            Ok(true) => Ok(Accepted::New),
            Ok(false) => self.repeated_notification(notification).await,
            Err(error) if error.constraint() == Some("sessions_tenant_id_fkey") => Ok(Accepted::UnknownTenant),
            Err(error) => Err(error),
        }
    }

    async fn insert_session(&self, notification: &NotifiedSession<'_>) -> Result<bool, Error> {
        let NotifiedSession { session, transcript, hash, message } = *notification;
        let turns = transcript.map(Transcript::turns).unwrap_or_default();
        let ms = |of: fn(&Turn) -> Option<u32>| -> Vec<_> {
            turns.iter().map(|turn| of(turn).and_then(|ms| i32::try_from(ms).ok())).collect()
        };
        let metadata = serde_json::Value::Object(session.metadata.clone());
        let visitor = &session.visitor;
        let params = [
            text(session.tenant_id.as_ref()),
            text(session.session_id.as_ref()),
            text(session.agent_id.as_ref()),
            text(session.channel.as_str()),
            time(session.started_at),
            time(session.ended_at),
            text(session.end_reason.as_deref()),
            text(visitor.id.as_deref()),
            text(visitor.name.as_deref()),
            text(visitor.email.as_deref()),
            text(visitor.phone.as_deref()),
            text(visitor.locale.as_deref()),
            jsonb(metadata),
            bytes(hash),
            boolean(transcript.is_some()),
            text(visitor.time_zone.as_deref()),
            text(visitor.email_consent.map(EmailConsent::as_str)),
            bytes(address_hash(session).map(|hash| hash.as_bytes().to_vec())),
            texts(turns.iter().map(|turn| turn.role.as_str())),
            texts(turns.iter().map(|turn| turn.text.as_str())),
            ints(ms(|turn| turn.started_ms)),
            ints(ms(|turn| turn.ended_ms)),
            text(message),
        ];
        Ok(self.row(ACCEPT_SESSION, &params).await?.is_some())
    }

    async fn repeated_notification(&self, notification: &NotifiedSession<'_>) -> Result<Accepted, Error> {
        let session = notification.session;
        let params = [text(session.tenant_id.as_ref()), text(session.session_id.as_ref()), bytes(notification.hash)];
        let row = self.one(REPEATED_NOTIFICATION, &params).await?;
        if row.get::<Option<bool>>("same")? != Some(true) {
            return Ok(Accepted::Conflict);
        }
        let status = row.get("status")?;
        Ok(Accepted::Duplicate { status, unclaimed: row.get("unclaimed")? })
    }

    /// Returns a session; `None` while the conversation goes on, and for an unknown session.
    pub async fn session(&self, tenant: &TenantId, session: &SessionId) -> Result<Option<StoredSession>, Error> {
        self.first(SESSION, &[text(tenant.as_ref()), text(session.as_ref())]).await
    }

    /// Returns the transcript; `None` while it is not complete: no turn yet, or a gap in `seq`.
    pub async fn transcript(&self, tenant: &TenantId, session: &SessionId) -> Result<Option<Transcript>, Error> {
        let turns: Vec<(i32, Turn)> = self.all(TRANSCRIPT, &[text(tenant.as_ref()), text(session.as_ref())]).await?;
        let is_complete = !turns.is_empty() && turns.iter().zip(0..).all(|((seq, _), index)| *seq == index);
        Ok(is_complete.then(|| Transcript::new(turns.into_iter().map(|(_, turn)| turn).collect())))
    }
}

/// The hash by which an erasure finds the session.
fn address_hash(session: &Session) -> Option<AddressHash> {
    match session.visitor.email() {
        VisitorEmail::Usable(address) => Some(AddressHash::of(&session.tenant_id, &address)),
        VisitorEmail::Absent | VisitorEmail::Invalid => None,
    }
}

impl FromRow for StoredSession {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let metadata: serde_json::Value = row.get("metadata")?;
        let session = Session {
            tenant_id: row.get("tenant_id")?,
            session_id: row.get("session_id")?,
            agent_id: row.get("agent_id")?,
            channel: row.get("channel")?,
            started_at: row.get("started_at")?,
            ended_at: row.get("ended_at")?,
            end_reason: row.get("end_reason")?,
            visitor: Visitor {
                id: row.get("visitor_id")?,
                name: row.get("visitor_name")?,
                email: row.get("visitor_email")?,
                phone: row.get("visitor_phone")?,
                locale: row.get("visitor_locale")?,
                time_zone: row.get("visitor_time_zone")?,
                email_consent: row.get("visitor_email_consent")?,
            },
            metadata: metadata.as_object().cloned().unwrap_or_default(),
        };
        Ok(Self {
            session,
            status: row.get("status")?,
            failure_code: row.get("failure_code")?,
            transcript_carried: row.get("transcript_carried")?,
            transcript_purged_at: row.get("transcript_purged_at")?,
            notified_at: row.get("notified_at")?,
        })
    }
}

impl FromRow for (i32, Turn) {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let ms = |column| Ok(row.get::<Option<i32>>(column)?.and_then(|ms| ms.try_into().ok()));
        let (role, text) = (row.get("role")?, row.get("text")?);
        let turn = Turn { role, text, started_ms: ms("started_ms")?, ended_ms: ms("ended_ms")? };
        Ok((row.get("seq")?, turn))
    }
}
