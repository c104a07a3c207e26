//! Suspended, deleted or demoted accounts that kept working through an overlooked
//! entry.

mod account;

use serde_json::json;

use super::sdl;
use crate::administration::{admin, on};
use crate::federation::ROUTER;
use crate::harness::{Google, SignedIn, TestApp};
use account::Account;

/// Every entry: its credential is issued before the account ends, and used afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    AccessToken,
    /// The access token at another instance.
    OtherInstance,
    /// The access token, renewed a moment ago, by way of a federation router.
    Router,
    Socket,
    Stream,
    /// The same two, held by a federation router.
    RouterSocket,
    RouterStream,
    RefreshToken,
    Cookie,
    LoginCode,
    ResetCode,
    ResetLink,
    VerifyLink,
    VerifyCode,
    RevertLink,
    Invitation,
    Provider,
    Password,
    /// The password, on a device that signed in before.
    Device,
}

const ENTRIES: [Entry; 19] = [
    Entry::AccessToken,
    Entry::OtherInstance,
    Entry::Router,
    Entry::Socket,
    Entry::Stream,
    Entry::RouterSocket,
    Entry::RouterStream,
    Entry::RefreshToken,
    Entry::Cookie,
    Entry::LoginCode,
    Entry::ResetCode,
    Entry::ResetLink,
    Entry::VerifyLink,
    Entry::VerifyCode,
    Entry::RevertLink,
    Entry::Invitation,
    Entry::Provider,
    Entry::Password,
    Entry::Device,
];

impl Entry {
    const fn is_access_token(self) -> bool {
        matches!(
            self,
            Self::AccessToken
                | Self::OtherInstance
                | Self::Router
                | Self::Socket
                | Self::Stream
                | Self::RouterSocket
                | Self::RouterStream
        )
    }

    const fn is_of_unproven_address(self) -> bool {
        matches!(self, Self::VerifyLink | Self::VerifyCode | Self::Invitation)
    }
}

/// How an account ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Without an end each entry must work, or its refusals would prove nothing.
    None,
    Suspended,
    RoleChanged,
    FunctionsChanged,
    SessionsRevoked,
    Deleted,
    Erased,
}

const ENDS: [End; 7] = [
    End::None,
    End::Suspended,
    End::RoleChanged,
    End::FunctionsChanged,
    End::SessionsRevoked,
    End::Deleted,
    End::Erased,
];

impl End {
    async fn happen(self, root: &SignedIn<'_>, app: &TestApp, email: &str) {
        let id = format!("SELECT id FROM users WHERE email = '{email}'");
        let id = app.ids(&id).await[0].to_string();
        let (document, more) = match self {
            Self::None => return,
            Self::Suspended => ("SuspendUser", json!({})),
            Self::RoleChanged => ("SetUserRole", json!({ "role": "VENDOR" })),
            Self::FunctionsChanged => ("SetStaffFunctions", json!({ "staffFunctions": ["SALES"] })),
            Self::SessionsRevoked => ("RevokeUserSessions", json!({})),
            Self::Deleted => ("DeleteUser", json!({})),
            Self::Erased => ("EraseUser", json!({})),
        };
        let answer = on(root, document, &id, more).await;
        let mut field = document.to_owned();
        field[..1].make_ascii_lowercase();
        assert!(answer.root(&field)["code"].is_null(), "{}", answer.text);
    }

    /// Whether the entry still leads to the account.
    const fn leaves(self, entry: Entry) -> bool {
        match self {
            Self::None => true,
            Self::Suspended | Self::Deleted | Self::Erased => false,
            // A new authentication gives the current role.
            Self::RoleChanged | Self::FunctionsChanged => !entry.is_access_token(),
            // Codes and links end as well, except the link that reverts a change of address.
            Self::SessionsRevoked => matches!(
                entry,
                Entry::Password | Entry::Device | Entry::Provider | Entry::RevertLink
            ),
        }
    }

    /// The role of the account at the start and at the end.
    const fn roles(self) -> [(&'static str, &'static str); 2] {
        match self {
            Self::RoleChanged => [("CLIENT", ""), ("VENDOR", "")],
            Self::FunctionsChanged => [("STAFF", "SUPPORT"), ("STAFF", "SALES")],
            _ => [("CLIENT", ""), ("CLIENT", "")],
        }
    }
}

/// Suspension alone was checked in some places, deletion in others, and neither in the rest.
#[tokio::test(flavor = "multi_thread")]
async fn supabase_48487_an_account_that_ended_is_closed_at_every_entry() {
    // A direct write to a row publishes no event; subscribers are re-authenticated then.
    let often = ("IDGATE_SUBSCRIPTIONS__RECHECK_SECONDS", "1");
    let google = Google::genuine_with(&[ROUTER, often]).await;
    let app = &google.app;
    let other = app.second_instance().await;
    admin(app).await;
    let mut wrong = Vec::new();
    for end in ENDS {
        let root = app.login("root@example.com").await;
        for entry in ENTRIES {
            if end == End::FunctionsChanged && entry.is_of_unproven_address() {
                continue; // Staff always have a verified address.
            }
            let mut account = Account::of(&google, &root, entry, end).await;
            end.happen(&root, app, &account.email).await;
            let [_, (role, functions)] = end.roles();
            // Verifying an address first without the password resets the account.
            let role = if entry == Entry::VerifyCode {
                "CLIENT"
            } else {
                role
            };
            let expected = end.leaves(entry).then(|| (role.into(), functions.into()));
            let entered = account.enter(&other).await;
            if entered != expected {
                wrong.push(format!("{entry:?} after {end:?} gives {entered:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A new way to sign in, or to end an account, must be added to the tables above.
#[test]
fn every_sign_in_and_every_end_of_an_account_is_tried_here() {
    let signs_in = |result: &str| {
        sdl::members(result)
            .iter()
            .any(|member| member == "SignedIn")
    };
    let mutations = sdl::mutations().into_iter();
    let mut entries: Vec<String> = mutations
        .filter(|(_, result)| signs_in(result))
        .map(|(name, _)| name)
        .collect();
    entries.sort();
    // `register` makes an account of its own.
    let known = [
        "login",
        "loginWithGoogle",
        "refreshSession",
        "register",
        "verifyEmail",
        "verifyOtp",
    ];
    assert_eq!(entries, known);
    let mut ends = sdl::inputs_named("userId");
    ends.sort();
    let known = [
        "DeleteUserInput.userId",
        "EraseUserInput.userId",
        "RestoreUserInput.userId",
        "RevokeUserSessionsInput.userId",
        "SetStaffFunctionsInput.userId",
        "SetUserRoleInput.userId",
        "SuspendUserInput.userId",
        "UnsuspendUserInput.userId",
        "UpdateUserInput.userId",
    ];
    assert_eq!(ends, known);
}
