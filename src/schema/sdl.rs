//! The schema in its own language: for clients, and for a supergraph to compose.
//!
//! Both are the engine's export with a few changes. Clients get no directives for routers. A
//! supergraph gets our `@link`: the engine's is to an older federation and imports what is not
//! used.

use async_graphql::SDLExportOptions;

use super::directives::name;

/// The federation specification whose directives are used.
///
/// 2.9 has all of them (`@authenticated` and `@requiresScopes` since 2.5, `@cost` and `@listSize`
/// since 2.9); a newer one would only exclude older composers and routers.
const LINK: &str = "https://specs.apollo.dev/federation/v2.9";

/// Directives that some routers refuse, since they cannot enforce them.
const AUTHORIZATION: [&str; 2] = [name::AUTHENTICATED, name::REQUIRES_SCOPES];
/// The other directives of this schema.
const OTHERS: [&str; 3] = [name::COST, name::KEY, name::LIST_SIZE];
/// Directives that the engine knows by itself.
const OF_ENGINE: [&str; 2] = ["shareable", "tag"];

/// Types that are not part of a supergraph: the codes of top-level errors are the router's there,
/// and so common a name would collide with other subgraphs'.
const LEFT_OUT: [&str; 1] = ["ErrorCode"];

/// Marks operations that are of use to staff only, so that a contract can leave them out.
const STAFF: &str = " @tag(name: \"staff\")";

/// Whether a subgraph's schema tells routers whom to let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// By `@authenticated` and `@requiresScopes`.
    Declared,
    /// Not at all; the guards apply all the same.
    Silent,
}

/// Sorted, so that a change shows as a change.
pub(super) fn options() -> SDLExportOptions {
    SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .include_specified_by()
}

/// An export without the directives for routers.
pub(super) fn client(export: &str) -> String {
    let hidden = [&AUTHORIZATION[..], &OTHERS].concat();
    lines(export.trim_end())
        .map(|line| line.without(&hidden) + "\n")
        .collect()
}

/// The link with what is imported from it.
fn link(authorization: Authorization) -> String {
    let mut names = [&OTHERS[..], &OF_ENGINE].concat();
    if authorization == Authorization::Declared {
        names.extend(AUTHORIZATION);
    }
    names.sort_unstable();
    let imports: Vec<String> = names.iter().map(|name| format!("\"@{name}\"")).collect();
    let imports = imports.join(", ");
    format!("extend schema @link(\n\turl: \"{LINK}\",\n\timport: [{imports}]\n)\n")
}

/// A federation export as a supergraph composes it.
pub(super) fn subgraph(export: &str, authorization: Authorization) -> String {
    let hidden: &[&str] = match authorization {
        Authorization::Declared => &[],
        Authorization::Silent => &AUTHORIZATION,
    };
    let mut text = link(authorization);
    for definition in definitions(export) {
        let Some(head) = definition.iter().find(|line| !line.is_quoted) else {
            continue;
        };
        let mut words = head.text.split(' ');
        let (keyword, name) = (words.next().unwrap_or_default(), words.next());
        // Our link replaces the engine's, and every composer knows the directives of the language.
        if matches!(keyword, "directive" | "extend") || LEFT_OUT.contains(&name.unwrap_or_default())
        {
            continue;
        }
        text.push('\n');
        // The engine marks its types for pages, whose entries no other subgraph has.
        let is_page =
            name.is_some_and(|name| name.ends_with("Connection") || name.ends_with("Edge"));
        let hidden = [hidden, if is_page { &["shareable"] } else { &[] }].concat();
        for line in &definition {
            text.push_str(&line.without(&hidden));
            if line.has(name::REQUIRES_SCOPES) {
                text.push_str(STAFF);
            }
            text.push('\n');
        }
    }
    text
}

/// A line of the export.
struct Line<'a> {
    text: &'a str,
    /// Whether it belongs to a description, where anything may stand.
    is_quoted: bool,
}

impl Line<'_> {
    fn has(&self, directive: &str) -> bool {
        !self.is_quoted && self.text.contains(&format!(" @{directive}"))
    }

    /// The line without these directives. Their arguments contain no parentheses.
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

/// The lines of each definition, its description included.
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
        ] {
            assert!(!text.contains(absent), "{absent}");
        }
        for used in [&AUTHORIZATION[..], &OTHERS, &OF_ENGINE].concat() {
            // Once more in the link.
            assert!(text.matches(&format!("@{used}")).count() > 1, "{used}");
        }
    }

    #[test]
    fn the_schema_of_clients_has_no_directives_for_routers() {
        let text = sdl();
        for directive in [&AUTHORIZATION[..], &OTHERS, &OF_ENGINE].concat() {
            assert!(!text.contains(&format!("@{directive}")), "{directive}");
        }
    }

    #[test]
    fn the_silent_schema_differs_in_nothing_else() {
        let declared = subgraph_sdl(Authorization::Declared);
        let mut silent = String::new();
        for line in declared.lines() {
            let line = line.replace("\"@authenticated\", ", "");
            let line = line.replace("\"@requiresScopes\", ", "");
            let line = line.replace(" @authenticated", "");
            let line = match (line.find(" @requiresScopes"), line.find("]])")) {
                (Some(from), Some(to)) => format!("{}{}", &line[..from], &line[to + 3..]),
                _ => line,
            };
            silent.push_str(&line);
            silent.push('\n');
        }
        assert_eq!(subgraph_sdl(Authorization::Silent), silent);
    }

    #[test]
    fn descriptions_are_left_alone() {
        let export = "\"\"\"\nA @key(x) @requiresScopes\n\"\"\"\ntype User {\n\tid: ID! @requiresScopes(scopes: [[\"a\"]])\n}\n";
        let kind = Authorization::Silent;
        let wanted = export.replace(" @requiresScopes(scopes: [[\"a\"]])", STAFF);
        assert_eq!(subgraph(export, kind), format!("{}\n{wanted}", link(kind)));
    }
}
