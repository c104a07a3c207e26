//! Database constraints: what is refused regardless of the code, and what cascades on delete.

use idgate::entities::{
    audit_event, identity, link, outbox_message, password, redemption, refresh_token, session,
    signing_key, user,
};
use migrations::{Migrator, MigratorTrait};
use sea_orm::{
    ActiveModelTrait, DatabaseConnection, DbErr, EntityTrait, IntoActiveModel, ModelTrait,
    PaginatorTrait, SqlErr,
};

use crate::backends::on_every_backend;
use crate::rows::{
    event_about, id, identity_of, later, link_of, message, noon, person, session_of, signing_key,
    token,
};

/// Runs a check on migrated databases that hold one user.
pub(crate) fn with_ada(check: impl AsyncFn(&DatabaseConnection, user::Model)) {
    on_every_backend(async |database: &DatabaseConnection| {
        Migrator::up(database, None).await.unwrap();
        insert(database, person(1)).await.unwrap();
        check(database, person(1)).await;
    });
}

pub(crate) async fn insert<M>(database: &DatabaseConnection, row: M) -> Result<M, DbErr>
where
    M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
    M::Entity: EntityTrait<Model = M>,
    <M::Entity as EntityTrait>::ActiveModel: ActiveModelTrait<Entity = M::Entity> + Send,
{
    row.into_active_model().reset_all().insert(database).await
}

/// Asserts that the row breaks a CHECK, which the SQL error alone does not name.
pub(crate) async fn refuses<M>(database: &DatabaseConnection, row: M)
where
    M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
    M::Entity: EntityTrait<Model = M>,
    <M::Entity as EntityTrait>::ActiveModel: ActiveModelTrait<Entity = M::Entity> + Send,
{
    let shown = format!("{row:?}");
    let text = match insert(database, row).await {
        Ok(_) => panic!("was stored: {shown}"),
        Err(error) => error.to_string().to_lowercase(),
    };
    assert!(
        text.contains("check constraint"),
        "refused for another reason ({text}): {shown}"
    );
}

pub(crate) fn assert_taken<M>(outcome: Result<M, DbErr>) {
    let refusal = outcome.err().and_then(|error| error.sql_err());
    assert!(
        matches!(refusal, Some(SqlErr::UniqueConstraintViolation(_))),
        "{refusal:?}"
    );
}

pub(crate) fn assert_user_is_missing<M>(outcome: Result<M, DbErr>) {
    let refusal = outcome.err().and_then(|error| error.sql_err());
    assert!(
        matches!(refusal, Some(SqlErr::ForeignKeyConstraintViolation(_))),
        "{refusal:?}"
    );
}

#[test]
fn users_outside_the_rules_are_refused() {
    with_ada(async |database: &DatabaseConnection, _| {
        let some = |text: &str| Some(text.to_owned());
        let ok = person(2);
        let cases = [
            user::Model {
                role: "owner".to_owned(),
                ..ok.clone()
            },
            user::Model {
                role: "CLIENT".to_owned(),
                ..ok.clone()
            },
            user::Model {
                auth_provider: "passkey".to_owned(),
                ..ok.clone()
            },
            user::Model {
                email: None,
                email_canonical: None,
                ..ok.clone()
            },
            user::Model {
                email_canonical: None,
                ..ok.clone()
            },
            user::Model {
                email: None,
                phone: some("+4930901820"),
                ..ok.clone()
            },
            user::Model {
                phone_verified: true,
                ..ok.clone()
            },
            user::Model {
                email: None,
                email_canonical: None,
                email_verified: true,
                phone: some("+4930901820"),
                ..ok.clone()
            },
            user::Model {
                pid: String::new(),
                ..ok.clone()
            },
            user::Model {
                pid: "P".repeat(51),
                ..ok.clone()
            },
            user::Model {
                first_name: "a".repeat(151),
                ..ok.clone()
            },
            user::Model {
                last_name: "a".repeat(151),
                ..ok.clone()
            },
            user::Model {
                bio: "a".repeat(2001),
                ..ok.clone()
            },
            user::Model {
                address: "a".repeat(256),
                ..ok.clone()
            },
        ];
        for row in cases {
            refuses(database, row).await;
        }
        insert(database, ok).await.unwrap();
    });
}

#[test]
fn an_address_belongs_to_one_live_account_at_a_time() {
    with_ada(async |database: &DatabaseConnection, ada| {
        let rival = user::Model {
            email_canonical: ada.email_canonical.clone(),
            ..person(2)
        };
        assert_taken(insert(database, rival.clone()).await);
        let mut closed = ada.into_active_model();
        closed.deleted_at = sea_orm::Set(Some(noon()));
        closed.update(database).await.unwrap();
        insert(database, rival.clone()).await.unwrap();
        // Any number of deleted accounts may share it with the live one.
        let deleted = Some(noon());
        let third = user::Model {
            deleted_at: deleted,
            email_canonical: rival.email_canonical,
            ..person(3)
        };
        insert(database, third).await.unwrap();
    });
}

#[test]
fn a_number_belongs_to_one_live_account_at_a_time() {
    with_ada(async |database: &DatabaseConnection, _| {
        let reachable = |number| user::Model {
            phone: Some("+4930901820".to_owned()),
            ..person(number)
        };
        insert(
            database,
            user::Model {
                deleted_at: Some(noon()),
                ..reachable(2)
            },
        )
        .await
        .unwrap();
        insert(database, reachable(3)).await.unwrap();
        assert_taken(insert(database, reachable(4)).await);
    });
}

#[test]
fn public_identifiers_are_never_given_twice() {
    with_ada(async |database: &DatabaseConnection, ada| {
        let twin = user::Model {
            pid: ada.pid,
            deleted_at: Some(noon()),
            ..person(2)
        };
        assert_taken(insert(database, twin).await);
        insert(
            database,
            user::Model {
                legacy_id: Some(7),
                ..person(3)
            },
        )
        .await
        .unwrap();
        assert_taken(
            insert(
                database,
                user::Model {
                    legacy_id: Some(7),
                    ..person(4)
                },
            )
            .await,
        );
    });
}

#[test]
fn passwords_are_hashes_of_an_existing_user() {
    with_ada(async |database: &DatabaseConnection, ada| {
        let hash = |user_id, hash: &str| password::Model {
            user_id,
            hash: hash.to_owned(),
            changed_at: noon(),
            imported_rounds: None,
        };
        refuses(database, hash(ada.id, "")).await;
        assert_user_is_missing(insert(database, hash(id(9), "$argon2id$")).await);
        insert(database, hash(ada.id, "$argon2id$")).await.unwrap();
    });
}

#[test]
fn sessions_and_tokens_end_completely_or_not_at_all() {
    with_ada(async |database: &DatabaseConnection, ada| {
        let session = session_of(ada.id);
        refuses(
            database,
            session::Model {
                revoked_at: Some(noon()),
                ..session.clone()
            },
        )
        .await;
        let reason = Some("logout".to_owned());
        refuses(
            database,
            session::Model {
                revoked_reason: reason,
                ..session.clone()
            },
        )
        .await;
        assert_user_is_missing(insert(database, session_of(id(9))).await);
        insert(database, session).await.unwrap();

        let token = token(1);
        let sealed_successor = Some(vec![1]);
        refuses(
            database,
            refresh_token::Model {
                consumed_at: Some(noon()),
                ..token.clone()
            },
        )
        .await;
        refuses(
            database,
            refresh_token::Model {
                sealed_successor,
                ..token.clone()
            },
        )
        .await;
        insert(database, token.clone()).await.unwrap();
        assert_taken(
            insert(
                database,
                refresh_token::Model {
                    id: id(31),
                    ..token
                },
            )
            .await,
        );
    });
}

#[test]
fn closed_sets_are_closed() {
    with_ada(async |database: &DatabaseConnection, ada| {
        let link = link_of(ada.id);
        refuses(
            database,
            link::Model {
                purpose: "other".to_owned(),
                ..link.clone()
            },
        )
        .await;
        insert(database, link).await.unwrap();

        let message = message();
        refuses(
            database,
            outbox_message::Model {
                channel: "fax".to_owned(),
                ..message.clone()
            },
        )
        .await;
        // Delivered messages are not kept.
        let delivered_at = Some(noon());
        refuses(
            database,
            outbox_message::Model {
                delivered_at,
                ..message.clone()
            },
        )
        .await;
        insert(database, message).await.unwrap();

        let key = signing_key();
        refuses(
            database,
            signing_key::Model {
                algorithm: "none".to_owned(),
                ..key.clone()
            },
        )
        .await;
        insert(database, key).await.unwrap();
    });
}

#[test]
fn a_code_or_link_is_redeemed_once() {
    with_ada(async |database: &DatabaseConnection, _| {
        let row = redemption::Model {
            digest: vec![7; 32],
            redeemed_at: noon(),
            expires_at: later(),
        };
        insert(database, row.clone()).await.unwrap();
        assert_taken(insert(database, row).await);
    });
}

#[test]
fn deleting_a_user_deletes_their_rows_and_keeps_the_audit_log() {
    with_ada(async |database: &DatabaseConnection, ada| {
        insert(database, session_of(ada.id)).await.unwrap();
        insert(database, token(1)).await.unwrap();
        insert(database, link_of(ada.id)).await.unwrap();
        insert(database, identity_of(ada.id)).await.unwrap();
        insert(database, event_about(ada.id)).await.unwrap();
        ada.delete(database).await.unwrap();
        assert_eq!(session::Entity::find().count(database).await.unwrap(), 0);
        assert_eq!(
            refresh_token::Entity::find().count(database).await.unwrap(),
            0
        );
        assert_eq!(link::Entity::find().count(database).await.unwrap(), 0);
        assert_eq!(identity::Entity::find().count(database).await.unwrap(), 0);
        assert_eq!(
            audit_event::Entity::find().count(database).await.unwrap(),
            1
        );
    });
}
