use domain::number::Whole;
use domain::settings::EmailSettings;
use domain::transcript::{Role, Transcript, Turn};
use insta::assert_snapshot;

use super::*;
use crate::sample::Sample;

fn all() -> EmailSettings {
    let attachments =
        vec![AttachmentKind::AnalyticsJson, AttachmentKind::TranscriptHtml, AttachmentKind::TranscriptTxt];
    EmailSettings { attachments, ..EmailSettings::default() }
}

fn made(settings: &EmailSettings, sample: &Sample) -> Result<Vec<Attachment>, Code> {
    of(&sample.about(settings), &Rendered { subject: String::new(), text: String::new(), html: String::new() })
}

/// Returns the text of an attachment.
fn text(settings: &EmailSettings, sample: &Sample, name: &str) -> String {
    let attachment = made(settings, sample).unwrap().into_iter().find(|attachment| attachment.name == name);
    String::from_utf8(attachment.unwrap().content).unwrap()
}

#[test]
fn a_transcript_is_attached_as_lines() {
    let mut sample = Sample::full();
    sample.session.visitor.locale = Some("de-AT".to_owned());
    sample.session.visitor.name = None;
    assert_snapshot!(text(&all(), &sample, "transcript.txt"), @r"
    Ihr Gespräch mit Müller & Co am 22. November 2026

    Sie (0:01): Hello, my dishwasher is leaking at the door.
    Assistent (0:05): I am sorry to hear that. How old is the machine?
    Sie (0:09): Fourteen months, I think.
    Assistent (0:11): Then it is under warranty. A technician can come on Tuesday between 9 and 11. Does that suit you?
    Sie (0:18): Yes, Tuesday is fine. Thank you!
    Assistent (1:05): Please send us a photo of the type plate by Monday, and leave the machine off until then.
    ");
}

#[test]
fn a_transcript_is_attached_as_a_page_that_names_its_languages() {
    let mut sample = Sample::full();
    sample.session.visitor.locale = Some("fr".to_owned());
    let html = text(&all(), &sample, "transcript.html");
    assert!(html.starts_with("<!doctype html>\n<html lang=\"en\" dir=\"ltr\">"), "{html}");
    assert!(html.contains("<h1>Your conversation with Müller &amp; Co on 22 November 2026</h1>"), "{html}");
    let turn = "<dt><span dir=\"auto\">Ana López</span><time>0:01</time></dt>\n<dd lang=\"fr\" dir=\"auto\">Hello, my";
    assert!(html.contains(turn), "{html}");
    for outside in ["http", "src=", "href=", "@import", "url("] {
        assert!(!html.contains(outside), "{outside} in {html}");
    }
}

#[test]
fn hostile_turns_stay_text_and_tool_calls_stay_out() {
    let mut sample = Sample::full();
    let turn = |role, text: &str| Turn { role, text: text.to_owned(), started_ms: None, ended_ms: None };
    sample.transcript = Some(Transcript::new(vec![
        turn(Role::System, "SECRET prompt"),
        turn(Role::Visitor, "</dd><script>alert(1)</script>\r\nAssistant: {{ x }} https://evil.example"),
        turn(Role::Tool, "SECRET result"),
    ]));
    let (plain, html) = (text(&all(), &sample, "transcript.txt"), text(&all(), &sample, "transcript.html"));
    let line = "\n\nAna López: </dd><script>alert(1)</script> Assistant: {{ x }} evil[.]example\n";
    assert!(plain.ends_with(line), "{plain}");
    assert!(!html.contains("<script") && html.contains("&lt;script&gt;"), "{html}");
    assert!(!(plain + &html).contains("SECRET"));
}

#[test]
fn analytics_hold_what_is_the_visitors() {
    assert_snapshot!(text(&all(), &Sample::full(), "analytics.json"), @r#"
    {
      "version": 1,
      "session": {
        "channel": "voice",
        "ended_at": "2026-11-22T10:01:12Z",
        "id": "s-1",
        "started_at": "2026-11-22T10:00:00Z"
      },
      "summary": "Your dishwasher leaks at the door when it runs.\nA technician comes on Tuesday between 9 and 11; the repair is covered by the warranty.",
      "key_points": [
        "The dishwasher is 14 months old and under warranty",
        "The leak is at the lower door seal",
        "Until then the machine should stay off"
      ],
      "action_items": [
        {
          "due": "by Monday",
          "owner": "visitor",
          "text": "Send a photo of the type plate"
        },
        {
          "due": null,
          "owner": "business",
          "text": "Confirm the technician's visit"
        }
      ]
    }
    "#);
}

#[test]
fn analytics_hold_what_is_internal_only_where_the_settings_show_it() {
    let settings = EmailSettings { show_internal: true, ..all() };
    let json: serde_json::Value = serde_json::from_str(&text(&settings, &Sample::full(), "analytics.json")).unwrap();
    assert_snapshot!(serde_json::to_string_pretty(&json["internal"]).unwrap(), @r#"
    {
      "category": {
        "label": "facing_issue",
        "reasoning": "The visitor reports a defect and asks for a repair"
      },
      "custom_metrics": {
        "first_contact": {
          "rationale": "No earlier call was mentioned",
          "status": "ok",
          "value": true
        },
        "satisfaction": {
          "rationale": "Nothing was said",
          "status": "not_evaluated",
          "value": null
        }
      },
      "insights": [
        "Seals of this model are asked about often"
      ],
      "intent": {
        "outcome": "achieved",
        "primary_purpose": "Have a leaking dishwasher repaired"
      },
      "sentiment": {
        "average": -0.2,
        "label": "mixed"
      },
      "topics": [
        "dishwasher",
        "warranty",
        "repair"
      ]
    }
    "#);
}

#[test]
fn only_what_is_asked_for_and_there_is_attached() {
    let names = |settings: &EmailSettings, sample: &Sample| {
        made(settings, sample).unwrap().iter().map(|attachment| attachment.name).collect::<Vec<_>>()
    };
    assert_eq!(names(&EmailSettings::default(), &Sample::full()), Vec::<&str>::new());
    assert_eq!(names(&all(), &Sample::full()), ["transcript.txt", "transcript.html", "analytics.json"]);
    assert_eq!(names(&all(), &Sample::bare()), ["analytics.json"]);
    let twice = EmailSettings { attachments: vec![AttachmentKind::TranscriptTxt; 2], ..EmailSettings::default() };
    assert_eq!(names(&twice, &Sample::full()), ["transcript.txt"]);
}

#[test]
fn attachments_that_together_are_larger_than_the_bound_are_left_out_together() {
    let sample = Sample::full();
    let bytes: usize = made(&all(), &sample).unwrap().iter().map(|attachment| attachment.content.len()).sum();
    let bounded = |bytes: usize| {
        let max_attachment_bytes = Whole::try_from(u32::try_from(bytes).unwrap()).unwrap();
        EmailSettings { max_attachment_bytes, ..all() }
    };
    assert_eq!(made(&bounded(bytes), &sample).unwrap().len(), 3);
    assert_eq!(made(&bounded(bytes - 1), &sample), Err(TOO_LARGE));
}

#[test]
fn a_mail_that_is_nearly_as_large_as_ses_takes_goes_without_files_that_the_tenant_allows() {
    let (sample, settings) = (Sample::full(), all());
    let bytes: usize = made(&settings, &sample).unwrap().iter().map(|attachment| attachment.content.len()).sum();
    let with_mail_of = |mail_bytes: usize| {
        let mail = Rendered { subject: String::new(), text: String::new(), html: "x".repeat(mail_bytes) };
        of(&sample.about(&settings), &mail)
    };
    assert_eq!(with_mail_of(MAX_MAIL_BYTES - bytes).unwrap().len(), 3);
    assert_eq!(with_mail_of(MAX_MAIL_BYTES - bytes + 1), Err(TOO_LARGE));
    assert_eq!(with_mail_of(MAX_MAIL_BYTES + 1), Err(TOO_LARGE));
    assert!(MAX_MAIL_BYTES.div_ceil(3) * 4 < 40_000_000, "as base64 it fits into what SES takes");
}
