//! Names that are not compiled in, as labels of metrics.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::request::OTHER;

/// So many names of operations of trusted documents become labels. Those documents may be replaced
/// again and again, and a label stays until the process ends.
pub(super) const MOST_NAMES: usize = 1000;

/// The names that are labels already.
#[derive(Clone, Debug, Default)]
pub(super) struct Labels(Arc<Mutex<BTreeSet<String>>>);

impl Labels {
    /// The name of an operation as a label.
    pub(super) fn of(&self, name: Cow<'static, str>) -> Cow<'static, str> {
        if let Cow::Owned(name) = &name {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if !known.contains(name) {
                if known.len() >= MOST_NAMES {
                    return Cow::Borrowed(OTHER);
                }
                known.insert(name.clone());
            }
        }
        name
    }
}
