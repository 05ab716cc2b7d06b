use store::email_log::Body;
use uuid::Uuid;

use crate::World;

#[tokio::test]
async fn the_mail_is_kept_as_it_was_sent_last() {
    let world = World::new().await;
    let email_id = world.email(0).await.email_id;
    for subject in ["first", "second"] {
        let body = Body { subject, text: "text", html: "<p>html</p>" };
        world.store().keep_body(&world.tenant, email_id, body).await.unwrap();
        world.store().keep_body(&world.tenant, Uuid::now_v7(), body).await.unwrap();
    }
    let rows = world.database.client().await.query("SELECT subject, html FROM email_bodies", &[]).await.unwrap();
    let kept: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(kept, [("second".to_owned(), "<p>html</p>".to_owned())]);
}
