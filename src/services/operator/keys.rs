//! Signing keys: creating the first one, listing, rotating, withdrawing.

use chrono::{DateTime, Duration, Utc};

use crate::app::App;
use crate::crypto::access_token::SigningKey;
use crate::crypto::keyring::Purpose;
use crate::domain::caller::Client;
use crate::fault::Fault;
use crate::services::audit::{self, Action, Event, Subject};
use crate::stores::signing_key::{self, StoredKey};

/// A published key, without its private key.
#[derive(Debug)]
pub struct KeySummary {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// The JWA name.
    pub algorithm: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it may sign from.
    pub active_from: DateTime<Utc>,
    /// Whether it is the current signing key.
    pub signs: bool,
}

/// The result of a rotation.
#[derive(Debug)]
pub struct Rotation {
    /// The new key.
    pub key: KeySummary,
    /// The ids of the keys that were withdrawn at once.
    pub withdrawn: Vec<String>,
}

/// Creates a signing key if there is none, and loads the published keys.
pub async fn ensure(app: &App) -> Result<(), Fault> {
    if signing_key::all(&app.database).await?.is_empty() {
        let now = app.clock.now();
        let key = make(app, now)?;
        let tx = app.begin().await?;
        signing_key::insert(&tx, key).await?;
        tx.commit().await?;
    }
    app.load_signing_keys().await
}

/// Every published key, newest first.
pub async fn list(app: &App) -> Result<Vec<KeySummary>, Fault> {
    let now = app.clock.now();
    let stored = signing_key::all(&app.database).await?;
    let signing = stored
        .iter()
        .filter(|key| key.active_from <= now)
        .max_by_key(|key| (key.active_from, key.kid.clone()))
        .map(|key| key.kid.clone());
    Ok(stored
        .into_iter()
        .map(|key| KeySummary {
            signs: signing.as_ref() == Some(&key.kid),
            kid: key.kid,
            algorithm: key.algorithm,
            created_at: key.created_at,
            active_from: key.active_from,
        })
        .collect())
}

/// Publishes a new key that signs once verifiers have had time to fetch it.
///
/// Verifiers cache the key set, so the key waits for the maximum age of their copies. If the present
/// keys are compromised they are withdrawn at once, and the new one signs immediately.
pub async fn rotate(app: &App, compromised: bool) -> Result<Rotation, Fault> {
    let now = app.clock.now();
    let wait = Duration::seconds(app.config.keys.jwks_max_age_seconds);
    let key = make(app, if compromised { now } else { now + wait })?;
    let summary = KeySummary {
        kid: key.kid.clone(),
        algorithm: key.algorithm.clone(),
        created_at: key.created_at,
        active_from: key.active_from,
        signs: compromised,
    };
    let old = signing_key::all(&app.database).await?;
    let tx = app.begin().await?;
    let mut withdrawn = Vec::new();
    for key in old.into_iter().filter(|_| compromised) {
        if signing_key::delete(&tx, &key.kid).await? {
            withdrawn.push(key.kid);
        }
    }
    signing_key::insert(&tx, key).await?;
    let client = Client::command_line(app.random.uuid_v7(now).to_string());
    let changes = serde_json::json!({ "kid": summary.kid, "compromised": compromised });
    let event = Event::new(Action::SigningKeyRotated, Subject::System).with(changes);
    audit::record(&tx, app, &client, event).await?;
    tx.commit().await?;
    app.load_signing_keys().await?;
    Ok(Rotation {
        key: summary,
        withdrawn,
    })
}

/// Withdraws keys that no unexpired token can be signed with.
pub async fn retire(app: &App) -> Result<u64, Fault> {
    let mut retired = 0;
    for kid in retirable(app).await? {
        let tx = app.begin().await?;
        retired += u64::from(signing_key::delete(&tx, &kid).await?);
        tx.commit().await?;
    }
    Ok(retired)
}

/// The ids of the signing keys whose last token has expired.
pub async fn retirable(app: &App) -> Result<Vec<String>, Fault> {
    let now = app.clock.now();
    let mut stored = signing_key::all(&app.database).await?;
    stored.sort_by_key(|key| key.active_from);
    // A key signs until the next one becomes active; its last token lives one lifetime longer.
    let life = Duration::seconds(app.config.tokens.access_seconds);
    let followers: Vec<StoredKey> = stored.iter().skip(1).cloned().collect();
    let done = stored
        .iter()
        .zip(followers)
        .filter(|(_, follower)| follower.active_from + life < now)
        .map(|(key, _)| key.kid.clone());
    Ok(done.collect())
}

fn make(app: &App, active_from: DateTime<Utc>) -> Result<StoredKey, Fault> {
    let now = app.clock.now();
    let key = SigningKey::generate(app.config.keys.algorithm, active_from)?;
    let kid = key.kid().to_owned();
    Ok(StoredKey {
        algorithm: key.algorithm().as_str().to_owned(),
        sealed_private_key: app.keyring.seal(
            Purpose::SigningKeys,
            &app.random,
            kid.as_bytes(),
            key.private_der(),
        ),
        public_jwk: key.public_jwk().to_string(),
        created_at: now,
        active_from,
        kid,
    })
}
