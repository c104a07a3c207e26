//! A cache of prepared documents, by the digest of their text.
//!
//! Bounded by memory instead of count: a few kilobytes of text can take half a megabyte once
//! parsed, and where any document may run, clients decide what is cached.

use std::sync::Arc;

use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

use super::document::Document;

/// Memory limit: some thousand typical documents.
const MAX_BYTES: u64 = 32 * 1024 * 1024;

/// Prepared documents by the SHA-256 digest of their text.
pub(super) struct DocumentCache(Cache<[u8; 32], Arc<Document>>);

impl DocumentCache {
    pub(super) fn new() -> Self {
        let bytes = |_: &[u8; 32], document: &Arc<Document>| {
            u32::try_from(document.bytes()).unwrap_or(u32::MAX)
        };
        Self(
            Cache::builder()
                .max_capacity(MAX_BYTES)
                .weigher(bytes)
                .build(),
        )
    }

    /// The prepared document of a text, from the cache or from `prepare`.
    pub(super) fn get_or_prepare<E>(
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
        metadata: &crate::schema::METADATA,
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

    /// Entries and bytes after `count` documents with `fields` fields each.
    fn after(count: usize, fields: usize) -> (u64, u64) {
        let cache = DocumentCache::new();
        for number in 0..count {
            let text = format!("{{ me {{ {} b{number} }} }}", "a ".repeat(fields));
            let prepared = cache.get_or_prepare(text, |text| Document::prepare(text, &WIDE));
            prepared.unwrap();
        }
        cache.0.run_pending_tasks();
        (cache.0.entry_count(), cache.0.weighted_size())
    }

    #[test]
    fn usual_documents_are_all_cached_and_large_ones_up_to_the_limit() {
        assert_eq!(after(800, 50).0, 800);
        let (count, bytes) = after(200, 2_000);
        assert!(count < 100 && bytes <= MAX_BYTES, "{count} {bytes}");
    }
}
