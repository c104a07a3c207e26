//! The kinds of messages, each declared once: what it says, its parts and its names.

use super::parts::{
    Code, Link, MessageParts, NewAddress, NewNumber, Part, Provider, SignIn, ValidFor,
};
use crate::domain::code::CodePurpose;

/// Makes [`Message`] from lines of `Kind(parts) = "words in the catalogs", "kind in the outbox"`.
macro_rules! messages {
    ($(
        #[doc = $doc:literal]
        $kind:ident($($part:ident: $Part:ty),+) = $words:literal, $outbox:literal;
    )+) => {
        /// A message to a user.
        #[derive(Clone, Copy, Debug)]
        pub enum Message<'a> {
            $(#[doc = $doc] $kind($($Part),+),)+
        }

        impl<'a> Message<'a> {
            /// Its unique name in the catalogs.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$kind(..) => $words,)+
                }
            }

            /// Its kind in the outbox and the development mailbox, which a link, a code and a notice
            /// about the same thing share.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self {
                    $(Self::$kind(..) => $outbox,)+
                }
            }

            /// One message of every kind with made-up values, for validation and previews.
            #[must_use]
            pub fn samples() -> Vec<Self> {
                vec![$(Self::$kind($(<$Part>::SAMPLE),+),)+]
            }

            /// What its template shows.
            pub(super) fn parts(&self) -> MessageParts<'a> {
                let mut parts = MessageParts::default();
                match *self {
                    $(Self::$kind($($part),+) => {
                        $($part.add_to(&mut parts);)+
                    })+
                }
                parts
            }
        }
    };
}

messages! {
    /// Confirm your address by this link.
    VerifyEmail(link: Link<'a>, valid: ValidFor) = "verify-email", "verify_email";
    /// The address was registered again; sign in instead.
    AlreadyRegistered(sign_in: SignIn<'a>) = "already-registered", "already_registered";
    /// Set a new password by this link.
    ResetPassword(link: Link<'a>, valid: ValidFor) = "password-reset", "password_reset";
    /// An invitation: set the password with this link.
    Invitation(link: Link<'a>, valid: ValidFor) = "invitation", "invitation";
    /// You have no password: this is how you sign in.
    SignInWithGoogle(sign_in: SignIn<'a>) = "sign-in-with-google", "sign_in_with_google";
    /// Your password was changed; set a new one if it was not you.
    PasswordChanged(sign_in: SignIn<'a>) = "password-changed", "password_changed";
    /// Your password is easy to guess: it was chosen before today's rules.
    PasswordWeak(sign_in: SignIn<'a>) = "password-weak", "password_weak";
    /// Confirm this new address of your account, by the link or by the code.
    ChangeEmail(link: Link<'a>, code: Code<'a>, valid: ValidFor) = "change-email", "change_email";
    /// Your account moved to another address; this link brings it back.
    EmailChanged(new: NewAddress<'a>, revert: Link<'a>, valid: ValidFor) = "email-changed", "email_changed";
    /// Your account is back at this address; set a new password by this link.
    EmailReverted(link: Link<'a>, valid: ValidFor) = "email-reverted", "email_reverted";
    /// Your account has another e-mail address; sent to where it cannot be reverted from.
    EmailNoted(new: NewAddress<'a>) = "email-changed-notice", "email_changed";
    /// Your account has another phone number.
    PhoneChanged(new: NewNumber<'a>) = "phone-changed", "phone_changed";
    /// Another person had registered the address; what they set was removed.
    AccountReclaimed(sign_in: SignIn<'a>) = "account-reclaimed", "account_reclaimed";
    /// You deleted your account; this link keeps it.
    AccountDeleted(link: Link<'a>, valid: ValidFor) = "account-deleted", "account_deleted";
    /// Staff deleted your account; it can be restored for so long.
    DeletedByStaff(valid: ValidFor) = "deleted-by-staff", "deleted_by_staff";
    /// Another way to sign in was added.
    IdentityLinked(provider: Provider<'a>) = "identity-linked", "identity_linked";
    /// A way to sign in was removed.
    IdentityUnlinked(provider: Provider<'a>) = "identity-unlinked", "identity_unlinked";
    /// Recently added ways to sign in were removed when the account was secured; add one again.
    IdentitiesEnded(provider: Provider<'a>, sign_in: SignIn<'a>) = "identities-ended", "identities_ended";
    /// The copy of your data is ready.
    DataExportReady(sign_in: SignIn<'a>, valid: ValidFor) = "data-export-ready", "data_export_ready";
    /// Sign in with this code.
    LoginCode(code: Code<'a>, valid: ValidFor) = "login-code", "login_code";
    /// Set a new password with this code.
    ResetPasswordCode(code: Code<'a>, valid: ValidFor) = "password-reset-code", "password_reset";
    /// Confirm your e-mail address with this code.
    VerifyEmailCode(code: Code<'a>, valid: ValidFor) = "verify-email-code", "verify_email";
    /// Confirm your phone number with this code.
    VerifyPhoneCode(code: Code<'a>, valid: ValidFor) = "verify-phone-code", "verify_phone";
    /// Confirm with this code that it is you.
    StepUpCode(code: Code<'a>, valid: ValidFor) = "step-up-code", "step_up_code";
    /// Confirm this new e-mail address of your account with this code.
    ChangeEmailCode(code: Code<'a>, valid: ValidFor) = "change-email-code", "change_email";
    /// Confirm this new phone number of your account with this code.
    ChangePhoneCode(code: Code<'a>, valid: ValidFor) = "change-phone-code", "change_phone";
}

impl<'a> Message<'a> {
    /// A code for a purpose, valid for so many minutes.
    #[must_use]
    pub const fn code(purpose: CodePurpose, code: &'a str, minutes: i64) -> Self {
        let (code, valid) = (Code(code), ValidFor::Minutes(minutes));
        match purpose {
            CodePurpose::Login => Self::LoginCode(code, valid),
            CodePurpose::ResetPassword => Self::ResetPasswordCode(code, valid),
            CodePurpose::VerifyEmail => Self::VerifyEmailCode(code, valid),
            CodePurpose::VerifyPhone => Self::VerifyPhoneCode(code, valid),
            CodePurpose::StepUp => Self::StepUpCode(code, valid),
            CodePurpose::ChangeEmail => Self::ChangeEmailCode(code, valid),
            CodePurpose::ChangePhone => Self::ChangePhoneCode(code, valid),
        }
    }
}
