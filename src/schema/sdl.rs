//! The SDL for clients and for supergraph composition.
//!
//! Both are adapted from the engine's export: clients get no federation directives, and the
//! subgraph gets our `@link`, as the engine's is for an older version and imports unused
//! directives.

use async_graphql::SDLExportOptions;

use super::directives::name;

/// The federation version.
///
/// 2.9 has all directives used (`@authenticated` and `@requiresScopes` since 2.5, `@cost` and
/// `@listSize` since 2.9); a newer version would only exclude older composers and routers.
const LINK: &str = "https://specs.apollo.dev/federation/v2.9";

/// Directives that routers without authorization support reject.
const AUTHORIZATION_DIRECTIVES: [&str; 2] = [name::AUTHENTICATED, name::REQUIRES_SCOPES];
/// The other federation directives of this schema.
const OTHER_DIRECTIVES: [&str; 3] = [name::COST, name::KEY, name::LIST_SIZE];
/// Directives that only the gateway reads.
const PRIVATE_DIRECTIVES: [&str; 1] = [name::CREDENTIAL];
/// Federation directives that the engine defines.
const ENGINE_DIRECTIVES: [&str; 2] = ["shareable", "tag"];

/// Types that are not part of the supergraph: top-level error codes are the router's there, and the
/// name would collide with other subgraphs'.
const EXCLUDED_TYPES: [&str; 1] = ["ErrorCode"];

/// Marks operations for staff, so that a contract can exclude them.
const STAFF_TAG: &str = " @tag(name: \"staff\")";

/// Whether the subgraph's SDL declares authorization to routers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// With `@authenticated` and `@requiresScopes`.
    Declared,
    /// Without; the guards apply all the same.
    Omitted,
}

/// Sorted, for stable diffs.
pub(super) fn options() -> SDLExportOptions {
    SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .include_specified_by()
}

/// The export without federation directives.
pub(super) fn client(export: &str) -> String {
    let hidden = [
        &AUTHORIZATION_DIRECTIVES[..],
        &OTHER_DIRECTIVES,
        &PRIVATE_DIRECTIVES,
    ]
    .concat();
    lines(export.trim_end())
        .map(|line| line.without(&hidden) + "\n")
        .collect()
}

/// The `@link` with its imports.
fn link(authorization: Authorization) -> String {
    let mut names = [&OTHER_DIRECTIVES[..], &ENGINE_DIRECTIVES].concat();
    if authorization == Authorization::Declared {
        names.extend(AUTHORIZATION_DIRECTIVES);
    }
    names.sort_unstable();
    let imports: Vec<String> = names.iter().map(|name| format!("\"@{name}\"")).collect();
    let imports = imports.join(", ");
    format!("extend schema @link(\n\turl: \"{LINK}\",\n\timport: [{imports}]\n)\n")
}

/// The subgraph SDL of a federation export.
pub(super) fn subgraph(export: &str, authorization: Authorization) -> String {
    let hidden: &[&str] = match authorization {
        Authorization::Declared => &[],
        Authorization::Omitted => &AUTHORIZATION_DIRECTIVES,
    };
    let mut text = link(authorization);
    for definition in definitions(export) {
        let Some(head) = definition.iter().find(|line| !line.is_quoted) else {
            continue;
        };
        let mut words = head.text.split(' ');
        let (keyword, name) = (words.next().unwrap_or_default(), words.next());
        // Our `@link` replaces the engine's, and composers know the built-in directives.
        if matches!(keyword, "directive" | "extend")
            || EXCLUDED_TYPES.contains(&name.unwrap_or_default())
        {
            continue;
        }
        text.push('\n');
        // The engine marks connection types as shareable; they belong to this subgraph alone.
        let is_page =
            name.is_some_and(|name| name.ends_with("Connection") || name.ends_with("Edge"));
        let engine: &[&str] = if is_page { &["shareable"] } else { &[] };
        let hidden = [hidden, engine, &PRIVATE_DIRECTIVES].concat();
        for line in &definition {
            text.push_str(&line.without(&hidden));
            if line.has(name::REQUIRES_SCOPES) {
                text.push_str(STAFF_TAG);
            }
            text.push('\n');
        }
    }
    text
}

/// A line of the export.
struct Line<'a> {
    text: &'a str,
    /// Whether it is part of a description, which is arbitrary text.
    is_quoted: bool,
}

impl Line<'_> {
    fn has(&self, directive: &str) -> bool {
        !self.is_quoted && self.text.contains(&format!(" @{directive}"))
    }

    /// The line without these directives, whose arguments contain no parentheses.
    fn without(&self, directives: &[&str]) -> String {
        let mut line = self.text.to_owned();
        for directive in directives.iter().filter(|name| self.has(name)) {
            let mark = format!(" @{directive}");
            while let Some(start) = line.find(&mark) {
                let mut end = start + mark.len();
                if line[end..].starts_with('(') {
                    end += line[end..].find(')').map_or(0, |close| close + 1);
                }
                line.replace_range(start..end, "");
            }
        }
        line
    }
}

fn lines(export: &str) -> impl Iterator<Item = Line<'_>> {
    let mut quoted = false;
    export.lines().map(move |text| {
        let is_mark = text.trim() == "\"\"\"";
        let is_quoted = quoted || is_mark;
        quoted ^= is_mark;
        Line { text, is_quoted }
    })
}

/// The lines of each definition, with its description.
fn definitions(export: &str) -> Vec<Vec<Line<'_>>> {
    let (mut all, mut open) = (Vec::new(), Vec::new());
    for line in lines(export).filter(|line| line.is_quoted || !line.text.is_empty()) {
        let is_alone = ["scalar ", "union ", "directive "]
            .iter()
            .any(|keyword| line.text.starts_with(keyword));
        let is_end = !line.is_quoted && (is_alone || matches!(line.text, "}" | ")"));
        open.push(line);
        if is_end {
            all.push(std::mem::take(&mut open));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{sdl, subgraph_sdl};

    #[test]
    fn the_engines_federation_is_replaced() {
        let text = subgraph_sdl(Authorization::Declared);
        assert!(text.starts_with("extend schema @link("));
        assert_eq!(text.matches("@link").count(), 1);
        for absent in [
            "_entities",
            "_service",
            "_Any",
            "directive @",
            "enum ErrorCode",
            "@credential",
        ] {
            assert!(!text.contains(absent), "{absent}");
        }
        for used in [
            &AUTHORIZATION_DIRECTIVES[..],
            &OTHER_DIRECTIVES,
            &ENGINE_DIRECTIVES,
        ]
        .concat()
        {
            // Once besides the `@link`.
            assert!(text.matches(&format!("@{used}")).count() > 1, "{used}");
        }
    }

    #[test]
    fn the_schema_of_clients_has_no_directives_for_routers() {
        let text = sdl();
        for directive in [
            &AUTHORIZATION_DIRECTIVES[..],
            &OTHER_DIRECTIVES,
            &PRIVATE_DIRECTIVES,
            &ENGINE_DIRECTIVES,
        ]
        .concat()
        {
            assert!(!text.contains(&format!("@{directive}")), "{directive}");
        }
    }

    #[test]
    fn without_authorization_directives_nothing_else_differs() {
        let declared = subgraph_sdl(Authorization::Declared);
        let mut without = String::new();
        for line in declared.lines() {
            let line = line.replace("\"@authenticated\", ", "");
            let line = line.replace("\"@requiresScopes\", ", "");
            let line = line.replace(" @authenticated", "");
            let line = match (line.find(" @requiresScopes"), line.find("]])")) {
                (Some(from), Some(to)) => format!("{}{}", &line[..from], &line[to + 3..]),
                _ => line,
            };
            without.push_str(&line);
            without.push('\n');
        }
        assert_eq!(subgraph_sdl(Authorization::Omitted), without);
    }

    #[test]
    fn descriptions_are_left_alone() {
        let export = "\"\"\"\nA @key(x) @requiresScopes\n\"\"\"\ntype User {\n\tid: ID! @requiresScopes(scopes: [[\"a\"]])\n}\n";
        let kind = Authorization::Omitted;
        let wanted = export.replace(" @requiresScopes(scopes: [[\"a\"]])", STAFF_TAG);
        assert_eq!(subgraph(export, kind), format!("{}\n{wanted}", link(kind)));
    }
}
