use super::*;

const ANALYSIS: &str = include_str!("../../../../analyze/prompts/v2/analysis.schema.json");
const MERGE: &str = include_str!("../../../../analyze/prompts/v2/merge.schema.json");
const METRICS: &str = r#"Custom metric: {"name":"refund","type":"boolean","description":"Whether the visitor asked for a refund"}
Custom metric: {"name":"nps","type":"integer","min":0,"max":10,"description":"The score given"}
Custom metric: {"name":"price","type":"number","min":1,"max":99.5,"description":"The price named"}
Custom metric: {"name":"product","type":"enum","values":["Basic","Large router"],"description":"Which product"}
Custom metric: {"name":"street","type":"string","max_length":12,"description":"The street"}"#;

/// The answer to a prompt, which keeps to its schema.
pub(super) async fn answer(fake: &Running, prompt: &str, schema: &str) -> Value {
    let schema: Value = serde_json::from_str(schema).unwrap();
    let request = client(fake).converse().model_id(MODEL).output_config(format(&schema));
    let (text, _) = text(request.messages(message(ConversationRole::User, prompt))).await;
    let answer = serde_json::from_str(&text).unwrap();
    if let Err(error) = jsonschema::validate(&schema, &answer) {
        panic!("{error}: {answer:#}");
    }
    answer
}

async fn analysis(fake: &Running, header: &str, turns: &str) -> Value {
    answer(fake, &format!("{header}\n<transcript-1>\n{turns}\n</transcript-1>"), ANALYSIS).await
}

/// Every `{turn, quote}` anywhere in `value`.
fn quotes(value: &Value, found: &mut Vec<(u64, String)>) {
    match value {
        Value::Object(map) => {
            if let (Some(turn), Some(quote)) = (map.get("turn"), map.get("quote")) {
                found.push((turn.as_u64().unwrap(), quote.as_str().unwrap().to_owned()));
            }
            map.values().for_each(|inner| quotes(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| quotes(inner, found)),
        _ => {}
    }
}

#[tokio::test]
async fn any_transcript_gets_an_answer_with_a_feeling_per_visitor_turn_and_verbatim_quotes() {
    let fake = bedrock::start().await.unwrap();
    let long = (0..300).map(|i| {
        let role = if i % 2 == 0 { "visitor" } else { "agent" };
        format!("[{i}] {role}: Tür № {i} isn’t working!\\nI'll send it — in {i} days…")
    });
    for turns in [
        "",
        "[0] visitor: ",
        "[0] agent: Hello?",
        "[7] visitor: ¿…?",
        "[0] visitor: İİİ ß ok 👍🏽",
        &long.collect::<Vec<_>>().join("\n"),
    ] {
        let answer = analysis(&fake, METRICS, turns).await;
        let of_visitor = turns.lines().filter(|line| line.contains("] visitor:")).count();
        assert_eq!(answer["sentiment"]["timeline"].as_array().unwrap().len(), of_visitor);
        assert!(answer["summary"]["text"].as_str().unwrap().ends_with(SIGNATURE));
        assert_eq!(answer["custom_metrics"].as_array().unwrap().len(), 5);
        let mut found = Vec::new();
        quotes(&answer, &mut found);
        for (turn, quote) in found {
            let said = turns.lines().find(|line| line.starts_with(&format!("[{turn}]"))).unwrap();
            assert!(said.contains(&quote), "{quote:?} in {said:?}");
        }
    }
}

#[tokio::test]
async fn a_conversation_is_analysed_in_its_own_words() {
    let fake = bedrock::start().await.unwrap();
    let turns = "[0] agent: Hello!\n[1] visitor: My router is broken, this is unacceptable. I want a refund.\n\
                 [2] agent: I'll send you a new router by Friday.\n[3] visitor: Perfect, thank you so much!";
    let answer = analysis(&fake, "", turns).await;
    assert_eq!(
        (&answer["category"]["label"], &answer["intent"]["outcome"]),
        (&json!("facing_issue"), &json!("partly"))
    );
    let broken = json!({ "turn": 1, "quote": "My router is broken, this is unacceptable." });
    assert_eq!(answer["category"]["evidence"][0], broken);
    let timeline = answer["sentiment"]["timeline"].as_array().unwrap();
    assert_eq!((&timeline[0]["emotion"], &timeline[1]["emotion"]), (&json!("anger"), &json!("joy")));
    let cause = "“I'll send you a new router by Friday.”";
    assert_eq!(answer["sentiment"]["shifts"], json!([{ "from_turn": 1, "to_turn": 3, "cause": cause }]));
    let promise = &answer["action_items"][0];
    assert_eq!((&promise["owner"], &promise["due"]), (&json!("agent"), &json!("Friday")));
    assert_eq!((&answer["topics"][0], &answer["topics"][1]), (&json!("router"), &json!("refund")));
    let other = analysis(&fake, "", "[0] visitor: I want to buy the large one today.").await;
    assert_eq!(other["category"]["label"], "immediate_buyer");
    assert_eq!(other, analysis(&fake, "", "[0] visitor: I want to buy the large one today.").await);
}

#[tokio::test]
async fn good_and_bad_differ_in_three_languages_and_a_denied_word_means_its_opposite() {
    let fake = bedrock::start().await.unwrap();
    for (good, bad) in [
        ("This is great, thank you so much", "The app is broken and this is unacceptable"),
        ("Das ist super, vielen Dank", "Das ist eine Frechheit, die Lampe ist kaputt"),
        ("Es perfecto, muchas gracias", "Es terrible, el pedido no funciona"),
        ("It was no problem", "I am not happy with it"),
    ] {
        let answer = analysis(&fake, "", &format!("[0] visitor: {good}\n[1] visitor: {bad}")).await;
        let score = |n: usize| answer["sentiment"]["timeline"][n]["score"].as_f64().unwrap();
        assert!(score(0) > 0.2 && score(1) < -0.2, "{good}: {}, {bad}: {}", score(0), score(1));
    }
}

#[tokio::test]
async fn each_type_of_metric_has_a_rule_and_only_topics_of_the_list_are_named() {
    let fake = bedrock::start().await.unwrap();
    let values = |answer: &Value| {
        let entries = answer["custom_metrics"].as_array().unwrap().iter();
        entries
            .map(|entry| if entry["status"] == "ok" { entry["value"].clone() } else { json!("-") })
            .collect::<Vec<_>>()
    };
    let header = format!("Topics allowed: [\"Streets\",\"Opening hours\",\"Billing\"]\n{METRICS}");
    let turns = "[0] visitor: Call [PHONE_2], I was refunded 3,50 for my 10-inch router, the large one.\n\
                 [1] visitor: The street is called Long Street. I give you 120, no, 9.";
    let answer = analysis(&fake, &header, turns).await;
    assert_eq!(values(&answer), [json!(true), json!(9), json!(3.5), json!("Large router"), json!("The street")]);
    assert_eq!(answer["topics"], json!(["Streets"]));
    let none = analysis(&fake, &header, "").await;
    assert_eq!((values(&none), &none["topics"]), (vec![json!("-"); 5], &json!([])));
    assert_eq!(
        values(&analysis(&fake, &header, "[0] visitor: Good morning").await)[..4],
        [json!(false), json!("-"), json!("-"), json!("-")]
    );
}

#[tokio::test]
async fn a_schema_that_the_stand_in_has_never_seen_is_filled() {
    let fake = bedrock::start().await.unwrap();
    let schema = json!({
        "type": "object", "additionalProperties": false,
        "required": ["headline", "urgent", "count", "mood", "tags", "next", "nested", "kind", "maybe"],
        "properties": {
            "headline": { "type": "string" }, "urgent": { "type": "boolean" }, "count": { "type": "integer" },
            "mood": { "type": "string", "enum": ["sunny", "rainy"] },
            "tags": { "type": "array", "minItems": 1, "items": { "type": "string" } },
            "next": { "anyOf": [{ "type": "null" }, { "type": "number" }] },
            "nested": { "$ref": "#/$defs/nested" }, "kind": { "const": "report" }, "maybe": { "type": ["string", "null"] }
        },
        "$defs": { "nested": { "type": "object", "additionalProperties": false, "required": ["list"], "properties": {
            "list": { "type": "array", "minItems": 1, "items": { "type": "object", "additionalProperties": false,
                      "required": ["n"], "properties": { "n": { "type": "number" } } } } } } }
    });
    for turns in ["[0] visitor: It is urgent, is it rainy?", ""] {
        let prompt = format!("<transcript-1>\n{turns}\n</transcript-1>");
        let answer = answer(&fake, &prompt, &schema.to_string()).await;
        let said = !turns.is_empty();
        assert_eq!((&answer["urgent"], answer["mood"] == "rainy"), (&json!(said), true), "{answer}");
    }
    let (text, _) = text(ask(&fake, "Hello there")).await;
    assert_eq!(text, format!("“Hello there” {SIGNATURE}"), "without a schema the answer is a sentence");
}

#[tokio::test]
async fn a_split_transcript_is_answered_part_by_part_and_then_as_a_whole() {
    let fake = bedrock::start().await.unwrap();
    let metric = METRICS.lines().nth(1).unwrap();
    let first = "[0] visitor: My router is broken and I want a refund.\n[1] agent: I'll send the bill tomorrow.\n\
                 [2] visitor: That is ridiculous.";
    let first = analysis(&fake, &format!("Part: 1 of 2\nTopics allowed: [\"Billing\"]\n{metric}"), first).await;
    let context = "Context: turns 1 to 2 were analysed with the part before; no timeline entries for them";
    let second = "[1] agent: I'll send the bill tomorrow.\n[2] visitor: That is ridiculous.\n\
                  [3] visitor: It works now, thanks! I give you a 9.";
    let second = analysis(&fake, &format!("Part: 2 of 2\n{context}\n{metric}"), second).await;
    assert_eq!((&first["topics"], &first["intent"]["outcome"]), (&json!(["Billing"]), &json!("not_achieved")));
    assert_eq!(second["sentiment"]["timeline"].as_array().unwrap().len(), 1);
    assert_eq!(second["custom_metrics"][0]["value"], 9);

    let part = |number: u32, answer: &Value| {
        let of = |name: &str| answer[name].clone();
        json!({ "part": number, "intent": of("intent"), "summary": of("summary"), "category": of("category"),
                "patterns": answer["sentiment"]["patterns"], "custom_metrics": of("custom_metrics") })
    };
    let lines = format!("{}\n{}", part(1, &first), part(2, &second));
    let prompt = format!("Output language: en\n{metric}\n<parts-9c>\n{lines}\n</parts-9c>");
    let whole = answer(&fake, &prompt, MERGE).await;
    assert_eq!(whole, answer(&fake, &prompt, MERGE).await);
    assert_eq!(whole["category"]["label"], "facing_issue");
    assert_eq!(whole["category"]["evidence"][0], first["category"]["evidence"][0]);
    assert_eq!(
        (&whole["intent"]["outcome"], &whole["custom_metrics"][0]["value"]),
        (&second["intent"]["outcome"], &json!(9))
    );
    assert_eq!(whole["summary"]["text"].as_str().unwrap().matches(SIGNATURE).count(), 1);
    let kinds = fake.control.state("").await.unwrap()["kinds"].clone();
    assert_eq!(kinds, json!({ "analysis": 0, "part": 2, "final": 2 }));

    let brief = json!({ "part": 1, "category": { "label": "others", "confidence": 0.4 } });
    let whole = answer(&fake, &format!("<parts-9c>\n{brief}\nnonsense\n</parts-9c>"), MERGE).await;
    assert_eq!((&whole["category"]["label"], &whole["intent"]["outcome"]), (&json!("others"), &json!("unclear")));
    assert!(!whole["intent"]["primary_purpose"].as_str().unwrap().is_empty());
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
    let long = format!("[0] visitor: {}", "not great but broken ".repeat(16_000));
    let letters = |i: usize| ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"][i % 10];
    let names = (0..20_000).map(|i| (0..5).map(|at| letters(i / 10_usize.pow(at))).collect::<String>());
    let wide = format!("[0] visitor: {}", names.map(|name| format!("word{name}")).collect::<Vec<_>>().join(" "));
    for turns in [many, long, wide] {
        let started = Instant::now();
        analysis(&fake, "Topics allowed: [\"Word\"]", &turns).await;
        analysis(&fake, "", &turns).await;
        assert!(started.elapsed() < Duration::from_secs(20), "{:?} for {}", started.elapsed(), &turns[..40]);
    }
}
