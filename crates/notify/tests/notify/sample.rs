//! A session with everything that a mail can show, and with data that no mail may show.

use domain::analysis::Analysis;
use domain::session::{Channel, Session, Visitor};
use domain::settings::EmailSettings;

pub(crate) fn settings() -> EmailSettings {
    EmailSettings {
        from_name: Some("Müller & Co".to_owned()),
        reply_to: Some("help@example.com".parse().unwrap()),
        ..EmailSettings::default()
    }
}

pub(crate) fn session() -> Session {
    Session {
        tenant_id: "acme.eu".parse().unwrap(),
        session_id: "s_1:a".parse().unwrap(),
        agent_id: "agent".parse().unwrap(),
        channel: Channel::Text,
        started_at: "2026-11-22T10:00:00Z".parse().unwrap(),
        ended_at: "2026-11-22T10:05:00Z".parse().unwrap(),
        end_reason: None,
        visitor: Visitor {
            name: Some("Ana López".to_owned()),
            email: Some("ana@example.com".to_owned()),
            phone: Some("+34 600 000 000".to_owned()),
            locale: Some("en-GB".to_owned()),
            ..Visitor::default()
        },
        metadata: Default::default(),
    }
}

pub(crate) fn analysis() -> Analysis {
    serde_json::from_str(include_str!("analysis.json")).unwrap()
}
