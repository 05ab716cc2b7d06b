use std::path::Path;

use futures_util::future::join_all;
use pipeline_tests::{World, eventually, on_the_stack};
use serde_json::json;
use tokio::process::Command;

/// Process ids of the deployed function's instances on this stack.
fn instances(world: &World, package: &str) -> Vec<u32> {
    let name = format!("AWS_LAMBDA_FUNCTION_NAME={}\0", world.stack.functions[package]);
    let url = format!("DATABASE_URL={}\0", world.stack.database_url);
    let is_ours = |pid: &u32| {
        let environment = std::fs::read(Path::new("/proc").join(pid.to_string()).join("environ")).unwrap_or_default();
        let environment = String::from_utf8_lossy(&environment);
        environment.contains(&name) && environment.contains(&url)
    };
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_ours).collect()
}

#[tokio::test]
async fn a_function_killed_in_the_middle_of_its_work_is_taken_over() {
    on_the_stack("killed", json!({}), async |world| {
        let marker = world.marker("s-1");
        world.fault("bedrock", json!({ "match": "POST converse", "body_match": marker, "delay_ms": 4000 })).await;
        world.send("s-1").await;
        let bedrock = world.stack.fake("bedrock");
        assert!(eventually(async || !bedrock.requests(&marker).await.unwrap().is_empty()).await, "the model is asked");
        let killed = instances(world, "analyze");
        assert!(!killed.is_empty());
        let ids: Vec<_> = killed.iter().map(ToString::to_string).collect();
        assert!(Command::new("kill").arg("-KILL").args(&ids).status().await.unwrap().success());

        world.completed("s-1").await;
        assert!(instances(world, "analyze").iter().all(|pid| !killed.contains(pid)));
        assert_eq!((world.mails().await.len(), world.notes().await.len()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_database_restarted_in_mid_run_loses_nothing() {
    on_the_stack("restart", json!({}), async |world| {
        let slow = json!({ "match": "POST converse", "body_match": world.tenant, "times": 6, "delay_ms": 500 });
        world.fault("bedrock", slow).await;
        let sessions: Vec<_> = (1..=6).map(|n| format!("s-{n}")).collect();
        join_all(sessions.iter().map(|session| world.send(session))).await;
        let mut restart = Command::new(&world.stack.xtask);
        restart.args(["postgres", "restart", "--crash", "--state-dir"]).arg(&world.stack.state_dir);
        let output = restart.output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

        for session in &sessions {
            world.completed(session).await;
        }
        assert_eq!((world.mails().await.len(), world.notes().await.len(), world.deliveries().await.len()), (6, 6, 6));
        assert_eq!(world.contacts().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_session_whose_message_never_reached_its_queue_is_found_by_housekeep() {
    on_the_stack("forgotten", json!({}), async |world| {
        world.refuse_messages(1).await;
        let (status, problem) = world.post(&world.notification("s-1")).await;
        assert_eq!((status, problem["type"].as_str()), (503, Some("urn:post-session:problem:unavailable")));

        // The engine never repeats it; the stack's LOST_AFTER_SECONDS pass.
        let is_found = async || {
            let (report, failed) = world.stack.invoke("housekeep", &json!({ "task": "requeue" })).await;
            assert!(!failed, "{report}");
            world.session("s-1").await.unwrap().status == "completed"
        };
        assert!(eventually(is_found).await, "{:?}", world.session("s-1").await);
        assert_eq!(world.mails().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_migration_finds_nothing_to_do() {
    on_the_stack("migrate", json!({}), async |world| {
        let (answer, failed) = world.stack.invoke("housekeep", &json!({ "task": "migrate" })).await;
        assert_eq!((answer, failed), (json!({ "applied": [] }), false));
    })
    .await;
}
