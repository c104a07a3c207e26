//! The documents of those who leave.

use serde_json::json;

use super::Tour;

/// Exporting data, deleting and erasing accounts.
pub(super) async fn leaving(tour: &mut Tour<'_>) {
    let app = tour.app;
    let hedy = app.register("hedy@example.com").await;
    let requested = tour
        .with(&hedy, "RequestDataExport", json!({}), "DataExportRequested")
        .await;
    let id = requested.root("requestDataExport")["export"]["id"].clone();
    tour.by(&hedy, "DataExport", json!({ "id": id }), "").await;
    let leave = json!({ "input": { "reason": "moving" } });
    let kind = "AccountDeletionScheduled";
    tour.by(&hedy, "DeleteMyAccount", leave, kind).await;
    let token = app.token("hedy@example.com", "account_deleted").await;
    let token = json!({ "input": { "token": token } });
    let kind = "AccountDeletionCancelled";
    tour.anonymous("CancelAccountDeletion", token, kind).await;

    let root = app.login("root@example.com").await;
    let grace = app.ids("SELECT id FROM users WHERE email = 'grace@example.com'");
    let grace = json!({ "input": { "userId": grace.await[0].to_string() } });
    tour.by(&root, "DeleteUser", grace.clone(), "UserDeleted")
        .await;
    tour.by(&root, "DeletedRecords", json!({ "first": 10 }), "")
        .await;
    tour.by(&root, "RestoreUser", grace, "UserRestored").await;
    let ivy = app.register("ivy@example.com").await;
    let ivy = json!({ "input": { "userId": ivy.user_id } });
    tour.by(&root, "EraseUser", ivy, "UserErased").await;
}
