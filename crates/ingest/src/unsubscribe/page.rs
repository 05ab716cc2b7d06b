//! The pages that people see.

use aws_lambda_events::apigw::ApiGatewayProxyResponse;
use aws_lambda_events::encodings::Body;
use aws_lambda_events::http::header;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::form;
use super::language::{PageLanguage, PageText};
use crate::problem::{RETRY_AFTER, set};

const STYLE: &str = include_str!("page.css");

/// Pages; two of them show the name of the business, which may be any text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LinkPage {
    Form(String),
    Done(String),
    Unknown,
    Unavailable,
}

/// Writes the page as an answer.
pub(super) fn response(status: u16, page: &LinkPage, language: &PageLanguage) -> ApiGatewayProxyResponse {
    let mut response = ApiGatewayProxyResponse::default();
    response.status_code = i64::from(status);
    response.body = Some(Body::Text(html(page, language)));
    let style = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_LANGUAGE, language.tag),
        (header::CONTENT_SECURITY_POLICY, &policy),
        // The token is in the address: no other server and no cache may learn it.
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        set(&mut response.headers, name, value);
    }
    if status == 503 {
        set(&mut response.headers, header::RETRY_AFTER, RETRY_AFTER);
    }
    response
}

fn html(page: &LinkPage, language: &PageLanguage) -> String {
    let (business, form) = match page {
        LinkPage::Form(business) => (business.as_str(), form(language)),
        LinkPage::Done(business) => (business.as_str(), String::new()),
        LinkPage::Unknown | LinkPage::Unavailable => ("", String::new()),
    };
    let PageText { title, heading, paragraph } = text(page, language);
    // Isolated: a name that is written from right to left does not turn the sentence around.
    let business = format!("<bdi>{}</bdi>", escaped(business));
    let [heading, paragraph] = [heading, paragraph].map(|text| text.replace("{business}", &business));
    let lang = language.tag;
    format!(
        r#"<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{heading}</h1>
<p>{paragraph}</p>
{form}</main>
</body>
</html>
"#
    )
}

fn text(page: &LinkPage, language: &PageLanguage) -> PageText {
    match page {
        LinkPage::Form(_) => language.form,
        LinkPage::Done(_) => language.done,
        LinkPage::Unknown => language.unknown,
        LinkPage::Unavailable => language.unavailable,
    }
}

/// Writes the form, which posts to the page's own address: the token need not be repeated.
fn form(language: &PageLanguage) -> String {
    let (field, value, button) = (form::FIELD, form::VALUE, language.button);
    format!(
        r#"<form method="post"><input type="hidden" name="{field}" value="{value}"><button type="submit">{button}</button></form>
"#
    )
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_text_wherever_it_stands() {
        let name = "<script>alert('1')</script> & \"Sons\"";
        for language in PageLanguage::ALL {
            for page in [LinkPage::Form(name.to_owned()), LinkPage::Done(name.to_owned())] {
                let html = html(&page, language);
                assert!(!html.contains("<script"), "{html}");
                let shown = "<bdi>&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;Sons&quot;</bdi>";
                assert!(html.contains(shown), "{html}");
            }
        }
    }

    #[test]
    fn only_the_page_that_asks_has_a_form() {
        for language in PageLanguage::ALL {
            let count = |page: LinkPage| html(&page, language).matches("<form method=\"post\">").count();
            assert_eq!(count(LinkPage::Form("A".to_owned())), 1);
            assert_eq!(
                count(LinkPage::Done("A".to_owned())) + count(LinkPage::Unknown) + count(LinkPage::Unavailable),
                0
            );
        }
    }

    #[test]
    fn the_policy_allows_the_pages_style_and_nothing_else() {
        let response = response(200, &LinkPage::Unknown, PageLanguage::ALL[0]);
        let Some(Body::Text(html)) = response.body else { panic!("no page") };
        let style = html.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()));
        let policy = response.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert_eq!(
            policy,
            format!(
                "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
            )
        );
        assert!(!html.contains(" style=") && !html.contains("<script"));
    }
}
