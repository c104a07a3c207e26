//! The outside world: how messages leave the house. Knows no rule and no table.

pub mod mailer;
