//! An unexpected failure on its way to the log: what went wrong and the trail of places it passed.
//!
//! A `Fault` is for operators. Clients never see its text; expected refusals are not faults.

pub mod unreachable;

use std::error::Error;
use std::fmt;
use std::panic::Location;

/// An unexpected failure with the source locations it passed through.
///
/// Like other catch-all errors it does not implement [`Error`] itself, so that `?` can turn every
/// error into one and remember where that happened.
pub struct Fault(Box<Inner>);

struct Inner {
    source: Box<dyn Error + Send + Sync>,
    trail: Vec<&'static Location<'static>>,
}

impl Fault {
    /// A fault that is described in words because no error value exists.
    #[track_caller]
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self::caused_by(message.into().into())
    }

    #[track_caller]
    fn caused_by(source: Box<dyn Error + Send + Sync>) -> Self {
        Self(Box::new(Inner {
            source,
            trail: vec![Location::caller()],
        }))
    }

    /// Adds the caller's location to the trail.
    #[track_caller]
    #[must_use]
    pub fn at_caller(mut self) -> Self {
        self.0.trail.push(Location::caller());
        self
    }

    /// The error that started it, for those who classify failures.
    #[must_use]
    pub fn source(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0.source
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Fault {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::caused_by(Box::new(error))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.source.to_string();
        let mut cause = self.0.source.source();
        while let Some(error) = cause {
            // Many errors repeat their cause in their own words.
            let words = error.to_string();
            if !text.contains(&words) {
                text.push_str(": ");
                text.push_str(&words);
            }
            cause = error.source();
        }
        formatter.write_str(&text)
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self} (at")?;
        for location in &self.0.trail {
            write!(formatter, " {}:{}", location.file(), location.line())?;
        }
        write!(formatter, ")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails() -> Result<(), Fault> {
        Err(std::io::Error::other("disk gone"))?;
        Ok(())
    }

    #[test]
    fn what_an_error_says_of_its_cause_is_not_said_twice() {
        #[derive(Debug, thiserror::Error)]
        #[error("the pool failed: {0}")]
        struct Repeats(#[source] std::io::Error);
        #[derive(Debug, thiserror::Error)]
        #[error("the pool failed")]
        struct Names(#[source] std::io::Error);
        let gone = || std::io::Error::other("disk gone");
        let expected = "the pool failed: disk gone";
        assert_eq!(Fault::from(Repeats(gone())).to_string(), expected);
        assert_eq!(Fault::from(Names(gone())).to_string(), expected);
    }

    #[test]
    fn a_fault_names_its_cause_and_every_place_it_passed() {
        let fault = fails().unwrap_err().at_caller();
        let text = format!("{fault:?}");
        assert!(text.starts_with("disk gone (at"), "{text}");
        assert_eq!(text.matches("src/fault/mod.rs").count(), 2, "{text}");
    }
}
