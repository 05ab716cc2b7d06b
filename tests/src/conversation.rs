//! One conversation, marked so that a stand-in can tell whose it is.

use domain::id::TenantId;
use serde_json::{Value, json};

/// A notification of a conversation about a broken bicycle.
pub(crate) fn notification(tenant: &TenantId, session: &str) -> Value {
    json!({
        "tenant_id": tenant,
        "session_id": session,
        "agent_id": "agent-1",
        "channel": "text",
        "started_at": "2026-11-22T10:00:00Z",
        "ended_at": "2026-11-22T10:05:00Z",
        "end_reason": "visitor_left",
        "visitor": { "name": "Ana Lopez", "email": email(tenant), "locale": "en" },
        "metadata": { "page": "/repairs" },
        "transcript": [
            { "role": "agent", "text": "Hello, how can I help you today?" },
            { "role": "visitor", "text": format!("The brake of my bicycle is broken again, case {}/{session}.", tenant) },
            { "role": "agent", "text": "I am sorry about that. I will send you a repair slot by Friday." },
            { "role": "visitor", "text": "Thank you, that is great." },
        ]
    })
}

/// The visitor of all sessions of a tenant.
pub(crate) fn email(tenant: &TenantId) -> String {
    format!("ana.{tenant}@example.com")
}
