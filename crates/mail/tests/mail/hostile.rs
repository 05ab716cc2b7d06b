//! Hostile text in every field that a visitor or a tenant controls.

use std::collections::BTreeSet;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::analysis::{CustomMetric, MetricStatus};
use domain::email_address::EmailAddress;
use domain::settings::EmailSettings;
use domain::transcript::{Role, Transcript, Turn};
use mail::sample::Sample;
use mail::{Envelope, Template, TemplateSource, VisitorContext, attachments, headers};
use serde_json::{Value, json};

use crate::request::request;

const ATTACKS: [&str; 7] = [
    "see https://evil.example/x or write to eve@evil.example",
    "x\r\nBcc: eve@evil.example\r\n\r\n<h1>",
    "{{ 7 * 191 }}{% include 'x' %}{# x #}{{ internal }}",
    "<script>alert(1)</script>",
    "\" onmouseover=\"alert(1)",
    "'><img src=x onerror=alert(1)>",
    "\u{202E}\u{0}=?UTF-8?Q?x?= <eve@evil.example>, \u{2028}",
];

/// Puts an attack into everything that was said, analysed or named. Only a tenant's own name may look like a link.
fn attacked(attack: &str) -> (EmailSettings, Sample) {
    let name = attack.replace("evil.example", "acme.example");
    let settings = json!({
        "from_name": &name,
        "show_transcript": true,
        "show_internal": true,
        "attachments": ["transcript_txt", "transcript_html", "analytics_json"],
    });
    let mut sample = Sample::full();
    sample.tenant_name.clone_from(&name);
    let visitor = &mut sample.session.visitor;
    for field in [&mut visitor.name, &mut visitor.locale, &mut visitor.phone, &mut visitor.id, &mut visitor.time_zone] {
        *field = Some(attack.to_owned());
    }
    let analysis = &mut sample.analysis;
    let summary = analysis.summary.as_mut().unwrap();
    summary.text = attack.to_owned();
    let texts = summary.key_points.iter_mut().chain(analysis.topics.iter_mut());
    let items = analysis.action_items.iter_mut().map(|item| {
        item.due = Some(attack.to_owned());
        &mut item.text
    });
    texts.chain(items).chain(analysis.insights.iter_mut().map(|insight| &mut insight.text)).for_each(|text| {
        *text = attack.to_owned();
    });
    analysis.category.as_mut().unwrap().justification.reasoning = attack.to_owned();
    analysis.intent.as_mut().unwrap().primary_purpose = attack.to_owned();
    let metric = CustomMetric { status: MetricStatus::Ok, value: attack.into(), rationale: attack.to_owned() };
    analysis.custom_metrics = [(name.clone(), metric)].into();
    let turn = Turn { role: Role::Visitor, text: attack.to_owned(), started_ms: Some(1), ended_ms: None };
    sample.transcript = Some(Transcript::new(vec![turn]));
    (serde_json::from_value(settings).unwrap(), sample)
}

/// Makes a tenant's template that shows every variable.
fn everything() -> Template {
    let TemplateSource { subject, text, html } = TemplateSource::built_in();
    let more = "{% for text in internal.topics %}{{ text }}{% endfor %}{% for text in internal.insights %}{{ text }}{% endfor %}
        {{ internal.category.reasoning }}{{ internal.intent.primary_purpose }}
        {% for name, metric in internal.custom_metrics|items %}{{ name }} {{ metric.value }} {{ metric.rationale }}{% endfor %}";
    let html =
        html.replace("</body>", &format!("{more}<p title=\"{{{{ internal.category.reasoning }}}}\"></p></body>"));
    Template::parse(&TemplateSource {
        subject: format!("{subject}{{{{ visitor or business }}}}").replace('\n', ""),
        text: text + more,
        html,
    })
    .unwrap()
}

async fn sent(template: &Template, attack: &str) -> Value {
    let (settings, sample) = attacked(attack);
    let about = sample.about(&settings);
    let address = |text: &str| text.parse::<EmailAddress>().unwrap().to_ascii().unwrap();
    let envelope = Envelope {
        from_name: settings.from_name.as_deref(),
        from: &address("post@example.org"),
        reply_to: None,
        to: &address("ana@example.com"),
        cc: &[],
        bcc: &[],
        configuration_set: None,
        headers: &headers(&settings, about.unsubscribe_url),
        tags: &[],
    };
    let rendered = template.render(&VisitorContext::new(&about)).unwrap();
    let files = attachments::of(&about, &rendered).unwrap();
    request(&envelope, rendered, files).await
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap()
}

#[tokio::test]
async fn an_attack_stays_text_down_to_the_request() {
    for template in [Template::built_in(), &everything()] {
        let harmless = sent(template, "harmless").await;
        for attack in ATTACKS {
            let request = sent(template, attack).await;
            assert_eq!(request["Destination"], json!({ "ToAddresses": ["ana@example.com"] }), "{attack:?}");
            assert_eq!(request["Content"]["Simple"]["Headers"], harmless["Content"]["Simple"]["Headers"], "{attack:?}");
            let from = text(&request, "/FromEmailAddress");
            assert!(from.ends_with(" <post@example.org>") && is_plain(from), "{from:?}");
            let subject = text(&request, "/Content/Simple/Subject/Data");
            assert!(is_plain(subject) && !subject.contains("1337"), "{subject:?}");
            let html = text(&request, "/Content/Simple/Body/Html/Data");
            assert_eq!(tags(html), tags(text(&harmless, "/Content/Simple/Body/Html/Data")), "{attack:?}: {html}");
            let mut parts = vec![text(&request, "/Content/Simple/Body/Text/Data").to_owned(), html.to_owned()];
            parts.extend(files(&request));
            assert_eq!(parts.len(), 5, "{attack:?}");
            for part in parts {
                assert!(!part.contains("1337") && !part.contains('\r'), "{part}");
                assert!(!part.contains("evil.example"), "{part}");
                assert!(!(part.starts_with("<!doctype html>") && part.contains("<script")), "{part}");
            }
        }
    }
}

#[tokio::test]
async fn a_huge_name_makes_no_huge_header() {
    let request = sent(Template::built_in(), &"名".repeat(20_000)).await;
    assert!(text(&request, "/FromEmailAddress").len() <= 320);
    assert!(text(&request, "/Content/Simple/Subject/Data").chars().count() <= 150);
}

/// Returns the texts of the attachments.
fn files(request: &Value) -> Vec<String> {
    let files = request["Content"]["Simple"]["Attachments"].as_array().unwrap().iter();
    let content = |file: &Value| BASE64_STANDARD.decode(file["RawContent"].as_str().unwrap()).unwrap();
    files.map(|file| String::from_utf8(content(file)).unwrap()).collect()
}

/// Returns whether a header is one line of visible characters.
fn is_plain(header: &str) -> bool {
    !header.chars().any(|c| c.is_control() || "\u{2028}\u{2029}\u{202E}".contains(c))
}

/// Returns the tags of a document with the names of their attributes.
fn tags(html: &str) -> BTreeSet<String> {
    let tags = html.split('<').skip(1).map(|rest| rest.split('>').next().unwrap());
    tags.map(|tag| tag.split('"').step_by(2).collect()).collect()
}
