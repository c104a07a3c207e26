//! The reader of bodies, for the programs in `fuzz/`.

use super::input::{Input, read};
use super::{account, google, otp, password, session};

/// Reads a body as that of every operation, and returns how many take it.
#[must_use]
pub fn taken(body: &[u8]) -> usize {
    fn is_taken<T: Input>(body: &[u8]) -> bool {
        read::<T>(body).is_ok()
    }
    let readers: [fn(&[u8]) -> bool; 10] = [
        is_taken::<account::RegisterInput>,
        is_taken::<account::ProfileInput>,
        is_taken::<session::LoginInput>,
        is_taken::<session::RefreshInput>,
        is_taken::<session::LogoutInput>,
        is_taken::<google::GoogleInput>,
        is_taken::<otp::OtpRequestInput>,
        is_taken::<otp::OtpVerifyInput>,
        is_taken::<password::PasswordResetInput>,
        is_taken::<password::PasswordChangeInput>,
    ];
    readers.iter().filter(|is_taken| is_taken(body)).count()
}
