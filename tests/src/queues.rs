//! Looking into the queues, and putting messages there.

use serde_json::{Value, json};

use crate::World;

/// The queues with their dead-letter queues, as named in `stack.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    Analyze,
    Notify,
    CrmSync,
    EmailEvents,
}

impl Queue {
    pub const ALL: [Self; 4] = [Self::Analyze, Self::Notify, Self::CrmSync, Self::EmailEvents];

    fn name(self) -> &'static str {
        match self {
            Self::Analyze => "analyze",
            Self::Notify => "notify",
            Self::CrmSync => "crm-sync",
            Self::EmailEvents => "email-events",
        }
    }
}

/// A message in a dead-letter queue.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    pub body: String,
    /// `error.code`; `None` if the redrive policy moved it.
    pub code: Option<String>,
    pub message: Option<String>,
    raw: Value,
}

impl World {
    fn queue_url(&self, queue: Queue) -> &str {
        &self.stack.queues[queue.name()]
    }

    fn dead_letter_url(&self, queue: Queue) -> &str {
        &self.stack.dead_letter_queues[queue.name()]
    }

    /// Puts a message into a stage's queue.
    pub async fn enqueue(&self, queue: Queue, body: &str) {
        let message = json!({ "QueueUrl": self.queue_url(queue), "MessageBody": body });
        self.stack.aws("AmazonSQS.SendMessage", message).await;
    }

    /// Puts several messages into a stage's queue at once, so that they are delivered together.
    pub async fn enqueue_together(&self, queue: Queue, bodies: &[&str]) {
        let entry = |(n, body): (usize, &&str)| json!({ "Id": n.to_string(), "MessageBody": body });
        let entries: Vec<_> = bodies.iter().enumerate().map(entry).collect();
        let batch = json!({ "QueueUrl": self.queue_url(queue), "Entries": entries });
        self.stack.aws("AmazonSQS.SendMessageBatch", batch).await;
    }

    /// Takes this tenant's messages out of a dead-letter queue.
    pub async fn take_dead_letters(&self, queue: Queue) -> Vec<DeadLetter> {
        let url = self.dead_letter_url(queue);
        let receive = json!({
            "QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 30, "MessageAttributeNames": ["All"]
        });
        let answer = self.stack.aws("AmazonSQS.ReceiveMessage", receive).await;
        let mut taken = Vec::new();
        for message in answer["Messages"].as_array().into_iter().flatten() {
            if message["Body"].as_str().is_some_and(|body| body.contains(self.tenant.as_ref())) {
                let delete = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
                self.stack.aws("AmazonSQS.DeleteMessage", delete).await;
                taken.push(DeadLetter::read(message));
            }
        }
        taken
    }

    /// Sends a dead letter back to its queue, as a redrive does: with its attributes.
    pub async fn redrive(&self, queue: Queue, letter: &DeadLetter) {
        let message = json!({
            "QueueUrl": self.queue_url(queue),
            "MessageBody": letter.body,
            "MessageAttributes": letter.raw["MessageAttributes"],
        });
        self.stack.aws("AmazonSQS.SendMessage", message).await;
    }

    /// This tenant's messages in all queues, with the queue's name.
    pub(crate) async fn messages_left(&self) -> Vec<String> {
        let mut left = Vec::new();
        for queue in Queue::ALL {
            for url in [self.queue_url(queue), self.dead_letter_url(queue)] {
                left.extend(self.peek(url).await);
            }
        }
        left
    }

    /// Whether this tenant has a message in the stage's queue, visible or not.
    pub async fn is_queued(&self, queue: Queue) -> bool {
        !self.peek(self.queue_url(queue)).await.is_empty()
    }

    async fn peek(&self, url: &str) -> Vec<String> {
        let peek = format!("{}/_ministack/sqs/messages", self.stack.ministack_url);
        let peek = reqwest::Url::parse_with_params(&peek, [("QueueUrl", url)]).expect("a valid URL");
        let response = self.http.get(peek).send().await.expect("MiniStack answers");
        let listing: Value = response.json().await.expect("MiniStack answers with JSON");
        let name = url.rsplit('/').next().unwrap_or(url);
        let mut found = Vec::new();
        bodies(&listing, &mut |body| {
            if body.contains(self.tenant.as_ref()) {
                found.push(format!("{name}: {body}"));
            }
        });
        found
    }
}

/// Every `Body` in the listing, however it is nested.
fn bodies(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| match value.as_str() {
            Some(body) if key == "Body" => found(body),
            _ => bodies(value, found),
        }),
        Value::Array(items) => items.iter().for_each(|item| bodies(item, found)),
        _ => {}
    }
}

impl DeadLetter {
    fn read(message: &Value) -> Self {
        let attribute = |name: &str| message["MessageAttributes"][name]["StringValue"].as_str().map(str::to_owned);
        Self {
            body: message["Body"].as_str().unwrap_or_default().to_owned(),
            code: attribute("error.code"),
            message: attribute("error.message"),
            raw: message.clone(),
        }
    }
}
