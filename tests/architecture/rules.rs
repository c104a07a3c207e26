//! The rules: each takes sources and returns its violations, one line each.

use std::collections::BTreeSet;

use crate::reader::{Used, module_of, uses};
use crate::{
    GROUND, HOME_OF_ERRORS, HOME_OF_HEADERS, HOMES, LAYERS, MAX_FILE_LINES, SUPPORTING, Source,
    TRANSPORT_MAY_NAME,
};

/// The layer table.
pub(crate) fn layers(sources: &[Source]) -> Vec<String> {
    every_use(sources, |module, used| {
        if !used.is_ours || module.is_empty() {
            return None;
        }
        let layer = name(module, 0);
        let other = name(&used.path, 0);
        let Some(may_use) = may_use(layer) else {
            return Some(format!("{layer} is in no row of the layer table"));
        };
        if other.is_empty() || other == "*" {
            return Some("the root of the crate is no layer".to_owned());
        }
        if other == layer {
            return None;
        }
        if self::may_use(other).is_none() {
            return Some(format!("{other} is in no row of the layer table"));
        }
        let is_ground = GROUND.contains(&other) && !GROUND.contains(&layer);
        if !(is_ground || may_use.contains(&other) || may_use == ["*"]) {
            return Some(format!("{layer} may not use {other}"));
        }
        (layer == "transport" && other == "services" && !transport_may_name(&used.path))
            .then(|| "transport may only authenticate; the rest goes through schema".to_owned())
    })
}

fn may_use(layer: &str) -> Option<&'static [&'static str]> {
    let row = LAYERS
        .iter()
        .find(|(name, _)| *name == layer)
        .map(|(_, may_use)| *may_use);
    row.or_else(|| GROUND.contains(&layer).then_some(&[]))
}

fn transport_may_name(path: &[String]) -> bool {
    TRANSPORT_MAY_NAME
        .iter()
        .any(|allowed| path.iter().take(allowed.len()).eq(allowed.iter()))
}

/// Inside `services` only the supporting ones are used by others.
pub(crate) fn services(sources: &[Source]) -> Vec<String> {
    every_use(sources, |module, used| {
        let inside = |path: &[String]| name(path, 0) == "services" && path.len() > 1;
        if !used.is_ours || !inside(module) || !inside(&used.path) {
            return None;
        }
        let (service, other) = (name(module, 1), name(&used.path, 1));
        (other != service && !SUPPORTING.contains(&other))
            .then(|| format!("{service} may not use {other}, which is no supporting service"))
    })
}

/// What belongs to the capability of every entry service.
pub(crate) fn capabilities(paths: &[String]) -> Vec<String> {
    let services: BTreeSet<&str> = paths
        .iter()
        .filter_map(|path| path.strip_prefix("src/services/"))
        .filter_map(|inside| inside.split(['/', '.']).next())
        .filter(|service| *service != "mod")
        .collect();
    let missing = SUPPORTING
        .iter()
        .filter(|service| !services.contains(*service));
    let mut violations: Vec<String> = missing
        .map(|service| format!("the supporting service {service} does not exist"))
        .collect();
    for service in services
        .iter()
        .filter(|capability| **capability != "operator" && !SUPPORTING.contains(capability))
    {
        let is_module = |place: &str| {
            let (file, folder) = (
                format!("{place}/{service}.rs"),
                format!("{place}/{service}/"),
            );
            paths
                .iter()
                .any(|path| *path == file || path.starts_with(&folder))
        };
        let documents = format!("queries/{service}/");
        let has_documents = paths
            .iter()
            .any(|path| path.starts_with(&documents) && path.ends_with(".graphql"));
        let parts = [
            (
                is_module("src/schema/mutations"),
                format!("src/schema/mutations/{service}"),
            ),
            (is_module("tests/it"), format!("tests/it/{service}")),
            (has_documents, format!("{documents}*.graphql")),
        ];
        let absent = parts.into_iter().filter(|(is_there, _)| !is_there);
        violations.extend(absent.map(|(_, part)| format!("services/{service} has no {part}")));
    }
    violations
}

/// Outside libraries are named in their homes only.
pub(crate) fn homes(sources: &[Source]) -> Vec<String> {
    every_use(sources, |module, used| {
        let library = name(&used.path, 0);
        let (_, homes) = HOMES
            .iter()
            .find(|(libraries, _)| libraries.contains(&library))?;
        let is_away = !used.is_ours && !homes.contains(&name(module, 0));
        is_away.then(|| format!("{library} belongs to {}", homes.join(", ")))
    })
}

/// The GraphQL library's error is named in one file; nothing else may bring it into scope.
pub(crate) fn errors(sources: &[Source]) -> Vec<String> {
    let others = sources
        .iter()
        .filter(|source| source.path != HOME_OF_ERRORS);
    others
        .flat_map(|source| {
            every_use(std::slice::from_ref(source), |_, used| {
                // The bare name is the library under another one, from which it can be reached.
                let reaches = matches!(name(&used.path, 1), "Error" | "*" | "");
                (!used.is_ours && name(&used.path, 0) == "async_graphql" && reaches)
                    .then(|| format!("the library's error belongs to {HOME_OF_ERRORS}"))
            })
        })
        .collect()
}

/// Request headers are read in one file; the others write those of responses, by `headers_mut`.
pub(crate) fn headers(sources: &[Source]) -> Vec<String> {
    let others = sources.iter().filter(|source| {
        source.path.starts_with("src/transport/") && source.path != HOME_OF_HEADERS
    });
    let read = others.filter(|source| {
        let text = source.text.replace(".headers_mut()", "");
        text.contains(".headers") || text.contains("HeaderMap")
    });
    read.map(|source| format!("{}: headers are read in {HOME_OF_HEADERS}", source.path))
        .collect()
}

/// No file is too long.
pub(crate) fn lengths(sources: &[Source]) -> Vec<String> {
    sources
        .iter()
        .map(|source| (source, source.text.lines().count()))
        .filter(|(_, lines)| *lines > MAX_FILE_LINES)
        .map(|(source, lines)| {
            format!(
                "{}: {lines} lines; above {MAX_FILE_LINES} it becomes a folder",
                source.path
            )
        })
        .collect()
}

/// Applies the rule to every path in the crate's sources.
fn every_use(sources: &[Source], rule: impl Fn(&[String], &Used) -> Option<String>) -> Vec<String> {
    let mut violations = Vec::new();
    for source in sources
        .iter()
        .filter(|source| source.is_rust_of_the_crate())
    {
        let module = module_of(&source.path);
        for used in uses(&source.path, &source.text) {
            let broken = rule(&module, &used);
            violations.extend(broken.map(|why| format!("{}:{}: {why}", source.path, used.line)));
        }
    }
    violations
}

fn name(path: &[String], at: usize) -> &str {
    path.get(at).map_or("", String::as_str)
}
