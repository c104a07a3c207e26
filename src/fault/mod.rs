//! Unexpected failures, with the source locations they passed through.
//!
//! A [`Fault`] is logged for operators and never shown to clients. Expected refusals are not faults.

pub mod unreachable;

use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// An unexpected failure with the source locations it passed through.
///
/// Like other catch-all errors it does not implement [`Error`] itself, so that `?` can turn every
/// error into one and remember where that happened.
#[derive(Clone)]
pub struct Fault(Box<Inner>);

#[derive(Clone)]
struct Inner {
    source: Arc<dyn Error + Send + Sync>,
    trail: Vec<&'static Location<'static>>,
}

impl Fault {
    /// A fault without an underlying error.
    #[track_caller]
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        let source: Box<dyn Error + Send + Sync> = message.into().into();
        Self::caused_by(source.into())
    }

    #[track_caller]
    fn caused_by(source: Arc<dyn Error + Send + Sync>) -> Self {
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

    /// The underlying error, to classify the failure.
    #[must_use]
    pub fn source(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0.source
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Fault {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::caused_by(Arc::new(error))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.source.to_string();
        let mut cause = self.0.source.source();
        while let Some(error) = cause {
            // Many errors include the text of their cause.
            let message = error.to_string();
            if !text.contains(&message) {
                text.push_str(": ");
                text.push_str(&message);
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
    fn a_cause_that_its_error_includes_is_not_repeated() {
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
    fn debug_shows_the_cause_and_every_location() {
        let fault = fails().unwrap_err().at_caller();
        let text = format!("{fault:?}");
        assert!(text.starts_with("disk gone (at"), "{text}");
        assert_eq!(text.matches("src/fault/mod.rs").count(), 2, "{text}");
    }
}
