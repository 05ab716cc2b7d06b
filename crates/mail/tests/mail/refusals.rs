//! Every answer of SES and its meaning.

use std::net::TcpListener;
use std::time::Duration;

use mail::{Envelope, RefusalScope, Rendered, SendError, Sender, SesRefusal};

use mail::testing::{FakeSes, SesAnswer, sdk_config};

/// The next move after a request.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    /// The mail was not sent; another delivery may send it.
    Later,
    /// The mail was not sent, and no delivery will send it.
    Never,
    Unknown,
}
use Meaning::{Later, Never, Unknown};

fn meaning(error: &SendError) -> (Meaning, &'static str) {
    let meaning = match (error.is_outcome_unknown(), error.is_retryable()) {
        (true, _) => Unknown,
        (false, true) => Later,
        (false, false) => Never,
    };
    (meaning, error.code().as_str())
}

/// Joins an error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |&cause| cause.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

async fn send(sender: &Sender, time: Duration) -> Result<String, SendError> {
    let (from, to) = ("post@example.org".parse().unwrap(), "ana@example.com".parse().unwrap());
    let envelope = Envelope {
        from_name: None,
        from: &from,
        reply_to: None,
        to: &to,
        cc: &[],
        bcc: &[],
        configuration_set: None,
        headers: &[],
        tags: &[],
    };
    let mail = Rendered { subject: "s".into(), text: "t".into(), html: "h".into() };
    sender.send(&envelope, mail, Vec::new(), time).await
}

#[tokio::test]
async fn every_answer_of_ses_has_its_meaning_and_no_request_is_repeated() {
    let answers = [
        (SesAnswer::Refuse(429, "ThrottlingException", "Maximum sending rate exceeded."), Later, "ses_throttled"),
        (SesAnswer::Refuse(400, "Throttling", "Daily message quota exceeded."), Later, "ses_throttled"),
        (SesAnswer::Refuse(429, "TooManyRequestsException", ""), Later, "ses_throttled"),
        (SesAnswer::Refuse(400, "LimitExceededException", ""), Later, "ses_throttled"),
        (SesAnswer::Refuse(500, "InternalServiceErrorException", ""), Later, "ses_unavailable"),
        (SesAnswer::Refuse(503, "ServiceUnavailableException", ""), Later, "ses_unavailable"),
        (SesAnswer::Refuse(400, "AccountSuspendedException", ""), Never, "ses_account_suspended"),
        (SesAnswer::Refuse(400, "SendingPausedException", ""), Never, "ses_sending_paused"),
        (SesAnswer::Refuse(400, "MessageRejected", ""), Never, "ses_message_rejected"),
        (SesAnswer::Refuse(400, "MailFromDomainNotVerifiedException", ""), Never, "ses_sender_not_verified"),
        (SesAnswer::Refuse(400, "BadRequestException", ""), Never, "ses_bad_request"),
        (SesAnswer::Refuse(404, "NotFoundException", ""), Never, "ses_not_found"),
        (SesAnswer::Refuse(403, "AccessDeniedException", ""), Never, "ses_access_denied"),
        (SesAnswer::Refuse(403, "InvalidSignatureException", ""), Never, "ses_refused"),
        (SesAnswer::Gateway(413), Never, "ses_refused"),
        // A gateway that answers without a code of SES may have forwarded the request before it gave up.
        (SesAnswer::Gateway(503), Unknown, "outcome_unknown"),
        (SesAnswer::Gateway(500), Unknown, "outcome_unknown"),
        (SesAnswer::Gateway(504), Unknown, "outcome_unknown"),
        (SesAnswer::Gateway(200), Unknown, "outcome_unknown"),
        (SesAnswer::Lose, Unknown, "outcome_unknown"),
        (SesAnswer::Cut, Unknown, "outcome_unknown"),
    ];
    for (answer, expected, code) in answers {
        let ses = FakeSes::start([answer.clone()]).await;
        let error = send(&Sender::new(&ses.sdk_config(), None), Duration::from_secs(10)).await.unwrap_err();
        assert_eq!(meaning(&error), (expected, code), "{answer:?}: {}", chain(&error));
        assert_eq!(ses.requests().len(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn a_ses_that_does_not_answer_in_time_may_have_the_mail() {
    let ses = FakeSes::start([SesAnswer::Hang]).await;
    let error = send(&Sender::new(&ses.sdk_config(), None), Duration::from_millis(200)).await.unwrap_err();
    assert_eq!(meaning(&error), (Unknown, "outcome_unknown"));
    assert_eq!(ses.requests().len(), 1);
}

#[tokio::test]
async fn a_connection_that_is_never_made_carries_no_mail() {
    // The kernel accepts the connection, and no process answers the TLS handshake.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = (format!("https://{}", silent.local_addr().unwrap()), silent);
    for endpoint in ["http://127.0.0.1:1", "http://no-such-host.invalid", &silent.0] {
        let error = send(&Sender::new(&sdk_config(endpoint), None), Duration::from_secs(10)).await.unwrap_err();
        assert_eq!(meaning(&error), (Later, "ses_unreachable"), "{endpoint}: {}", chain(&error));
    }
}

#[test]
fn a_refusal_concerns_the_account_or_may_concern_it_or_this_mail_only() {
    let of = |scope| {
        let refusals = SesRefusal::ALL.into_iter().filter(|refusal| refusal.scope() == scope);
        refusals.map(SesRefusal::as_str).collect::<Vec<_>>()
    };
    assert_eq!(of(RefusalScope::Now), ["ses_throttled", "ses_unavailable"]);
    let account = ["ses_account_suspended", "ses_sending_paused", "ses_sender_not_verified", "ses_access_denied"];
    assert_eq!(of(RefusalScope::Account), account);
    assert_eq!(of(RefusalScope::Unclear), ["ses_message_rejected", "ses_not_found"]);
    assert_eq!(of(RefusalScope::Mail), ["ses_bad_request", "ses_refused"]);
}
