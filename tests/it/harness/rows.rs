//! Direct access to the rows, not counted as the gateway's statements.

use sea_orm::{ConnectionTrait, DatabaseBackend, EntityTrait, QueryResult, Statement};

use super::TestApp;

impl TestApp {
    /// The address of the database, which is a server's.
    pub(crate) fn database_url(&self) -> &str {
        self.server_url().expect("a database with a server")
    }

    /// The address of the database, where it is a server's.
    pub(crate) fn server_url(&self) -> Option<&str> {
        let mut settings = self.settings.iter();
        let url = settings.find(|(name, _)| name == "IDGATE_DATABASE__URL");
        url.map(|(_, url)| url.as_str())
    }

    /// The single number that a statement yields.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.rows(sql).await[0].try_get_by_index(0).unwrap()
    }

    /// The single text that a statement yields.
    pub(crate) async fn text(&self, sql: &str) -> String {
        self.rows(sql).await[0].try_get_by_index(0).unwrap()
    }

    /// The identifiers that a statement yields.
    pub(crate) async fn ids(&self, sql: &str) -> Vec<uuid::Uuid> {
        let rows = self.rows(sql).await;
        rows.iter()
            .map(|row| row.try_get_by_index(0).unwrap())
            .collect()
    }

    /// Changes rows.
    pub(crate) async fn execute(&self, sql: &str) {
        self.observer.execute_unprepared(sql).await.unwrap();
    }

    /// Tries to change rows, and returns the database's error.
    pub(crate) async fn refused(&self, sql: &str) -> String {
        let refusal = self.observer.execute_unprepared(sql).await;
        refusal.expect_err(sql).to_string()
    }

    /// Every value of every row of a table in readable form, bytes in hexadecimal.
    pub(crate) async fn printed(&self, table: &str) -> Vec<String> {
        let select = if self.is_sqlite() {
            let columns = self
                .rows(&format!("SELECT name FROM pragma_table_info('{table}')"))
                .await;
            let quoted: Vec<String> = columns
                .iter()
                .map(|row| format!("quote({})", row.try_get_by_index::<String>(0).unwrap()))
                .collect();
            format!("SELECT {} FROM {table}", quoted.join(" || ' ' || "))
        } else {
            format!("SELECT {table}::text FROM {table}")
        };
        let rows = self.rows(&select).await;
        rows.iter()
            .map(|row| row.try_get_by_index(0).unwrap())
            .collect()
    }

    /// The names of all tables.
    pub(crate) async fn tables(&self) -> Vec<String> {
        let select = if self.is_sqlite() {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        } else {
            "SELECT table_name::text FROM information_schema.tables \
             WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        };
        let rows = self.rows(select).await;
        rows.iter()
            .map(|row| row.try_get_by_index(0).unwrap())
            .collect()
    }

    /// The names of the columns of a table.
    pub(crate) async fn columns(&self, table: &str) -> Vec<String> {
        let select = if self.is_sqlite() {
            format!("SELECT name FROM pragma_table_info('{table}')")
        } else {
            format!(
                "SELECT column_name::text FROM information_schema.columns \
                 WHERE table_schema = 'public' AND table_name = '{table}'"
            )
        };
        let rows = self.rows(&select).await;
        rows.iter()
            .map(|row| row.try_get_by_index(0).unwrap())
            .collect()
    }

    /// Every column of an account.
    pub(crate) async fn account(&self, id: &str) -> idgate::entities::user::Model {
        let account = idgate::entities::user::Entity::find_by_id(id.parse::<uuid::Uuid>().unwrap());
        account.one(&self.observer).await.unwrap().unwrap()
    }

    /// Folds the texts of accounts that an older instance wrote, as `idgate migrate` does.
    pub(crate) async fn fold_texts(&self) -> u64 {
        let folded = idgate::stores::user::fold_missing(&self.observer, |_| {}).await;
        folded.unwrap()
    }

    /// The accounts whose folded texts are out of date.
    pub(crate) async fn wrongly_folded(&self) -> Vec<String> {
        use idgate::domain::search::form;
        let users = idgate::entities::user::Entity::find();
        let is_wrong = |user: &idgate::entities::user::Model| {
            user.email_folded != user.email.as_deref().map(form)
                || user.first_name_folded != Some(form(&user.first_name))
                || user.last_name_folded != Some(form(&user.last_name))
        };
        let users = users.all(&self.observer).await.unwrap();
        let wrong = users.into_iter().filter(is_wrong);
        wrong.map(|user| format!("{user:?}")).collect()
    }

    /// An identifier as a literal of this database.
    pub(crate) fn id_literal(&self, id: &str) -> String {
        if self.is_sqlite() {
            return format!("X'{}'", id.replace('-', ""));
        }
        format!("'{id}'")
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.observer.get_database_backend() == DatabaseBackend::Sqlite
    }

    pub(crate) async fn rows(&self, sql: &str) -> Vec<QueryResult> {
        let backend = self.observer.get_database_backend();
        self.observer
            .query_all_raw(Statement::from_string(backend, sql))
            .await
            .unwrap()
    }
}
