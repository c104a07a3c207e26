//! A legacy database as the blueprint's Django project makes it, with rows of the tests' choice.

use idgate::stores::legacy::LegacyLocation;
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection};

use crate::harness::TestApp;

/// The tables, with the types of Postgres; SQLite takes them all.
const TABLES: [&str; 4] = [
    "CREATE TABLE userauths_user (id bigint PRIMARY KEY, password varchar(128) NOT NULL, \
     last_login timestamptz, is_superuser boolean NOT NULL, username varchar(150) NOT NULL, \
     first_name varchar(150) NOT NULL, last_name varchar(150) NOT NULL, is_staff boolean NOT NULL, \
     is_active boolean NOT NULL, date_joined timestamptz NOT NULL, full_name varchar(1000), \
     email varchar(254) UNIQUE, phone varchar(100), gender varchar(100))",
    "CREATE TABLE userauths_profile (id bigint PRIMARY KEY, pid varchar(60) UNIQUE, \
     image varchar(1000), full_name varchar(1000), phone varchar(100), bio text, \
     country varchar(1000), city varchar(500), state varchar(500), address varchar(1000), \
     wallet_balance numeric(12,2) NOT NULL, verified boolean NOT NULL, user_id bigint)",
    "CREATE TABLE auth_group (id integer PRIMARY KEY, name varchar(150) NOT NULL)",
    "CREATE TABLE userauths_user_groups (id bigint PRIMARY KEY, user_id bigint NOT NULL, \
     group_id integer NOT NULL)",
];

/// The tables of django-allauth.
const ALLAUTH: [&str; 2] = [
    "CREATE TABLE account_emailaddress (id integer PRIMARY KEY, email varchar(254) NOT NULL, \
     verified boolean NOT NULL, \"primary\" boolean NOT NULL, user_id bigint NOT NULL)",
    "CREATE TABLE socialaccount_socialaccount (id integer PRIMARY KEY, \
     provider varchar(200) NOT NULL, uid varchar(191) NOT NULL, user_id bigint NOT NULL)",
];

/// A hash that Django made of "legacy-pass" with few rounds.
pub(super) const HASH: &str =
    "pbkdf2_sha256$1000$salt$ZST+CWCW2/IdeWZgBiOybZNWFkTcY+2O+Bv5TX9plkg=";

/// A legacy database.
pub(super) struct Legacy {
    pub(super) location: LegacyLocation,
    /// The address for the command line.
    pub(super) url: String,
    connection: DatabaseConnection,
}

impl Legacy {
    /// Empty tables, in the database of the test on Postgres, and in a file otherwise.
    pub(super) async fn create(app: &TestApp) -> Self {
        let (location, url, address) = if let Some(url) = app.server_url() {
            let location = LegacyLocation::Postgres(url.into());
            (location, url.to_owned(), url.to_owned())
        } else {
            let file = app.app.config.data_dir.join("legacy.sqlite3");
            let url = format!("sqlite://{}", file.display());
            let address = format!("{url}?mode=rwc");
            (LegacyLocation::Sqlite(file), url, address)
        };
        let mut options = ConnectOptions::new(address);
        options.max_connections(1).sqlx_logging(false);
        let connection = Database::connect(options).await.unwrap();
        let legacy = Self {
            location,
            url,
            connection,
        };
        for table in TABLES {
            legacy.execute(table).await;
        }
        legacy
    }

    pub(super) async fn with_allauth(app: &TestApp) -> Self {
        let legacy = Self::create(app).await;
        for table in ALLAUTH {
            legacy.execute(table).await;
        }
        legacy
    }

    pub(super) async fn execute(&self, sql: &str) {
        self.connection.execute_unprepared(sql).await.unwrap();
    }

    /// A user with these addresses (SQL literals) and a profile.
    pub(super) async fn person(&self, id: i64, email: &str, phone: &str) {
        self.user(id, email, phone).await;
        self.execute(&format!(
            "INSERT INTO userauths_profile (id, pid, wallet_balance, verified, user_id, bio, city) \
             VALUES ({}, 'PID{id}', {id}.50, false, {id}, 'Hello', 'Lagos')",
            id + 1000
        ))
        .await;
    }

    /// A user without a profile.
    pub(super) async fn user(&self, id: i64, email: &str, phone: &str) {
        self.execute(&format!(
            "INSERT INTO userauths_user VALUES ({id}, '{HASH}', NULL, false, 'user{id}', 'Ada', \
             'Lovelace', false, true, '2020-05-06 07:08:09.123456+00', NULL, {email}, {phone}, 'Other')"
        ))
        .await;
    }

    /// Sets columns of a user.
    pub(super) async fn set(&self, id: i64, values: &str) {
        let sql = format!("UPDATE userauths_user SET {values} WHERE id = {id}");
        self.execute(&sql).await;
    }

    /// Sets columns of a profile.
    pub(super) async fn set_profile(&self, id: i64, values: &str) {
        let sql = format!("UPDATE userauths_profile SET {values} WHERE user_id = {id}");
        self.execute(&sql).await;
    }
}

/// Each text as an SQL literal of an address.
pub(super) fn email(id: i64) -> String {
    format!("'user{id}@example.com'")
}

pub(super) fn phone(id: i64) -> String {
    format!("'+1415555{:04}'", 2000 + id)
}
