//! Processor time of one whole mail; `cargo xtask bench notify` judges the figures.
//!
//! Processor time does not count other programs of the machine. It includes everything but the network: values, all
//! parts, all attachments, the request as JSON with base64, its signature, and the reading of an answer.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends the benchmark")]

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use domain::email_address::EmailAddress;
use domain::settings::EmailSettings;
use domain::transcript::{Role, Transcript, Turn};
use mail::sample::Sample;
use mail::testing::sdk_config;
use mail::{Envelope, Sender, Template, TemplateSource, VisitorContext, attachments, headers, tags};
use rustix::time::{ClockId, clock_gettime};

const TURNS: usize = 100;
/// Mails before the measurement: they fill caches and the allocator, as in a function that has run before.
const WARM_UP: usize = 200;
const MAILS: usize = 2_000;

/// An HTTP client that answers every request at once.
#[derive(Debug, Clone)]
struct Instant;

impl HttpConnector for Instant {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let answer = HttpResponse::new(200.try_into().unwrap(), r#"{"MessageId":"0102"}"#.into());
        HttpConnectorFuture::ready(Ok(answer))
    }
}

fn sender() -> Sender {
    let aws = sdk_config("https://email.eu-west-1.amazonaws.com");
    let instant = http_client_fn(|_, _| SharedHttpConnector::new(Instant));
    Sender::new(&aws.to_builder().http_client(instant).build(), Some("events".to_owned()))
}

fn sample() -> Sample {
    let turn = |n: usize| Turn {
        role: if n.is_multiple_of(2) { Role::Visitor } else { Role::Agent },
        text: format!("In turn {n} I say that my machine is broken, and that I'd like a \"new\" one by Friday & soon!"),
        started_ms: u32::try_from(n * 7_000).ok(),
        ended_ms: None,
    };
    Sample { transcript: Some(Transcript::new((0..TURNS).map(turn).collect())), ..Sample::full() }
}

/// Makes and sends one mail; `own` is a tenant's template, which is parsed for each mail.
async fn one(sender: &Sender, sample: &Sample, settings: &EmailSettings, own: Option<&TemplateSource>) {
    let about = sample.about(settings);
    let parsed = own.map(|source| Template::parse(source).unwrap());
    let template = parsed.as_ref().unwrap_or_else(|| Template::built_in());
    let rendered = template.render(&VisitorContext::new(&about)).unwrap();
    let attachments = attachments::of(&about, &rendered).unwrap();
    assert_eq!(attachments.len(), 3);
    let address = |text: &str| text.parse::<EmailAddress>().unwrap();
    let envelope = Envelope {
        from_name: Some("Müller & Co"),
        from: &address("post@example.org"),
        reply_to: None,
        to: &address("ana@example.com"),
        cc: &[],
        bcc: &[],
        configuration_set: None,
        headers: &headers(settings, about.unsubscribe_url),
        tags: &tags(uuid::Uuid::nil(), &about.session.tenant_id, &about.session.session_id),
    };
    sender.send(&envelope, rendered, attachments, Duration::from_secs(10)).await.unwrap();
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

/// The mean of processor time per mail.
async fn measured(sender: &Sender, own: Option<&TemplateSource>) -> Duration {
    let settings = EmailSettings {
        show_transcript: true,
        attachments: serde_json::from_str(r#"["transcript_txt", "transcript_html", "analytics_json"]"#).unwrap(),
        ..EmailSettings::default()
    };
    let sample = sample();
    for _ in 0..WARM_UP {
        one(sender, &sample, &settings, own).await;
    }
    let before = processor_time();
    for _ in 0..MAILS {
        one(sender, &sample, &settings, own).await;
    }
    (processor_time() - before) / u32::try_from(MAILS).unwrap()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sender = sender();
    for (name, own) in [("built-in", None), ("own", Some(TemplateSource::built_in()))] {
        let time = runtime.block_on(measured(&sender, own.as_ref()));
        println!(
            "{}",
            serde_json::json!({ "template": name, "turns": TURNS, "mails": MAILS, "nanoseconds": time.as_nanos() as u64 })
        );
    }
}
