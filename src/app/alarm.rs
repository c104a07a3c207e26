//! An alarm that stays raised for a while after its last cause.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

/// Whether an attack is in progress, as far as this process has noticed.
#[derive(Debug, Default)]
pub struct Alarm(Mutex<Option<DateTime<Utc>>>);

impl Alarm {
    /// Raises the alarm until then, or prolongs it. Returns whether it was not raised before.
    pub fn raise(&self, now: DateTime<Utc>, until: DateTime<Utc>) -> bool {
        let mut ends_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = ends_at.is_none_or(|end| end <= now);
        *ends_at = (*ends_at).max(Some(until));
        begins
    }

    /// Whether it is raised at this moment.
    #[must_use]
    pub fn is_raised(&self, now: DateTime<Utc>) -> bool {
        let ends_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ends_at.is_some_and(|end| end > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn an_alarm_begins_once_is_prolonged_and_ends() {
        let alarm = Alarm::default();
        assert!(!alarm.is_raised(at(0)));
        assert!(alarm.raise(at(0), at(10)));
        assert!(!alarm.raise(at(5), at(15)));
        assert!(
            !alarm.raise(at(5), at(6)),
            "an older cause shortens nothing"
        );
        assert!(alarm.is_raised(at(14)));
        assert!(!alarm.is_raised(at(15)));
        assert!(alarm.raise(at(15), at(25)), "it begins again");
    }
}
