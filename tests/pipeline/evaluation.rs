use pipeline_tests::Stack;
use serde_json::Value;
use tokio::process::Command;

#[tokio::test]
async fn the_shipped_conversations_are_evaluated_and_stdout_is_one_json_document() {
    let mut eval = Command::new(Stack::from_env().xtask);
    let output = eval.args(["eval", "--json"]).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let conversations = report["conversations"].as_array().unwrap();
    assert_eq!(conversations.len(), 40);
    for conversation in conversations {
        let (usage, id) = (&conversation["usage"], &conversation["id"]);
        assert_eq!(conversation["first_try_valid"], true, "{id}");
        assert!(usage["quotes_verified"].as_u64() > Some(0) && usage["quotes_dropped"] == 0, "{id}: {usage}");
        assert!(usage["input_tokens"].as_u64() > Some(0), "{id}");
    }
}
