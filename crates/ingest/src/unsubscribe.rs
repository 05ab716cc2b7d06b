//! The link in a mail that ends the mails.

mod form;
mod language;
mod page;

use std::time::Instant;

use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayProxyResponse};
use aws_lambda_events::http::{Method, header};
use domain::id::TenantId;
use domain::unsubscribe::{InvalidToken, Unsubscription};
use serde_json::Value;
use stage::error_chain;
use store::suppressions::SuppressionReason;

use crate::Context;
use language::Language;
use page::Page;

/// Why a link did not work; the page does not tell one reason from the other.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("open the token")]
    Token(#[source] InvalidToken),
    #[error("find tenant {0}")]
    UnknownTenant(TenantId),
    #[error("reach the database")]
    Store(#[source] store::Error),
}

/// Shows a page; only a POST that says so changes anything, since whoever scans mails follows their links.
pub(crate) async fn answer<Q>(
    context: &Context<Q>,
    request: &ApiGatewayProxyRequest,
    token: &str,
) -> ApiGatewayProxyResponse {
    let accepted = request.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let language = Language::preferred(accepted.unwrap_or_default());
    let (status, page) = match serve(context, request, token).await {
        Ok(answer) => answer,
        Err(error @ Error::Store(_)) => {
            tracing::error!(error = error_chain(&error), "could not serve a link");
            (503, Page::Unavailable)
        }
        Err(error @ (Error::Token(_) | Error::UnknownTenant(_))) => {
            tracing::warn!(error = error_chain(&error), "refused a link");
            (404, Page::Unknown)
        }
    };
    let mut response = page::response(status, &page, language);
    if request.http_method == Method::HEAD {
        response.body = None;
    }
    response
}

async fn serve<Q>(context: &Context<Q>, request: &ApiGatewayProxyRequest, token: &str) -> Result<(u16, Page), Error> {
    let started = Instant::now();
    let Unsubscription { tenant_id, address } = context.link_secrets.open(token).map_err(Error::Token)?;
    let tenant = context.store.tenant::<Value>(&tenant_id).await.map_err(Error::Store)?;
    let Some(tenant) = tenant else { return Err(Error::UnknownTenant(tenant_id)) };
    if request.http_method != Method::POST {
        return Ok((200, Page::Form(tenant.name)));
    }
    if !form::asks(request) {
        return Ok((400, Page::Form(tenant.name)));
    }
    let suppress = context.store.suppress(&tenant_id, &address, SuppressionReason::Unsubscribed, None);
    let new = suppress.await.map_err(Error::Store)?;
    let duration_ms = started.elapsed().as_millis() as u64;
    tracing::info!(tenant.id = %tenant_id, repeated = !new, duration_ms, "unsubscribed");
    Ok((200, Page::Done(tenant.name)))
}
