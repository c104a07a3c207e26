//! Deleted accounts that can be restored, and their list.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use chrono::{DateTime, Utc};
use tokio::sync::OnceCell;

use super::user::User;
use crate::domain::deletion::{self, DeletedRecordFilter as Filter};
use crate::domain::identifier::Identifier;
use crate::domain::ids::UserId;
use crate::schema::connection::{Connection, PageArguments, TimeCursor, TotalCount};
use crate::schema::error::{Error, ErrorCode, Nullable};
use crate::schema::request::ContextExt as _;
use crate::schema::scalars::Instant;
use crate::selectors::deleted_record::{CountDeleted, DeletedMatching};
use crate::services::deletion::{self as copies, DeletedData};

/// The kind of a deleted record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum DeletedModel {
    /// A user account.
    User,
}

#[derive(Debug)]
pub struct DeletedRecord {
    row: deletion::DeletedRecord,
    opened: OnceCell<Option<DeletedData>>,
}

impl DeletedRecord {
    async fn opened(&self, context: &Context<'_>) -> Result<Option<&DeletedData>, Error> {
        let open = async || {
            let key = context.loaders().sealed_key(self.row.user).await?;
            let opened = copies::open(context.app(), &self.row, key.as_deref())?;
            Ok::<_, Error>(opened)
        };
        Ok(self.opened.get_or_try_init(open).await?.as_ref())
    }
}

async fn person(context: &Context<'_>, id: Option<UserId>) -> Nullable<User> {
    match context.loaders().user_or_deleted(id?).await {
        Ok(found) => found.map(User::from).map(Ok),
        Err(failure) => Some(Err(failure.into())),
    }
}

/// A deleted account that was not erased yet.
#[Object]
impl DeletedRecord {
    /// The ID of the record.
    async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// What was deleted.
    async fn model(&self) -> DeletedModel {
        DeletedModel::User
    }

    /// The ID of what was deleted: of the account.
    async fn record_id(&self) -> ID {
        self.row.user.to_string().into()
    }

    /// The deleted account.
    async fn user(&self, context: &Context<'_>) -> Nullable<User> {
        person(context, Some(self.row.user)).await
    }

    /// The account and its linked identities as they were, as JSON text. Holds no password.
    async fn data(&self, context: &Context<'_>) -> Nullable<String> {
        match self.opened(context).await {
            Ok(data) => data.map(DeletedData::to_json).map(Ok),
            Err(failure) => Some(Err(failure)),
        }
    }

    /// Who deleted it: a member of the staff, or its owner. Absent if that account was erased.
    async fn deleted_by(&self, context: &Context<'_>) -> Nullable<User> {
        person(context, self.row.deleted_by).await
    }

    /// When it was deleted.
    async fn deleted_at(&self) -> DateTime<Utc> {
        self.row.deleted_at
    }

    /// The reason that was given.
    async fn reason(&self, context: &Context<'_>) -> Nullable<String> {
        match self.opened(context).await {
            Ok(data) => data?.reason().map(str::to_owned).map(Ok),
            Err(failure) => Some(Err(failure)),
        }
    }

    /// Until when it can be restored. Then it is erased.
    async fn restorable_until(&self) -> DateTime<Utc> {
        self.row.restorable_until
    }
}

/// A filter for deleted records. All given conditions must match.
#[derive(Debug, Default, InputObject)]
pub struct DeletedRecordFilter {
    /// What was deleted.
    model: Option<DeletedModel>,
    /// The ID of the user who deleted it.
    deleted_by: Option<ID>,
    /// Deleted at or after this instant.
    deleted_after: Option<Instant>,
    /// Deleted before this instant.
    deleted_before: Option<Instant>,
    /// Whether it can still be restored.
    restorable: Option<bool>,
    /// The e-mail address or phone number of the account.
    email_or_phone: Option<String>,
}

impl DeletedRecordFilter {
    fn read(self, context: &Context<'_>) -> Result<Filter, Error> {
        let wrong = |message: &str| Error::of(ErrorCode::BadUserInput, message);
        let deleted_by = self.deleted_by.map(|id| id.parse::<UserId>()).transpose();
        let deleted_by =
            deleted_by.map_err(|_| wrong("This is not the identifier of a person."))?;
        let (mut email, mut phone) = (None, None);
        if let Some(text) = self.email_or_phone {
            match Identifier::read(&text, context.app().config.phone.region()) {
                Identifier::Email(address) => email = Some(address.canonical().to_owned()),
                Identifier::Phone(number) => phone = Some(number.as_str().to_owned()),
                Identifier::Other(_) => {
                    return Err(wrong("This is no e-mail address and no phone number."));
                }
            }
        }
        // There is one model.
        let _ = self.model;
        Ok(Filter {
            deleted_by,
            since: self.deleted_after.map(|instant| instant.0),
            until: self.deleted_before.map(|instant| instant.0),
            restorable: self.restorable.map(|wanted| (wanted, context.now())),
            email,
            phone,
        })
    }
}

/// A page of deleted records, the last deleted first.
pub(in crate::schema) type DeletedRecordConnection = Connection<TimeCursor, DeletedRecord>;

/// Loads a page of matching records. The caller must have checked access.
pub(in crate::schema) async fn load_page(
    context: &Context<'_>,
    filter: Option<DeletedRecordFilter>,
    arguments: PageArguments,
) -> Result<DeletedRecordConnection, Error> {
    let filter = filter.unwrap_or_default().read(context)?;
    let total = TotalCount::DeletedRecords(CountDeleted(filter.clone()));
    let page = arguments.request();
    let loaders = context.loaders();
    let records = loaders.deleted_records(DeletedMatching { filter, page });
    Ok(arguments.page(records.await?, total, |row| {
        let cursor = TimeCursor((row.deleted_at, row.id.uuid()));
        let opened = OnceCell::new();
        (cursor, DeletedRecord { row, opened })
    }))
}
