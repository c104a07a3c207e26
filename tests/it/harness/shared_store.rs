//! Reading the shared store, and instances with a rotated master key.

use std::fmt::Write as _;
use std::sync::Arc;

use idgate::crypto::keyring::MasterKey;
use idgate::crypto::random::Random;
use secrecy::ExposeSecret as _;

use super::TestApp;

impl TestApp {
    /// Everything that the shared store keeps for this test, keys and values, as text and as
    /// hexadecimal; in the embedded backend what the store says about itself.
    pub(crate) async fn shared_store_dump(&self) -> String {
        let Some((url, prefix)) = self.backend.redis() else {
            return format!("{:?}", self.app.volatile);
        };
        let client = redis::Client::open(url).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let pattern = format!("{{{prefix}}}:*");
        let keys: Vec<String> = redis::cmd("KEYS")
            .arg(pattern)
            .query_async(&mut connection)
            .await
            .unwrap();
        assert!(!keys.is_empty(), "nothing is kept");
        let mut dump = String::new();
        for key in keys {
            let value: Vec<u8> = redis::cmd("DUMP")
                .arg(&key)
                .query_async(&mut connection)
                .await
                .unwrap();
            let text = String::from_utf8_lossy(&value);
            let _ = writeln!(dump, "{key} {text} {}", hex::encode(&value));
        }
        dump
    }

    /// Another instance of this backend after a change of the master key; `None` where instances
    /// share nothing but the database.
    pub(crate) async fn with_another_master_key(&self) -> Option<Self> {
        self.backend.redis()?;
        Some(self.rekeyed().await)
    }

    /// Another instance over the same database after a change of the master key.
    pub(crate) async fn rekeyed(&self) -> Self {
        let file = idgate::app::master_key_file(&self.app.config.data_dir);
        let previous = std::fs::read_to_string(file).unwrap();
        let new = MasterKey::generate(&Random::system()).to_text();
        let mut settings = self.settings.clone();
        settings.push((
            "IDGATE_KEYS__MASTER".to_owned(),
            new.expose_secret().to_owned(),
        ));
        settings.push((
            "IDGATE_KEYS__MASTER_PREVIOUS".to_owned(),
            previous.trim().to_owned(),
        ));
        let clock = self.clock.clone();
        Self::start(Arc::clone(&self.backend), settings, clock, 3).await
    }
}
