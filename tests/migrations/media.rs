//! Constraints on uploads and removals.

use idgate::entities::{avatar_upload, media_removal, user};
use sea_orm::{DatabaseConnection, EntityTrait as _, PaginatorTrait as _};

use crate::constraints::{assert_user_is_missing, insert, refuses, with_ada};
use crate::rows::{id, later, noon};

#[test]
fn an_upload_goes_with_its_account_and_a_removal_stays() {
    with_ada(async |database: &DatabaseConnection, ada| {
        let upload = avatar_upload::Model {
            id: id(60),
            user_id: ada.id,
            content_type: "image/png".to_owned(),
            content_length: 1,
            state: "open".to_owned(),
            created_at: noon(),
            expires_at: later(),
        };
        let removal = media_removal::Model {
            id: id(61),
            storage: "local".to_owned(),
            object: "uploads/1".to_owned(),
            created_at: noon(),
            due_at: later(),
            attempts: 0,
            last_failure: None,
        };
        let spoilt = avatar_upload::Model {
            state: "lost".to_owned(),
            ..upload.clone()
        };
        refuses(database, spoilt).await;
        let empty = avatar_upload::Model {
            content_length: 0,
            ..upload.clone()
        };
        refuses(database, empty).await;
        let stranger = avatar_upload::Model {
            user_id: id(9),
            ..upload.clone()
        };
        assert_user_is_missing(insert(database, stranger).await);
        let elsewhere = media_removal::Model {
            storage: "tape".to_owned(),
            ..removal.clone()
        };
        refuses(database, elsewhere).await;
        let nameless = media_removal::Model {
            object: String::new(),
            ..removal.clone()
        };
        refuses(database, nameless).await;
        insert(database, upload).await.unwrap();
        insert(database, removal).await.unwrap();
        user::Entity::delete_by_id(ada.id)
            .exec(database)
            .await
            .unwrap();
        let uploads = avatar_upload::Entity::find().count(database).await.unwrap();
        let removals = media_removal::Entity::find().count(database).await.unwrap();
        assert_eq!((uploads, removals), (0, 1));
    });
}
