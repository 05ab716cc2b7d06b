//! Links that end mails, as visitors and their mail clients follow them.

use pipeline_tests::{World, on_the_stack};
use reqwest::header::ACCEPT_LANGUAGE;
use reqwest::{Method, Response};
use serde_json::json;

/// The link of a mail's header on the local API: its own host is not served here.
async fn link(world: &World) -> String {
    let mails = world.mails().await;
    let headers = &mails[0]["headers"];
    assert_eq!(headers["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click", "{headers}");
    let header = headers["List-Unsubscribe"].as_str().unwrap();
    let address = header.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap();
    let (base, token) = address.split_once("/v1/unsubscribe/").unwrap();
    assert!(base.starts_with("https://"), "{address}");
    assert!(!address.contains("ana") && !address.contains('@'), "{address}");
    format!("{}/v1/unsubscribe/{token}", world.stack.api_url)
}

/// Without an API key: neither a browser nor a mail client has one.
async fn visit(method: Method, link: &str, body: &'static str) -> Response {
    let request = reqwest::Client::new().request(method, link).header(ACCEPT_LANGUAGE, "de-DE,de;q=0.9");
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
    request.send().await.unwrap()
}

/// Mails the visitor again and returns the status of the step.
async fn next_mail(world: &World, session: &str) -> String {
    world.send(session).await;
    world.completed(session).await.step("notify")
}

#[tokio::test]
async fn the_link_in_a_mail_ends_the_mails_of_that_tenant_to_that_visitor() {
    on_the_stack("leaving", json!({}), async |world| {
        assert_eq!(next_mail(world, "s-1").await, "done");
        let link = link(world).await;
        let page = visit(Method::GET, &link, "").await;
        assert_eq!((page.status().as_u16(), &page.headers()["cache-control"]), (200, &"no-store".parse().unwrap()));
        let page = page.text().await.unwrap();
        assert!(page.contains("Keine E-Mails mehr von <bdi>Tideway Cycles</bdi>?"), "{page}");
        assert_eq!(next_mail(world, "s-2").await, "done", "a link that was only opened ends nothing");

        for _ in 0..2 {
            let done = visit(Method::POST, &link, "List-Unsubscribe=One-Click").await;
            assert_eq!(done.status().as_u16(), 200);
            assert!(done.text().await.unwrap().contains("Sie sind abgemeldet"));
        }
        assert_eq!(next_mail(world, "s-3").await, "skipped: unsubscribed");
        assert_eq!(world.email("s-3").await, Some(("skipped".to_owned(), Some("unsubscribed".to_owned()))));
        assert_eq!(world.mails().await.len(), 2);

        on_the_stack("staying", json!({}), async |other| {
            let mut same_visitor = other.notification("s-1");
            same_visitor["visitor"]["email"] = world.visitor().into();
            assert_eq!(other.post(&same_visitor).await.0, 202);
            assert_eq!(other.completed("s-1").await.step("notify"), "done", "another tenant's mails go on");
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_link_that_was_changed_ends_nothing() {
    on_the_stack("forged", json!({}), async |world| {
        assert_eq!(next_mail(world, "s-1").await, "done");
        let link = link(world).await;
        let last = if link.ends_with('A') { "B" } else { "A" };
        let forged = format!("{}{last}", &link[..link.len() - 1]);
        for method in [Method::GET, Method::POST] {
            let answer = visit(method, &forged, "List-Unsubscribe=One-Click").await;
            assert_eq!(answer.status().as_u16(), 404);
            assert!(answer.text().await.unwrap().contains("Dieser Link funktioniert nicht"));
        }
        assert_eq!(next_mail(world, "s-2").await, "done");
    })
    .await;
}
