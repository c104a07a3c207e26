//! Names that are not compiled in, as labels of metrics.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::request::OTHER;

/// The most names of trusted documents that become labels: documents can be replaced many times, and
/// a label stays until the process ends.
pub(super) const MAX_NAMES: usize = 1000;

/// The names that became labels.
#[derive(Clone, Debug, Default)]
pub(super) struct Labels(Arc<Mutex<BTreeSet<String>>>);

impl Labels {
    /// The name of an operation as a label.
    pub(super) fn of(&self, name: Cow<'static, str>) -> Cow<'static, str> {
        if let Cow::Owned(name) = &name {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if !known.contains(name) {
                if known.len() >= MAX_NAMES {
                    return Cow::Borrowed(OTHER);
                }
                known.insert(name.clone());
            }
        }
        name
    }
}
