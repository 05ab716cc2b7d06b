//! Name servers that change their mind, and proxies: nothing is connected that was not checked.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::step::{Step, StepKey};
use reqwest::dns::{Addrs, Name, Resolving};
use store::steps::Claimed;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// Counts as public and has no owner: from the space that no registry has been given yet.
const NOWHERE: &str = "2e00::1";
const URL: &str = "https://rebound.example:8443/";
const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";

/// Another one in each process, so that the port is free.
fn loopback() -> String {
    let [.., high, low] = std::process::id().to_be_bytes();
    format!("127.9.{high}.{low}")
}

/// Gives its answers one after the other, the last one from then on.
struct NameServer {
    answers: Vec<IpAddr>,
    asked: AtomicUsize,
}

impl NameServer {
    fn new(answers: &[&str]) -> Arc<Self> {
        let answers = answers.iter().map(|answer| answer.parse().unwrap()).collect();
        Arc::new(Self { answers, asked: AtomicUsize::new(0) })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Resolve for NameServer {
    fn resolve(&self, _: Name) -> Resolving {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = SocketAddr::new(self.answers[asked.min(self.answers.len() - 1)], 0);
        Box::pin(async move { Ok(Box::new([answer].into_iter()) as Addrs) })
    }
}

/// One delivery.
async fn deliver(webhooks: &Webhooks, url: &str) -> Result<(), Error> {
    let key = StepKey {
        tenant_id: "acme".parse().unwrap(),
        session_id: "s-1".parse().unwrap(),
        step: Step::CrmSync { version: 1, integration: "hook".parse().unwrap() },
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    let delivery = Delivery { claimed: Claimed { key, attempt: 1 }, deadline, is_last: false };
    let event = SignedEvent { id: "msg_1", body: "{}" };
    let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".into();
    webhooks.send(&event, &WebhookConfig::to(url), &secret, &delivery, Utc::now()).await.result
}

fn is_forbidden(result: &Result<(), Error>) -> bool {
    matches!(result, Err(Error::ForbiddenUrl(Violation::Address)))
}

/// Connects for the first time, so that the next accepted connection is this one.
async fn is_untouched(listener: &TcpListener) -> bool {
    let own = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (_, first) = listener.accept().await.unwrap();
    first == own.local_addr().unwrap()
}

#[tokio::test]
async fn a_name_that_is_public_when_saved_and_ours_when_sent_to_is_not_connected() {
    let listener = TcpListener::bind((loopback(), 8443)).await.unwrap();
    let names = NameServer::new(&[NOWHERE, &loopback()]);
    let webhooks = Webhooks::with_resolver(AllowedHosts::default(), names.clone()).unwrap();
    assert_eq!(webhooks.check_now(URL).await, Ok(()));
    assert!(is_forbidden(&deliver(&webhooks, URL).await));
    assert_eq!((names.asked(), is_untouched(&listener).await), (2, true));

    // Also within one delivery: what was checked is what is connected, and nobody is asked a second time.
    let names = NameServer::new(&[NOWHERE, &loopback()]);
    let webhooks = Webhooks::with_resolver(AllowedHosts::default(), names.clone()).unwrap();
    let sent = deliver(&webhooks, URL).await;
    assert!(matches!(sent, Err(Error::Webhook(CallError::Send { .. }))), "{sent:?}");
    assert_eq!((names.asked(), is_untouched(&listener).await), (1, true));
    assert!(is_forbidden(&deliver(&webhooks, URL).await), "no answer is remembered");
    assert_eq!((names.asked(), is_untouched(&listener).await), (2, true));
}

#[tokio::test]
async fn a_url_is_saved_only_if_its_name_is_public_by_then() {
    for (url, answer, expected) in [
        (URL, "169.254.169.254", Err(Violation::Address)),
        (URL, "fd00:ec2::254", Err(Violation::Address)),
        (URL, "::ffff:127.0.0.1", Err(Violation::Address)),
        (URL, NOWHERE, Ok(())),
        ("https://93.184.215.14/", "127.0.0.1", Ok(())),
        ("https://127.0.0.1/", NOWHERE, Err(Violation::Address)),
        ("http://rebound.example/", NOWHERE, Err(Violation::Scheme)),
        ("http://stand-in:4703/", "127.0.0.1", Ok(())),
    ] {
        let webhooks = Webhooks::with_resolver("stand-in:4703".parse().unwrap(), NameServer::new(&[answer])).unwrap();
        assert_eq!(webhooks.check_now(url).await, expected, "{url} at {answer}");
    }
    let webhooks = Webhooks::new(AllowedHosts::default()).unwrap();
    assert_eq!(webhooks.check_now("https://nobody.invalid/").await, Err(Violation::Unresolved));
    assert_eq!(webhooks.check_now("https://localhost/").await, Err(Violation::Address));
}

/// Answers every request; how many there were.
async fn answering(listener: TcpListener) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            assert!(socket.read(&mut [0; 4096]).await.unwrap() > 0);
            socket.write_all(ANSWER).await.unwrap();
        }
    });
    count
}

#[tokio::test]
async fn the_client_resolves_once_per_request_and_connects_to_that_address() {
    let first = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let port = first.local_addr().unwrap().port();
    let second = TcpListener::bind(("127.0.0.3", port)).await.unwrap();
    let (first, second) = (answering(first).await, answering(second).await);
    let names = NameServer::new(&["127.0.0.2", "127.0.0.3"]);
    let client = client().unwrap().dns_resolver(names.clone()).build().unwrap();
    for connections in [(1, 0), (1, 1), (1, 2)] {
        let answer = client.post(format!("http://rebound.example:{port}/")).send().await.unwrap();
        assert_eq!(answer.status(), 204);
        assert_eq!((first.load(Ordering::SeqCst), second.load(Ordering::SeqCst)), connections);
    }
    assert_eq!(names.asked(), 3);
}

/// Set in the process of [`a_proxy_of_the_environment_is_not_used`].
const WITHIN: &str = "WITHIN_AN_ENVIRONMENT_WITH_A_PROXY";

/// Runs only in that process; in any other the test ends at once.
#[tokio::test]
async fn within_an_environment_with_a_proxy() {
    if std::env::var_os(WITHIN).is_none() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let connections = answering(listener).await;
    let names = NameServer::new(&[NOWHERE]);
    let webhooks = Webhooks::with_resolver(authority.parse().unwrap(), names.clone()).unwrap();
    deliver(&webhooks, &format!("http://{authority}/")).await.unwrap();
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    assert!(matches!(deliver(&webhooks, URL).await, Err(Error::Webhook(CallError::Send { .. }))));
    assert_eq!(names.asked(), 1, "a proxy would resolve the name itself");
    // Another client does use it.
    let answer = Client::new().get("http://proxied.example/").send().await.unwrap();
    assert_eq!(answer.status(), 204);
}

#[test]
fn a_proxy_of_the_environment_is_not_used() {
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let (socket, _) = proxy.accept().unwrap();
        let mut line = String::new();
        BufReader::new(&socket).read_line(&mut line).unwrap();
        (&socket).write_all(ANSWER).unwrap();
        proxy.set_nonblocking(true).unwrap();
        (line, proxy)
    });
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "webhook::tests::within_an_environment_with_a_proxy"]).env(WITHIN, "1");
    child.env_remove("NO_PROXY").env_remove("no_proxy");
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(name, &url);
    }
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    let (line, proxy) = asked.join().unwrap();
    assert_eq!(line, "GET http://proxied.example/ HTTP/1.1\r\n");
    assert!(proxy.accept().is_err(), "nobody else came");
}
