//! The link in a mail by which a visitor unsubscribes.

mod form;
mod language;
mod page;

use std::time::Instant;

use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayProxyResponse};
use aws_lambda_events::http::{Method, header};
use domain::unsubscribe::Unsubscription;
use serde_json::Value;
use stage::error_chain;
use store::suppressions::SuppressionReason;

use crate::Context;
use language::PageLanguage;
use page::LinkPage;

/// Shows a page. Only a POST with the form's field changes anything: programs that scan mails follow their links.
pub(crate) async fn answer<Q>(
    context: &Context<Q>,
    request: &ApiGatewayProxyRequest,
    token: &str,
) -> ApiGatewayProxyResponse {
    let accepted = request.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let language = PageLanguage::preferred(accepted.unwrap_or_default());
    let (status, page) = match serve(context, request, token).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(error = error_chain(&error), "unsubscribe link not resolved");
            (503, LinkPage::Unavailable)
        }
    };
    let mut response = page::response(status, &page, language);
    // An answer to HEAD has no content (RFC 9110, 9.3.2).
    if request.http_method == Method::HEAD {
        response.body = None;
    }
    response
}

async fn serve<Q>(
    context: &Context<Q>,
    request: &ApiGatewayProxyRequest,
    token: &str,
) -> Result<(u16, LinkPage), store::Error> {
    let started = Instant::now();
    // One page for both reasons: a forged link must not find out which tenants exist.
    let refused = |reason: &str| {
        tracing::warn!(reason, "unsubscribe link refused");
        Ok((404, LinkPage::Unknown))
    };
    let Ok(Unsubscription { tenant_id, address }) = context.link_secrets.open(token) else {
        return refused("invalid token");
    };
    let Some(tenant) = context.store.tenant::<Value>(&tenant_id).await? else { return refused("unknown tenant") };
    if request.http_method != Method::POST {
        return Ok((200, LinkPage::Form(tenant.name)));
    }
    if !form::asks(request) {
        return Ok((400, LinkPage::Form(tenant.name)));
    }
    let new = context.store.suppress(&tenant_id, &address, SuppressionReason::Unsubscribed, None).await?;
    let duration_ms = started.elapsed().as_millis() as u64;
    tracing::info!(tenant.id = %tenant_id, repeated = !new, duration_ms, "visitor unsubscribed");
    Ok((200, LinkPage::Done(tenant.name)))
}
