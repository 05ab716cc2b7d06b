use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayProxyResponse};
use aws_lambda_events::encodings::Body;
use aws_lambda_events::http::header;
use domain::address_hash::AddressHash;
use domain::unsubscribe::{LinkSecrets, Unsubscription};
use ingest::Context;
use stage::testing::MemoryQueues;
use store::suppressions::SuppressionReason;
use store::testing::TestDatabase;

use crate::{LINK_SECRET, context, context_on, request};

const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

fn ana(tenant: &str) -> AddressHash {
    AddressHash::of(&tenant.parse().unwrap(), &"ana@example.com".parse().unwrap())
}

fn token(tenant: &str) -> String {
    let link = Unsubscription { tenant_id: tenant.parse().unwrap(), address: ana(tenant) };
    LinkSecrets::new(LINK_SECRET).unwrap().token(&link)
}

fn visit(method: &str, token: &str) -> ApiGatewayProxyRequest {
    let mut visit = request(method, "/v1/unsubscribe/{token}");
    visit.path_parameters.insert("token".to_owned(), token.to_owned());
    visit
}

fn one_click(token: &str) -> ApiGatewayProxyRequest {
    let mut visit = visit("POST", token);
    visit.headers.insert(header::CONTENT_TYPE, "application/x-www-form-urlencoded".parse().unwrap());
    visit.body = Some(ONE_CLICK.to_owned());
    visit
}

fn html(response: &ApiGatewayProxyResponse) -> &str {
    let Some(Body::Text(html)) = &response.body else { panic!("no page") };
    html
}

async fn suppressed(context: &Context<MemoryQueues>, tenant: &str) -> Vec<SuppressionReason> {
    let found = context.store.suppressions(&tenant.parse().unwrap(), &[ana(tenant)]).await.unwrap();
    found.into_iter().map(|(_, reason)| reason).collect()
}

#[tokio::test]
async fn opening_the_link_shows_who_mails_and_changes_nothing() {
    let context = context().await;
    let response = ingest::handle(&context, visit("GET", &token("acme"))).await;
    assert_eq!(response.status_code, 200);
    assert!(
        html(&response).contains("<bdi>Acme &lt;Bikes&gt;</bdi>") && html(&response).contains("<form method=\"post\">")
    );
    let head = ingest::handle(&context, visit("HEAD", &token("acme"))).await;
    assert_eq!((head.status_code, head.body.is_none(), head.headers), (200, true, response.headers));
    assert_eq!(suppressed(&context, "acme").await, []);
}

#[tokio::test]
async fn one_click_ends_the_mails_of_this_tenant_however_often_it_comes() {
    let database = TestDatabase::create().await;
    let client = database.client().await;
    let context = context_on(database.store).await;
    for _ in 0..2 {
        let response = ingest::handle(&context, one_click(&token("acme"))).await;
        assert_eq!(response.status_code, 200);
        assert!(html(&response).contains("You are unsubscribed") && !html(&response).contains("<form"));
        assert_eq!(suppressed(&context, "acme").await, [SuppressionReason::Unsubscribed]);
    }
    let count = client.query_one("SELECT count(*) FROM email_suppressions", &[]).await.unwrap();
    assert_eq!(count.get::<_, i64>(0), 1);
}

#[tokio::test]
async fn a_post_that_does_not_say_what_the_form_says_is_shown_the_form() {
    let context = context().await;
    let response = ingest::handle(&context, visit("POST", &token("acme"))).await;
    assert_eq!(response.status_code, 400);
    assert!(html(&response).contains("<form method=\"post\">"));
    assert_eq!(suppressed(&context, "acme").await, []);
}

#[tokio::test]
async fn an_unknown_tenants_link_and_a_forged_link_are_answered_alike() {
    let context = context().await;
    let known = token("acme");
    let forged = format!("{}A", &known[..known.len() - 1]);
    let other = LinkSecrets::new("a-secret-of-somebody-else-entirely").unwrap();
    let other = other.token(&Unsubscription { tenant_id: "acme".parse().unwrap(), address: ana("acme") });
    let mut answers = Vec::new();
    for token in [&token("nobody"), &forged, &other, "", "x"] {
        for visit in [visit("GET", token), one_click(token)] {
            let response = ingest::handle(&context, visit).await;
            answers.push((response.status_code, response.headers.clone(), html(&response).to_owned()));
        }
    }
    assert_eq!(answers[0].0, 404);
    assert!(answers[0].2.contains("This link does not work"));
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(suppressed(&context, "acme").await, []);
}

#[tokio::test]
async fn pages_are_in_the_browsers_language_and_never_cached() {
    let context = context().await;
    for (languages, lang, words) in [
        ("de-AT,de;q=0.9,en;q=0.5", "de", "Keine E-Mails mehr von"),
        ("es-MX", "es", "¿No recibir más correos de"),
        ("fr", "en", "No more e-mails from"),
    ] {
        let mut visit = visit("GET", &token("acme"));
        visit.headers.insert(header::ACCEPT_LANGUAGE, languages.parse().unwrap());
        let response = ingest::handle(&context, visit).await;
        assert!(html(&response).contains(words) && html(&response).contains(&format!("<html lang=\"{lang}\">")));
        for (name, value) in [
            ("content-language", lang),
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-robots-tag", "noindex, nofollow"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(response.headers[name], value);
        }
    }
}

#[tokio::test]
async fn without_a_database_the_visitor_is_asked_to_try_again() {
    let mut context = context().await;
    let config = store::Config {
        url: "postgres://nobody@127.0.0.1:9/nothing".to_owned(),
        ca_file: None,
        statement_timeout: std::time::Duration::from_secs(1),
        pool_size: 1,
    };
    context.store = store::Store::new(&config).unwrap();
    for visit in [visit("GET", &token("acme")), one_click(&token("acme"))] {
        let response = ingest::handle(&context, visit).await;
        assert_eq!((response.status_code, &response.headers["retry-after"]), (503, &"5".parse().unwrap()));
        assert!(html(&response).contains("Please try again in a minute"));
    }
}
