//! Many mails, and an SES that accepts few of them at a time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use domain::session::SessionStatus;
use stage::backoff::Backoff;
use stage::batch::{QueueConfig, Record, RecordHandler, Verdict};
use stage::queues::Routes;
use stage::step::{StageConfig, StepRunner};
use stage::testing::MemoryQueues;
use store::email_log::{EmailKey, EmailStatus};

use crate::world::World;
use mail::testing::SesAnswer;

const MAILS: usize = 20;

/// A delivery that is the last one.
fn last(body: String) -> Record {
    let deadline = Instant::now() + Duration::from_secs(60);
    Record { body, receive_count: 5, is_last: true, is_replay: false, deadline }
}

#[tokio::test]
async fn every_mail_of_a_burst_is_sent_once_and_no_receive_is_burnt() {
    let throttled = || SesAnswer::Refuse(429, "ThrottlingException", "Maximum sending rate exceeded.");
    let script: Vec<_> = (0..MAILS * 3).map(|n| if n % 3 == 2 { SesAnswer::Accept } else { throttled() }).collect();
    let world = World::new(script.clone()).await;
    let mut bodies = Vec::new();
    for n in 0..MAILS {
        bodies.push(serde_json::to_string(&world.another(&format!("burst-{n}")).await).unwrap());
    }
    let (ses, database) = (world.ses, world.database);
    let queue = QueueConfig {
        queue_url: "notify".into(),
        dead_letter_queue_url: "notify-dead".into(),
        concurrency: 5,
        max_receive_count: 5,
    };
    let backoff = Backoff { base: Duration::from_secs(2), max: Duration::from_secs(60) };
    let runner = StepRunner {
        stage: world.context,
        store: database.store.clone(),
        queues: MemoryQueues::default(),
        config: StageConfig { queue, backoff },
        follow_ups: Routes { notify: None, crm_sync: "crm-sync".into() },
    };
    while !bodies.is_empty() {
        for body in bodies.drain(..) {
            // Each message comes twice, as SQS may do.
            assert_eq!(runner.handle_record(last(body.clone())).await, Verdict::Ack);
            assert_eq!(runner.handle_record(last(body)).await, Verdict::Ack);
        }
        bodies = runner.queues.delayed.take().into_iter().map(|(_, body, _)| body).collect();
        bodies.sort();
        bodies.dedup();
    }
    assert!(runner.queues.dead.borrow().is_empty() && runner.queues.sent.borrow().is_empty());

    let mut accepted = HashMap::<String, u32>::new();
    for (n, request) in ses.requests().iter().enumerate() {
        if !script.get(n).is_some_and(|answer| matches!(answer, SesAnswer::Refuse(..))) {
            *accepted.entry(request["EmailTags"][2]["Value"].to_string()).or_default() += 1;
        }
    }
    assert!(accepted.len() == MAILS && accepted.values().all(|count| *count == 1), "{accepted:?}");
    for n in 0..MAILS {
        let (tenant_id, session_id) = (&world.session.tenant_id, &format!("burst-{n}").parse().unwrap());
        let email =
            database.store.email(&EmailKey { tenant_id, session_id, analysis_version: 1 }).await.unwrap().unwrap();
        let session = database.store.session(tenant_id, session_id).await.unwrap().unwrap();
        assert_eq!((email.status, session.status), (EmailStatus::Sent, SessionStatus::Completed), "{n}");
    }
}
