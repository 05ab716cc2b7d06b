//! One `SendEmail` request to SES v2.

use std::time::Duration;

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::retry::RetryConfig;
use aws_sdk_sesv2::config::timeout::TimeoutConfig;
use aws_sdk_sesv2::error::BuildError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message, MessageTag};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use domain::email_address::EmailAddress;
use domain::id::{SessionId, TenantId};
use domain::ses_tag;
use uuid::Uuid;

use crate::header::mailbox;
use crate::mail::Mail;
use crate::send_error::SendError;

/// Name resolution, TCP and TLS together; a small function needs most of a second for its first handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// What is left at least for SES's answer once a connection stands. With less time than both, a request could be cut off
/// and its outcome unknown, for nothing.
const ANSWER_TIME: Duration = Duration::from_millis(500);
/// A connection idle for longer is not used again: SES may have closed it while the sandbox was frozen, and a mail
/// written to it would have an unknown outcome.
const MAX_IDLE: Duration = Duration::from_secs(3);

const CHARSET: &str = "UTF-8";

/// The least time a request needs.
pub(crate) const MIN_SEND_TIME: Duration = CONNECT_TIMEOUT.saturating_add(ANSWER_TIME);

/// Who sends to whom, and how SES reports on it.
#[derive(Clone, Copy)]
pub struct Envelope<'a> {
    pub from_name: Option<&'a str>,
    /// This address, and the others, in ASCII.
    pub from: &'a EmailAddress,
    pub reply_to: Option<&'a EmailAddress>,
    pub to: &'a EmailAddress,
    pub tenant_id: &'a TenantId,
    pub session_id: &'a SessionId,
    pub email_id: Uuid,
}

/// Amazon SES.
#[derive(Debug, Clone)]
pub struct Sender {
    client: Client,
    configuration_set: Option<String>,
}

impl Sender {
    /// Without retries: SES knows no idempotency token, so a second request could be a second mail.
    pub fn new(aws: &aws_config::SdkConfig, configuration_set: Option<String>) -> Self {
        let http = aws_smithy_http_client::Builder::new().pool_idle_timeout(MAX_IDLE);
        let config = aws_sdk_sesv2::config::Builder::from(aws)
            .retry_config(RetryConfig::disabled())
            .http_client(http.tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https())
            .build();
        Self { client: Client::from_conf(config), configuration_set }
    }

    /// Sends a mail and returns SES's message id. Takes at most `time`.
    pub async fn send(&self, envelope: &Envelope<'_>, mail: Mail, time: Duration) -> Result<String, SendError> {
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_timeout(time).build();
        let request = self
            .client
            .send_email()
            .from_email_address(mailbox(envelope.from_name, envelope.from))
            .destination(Destination::builder().to_addresses(envelope.to.as_str()).build())
            .set_reply_to_addresses(envelope.reply_to.map(|address| vec![address.as_str().to_owned()]))
            .content(content(mail).map_err(SendError::Request)?)
            .set_email_tags(Some(tags(envelope).map_err(SendError::Request)?))
            .set_configuration_set_name(self.configuration_set.clone());
        let overrides = aws_sdk_sesv2::config::Builder::new().timeout_config(timeouts);
        let answer = request.customize().config_override(overrides).send().await.map_err(SendError::of)?;
        answer.message_id.ok_or(SendError::NoMessageId)
    }
}

fn content(mail: Mail) -> Result<EmailContent, BuildError> {
    let part = |text: String| Content::builder().charset(CHARSET).data(text).build();
    let body = Body::builder().text(part(mail.text)?).html(part(mail.html)?).build();
    let message = Message::builder().subject(part(mail.subject)?).body(body).build();
    Ok(EmailContent::builder().simple(message).build())
}

/// SES repeats them in every event about the mail.
fn tags(envelope: &Envelope<'_>) -> Result<Vec<MessageTag>, BuildError> {
    let tags = [
        (ses_tag::EMAIL_ID, envelope.email_id.to_string()),
        (ses_tag::TENANT_ID, ses_tag::encode(envelope.tenant_id)),
        (ses_tag::SESSION_ID, ses_tag::encode(envelope.session_id)),
    ];
    tags.into_iter().map(|(name, value)| MessageTag::builder().name(name).value(value).build()).collect()
}
