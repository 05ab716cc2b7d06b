//! Redaction in mails, which have their own setting.

use std::time::Duration;

use redaction::Originals;
use serde_json::json;
use stage::Outcome;

use crate::sample;
use crate::world::World;

const PLACEHOLDER: &str = "[EMAIL_1]";
/// The form of `private@example.org` in mails: taken apart, so that no client makes a link of it.
const SAID: &str = "private[at]example[.]org";

#[tokio::test]
async fn mails_show_what_was_said_only_where_their_own_setting_says_so() {
    let world = World::new([]).await;
    let mut analysis = sample::analysis();
    analysis.summary.as_mut().unwrap().text = format!("We write to {PLACEHOLDER}.");
    let originals: Originals = serde_json::from_value(json!({ PLACEHOLDER: "private@example.org" })).unwrap();
    for (version, settings, shown, hidden) in [
        (2, json!({}), PLACEHOLDER, SAID),
        (3, json!({ "mails": "original" }), SAID, PLACEHOLDER),
        (4, json!({ "notes": "original", "webhooks": "original" }), PLACEHOLDER, SAID),
    ] {
        world.save(|all| all.redaction = serde_json::from_value(settings.clone()).unwrap()).await;
        let message = world.analyse_again_as(version, &analysis, &originals).await;
        assert_eq!(world.deliver_within(message, Duration::from_secs(60)).await.unwrap(), Outcome::Done);
        let mail = world.ses.requests().pop().unwrap()["Content"]["Simple"]["Body"].clone();
        for part in ["Text", "Html"] {
            let body = mail[part]["Data"].as_str().unwrap();
            assert!(body.contains(shown) && !body.contains(hidden), "{settings}: {body}");
        }
    }
}
