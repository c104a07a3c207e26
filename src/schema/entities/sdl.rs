//! The schema as a supergraph composes it: the engine's export, mended in this one place.
//!
//! The engine writes a link to an older federation, knows no `@authenticated` and mangles
//! `@requiresScopes`; and it would take over `_entities` if it knew of keys. So keys, admissions
//! and the link are added to its text here. `@shareable` and `@tag` come from attributes.

use std::fmt::Write as _;
use std::sync::LazyLock;

use crate::domain::permission::Permission;

/// The link to the federation whose directives are used, and nothing that is not used.
///
/// 2.9: `@authenticated` and `@requiresScopes` exist since 2.5, `@interfaceObject` (in the
/// subgraphs of others) since 2.3; composers and routers in service read 2.9, and nothing newer is
/// needed, which would only shut out the older ones.
const LINK: &str = "https://specs.apollo.dev/federation/v2.9";

/// What other subgraphs may refer to, and by which fields.
const KEYS: &[(&str, &[&str])] = &[
    ("Principal", &["id"]),
    ("Session", &["id"]),
    ("User", &["id", "email"]),
];

/// Whether the schema says whom a router lets through. Some refuse a supergraph that does, as
/// they could not keep what it promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// By `@authenticated` and `@requiresScopes`.
    Declared,
    /// Not a word; the guards hold all the same.
    Silent,
}

/// Whom a router lets through to an operation.
#[derive(Clone, Copy, Debug)]
enum Admission {
    /// Whoever is signed in.
    SignedIn,
    /// Holders of every permission of one of these sets. What nobody else can use has the tag
    /// `staff`, so that a contract can leave it out.
    Holding(&'static [&'static [Permission]]),
}

use Admission::{Holding, SignedIn};
use Permission::{AuditRead, RolesWrite, SessionsWrite, StatsRead, UsersRead, UsersWrite};

/// Operations that refuse everybody who is not admitted, whatever they are about.
///
/// Only these: fields such as `User.email` are for holders of a permission *or* for whom they
/// belong to, also right after a sign-in that carried no token, and a router that knows the first
/// half alone would take them away. See docs/decisions/federation.md.
const ADMISSIONS: &[(&str, &str, Admission)] = &[
    ("Query", "auditEvents", Holding(&[&[AuditRead]])),
    ("Query", "user", SignedIn),
    ("Query", "userStats", Holding(&[&[UsersRead], &[StatsRead]])),
    ("Query", "users", Holding(&[&[UsersRead]])),
    ("Mutation", "changePassword", SignedIn),
    ("Mutation", "confirmEmailChange", SignedIn),
    ("Mutation", "confirmPhoneChange", SignedIn),
    ("Mutation", "inviteUser", Holding(&[&[UsersWrite]])),
    ("Mutation", "linkGoogle", SignedIn),
    ("Mutation", "logout", SignedIn),
    ("Mutation", "requestEmailChange", SignedIn),
    ("Mutation", "requestPhoneChange", SignedIn),
    ("Mutation", "revokeOtherSessions", SignedIn),
    ("Mutation", "revokeSession", SignedIn),
    (
        "Mutation",
        "revokeUserSessions",
        Holding(&[&[SessionsWrite]]),
    ),
    ("Mutation", "setPassword", SignedIn),
    ("Mutation", "setStaffFunctions", Holding(&[&[RolesWrite]])),
    ("Mutation", "setUserRole", Holding(&[&[RolesWrite]])),
    ("Mutation", "stepUp", SignedIn),
    ("Mutation", "suspendUser", Holding(&[&[UsersWrite]])),
    ("Mutation", "unlinkGoogle", SignedIn),
    ("Mutation", "unsuspendUser", Holding(&[&[UsersWrite]])),
    ("Mutation", "updateProfile", SignedIn),
    ("Mutation", "updateUser", Holding(&[&[UsersWrite]])),
];

/// Types that stay here: a top-level error's code concerns whoever answers the client, which is
/// the router then, and a name as common would meet those of other subgraphs.
const LEFT_OUT: &[&str] = &["ErrorCode"];

/// The schema as a supergraph composes it.
pub(in crate::schema) fn subgraph(authorization: Authorization) -> &'static str {
    static DECLARED: LazyLock<String> =
        LazyLock::new(|| mended(&export(), Authorization::Declared));
    static SILENT: LazyLock<String> = LazyLock::new(|| mended(&export(), Authorization::Silent));
    match authorization {
        Authorization::Declared => &DECLARED,
        Authorization::Silent => &SILENT,
    }
}

fn export() -> String {
    let options = crate::schema::export_options().federation();
    super::builder().finish().sdl_with_options(options)
}

/// The link with what is imported from it.
fn link(authorization: Authorization) -> String {
    let imports = match authorization {
        Authorization::Declared => {
            r#""@authenticated", "@key", "@requiresScopes", "@shareable", "@tag""#
        }
        Authorization::Silent => r#""@key", "@shareable", "@tag""#,
    };
    format!("extend schema @link(\n\turl: \"{LINK}\",\n\timport: [{imports}]\n)\n")
}

/// The engine's export with the link, the keys and the admissions.
fn mended(export: &str, authorization: Authorization) -> String {
    let mut text = link(authorization);
    for definition in definitions(export) {
        let Some(head) = definition.iter().find(|line| !line.is_quoted) else {
            continue;
        };
        let mut words = head.text.split(' ');
        let (keyword, name) = (words.next().unwrap_or_default(), words.next());
        let name = name.unwrap_or_default();
        // The link is replaced; the directives of the language itself are known to everybody.
        if matches!(keyword, "directive" | "extend") || LEFT_OUT.contains(&name) {
            continue;
        }
        text.push('\n');
        let mut field = "";
        for line in &definition {
            let added = match line.part() {
                Part::Text => String::new(),
                Part::Head => keys(name),
                Part::FieldBegins(begun) => {
                    field = begun;
                    String::new()
                }
                Part::Field(whole) => admission(name, whole, authorization),
                Part::FieldEnds => admission(name, field, authorization),
            };
            // Directives of a type stand before its fields.
            let _ = match line.text.strip_suffix(" {") {
                Some(before) => writeln!(text, "{before}{added} {{"),
                None => writeln!(text, "{}{added}", line.text),
            };
        }
    }
    text
}

/// ` @key(…)` for each key of a type.
fn keys(name: &str) -> String {
    let known = KEYS.iter().filter(|(entity, _)| *entity == name);
    let keys = known.flat_map(|(_, keys)| keys.iter());
    keys.fold(String::new(), |text, key| {
        format!("{text} @key(fields: \"{key}\")")
    })
}

/// What a router has to know about a field before it asks for it.
fn admission(name: &str, field: &str, authorization: Authorization) -> String {
    let found = ADMISSIONS
        .iter()
        .find(|(owner, operation, _)| (*owner, *operation) == (name, field));
    let is_silent = authorization == Authorization::Silent;
    match found {
        None => String::new(),
        Some((.., SignedIn)) if is_silent => String::new(),
        Some((.., Holding(_))) if is_silent => " @tag(name: \"staff\")".to_owned(),
        Some((.., SignedIn)) => " @authenticated".to_owned(),
        Some((.., Holding(sets))) => {
            let quoted = |it: &Permission| format!("\"{it}\"");
            let set = |it: &&[Permission]| {
                let scopes: Vec<String> = it.iter().map(quoted).collect();
                format!("[{}]", scopes.join(", "))
            };
            let sets: Vec<String> = sets.iter().map(set).collect();
            let sets = sets.join(", ");
            format!(" @requiresScopes(scopes: [{sets}]) @tag(name: \"staff\")")
        }
    }
}

/// A line of the export.
struct Line<'a> {
    text: &'a str,
    /// Whether it belongs to a description, where anything may stand.
    is_quoted: bool,
}

/// What a line is to its definition.
enum Part<'a> {
    Text,
    Head,
    FieldBegins(&'a str),
    Field(&'a str),
    FieldEnds,
}

impl<'a> Line<'a> {
    /// The engine indents fields once and their arguments twice.
    fn part(&self) -> Part<'a> {
        if self.is_quoted || self.text == "}" {
            return Part::Text;
        }
        match self.text.strip_prefix('\t') {
            None => Part::Head,
            Some(rest) if rest.starts_with('\t') => Part::Text,
            Some(rest) if rest.starts_with(')') => Part::FieldEnds,
            Some(rest) => {
                let name = rest.split(['(', ':', ' ']).next().unwrap_or_default();
                if rest.ends_with('(') {
                    Part::FieldBegins(name)
                } else {
                    Part::Field(name)
                }
            }
        }
    }
}

/// The lines of each definition, its description included.
fn definitions(export: &str) -> Vec<Vec<Line<'_>>> {
    let (mut all, mut open, mut quoted) = (Vec::new(), Vec::new(), false);
    for text in export.lines() {
        let is_mark = text.trim() == "\"\"\"";
        let is_quoted = quoted || is_mark;
        quoted ^= is_mark;
        if !is_quoted && text.is_empty() {
            continue;
        }
        let is_alone = ["scalar ", "union ", "directive "]
            .iter()
            .any(|keyword| text.starts_with(keyword));
        open.push(Line { text, is_quoted });
        if !is_quoted && (is_alone || matches!(text, "}" | ")")) {
            all.push(std::mem::take(&mut open));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_tables_is_in_the_schema() {
        let text = subgraph(Authorization::Declared);
        for (name, keys) in KEYS {
            let found = text.lines().find(|line| {
                line.starts_with(&format!("type {name} "))
                    || line.starts_with(&format!("interface {name} "))
            });
            for key in *keys {
                let written = format!(" @key(fields: \"{key}\")");
                assert!(found.unwrap().contains(&written), "{found:?}");
            }
        }
        let count = |directive: &str| text.matches(directive).count();
        let rows = |wanted: fn(&Admission) -> bool| {
            let rows = ADMISSIONS.iter().filter(|(.., it)| wanted(it));
            rows.count()
        };
        // Each once more in the link.
        assert_eq!(
            count("@authenticated"),
            1 + rows(|it| matches!(it, SignedIn))
        );
        assert_eq!(
            count("@requiresScopes"),
            1 + rows(|it| matches!(it, Holding(_)))
        );
    }

    #[test]
    fn what_the_engine_wrote_about_federation_is_replaced() {
        let text = subgraph(Authorization::Declared);
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
    }

    #[test]
    fn the_silent_schema_differs_in_nothing_else() {
        let declared = subgraph(Authorization::Declared);
        let mut silent = String::new();
        for line in declared.lines() {
            let line = line.replace("\"@authenticated\", ", "");
            let line = line.replace("\"@requiresScopes\", ", "");
            let line = line.replace(" @authenticated", "");
            let line = match (line.find(" @requiresScopes"), line.find(" @tag")) {
                (Some(from), Some(to)) => format!("{}{}", &line[..from], &line[to..]),
                _ => line,
            };
            silent.push_str(&line);
            silent.push('\n');
        }
        assert_eq!(subgraph(Authorization::Silent), silent);
    }

    #[test]
    fn descriptions_are_left_alone() {
        let export = "\"\"\"\ntype User {\n}\n\"\"\"\ntype User {\n\t\"\"\"\n\tid: ID!\n\t\"\"\"\n\tid: ID!\n}\n";
        let wanted = export.replace(
            "\ntype User {\n\t",
            "\ntype User @key(fields: \"id\") @key(fields: \"email\") {\n\t",
        );
        let kind = Authorization::Declared;
        assert_eq!(mended(export, kind), format!("{}\n{wanted}", link(kind)));
    }
}
