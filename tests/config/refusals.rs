//! Every refusal with its message, as snapshots.

use idgate::config::{Config, ConfigErrors};
use proptest::prelude::*;

use super::{documented, load, owned, production, refused, written};

/// Refused everywhere, each alone in development.
const NEVER: &str = "\
IDGATE_SERVER_LISTEN=127.0.0.1:80
IDGATE_SERVER__LISTN=127.0.0.1:80
IDGATE_NONSENSE=1
IDGATE_TOKENS__ISSUER_FILE=/run/issuer
IDGATE_KEYS__MASTER_FILE=/nowhere
IDGATE_CONFIG=/nowhere
IDGATE_ENV=prod
IDGATE_DATA_DIR=
IDGATE_SERVER__LISTEN=localhost:8080
IDGATE_SERVER__OPS_LISTEN=9090
IDGATE_SERVER__OPS_LISTEN=127.0.0.1:8080
IDGATE_SERVER__ROUTER_LISTEN=127.0.0.1:9090
IDGATE_SERVER__STAFF_URL=http://staff.example.com
IDGATE_SERVER__STAFF_URL=https://staff.example.com/admin
IDGATE_SERVER__STAFF_URL=http://127.0.0.1:8080
IDGATE_SERVER__PUBLIC_URL=id.example.com
IDGATE_SERVER__PUBLIC_URL=ftp://id.example.com
IDGATE_SERVER__PUBLIC_URL=http://id.example.com
IDGATE_SERVER__PUBLIC_URL=http://localhost.example.com
IDGATE_SERVER__PUBLIC_URL=https://ada:secret@id.example.com
IDGATE_SERVER__PUBLIC_URL=https://id.example.com/?next=x
IDGATE_SERVER__TRUSTED_PROXIES=10.0.0.0/8,proxy
IDGATE_SERVER__TRUSTED_PROXIES=10.0.0.0/8,::/0
IDGATE_SERVER__BODY_LIMIT=1MB
IDGATE_SERVER__BODY_LIMIT=0
IDGATE_SERVER__CORS_ORIGINS=*
IDGATE_SERVER__CORS_ORIGINS=https://app.example.com/path
IDGATE_SERVER__CORS_ORIGINS=https://*.example.com
IDGATE_SERVER__CORS_ORIGINS=null
IDGATE_SERVER__CORS_ORIGINS=https://ada:secret@app.example.com
IDGATE_SERVER__CORS_ORIGINS=app.example.com
IDGATE_SERVER__CORS_ORIGINS=file://
IDGATE_SERVER__CORS_HEADERS=*
IDGATE_SERVER__CORS_HEADERS=x-client-name,two words
IDGATE_SERVER__STAFF_URL=capacitor://localhost
IDGATE_DATABASE__MAX_CONNECTIONS=-1
IDGATE_DATABASE__MIGRATE_AT_START=yes
DATABASE_URL=mysql://db/idgate
IDGATE_REDIS__URL=http://cache
IDGATE_REDIS__PREFIX={idgate}
IDGATE_REDIS__ALLOW_IN_PROCESS=maybe
IDGATE_KEYS__MASTER=c2hvcnQ=
IDGATE_KEYS__ALGORITHM=HS256
IDGATE_TOKENS__ISSUER=idgate
IDGATE_TOKENS__ISSUER=http://id.example.com
IDGATE_TOKENS__AUDIENCE=
IDGATE_TOKENS__AUDIENCE=\u{fffd}
IDGATE_TOKENS__ACCESS_SECONDS=99999
IDGATE_SESSIONS__REFRESH_IDLE_SECONDS=20000000
IDGATE_SESSIONS__GRACE_SECONDS=99999999999999
IDGATE_COOKIES__SAME_SITE=None
IDGATE_REGISTRATION__CONFIRMATION=maybe
IDGATE_REGISTRATION__ROLES=CLIENT,ADMIN
IDGATE_REGISTRATION__ROLES=CLIENT,ROOT
IDGATE_REGISTRATION__DEFAULT_ROLE=STAFF
IDGATE_PASSWORD__MIN_LENGTH=6
IDGATE_GOOGLE__CLIENT_IDS=web client
IDGATE_GOOGLE__ISSUER=google
IDGATE_GOOGLE__ISSUER=https://id.example.com
IDGATE_GOOGLE__ISSUER=http://id.example.com
IDGATE_GOOGLE__JWKS_URL=http://id.example.com/jwks
IDGATE_GOOGLE__JWKS_URL=file:///etc/passwd
IDGATE_GOOGLE__HOSTED_DOMAIN=*
IDGATE_GOOGLE__AUTHORITATIVE_DOMAINS=gmail.com,Example.com
IDGATE_GOOGLE__REQUIRE_NONCE=maybe
IDGATE_GOOGLE__TIMEOUT_MILLISECONDS=60000
IDGATE_HASHING__MEMORY_KIB=4
IDGATE_MESSAGES__PRODUCT_NAME=
IDGATE_MESSAGES__DEFAULT_LOCALE=x!
IDGATE_LINKS__BASE_URL=http://app.example.com
IDGATE_THROTTLE__SCALE=0
IDGATE_THROTTLE__SCALE=NaN
IDGATE_THROTTLE__LOGIN_ADDRESS=60 a minute
IDGATE_THROTTLE__LOGIN_ADDRESS=0/60
IDGATE_GRAPHQL__INTROSPECTION=maybe
IDGATE_GRAPHQL__TRUSTED_DOCUMENTS=on
IDGATE_GRAPHQL__STAFF_INTROSPECTION=everybody
RUST_LOG=idgate=loud
IDGATE_TELEMETRY__FORMAT=xml
IDGATE_TELEMETRY__REQUEST_LOG=some
IDGATE_TELEMETRY__REQUEST_SAMPLE=1.5
IDGATE_TELEMETRY__REQUEST_SAMPLE=NaN
IDGATE_TELEMETRY__SLOW_MS=86400001
IDGATE_PHONE__DEFAULT_REGION=Germany
IDGATE_PROFILE__DEFAULT_AVATAR_URL=javascript:alert(1)
IDGATE_MEDIA__STORAGE=tape
IDGATE_MEDIA__PUBLIC_URL=ftp://cdn.example.com
IDGATE_MEDIA__MAX_PIXELS=1
IDGATE_MEDIA__UPLOAD_SECONDS=86400
IDGATE_MEDIA__S3_ENDPOINT=https://ada:secret@s3.example.com
IDGATE_MEDIA__CLOUDINARY_SIGNATURE=md5
IDGATE_MEDIA__CLOUDINARY_API_URL=file:///etc/passwd
IDGATE_ROUTER__SECRET=changeme
IDGATE_ROUTER__SECRET_PREVIOUS=a secret that was in use 0123456789
IDGATE_ROUTER__CERTIFICATE_FILE=router.pem
IDGATE_ROUTER__MAX_REPRESENTATIONS=0
IDGATE_ROUTER__MAX_COMPLEXITY=1
IDGATE_OUTBOX__CONCURRENCY=0
IDGATE_RETENTION__DEAD_LETTERS_DAYS=-1
IDGATE_SMTP__URL=mail.example.com
IDGATE_SMTP__URL=smtps://ada:secret@mail.example.com?tls=required
IDGATE_SMTP__URL=smtps://ada:secret@mail.example.com
IDGATE_SMTP__FROM=nobody
IDGATE_SMTP__TIMEOUT_SECONDS=60
IDGATE_SMS__URL=sms.example.com
IDGATE_SMS__URL=https://ada:secret@sms.example.com/
IDGATE_SMS__KIND=pigeon
IDGATE_BREACHED__URL=http://ranges.example.com
IDGATE_BREACHED__MIN_COUNT=0";

/// Refused in production, each alone in a valid configuration.
const NEVER_IN_PRODUCTION: &str = "\
IDGATE_SERVER__PUBLIC_URL=
IDGATE_SERVER__PUBLIC_URL=http://localhost:8080
IDGATE_TOKENS__ISSUER=http://127.0.0.1:8080
IDGATE_LINKS__BASE_URL=http://app.example.com
IDGATE_SERVER__CORS_ORIGINS=http://app.example.com
REDIS_URL=
IDGATE_KEYS__MASTER=
IDGATE_KEYS__MASTER=BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=
IDGATE_KEYS__MASTER=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=
IDGATE_HASHING__MEMORY_KIB=1024
IDGATE_HASHING__ITERATIONS=1
IDGATE_SMTP__URL=smtp://mail.example.com
IDGATE_SMTP__URL=smtp://ada:secret@mail.example.com?tls=opportunistic
IDGATE_SMS__URL=http://sms.example.com/";

/// A variable and its refusal.
fn refusal(
    line: &str,
    load: impl FnOnce(&[(&str, &str)]) -> Result<Config, ConfigErrors>,
) -> String {
    let errors = refused(load(&[line.split_once('=').unwrap()]));
    assert_eq!(
        errors.len(),
        1,
        "one thing is wrong with {line}: {errors:?}"
    );
    let error = errors.first().unwrap();
    assert!(
        !error.ends_with("| "),
        "{line} comes with no remedy: {error}"
    );
    format!(
        "{line}\n    {}\n",
        error.trim_start_matches(" | ").replace(" | ", "\n    ")
    )
}

#[test]
fn every_refusal_has_an_origin_a_reason_and_a_remedy() {
    let mut text = String::new();
    NEVER.lines().for_each(|line| text += &refusal(line, load));
    text += "\nIn production:\n";
    NEVER_IN_PRODUCTION
        .lines()
        .for_each(|line| text += &refusal(line, production));
    insta::assert_snapshot!(text);
}

#[test]
fn all_errors_are_reported_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let text = "evn = 1\nserver = 3\n[sever]\nlisten = \"x\"\n[keys]\naudience = \"x\"\n\
        [database]\nmax_connections = \"ten\"\nurl = 2020-01-01\n\
        [tokens]\naccess_seconds = 1.5\n[outbox]\nconcurrency = 0\nzzzzzzzzzz = 1\n";
    let file = written(directory.path(), "idgate.toml", text, 0o600);
    let variables = owned(&[("IDGATE_THROTTLE__INSTANCES", "0"), ("IDGATE_PORTS", "1")]);
    let refused = Config::load(Some(file.clone()), variables)
        .unwrap_err()
        .to_string();
    insta::assert_snapshot!(refused.replace(file.to_str().unwrap(), "idgate.toml"));
}

proptest! {
    #[test]
    fn any_value_of_a_variable_is_accepted_or_refused_by_key(
        (key, ..) in prop::sample::select(documented()),
        text in "\\PC{0,40}|-?[0-9]{1,40}(/[0-9]{1,12})?|https?://[a-z0-9.:@/?#\\[\\]]{0,20}",
    ) {
        let variable = format!("IDGATE_{}", key.to_uppercase().replace('.', "__"));
        if let Err(errors) = load(&[(&variable, &text)]) {
            for error in &errors {
                prop_assert!(error.key == key || error.origin.contains("default"), "{}", error);
            }
        }
    }
}
