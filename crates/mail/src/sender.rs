//! Requests to SES v2: one `SendEmail` for each mail.

use std::time::Duration;

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::timeout::TimeoutConfig;
use aws_sdk_sesv2::error::BuildError;
use aws_sdk_sesv2::operation::send_email::builders::SendEmailFluentBuilder;
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{
    Attachment as SesAttachment, AttachmentContentDisposition, AttachmentContentTransferEncoding, Body, Content,
    Destination, EmailContent, Message, MessageHeader, MessageTag,
};
use domain::email_address::EmailAddress;

use crate::attachments::Attachment;
use crate::envelope::Envelope;
use crate::header::mailbox;
use crate::send_error::SendError;
use crate::template::Rendered;

/// Time for the answer of SES once a connection is made.
const ANSWER_TIME: Duration = Duration::from_millis(500);

const CHARSET: &str = "UTF-8";

/// The least time that a request needs: with less, a mail could be cut off and have an unknown outcome.
pub const MIN_SEND_TIME: Duration = transport::CONNECT_TIMEOUT.saturating_add(ANSWER_TIME);

/// Amazon SES.
#[derive(Debug, Clone)]
pub struct Sender {
    client: Client,
    configuration_set: Option<String>,
}

impl Sender {
    /// Makes a sender that does not retry: SES has no idempotency token, so a second request could be a second mail.
    pub fn new(aws: &aws_types::SdkConfig, configuration_set: Option<String>) -> Self {
        let config = aws_sdk_sesv2::config::Builder::from(aws).retry_config(transport::retries(1)).build();
        Self { client: Client::from_conf(config), configuration_set }
    }

    /// Sends a mail in at most `time` and returns the message id of SES.
    pub async fn send(
        &self,
        envelope: &Envelope<'_>,
        mail: Rendered,
        attachments: Vec<Attachment>,
        time: Duration,
    ) -> Result<String, SendError> {
        let timeouts = TimeoutConfig::builder().operation_timeout(time).build();
        let overrides = aws_sdk_sesv2::config::Builder::new().timeout_config(timeouts);
        let request = self.request(envelope, mail, attachments).map_err(SendError::Request)?;
        let answer = request.customize().config_override(overrides).send().await.map_err(SendError::of)?;
        answer.message_id.ok_or(SendError::NoMessageId)
    }

    fn request(
        &self,
        envelope: &Envelope<'_>,
        mail: Rendered,
        attachments: Vec<Attachment>,
    ) -> Result<SendEmailFluentBuilder, BuildError> {
        let set = envelope.configuration_set.map(str::to_owned).or_else(|| self.configuration_set.clone());
        let reply_to = envelope.reply_to.map(|address| vec![address.as_str().to_owned()]);
        Ok(self
            .client
            .send_email()
            .from_email_address(mailbox(envelope.from_name, envelope.from))
            .destination(destination(envelope))
            .set_reply_to_addresses(reply_to)
            .content(content(mail, envelope.headers, attachments)?)
            .set_email_tags(Some(tags(envelope)?))
            .set_configuration_set_name(set))
    }
}

fn destination(envelope: &Envelope<'_>) -> Destination {
    // An empty list is left out of the request.
    let list = |addresses: &[EmailAddress]| {
        (!addresses.is_empty()).then(|| addresses.iter().map(|address| address.as_str().to_owned()).collect())
    };
    Destination::builder()
        .to_addresses(envelope.to.as_str())
        .set_cc_addresses(list(envelope.cc))
        .set_bcc_addresses(list(envelope.bcc))
        .build()
}

fn content(
    mail: Rendered,
    headers: &[(String, String)],
    attachments: Vec<Attachment>,
) -> Result<EmailContent, BuildError> {
    let part = |text: String| Content::builder().charset(CHARSET).data(text).build();
    let body = Body::builder().text(part(mail.text)?).html(part(mail.html)?).build();
    let mut message = Message::builder().subject(part(mail.subject)?).body(body);
    for (name, value) in headers {
        message = message.headers(MessageHeader::builder().name(name).value(value).build()?);
    }
    for Attachment { name, content_type, content } in attachments {
        let attachment = SesAttachment::builder()
            .file_name(name)
            .content_type(content_type)
            .content_disposition(AttachmentContentDisposition::Attachment)
            .content_transfer_encoding(AttachmentContentTransferEncoding::Base64)
            .raw_content(Blob::new(content));
        message = message.attachments(attachment.build()?);
    }
    Ok(EmailContent::builder().simple(message.build()).build())
}

fn tags(envelope: &Envelope<'_>) -> Result<Vec<MessageTag>, BuildError> {
    let tags = envelope.tags.iter();
    tags.map(|(name, value)| MessageTag::builder().name(*name).value(value).build()).collect()
}
