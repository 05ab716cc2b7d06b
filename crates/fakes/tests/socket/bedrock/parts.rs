use std::time::{Duration, Instant};

use super::*;

async fn answer(fake: &Running, prompt: String) -> Value {
    let request = client(fake).converse().model_id(MODEL).messages(message(ConversationRole::User, prompt));
    serde_json::from_str(&text(request).await.0).unwrap()
}

#[tokio::test]
async fn a_split_transcript_is_answered_part_by_part_and_then_as_a_whole() {
    let fake = bedrock::start().await.unwrap();
    let metric = r#"Custom metric: {"name":"nps","type":"integer","min":0,"max":10,"description":"The score given"}"#;
    let first = format!(
        "Output language: en\nChannel: chat\nPart: 1 of 2\nTopics allowed: [\"Billing\",\"Delivery\"]\n{metric}\n\
         <transcript-9c>\n[0] visitor: My router is broken and I want a refund.\n[1] agent: I'll send the bill tomorrow.\n\
         [2] visitor: That is ridiculous.\n</transcript-9c>"
    );
    let second = format!(
        "Output language: en\nChannel: chat\nPart: 2 of 2\n\
         Context: turns 1 to 2 were analysed with the part before; no timeline entries for them\n{metric}\n\
         <transcript-9c>\n[1] agent: I'll send the bill tomorrow.\n[2] visitor: That is ridiculous.\n\
         [3] visitor: It works now, thanks! I give you a 9.\n</transcript-9c>"
    );
    let (first, second) = (answer(&fake, first).await, answer(&fake, second).await);
    assert_eq!(first["topics"], json!(["Billing"]));
    assert_eq!(first["intent"]["outcome"], "not_achieved");
    assert_eq!(second["sentiment"]["timeline"].as_array().unwrap().len(), 1);
    assert_eq!(second["custom_metrics"][0]["value"], 9);

    let part = |number: u32, answer: &Value| {
        let of = |name: &str| answer[name].clone();
        json!({ "part": number, "intent": of("intent"), "summary": of("summary"), "category": of("category"),
                "patterns": answer["sentiment"]["patterns"], "custom_metrics": of("custom_metrics") })
    };
    let (first, second) = (part(1, &first), part(2, &second));
    let prompt = format!("Output language: en\nChannel: chat\n{metric}\n<parts-9c>\n{first}\n{second}\n</parts-9c>");
    let whole = answer(&fake, prompt.clone()).await;
    assert_eq!(whole, answer(&fake, prompt).await);
    assert_eq!(whole["category"]["label"], "facing_issue");
    assert_eq!(whole["category"]["evidence"][0], first["category"]["evidence"][0]);
    assert_eq!(whole["intent"]["outcome"], "partly");
    assert_eq!(whole["custom_metrics"][0]["value"], 9);
    assert!(whole["summary"]["text"].as_str().unwrap().ends_with("(Written by the local stand-in for Bedrock.)"));
    let kinds = fake.control.state("").await.unwrap()["kinds"].clone();
    assert_eq!(kinds, json!({ "analysis": 0, "part": 2, "final": 2 }));
}

#[tokio::test]
async fn a_long_conversation_and_a_long_turn_are_answered_soon() {
    let fake = bedrock::start().await.unwrap();
    let turn = |i: usize| {
        let (role, mood) =
            if i.is_multiple_of(2) { ("visitor", ["great", "terrible"][i / 2 % 2]) } else { ("agent", "fine") };
        format!("[{i}] {role}: That is {mood}, I need word{i} and other{i} today please.")
    };
    let many = (0..10_000).map(turn).collect::<Vec<_>>().join("\n");
    let different = (0..16_000).map(|i| format!("wort{i}")).collect::<Vec<_>>();
    let long = format!("[0] visitor: {}", different.join(" "));
    let letters = |i: usize| ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"][i % 10];
    let names = (0..20_000).map(|i| (0..5).map(|at| letters(i / 10_usize.pow(at))).collect::<String>());
    let wide = format!("[0] visitor: {}", names.map(|name| format!("word{name}")).collect::<Vec<_>>().join(" "));
    for lines in [many, long, wide] {
        let started = Instant::now();
        answer(&fake, format!("Topics allowed: [\"Word\"]\n<transcript-1>\n{lines}\n</transcript-1>")).await;
        answer(&fake, format!("<transcript-1>\n{lines}\n</transcript-1>")).await;
        assert!(started.elapsed() < Duration::from_secs(20), "{:?} for {}", started.elapsed(), &lines[..40]);
    }
}
