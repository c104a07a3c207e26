use super::*;
use crate::domain::role::{Role, StaffFunction};

fn refused(text: &str) -> String {
    let errors = Mapping::parse(text).unwrap_err();
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn the_example_is_exactly_the_default() {
    assert_eq!(Mapping::parse(EXAMPLE), Mapping::parse(""));
    let mapping = Mapping::parse("").unwrap();
    assert_eq!(mapping.user.table, "userauths_user");
    assert!(mapping.email.unwrap().is_optional);
    let function = Grant::Function(StaffFunction::Editor);
    assert_eq!(mapping.groups.get("Editors"), Some(&function));
    assert_eq!(mapping.fields[&Field::Phone].len(), 2);
}

#[test]
fn a_file_changes_what_it_names() {
    let text = "[user]\ntable = \"auth_user\"\n[profile]\ntable = \"\"\n\
                [fields]\nphone = []\n[reading]\ntime_zone = \"+02:00\"\n\
                [values.role]\nseller = \"vendor\"\nclient = \"client\"";
    let mapping = Mapping::parse(text).unwrap();
    assert_eq!(mapping.user.table, "auth_user");
    assert_eq!(mapping.user.key, "id");
    assert_eq!(mapping.profile, None);
    assert!(mapping.fields[&Field::Bio].is_empty());
    assert!(mapping.fields[&Field::Phone].is_empty());
    assert_eq!(mapping.offset.local_minus_utc(), 7200);
    assert_eq!(mapping.roles.get("seller"), Some(&Role::Vendor));
    assert_eq!(mapping.roles.get("admin"), None);
}

#[test]
fn every_mistake_has_its_line() {
    assert!(refused("[user]\ntabel = 1").starts_with("line 2: unknown field `tabel`"));
    assert!(refused("[user\n").starts_with("line 1: "));
    assert!(refused("[user]\nkey = 3").starts_with("line 2: "));
    let text = "[user]\nkey = \"\"\n[fields]\nbio = \"bio\"\nemail = \"user.e\\\"mail\"\n\
                [constants]\npid = \"x\"\n[values.group]\nA = \"boss\"\n\
                [reading]\ntime_zone = \"CET\"\nphone_region = \"Germany\"";
    let text = refused(text);
    let lines: Vec<&str> = text.lines().map(|line| &line[..7]).collect();
    let expected = [2, 4, 5, 7, 9, 11, 12].map(|line| format!("line {line:<2}"));
    let expected: Vec<String> = expected.iter().map(|line| line[..7].to_owned()).collect();
    let found: Vec<String> = lines.iter().map(|line| line.replace(':', " ")).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn no_one_could_sign_in_without_addresses() {
    let text = "[fields]\nemail = []\nphone = []";
    assert!(refused(text).contains("no one could sign in"));
}
