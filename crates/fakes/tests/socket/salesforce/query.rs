use serde_json::{Value, json};

use super::{DATA, Org, refusal, start};

async fn lead(org: &Org<'_>, name: &str, email: &str) -> String {
    org.make("Lead", json!({"LastName": name, "Company": "Acme", "Email": email})).await
}

#[tokio::test]
async fn a_query_finds_by_every_condition_in_order_up_to_its_limit() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    let first = lead(&org, "Diaz", "ana@example.com").await;
    let second = lead(&org, "Bell", "ANA@example.com").await;
    let third = lead(&org, "Diaz", "bob@example.com").await;
    fake.control.set(&format!("/_orgs/3MVG1/converted/{third}"), Value::Null).await.unwrap();
    let found = async |rest: &str| {
        let (status, body) = org.query(&format!("SELECT Id FROM Lead {rest}")).await;
        assert_eq!((status, &body["done"]), (200, &json!(true)), "{body}");
        let records = body["records"].as_array().unwrap().clone();
        assert_eq!(body["totalSize"], records.len());
        records.into_iter().map(|record| record["Id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("WHERE Email='Ana@example.com' ORDER BY CreatedDate LIMIT 2").await, [&*first, &second]);
    assert_eq!(found("WHERE Email = 'ana@example.com' ORDER BY LastName").await, [&*second, &first]);
    assert_eq!(found("ORDER BY LastName DESC LIMIT 1").await, [&*first]);
    assert_eq!(found("WHERE LastName = 'Diaz' AND IsConverted = false").await, [&*first]);
    assert_eq!(found("WHERE IsConverted = true").await, [&*third]);
    assert_eq!(found("WHERE ConvertedContactId != null").await, [&*third]);
    assert_eq!(found("WHERE ConvertedContactId = null AND LastName != 'bell'").await, [&*first]);
    assert_eq!(found(&format!("WHERE Id = '{}'", &second[..15])).await, [&*second]);
    assert!(found("WHERE Email = 'nobody@example.com'").await.is_empty());
}

#[tokio::test]
async fn a_record_has_what_was_asked_for_and_where_it_is() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    let id = lead(&org, "Diaz", "ana@example.com").await;
    let (_, body) = org.query("SELECT Id, email, Phone FROM lead").await;
    let attributes = json!({"type": "Lead", "url": format!("{DATA}/sobjects/Lead/{id}")});
    assert_eq!(
        body["records"],
        json!([{"attributes": attributes, "Id": id, "Email": "ana@example.com", "Phone": null}])
    );
}

#[tokio::test]
async fn quotation_marks_and_backslashes_are_found_when_they_are_escaped() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    let id = lead(&org, r"O'Brien \ Sons", "o'brien@example.com").await;
    let (_, body) =
        org.query(r"SELECT Id FROM Lead WHERE LastName = 'O\'Brien \\ Sons' AND Email = 'o\'brien@example.com'").await;
    assert_eq!(body["records"][0]["Id"], id);
    let (status, code) = (400, "MALFORMED_QUERY");
    assert_eq!(refusal(&org.query("SELECT Id FROM Lead WHERE LastName = 'O'Brien'").await), (status, code));
    assert_eq!(refusal(&org.query("SELECT Id FROM Lead WHERE LastName = 'x' OR Name != ''").await), (status, code));
}

#[tokio::test]
async fn a_query_for_what_is_not_there_says_so() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    for (query, code) in [
        ("", "MALFORMED_QUERY"),
        ("SELECT Id", "MALFORMED_QUERY"),
        ("SELECT Id FROM Leads", "INVALID_TYPE"),
        ("SELECT Mail FROM Lead", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE Mail = 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM Lead ORDER BY Mail", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE Email = 5", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE IsConverted = 'false'", "INVALID_FIELD"),
        ("SELECT Id FROM Task WHERE Description = 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE Id = 'x'", "INVALID_QUERY_FILTER_OPERATOR"),
    ] {
        assert_eq!(refusal(&org.query(query).await), (400, code), "{query}");
    }
    assert_eq!(refusal(&org.get("/query").await), (400, "MALFORMED_QUERY"));
}

#[tokio::test]
async fn dates_and_numbers_are_compared_without_quotation_marks() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    org.make("Task", json!({"ActivityDate": "2026-11-22", "CallDurationInSeconds": 60})).await;
    for (condition, found) in [
        ("ActivityDate = 2026-11-22", 1),
        ("CallDurationInSeconds = 60", 1),
        ("CallDurationInSeconds != 60", 0),
        ("ActivityDate = null", 0),
    ] {
        assert_eq!(
            org.query(&format!("SELECT Id FROM Task WHERE {condition}")).await.1["totalSize"],
            found,
            "{condition}"
        );
    }
    assert_eq!(org.query("SELECT Id FROM Task WHERE ActivityDate = '2026-11-22'").await.0, 400);
}
