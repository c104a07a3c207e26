//! The part of a mapping file that is about rows that go back: `[export]`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Spanned;

use super::written::Reader;
use super::{Column, Export, Fill, Fills};

/// A value as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Written {
    Flag(bool),
    Number(i64),
    Text(String),
}

type Table = Option<BTreeMap<Spanned<String>, Spanned<Written>>>;

/// The section, as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenExport {
    nullable: Option<Vec<Spanned<String>>>,
    erased: Option<Vec<Spanned<String>>>,
    user: Table,
    profile: Table,
    membership: Table,
    email: Table,
    social: Table,
}

impl WrittenExport {
    pub(super) fn over(self, base: Self) -> Self {
        Self {
            nullable: self.nullable.or(base.nullable),
            erased: self.erased.or(base.erased),
            user: self.user.or(base.user),
            profile: self.profile.or(base.profile),
            membership: self.membership.or(base.membership),
            email: self.email.or(base.email),
            social: self.social.or(base.social),
        }
    }
}

/// Reads the section.
pub(super) fn export(reader: &mut Reader<'_>, written: WrittenExport) -> Export {
    Export {
        nullable: columns(reader, written.nullable),
        erased: columns(reader, written.erased),
        user: fills(reader, written.user),
        profile: fills(reader, written.profile),
        membership: fills(reader, written.membership),
        email: fills(reader, written.email),
        social: fills(reader, written.social),
    }
}

fn columns(reader: &mut Reader<'_>, written: Option<Vec<Spanned<String>>>) -> BTreeSet<Column> {
    let texts = written.unwrap_or_default();
    let columns = texts
        .iter()
        .filter_map(|text| reader.column(text, text.get_ref()));
    columns.collect()
}

fn fills(reader: &mut Reader<'_>, written: Table) -> Fills {
    let mut fills = Fills::new();
    for (column, value) in written.unwrap_or_default() {
        let Some(name) = reader.name(Some(column.clone())) else {
            reader.refuse(&column, "a name is needed here");
            continue;
        };
        let fill = match value.get_ref() {
            Written::Flag(flag) => Fill::Flag(*flag),
            Written::Number(number) => Fill::Number(*number),
            Written::Text(text) => match text.as_str() {
                "{mark}" => Fill::Mark,
                "{pid}" => Fill::Pid,
                "{email}" => Fill::Email,
                "{created_at}" => Fill::CreatedAt,
                "{now}" => Fill::Now,
                other if is_placeholder(other) => {
                    let message = "write {mark}, {pid}, {email}, {created_at} or {now}";
                    reader.refuse(&value, message);
                    continue;
                }
                _ => Fill::Text(text.clone()),
            },
        };
        fills.insert(name, fill);
    }
    fills
}

/// Whether a text is a misspelt placeholder rather than a value such as an empty JSON object.
fn is_placeholder(text: &str) -> bool {
    let inner = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'));
    inner.is_some_and(|name| {
        !name.is_empty()
            && name
                .chars()
                .all(|sign| sign.is_ascii_alphabetic() || sign == '_')
    })
}
