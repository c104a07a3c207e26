//! The documents that were prepared before, by the digests of their texts.
//!
//! Bounded by what they take in memory and not by their number: parsed, a few kilobytes of text
//! are half a megabyte, and whoever may send any text decides what is remembered.

use std::sync::Arc;

use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

use super::document::Document;

/// Bytes that the documents may take: some thousand usual ones.
const MOST: u64 = 32 * 1024 * 1024;

/// Digest of a text to what was made of it.
pub(super) struct Remembered(Cache<[u8; 32], Arc<Document>>);

impl Remembered {
    pub(super) fn new() -> Self {
        let bytes = |_: &[u8; 32], document: &Arc<Document>| {
            u32::try_from(document.bytes()).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(MOST).weigher(bytes).build())
    }

    /// The document of this text, prepared by `prepare` if it is not known.
    pub(super) fn or_prepare<E>(
        &self,
        text: String,
        prepare: impl FnOnce(String) -> Result<Document, E>,
    ) -> Result<Arc<Document>, E> {
        let key: [u8; 32] = Sha256::digest(&text).into();
        if let Some(document) = self.0.get(&key) {
            return Ok(document);
        }
        let document = Arc::new(prepare(text)?);
        self.0.insert(key, Arc::clone(&document));
        Ok(document)
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::Limits;
    use super::*;

    const WIDE: Limits = Limits {
        introspection: true,
        depth: 10,
        aliases: 10,
        root_fields: 10,
        directives: 10,
        tokens: 5_000,
        expanded_nodes: 5_000,
        cost: 50_000,
        representations: 10,
        variables: 10,
        variable_depth: 10,
        variable_values: 10,
    };

    /// What is remembered after this many documents with so many fields.
    fn after(count: usize, fields: usize) -> (u64, u64) {
        let remembered = Remembered::new();
        for number in 0..count {
            let text = format!("{{ me {{ {} b{number} }} }}", "a ".repeat(fields));
            let prepared = remembered.or_prepare(text, |text| Document::prepare(text, &WIDE));
            prepared.unwrap();
        }
        remembered.0.run_pending_tasks();
        (remembered.0.entry_count(), remembered.0.weighted_size())
    }

    #[test]
    fn usual_documents_are_all_remembered_and_large_ones_until_they_take_too_much() {
        assert_eq!(after(800, 50).0, 800);
        let (count, bytes) = after(200, 2_000);
        assert!(count < 100 && bytes <= MOST, "{count} {bytes}");
    }
}
