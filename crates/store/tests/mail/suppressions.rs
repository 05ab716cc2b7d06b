use domain::id::TenantId;
use store::suppressions::SuppressionReason as Reason;

use crate::World;

#[tokio::test]
async fn an_address_is_suppressed_once_for_each_reason_and_the_gravest_is_returned() {
    let world = World::new().await;
    let (store, tenant) = (world.store(), &world.tenant);
    let [ana, ben, eve] = ["ana@example.com", "ben@example.com", "eve@example.com"].map(|text| world.hash(text));
    let suppress = async |address, reason| store.suppress(tenant, address, reason, None).await.unwrap();
    assert!(suppress(&ana, Reason::Unsubscribed).await);
    assert!(!suppress(&ana, Reason::Unsubscribed).await, "before");
    assert!(suppress(&ana, Reason::Complaint).await);
    assert!(suppress(&ana, Reason::HardBounce).await);
    assert!(suppress(&ben, Reason::HardBounce).await);

    let mut found = store.suppressions(tenant, &[eve, ana, ben]).await.unwrap();
    found.sort_by_key(|(_, reason)| reason.as_str());
    assert_eq!(found, [(ana, Reason::Complaint), (ben, Reason::HardBounce)]);
    let other: TenantId = "other".parse().unwrap();
    assert_eq!(store.suppressions(&other, &[ana]).await.unwrap(), []);
    assert!(!store.suppress(&other, &ana, Reason::Complaint, None).await.unwrap(), "no such tenant");
}
