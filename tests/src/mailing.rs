//! Events that SES publishes about mails, and tasks of operators for `housekeep`.

use serde_json::{Value, json};

use crate::World;

impl World {
    /// Has `housekeep` do a task, which must succeed, and returns its report.
    pub async fn housekeep(&self, task: Value) -> Value {
        let (report, failed) = self.stack.invoke("housekeep", &task).await;
        assert!(!failed, "{report}");
        report
    }

    /// Publishes what SES would about the visitor's first mail, with the tags that it carried.
    pub async fn publish(&self, kind: &str, detail: Value) {
        let state = self.stack.fake("ses").state(&self.visitor()).await.expect("the recording front answers");
        let mail = &state["mails"][0];
        let tags = mail["tags"].as_object().expect("the mail has tags");
        let tags: serde_json::Map<_, _> = tags.iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
        let mut event = json!({
            "eventType": kind,
            "mail": {
                "timestamp": "2026-11-22T10:05:01.000Z", "messageId": mail["message_id"].as_str().unwrap_or("ses-1"),
                "destination": [self.visitor()], "tags": tags
            }
        });
        event[kind.to_lowercase()] = detail;
        self.publish_to_topic(&event.to_string()).await;
    }

    async fn publish_to_topic(&self, message: &str) {
        let topic = &self.stack.email_events_topic;
        let form = [("Action", "Publish"), ("Version", "2010-03-31"), ("TopicArn", topic), ("Message", message)];
        let url = reqwest::Url::parse_with_params(&self.stack.ministack_url, form).expect("a valid URL");
        let credential =
            "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sns/aws4_request, SignedHeaders=host, Signature=none";
        let request = self.http.post(&self.stack.ministack_url).header("authorization", credential);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let response = request.body(url.query().unwrap_or_default().to_owned()).send().await.expect("SNS answers");
        assert!(response.status().is_success(), "{}", response.text().await.unwrap_or_default());
    }

    /// The mails that SES took whose request contains the text.
    pub async fn mails_with(&self, text: &str) -> Vec<Value> {
        let state = self.stack.fake("ses").state(text).await.expect("the recording front answers");
        let mails = state["mails"].as_array().cloned().unwrap_or_default();
        mails.into_iter().filter(|mail| mail["status"] == 200).collect()
    }
}
