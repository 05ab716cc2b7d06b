use serde_json::{Value, json};

use super::{DATA, Org, refusal, start};

async fn lead(org: &Org<'_>, name: &str, email: &str) -> String {
    org.make("Lead", json!({"LastName": name, "Company": "Acme", "Email": email})).await
}

#[tokio::test]
async fn a_query_finds_by_address_in_the_order_of_creation_up_to_its_limit() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    let first = lead(&org, "Diaz", "ana@example.com").await;
    let second = lead(&org, "Bell", "ANA@example.com").await;
    let third = lead(&org, "Diaz", "ana@example.com").await;
    fake.control.set(&format!("/_orgs/3MVG1/converted/{third}"), Value::Null).await.unwrap();
    let found = async |object: &str, condition: &str, limit: usize| {
        let query = format!("SELECT Id FROM {object} WHERE {condition} ORDER BY CreatedDate LIMIT {limit}");
        let (status, body) = org.query(&query).await;
        assert_eq!((status, &body["done"]), (200, &json!(true)), "{body}");
        let records = body["records"].as_array().unwrap().clone();
        assert_eq!(body["totalSize"], records.len());
        records.into_iter().map(|record| record["Id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("Lead", "Email='Ana@example.com'", 2).await, [&*first, &second]);
    assert_eq!(found("Lead", "Email='ana@example.com'", 9).await, [&*first, &second, &third]);
    assert_eq!(found("Lead", "Email='ana@example.com' AND IsConverted=false", 9).await, [&*first, &second]);
    assert_eq!(found("Lead", "Email='ana@example.com' AND IsConverted=true", 9).await, [&*third]);
    assert_eq!(found("Contact", "Email='ana@example.com'", 2).await.len(), 1);
    assert!(found("Lead", "Email='bob@example.com'", 2).await.is_empty());
}

#[tokio::test]
async fn a_record_has_what_was_asked_for_and_where_it_is() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    let id = lead(&org, "Diaz", "o'brien@example.com").await;
    let (_, body) =
        org.query(r"SELECT Id FROM Lead WHERE Email='o\'brien@example.com' ORDER BY CreatedDate LIMIT 2").await;
    let attributes = json!({"type": "Lead", "url": format!("{DATA}/sobjects/Lead/{id}")});
    assert_eq!(body["records"], json!([{"attributes": attributes, "Id": id}]));
}

#[tokio::test]
async fn another_query_is_refused_by_name() {
    let fake = start().await;
    let org = Org::open(&fake, "3MVG1").await;
    for (query, code, name) in [
        ("", "MALFORMED_QUERY", "<EOF>"),
        ("SELECT Name FROM Lead", "MALFORMED_QUERY", "SELECT Name"),
        ("SELECT Id FROM Lead WHERE LastName='x' ORDER BY CreatedDate LIMIT 2", "MALFORMED_QUERY", "LastName"),
        ("SELECT Id FROM Lead WHERE Email='O'Brien' ORDER BY CreatedDate LIMIT 2", "MALFORMED_QUERY", "Brien"),
        ("SELECT Id FROM Leads WHERE Email='x' ORDER BY CreatedDate LIMIT 2", "INVALID_TYPE", "Leads"),
        ("SELECT Id FROM Task WHERE Email='x' ORDER BY CreatedDate LIMIT 2", "INVALID_FIELD", "Email"),
        (
            "SELECT Id FROM Contact WHERE Email='x' AND IsConverted=false ORDER BY CreatedDate LIMIT 2",
            "INVALID_FIELD",
            "IsConverted",
        ),
    ] {
        let answered = org.query(query).await;
        assert_eq!(refusal(&answered), (400, code), "{query}");
        assert!(answered.1[0]["message"].as_str().unwrap().contains(name), "{answered:?}");
    }
    assert_eq!(refusal(&org.get("/query").await), (400, "MALFORMED_QUERY"));
}
