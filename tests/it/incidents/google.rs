//! Account takeovers through identity providers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};

use crate::account::REQUIRED;
use crate::google::{FIELD, events, signed_in};
use crate::harness::{Google, PASSWORD};

#[tokio::test(flavor = "multi_thread")]
async fn authorizer_ghsa_29rf_f4vv_pvq6_nothing_of_a_squatter_outlives_the_owners_first_sign_in() {
    for confirmation in ["optional", "required"] {
        let google = Google::with(&[(REQUIRED.0, confirmation)]).await;
        let app = &google.app;
        // Eve registers Ada's address, and leaves everything she can in the account.
        let registered = app.anonymous().register("ada@gmail.com").await;
        let link = app.confirmation_token("ada@gmail.com").await;
        let mut eve = None;
        if confirmation == "optional" {
            let person = app.login("ada@gmail.com").await;
            assert_eq!(registered.typename("register"), "SignedIn");
            let input = json!({ "idToken": google.token(&json!({ "sub": "666", "email": "eve@gmail.com" })) });
            let linked = person.run("LinkGoogle", json!({ "input": input })).await;
            assert_eq!(linked.typename("linkGoogle"), "GoogleLinked");
            let profile = json!({ "input": { "bio": "Eve was here" } });
            person
                .run("UpdateProfile", profile)
                .await
                .root("updateProfile");
            eve = Some(person);
        }
        app.execute("UPDATE users SET role = 'vendor'").await;

        let ada = signed_in(&google, &google.login(&json!({})).await);
        let password = app.anonymous().login("ada@gmail.com", PASSWORD).await;
        assert_eq!(password.typename("login"), "InvalidCredentials");
        let input = json!({ "token": link, "password": PASSWORD });
        let click = app
            .anonymous()
            .run("VerifyEmail", json!({ "input": input }))
            .await;
        assert_eq!(click.typename("verifyEmail"), "TokenInvalid");
        if let Some(eve) = eve {
            assert!(!eve.is_signed_in().await);
            let refresh = app.anonymous().refresh(&eve.refresh_token).await;
            assert_eq!(refresh.typename("refreshSession"), "TokenInvalid");
            let changes = json!({ "sub": "666", "email": "eve@gmail.com" });
            let elsewhere = signed_in(&google, &google.login(&changes).await);
            assert_ne!(elsewhere.user_id, ada.user_id);
        }
        let query = "{ me { role bio firstName emailVerified identities { email } } }";
        let me = ada.ask(query, json!({})).await;
        let me = me.root("me");
        assert_eq!(me["role"], "CLIENT");
        assert_eq!(me["bio"], "");
        assert_eq!(me["emailVerified"], true);
        assert_eq!(me["identities"].as_array().unwrap().len(), 1);
        assert_eq!(ada.sessions().await.len(), 1);
        assert_eq!(events(&google, "account.reclaimed").await, 1);
        let mail = app.mail().await;
        assert!(
            mail.iter()
                .any(|message| message["kind"] == "account_reclaimed"),
            "{mail:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nhost_cve_2026_41574_an_address_the_provider_did_not_verify_opens_nothing() {
    let google = Google::spawn().await;
    let verified = google.app.register("ada@gmail.com").await;
    google
        .app
        .execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
        .await;
    let unverified = google.app.register("grace@gmail.com").await;
    let mut answers = Vec::new();
    for word in [
        json!(false),
        json!("true"),
        json!("false"),
        json!(1),
        Value::Null,
    ] {
        for email in ["ada@gmail.com", "grace@gmail.com", "nobody@gmail.com"] {
            let changes = json!({ "email": email, "email_verified": word, "hd": "gmail.com" });
            answers.push(google.login(&changes).await);
        }
    }
    answers.push(google.login(&json!({ "email": null })).await);
    answers.push(google.login(&json!({ "email": "not an address" })).await);
    for answer in &answers {
        // Alike for known and unknown addresses: no account enumeration.
        assert_eq!(answer.typename(FIELD), "GoogleTokenInvalid");
        assert_eq!(answer.text, answers[0].text);
    }
    assert!(verified.is_signed_in().await && unverified.is_signed_in().await);
    assert_eq!(google.app.number("SELECT COUNT(*) FROM users").await, 2);
    assert_eq!(
        google.app.number("SELECT COUNT(*) FROM identities").await,
        0
    );
    let proven = "SELECT COUNT(*) FROM users WHERE email_verified";
    assert_eq!(google.app.number(proven).await, 1);
    assert_eq!(events(&google, "account.reclaimed").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn django_allauth_65_13_0_a_changed_address_keeps_the_account_and_opens_no_other() {
    let google = Google::spawn().await;
    let ada = signed_in(&google, &google.login(&json!({})).await);
    let grace = google.app.register("grace@gmail.com").await;
    google
        .app
        .execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
        .await;
    for (email, verified) in [
        ("countess@gmail.com", json!(true)),
        // Another user's address changes nothing either: it is ignored.
        ("grace@gmail.com", json!(true)),
        ("grace@gmail.com", json!(false)),
        ("not an address", Value::Null),
    ] {
        let changes = json!({ "email": email, "email_verified": verified });
        let again = signed_in(&google, &google.login(&changes).await);
        assert_eq!(again.user_id, ada.user_id, "{email}");
    }
    let me = ada.run("Me", json!({})).await;
    assert_eq!(me.root("me")["email"], "ada@gmail.com");
    assert!(grace.is_signed_in().await);
    // A self-chosen name identifies no user.
    let changes = json!({ "sub": "1002", "preferred_username": "1001", "email": "eve@gmail.com" });
    assert_ne!(
        signed_in(&google, &google.login(&changes).await).user_id,
        ada.user_id
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn django_allauth_64_2_0_replayed_misdirected_and_forged_tokens_are_refused() {
    let google = Google::spawn().await;
    let now = google.now();
    let used = google.token(&json!({}));
    assert_eq!(google.present(&used).await.typename(FIELD), "SignedIn");
    let key = google.issuer.public_key();
    let claims = google.issuer.claims(now, &json!({}));
    let encoded = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let header = |changes: &Value| {
        let mut header = google.issuer.header();
        for (name, value) in changes.as_object().unwrap() {
            header[name] = value.clone();
        }
        header
    };
    let by_header = |changes: &Value| google.issuer.sign(&header(changes), &claims);
    let none = header(&json!({ "alg": "none" }));
    let mut shared = Header::new(jsonwebtoken::Algorithm::HS256);
    shared.kid = key["kid"].as_str().map(str::to_owned);
    let modulus = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
    let secret = EncodingKey::from_secret(&modulus);
    let other = Google::spawn().await;
    let whole = google.token(&json!({}));
    let (signed, _) = whole.rsplit_once('.').unwrap();
    let tokens = [
        used,
        google.token(&json!({ "aud": "stranger" })),
        google.token(&json!({ "azp": "stranger" })),
        google.token(&json!({ "iss": "https://evil.test" })),
        google.token(&json!({ "exp": now - 30 })),
        google.token(&json!({ "exp": "never" })),
        google.token(&json!({ "exp": null })),
        google.token(&json!({ "iat": now + 31 })),
        google.token(&json!({ "sub": null })),
        google.token(&json!({ "nonce": "of another page" })),
        format!("{}.{}.", encoded(&none), encoded(&claims)),
        format!("{signed}."),
        signed.to_owned(),
        jsonwebtoken::encode(&shared, &claims, &secret).unwrap(),
        by_header(&json!({ "typ": "at+jwt" })),
        by_header(&json!({ "jwk": other.issuer.public_key() })),
        by_header(&json!({ "jku": format!("{}/jwks", other.issuer.url()) })),
        by_header(&json!({ "kid": "unknown" })),
        by_header(&json!({ "x5t": "A".repeat(9_000) })),
        other.issuer.sign(&google.issuer.header(), &claims),
        other.issuer.sign(&other.issuer.header(), &claims),
        "A".repeat(500_000),
        String::new(),
        "..".to_owned(),
    ];
    for token in &tokens {
        let answer = google.present(token).await;
        let start: String = token.chars().take(200).collect();
        assert_eq!(answer.typename(FIELD), "GoogleTokenInvalid", "{start}");
        assert_eq!(answer.root(FIELD)["code"], "GOOGLE_TOKEN_INVALID");
    }
    assert_eq!(google.app.number("SELECT COUNT(*) FROM sessions").await, 1);
    assert_eq!(
        other.issuer.fetches(),
        0,
        "a token chose where keys come from"
    );
    assert!(google.issuer.fetches() <= 5);
    let refused = i64::try_from(tokens.len()).unwrap();
    let counted = "SELECT CAST(SUM(attempts) AS BIGINT) FROM audit_tallies \
                   WHERE action = 'google.login_refused'";
    assert_eq!(google.app.number(counted).await, refused);
    assert_eq!(events(&google, "google.login_refused").await, 10);
    // Nor is an access token of the gateway an ID token.
    let ada = signed_in(&google, &google.login(&json!({})).await);
    assert_eq!(
        google.present(&ada.access_token).await.typename(FIELD),
        "GoogleTokenInvalid"
    );
}
