//! Constraints on provider identities.

use idgate::entities::identity;
use sea_orm::DatabaseConnection;

use crate::constraints::{assert_taken, assert_user_is_missing, insert, refuses, with_ada};
use crate::rows::{id, identity_of, later, person};

#[test]
fn an_identity_belongs_to_one_account() {
    with_ada(async |database: &DatabaseConnection, ada| {
        let identity = identity_of(ada.id);
        for (issuer, subject) in [("", "1"), ("https://id.example.com", "")] {
            let spoilt = identity::Model {
                issuer: issuer.to_owned(),
                subject: subject.to_owned(),
                ..identity.clone()
            };
            refuses(database, spoilt).await;
        }
        let endless = identity::Model {
            subject: "1".repeat(256),
            ..identity.clone()
        };
        refuses(database, endless).await;
        assert_user_is_missing(insert(database, identity_of(id(9))).await);
        insert(database, identity.clone()).await.unwrap();
        insert(database, person(2)).await.unwrap();
        let rival = identity::Model {
            id: id(46),
            user_id: id(2),
            ..identity
        };
        assert_taken(insert(database, rival.clone()).await);
        let elsewhere = identity::Model {
            id: id(47),
            issuer: "https://id.example.com".to_owned(),
            ..rival.clone()
        };
        insert(database, elsewhere).await.unwrap();
        // A remembered identity blocks no other account and exists once.
        let remembered = identity::Model {
            unlinked_at: Some(later()),
            ..rival
        };
        insert(database, remembered.clone()).await.unwrap();
        let twice = identity::Model {
            id: id(48),
            ..remembered
        };
        assert_taken(insert(database, twice).await);
    });
}
