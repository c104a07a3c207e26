//! The outside world: how messages leave the house, and whose word about people we take. Knows no
//! rule and no table.

pub mod google;
pub mod mailer;
