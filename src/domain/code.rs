//! One-time codes: six digits that prove, once and for a few minutes, control of an address.

use std::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::digits;

/// The number of digits.
pub const DIGITS: usize = 6;

/// The number of possible codes.
pub const CODES: u32 = 1_000_000;

/// What a code was requested for. A code is only valid for its own purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodePurpose {
    /// Signing in without a password.
    Login,
    /// Setting a new password.
    ResetPassword,
    /// Verifying an e-mail address.
    VerifyEmail,
    /// Verifying a phone number.
    VerifyPhone,
    /// Authenticating again in a session.
    StepUp,
    /// Moving an account to another e-mail address.
    ChangeEmail,
    /// Moving an account to another phone number.
    ChangePhone,
}

impl CodePurpose {
    /// Every purpose.
    pub const ALL: [Self; 7] = [
        Self::Login,
        Self::ResetPassword,
        Self::VerifyEmail,
        Self::VerifyPhone,
        Self::StepUp,
        Self::ChangeEmail,
        Self::ChangePhone,
    ];

    /// The name in store keys, audit events and message kinds.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::ResetPassword => "reset_password",
            Self::VerifyEmail => "verify_email",
            Self::VerifyPhone => "verify_phone",
            Self::StepUp => "step_up",
            Self::ChangeEmail => "change_email",
            Self::ChangePhone => "change_phone",
        }
    }
}

/// A code in plain text. It does not print, and its memory is wiped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Code([u8; DIGITS]);

impl Code {
    /// The code with this number below [`CODES`].
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        let mut digits = [b'0'; DIGITS];
        let mut rest = number % CODES;
        for digit in digits.iter_mut().rev() {
            // A remainder modulo ten is one digit.
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
        Self(digits)
    }

    /// Parses a code as typed or pasted (see [`digits::read`]).
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        let digits: [u8; DIGITS] = digits::read(typed)?.as_bytes().try_into().ok()?;
        digits
            .iter()
            .all(u8::is_ascii_digit)
            .then_some(Self(digits))
    }

    /// The digits.
    #[must_use]
    pub fn reveal(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Compares the digits in constant time.
    #[must_use]
    pub fn matches(&self, other: &[u8]) -> bool {
        self.0.as_slice().ct_eq(other).into()
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Code(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_keeps_its_leading_zeros() {
        assert_eq!(Code::from_number(7).reveal(), "000007");
        assert_eq!(Code::from_number(999_999).reveal(), "999999");
    }

    #[test]
    fn what_people_type_is_read() {
        for typed in [
            "123456",
            " 123 456 ",
            "123-456",
            "１２３４５６",
            "١٢٣٤٥٦",
            "۱۲۳۴۵۶",
            "१२३४५६",
            "123\r\n456\n",
            "\u{202a}123\u{a0}456\u{202c}",
            "123\u{2013}456\u{200b}",
        ] {
            assert_eq!(Code::parse(typed).unwrap().reveal(), "123456", "{typed}");
        }
        let long = format!("123456{}", " ".repeat(130));
        for typed in [
            "",
            "12345",
            "1234567",
            "12345x",
            "１２３４５",
            "123.456",
            "12345六",
            &long,
        ] {
            assert!(Code::parse(typed).is_none(), "{typed}");
        }
    }

    #[test]
    fn codes_compare_by_their_digits_and_do_not_print() {
        let code = Code::from_number(123_456);
        assert!(code.matches(b"123456"));
        assert!(!code.matches(b"123457") && !code.matches(b"12345") && !code.matches(b""));
        assert_eq!(format!("{code:?}"), "Code(***)");
    }
}
