use super::*;
use crate::domain::legacy::Cells;

fn text(value: &str) -> Cell {
    Cell::Text(value.to_owned())
}

fn cells(values: &[(&str, &str)]) -> Cells {
    let values = values.iter();
    values
        .map(|(name, value)| ((*name).to_owned(), text(value)))
        .collect()
}

fn row(user: &[(&str, &str)], profile: &[(&str, &str)]) -> LegacyRow {
    LegacyRow {
        id: 7,
        user: cells(user),
        profiles: vec![cells(profile)],
        ..LegacyRow::default()
    }
}

fn read(row: &LegacyRow) -> Result<Person, Quarantine> {
    read_with(row, "", &Resolution::default())
}

fn read_with(row: &LegacyRow, file: &str, resolution: &Resolution) -> Result<Person, Quarantine> {
    let mapping = Mapping::parse(file).unwrap();
    let rules = Rules {
        mapping: &mapping,
        phone_region: mapping.phone_region.as_deref(),
        now: "2026-03-01T12:00:00Z".parse().unwrap(),
    };
    read_person(row, &rules, resolution)
}

fn noted(row: &LegacyRow) -> Vec<String> {
    let read = read(row);
    let noted = read.map_or_else(|why| why.set_aside, |person| person.set_aside);
    noted.iter().map(ToString::to_string).collect()
}

const ADA: [(&str, &str); 2] = [("email", " Ada@Example.com "), ("password", "!x")];

#[test]
fn user_and_profile_become_one_person() {
    let mut row = row(
        &[
            ("email", "ada@example.com"),
            ("phone", "+14155552671"),
            ("first_name", "Ada"),
            ("last_name", "Lovelace"),
            ("is_active", "f"),
            ("is_staff", "1"),
            ("date_joined", "2020-05-06 07:08:09.123456+00"),
            ("last_login", "2021-05-06 07:08:09"),
        ],
        &[
            ("pid", "PID"),
            ("bio", "one\ntwo"),
            ("verified", "true"),
            ("wallet_balance", "-0.50"),
            ("image", "default/default-user.jpg"),
        ],
    );
    row.groups = vec![text("Editors"), text("Sales")];
    let person = read(&row).unwrap();
    assert_eq!(person.email.unwrap().canonical(), "ada@example.com");
    assert_eq!(person.phone.unwrap().as_str(), "+14155552671");
    assert_eq!(person.pid.as_deref(), Some("PID"));
    assert_eq!(person.role, Role::Staff);
    assert_eq!(person.staff_functions.to_text(), "editor,sales");
    assert!(person.is_verified && !person.is_active && !person.email_verified);
    assert_eq!(person.bio, "one\ntwo");
    assert_eq!(person.avatar, None);
    assert_eq!(person.wallet_balance.as_deref(), Some("-0.50"));
    let created = "2020-05-06T07:08:09.123456Z".parse().unwrap();
    assert_eq!(person.created_at, Some(created));
    let login = "2021-05-06T07:08:09Z".parse().unwrap();
    assert_eq!(person.last_login_at, Some(login));
    assert_eq!(person.set_aside, []);
}

#[test]
fn a_person_without_an_address_is_quarantined() {
    for (email, phone) in [("", ""), ("nothing", "12345"), ("\u{3000}", "n/a")] {
        let row = row(&[("email", email), ("phone", phone)], &[]);
        assert_eq!(read(&row).unwrap_err().reason, Reason::NoIdentifier);
    }
}

#[test]
fn an_unusable_value_is_set_aside_and_the_person_stays() {
    let row = row(
        &[
            ADA[0],
            ("phone", "(415) 555-2671"),
            ("date_joined", "infinity"),
            ("last_login", "3024-01-01 00:00:00"),
        ],
        &[("bio", &"x".repeat(3000)), ("city", "a\tb")],
    );
    let expected = [
        "bio:text_too_long",
        "city:text_unusable",
        "created_at:date_impossible",
        "last_login_at:date_impossible",
        "phone:phone_invalid",
    ];
    assert_eq!(noted(&row), expected);
    let person = read(&row).unwrap();
    assert_eq!(person.bio.chars().count(), 2000);
    assert_eq!(person.email.unwrap().as_str(), "Ada@Example.com");
    let region = "[reading]\nphone_region = \"US\"";
    let person = read_with(&row, region, &Resolution::default()).unwrap();
    assert_eq!(person.phone.unwrap().as_str(), "+14155552671");
}

#[test]
fn the_second_phone_column_counts_where_the_first_is_unusable() {
    let row = row(&[ADA[0], ("phone", "0")], &[("phone", "+14155552671")]);
    assert_eq!(read(&row).unwrap().phone.unwrap().as_str(), "+14155552671");
    assert_eq!(noted(&row), Vec::<String>::new());
}

#[test]
fn broken_bytes_are_set_aside_except_in_what_identifies() {
    let broken = Cell::of(Some(vec![0xff, 0x41]));
    let mut row = row(&ADA, &[]);
    row.profiles[0].insert("bio".to_owned(), broken.clone());
    assert_eq!(noted(&row), ["bio:text_broken"]);
    for column in ["email", "password"] {
        let mut row = row.clone();
        row.user.insert(column.to_owned(), broken.clone());
        assert_eq!(
            read(&row).unwrap_err().reason,
            Reason::TextBroken,
            "{column}"
        );
    }
}

#[test]
fn names_come_from_the_full_name_where_both_are_empty() {
    let row = row(&ADA, &[("full_name", "Ada King Lovelace")]);
    let person = read(&row).unwrap();
    assert_eq!(
        (person.first_name.as_str(), person.last_name.as_str()),
        ("Ada King", "Lovelace")
    );
}

#[test]
fn groups_make_no_staff() {
    let mut row = row(&ADA, &[]);
    row.groups = vec![text("Editors"), text("Strangers")];
    assert_eq!(
        noted(&row),
        ["groups:value_unknown", "groups:group_not_staff"]
    );
    assert_eq!(read(&row).unwrap().role, Role::Client);
    row.groups = vec![text("Vendors")];
    assert_eq!(read(&row).unwrap().role, Role::Vendor);
    row.user.insert("is_superuser".to_owned(), text("true"));
    assert_eq!(read(&row).unwrap().role, Role::Admin);
}

#[test]
fn allauth_says_what_is_confirmed_and_who_is_at_google() {
    let mut row = row(&ADA, &[]);
    let address = |email, verified, primary| {
        cells(&[
            ("email", email),
            ("verified", verified),
            ("primary", primary),
        ])
    };
    row.emails = vec![
        address("ADA@example.com", "t", "f"),
        address("b@example.com", "f", "t"),
    ];
    row.socials = vec![
        cells(&[("provider", "google"), ("uid", "1234")]),
        cells(&[("provider", "facebook"), ("uid", "1")]),
    ];
    let person = read(&row).unwrap();
    assert!(person.email_verified);
    assert_eq!(person.google_subjects, ["1234"]);
    assert_eq!(
        noted(&row),
        ["email:second_address", "social:value_unknown"]
    );
    row.user.remove("email");
    let person = read(&row).unwrap();
    assert_eq!(person.email.unwrap().as_str(), "b@example.com");
    assert!(!person.email_verified);
}

#[test]
fn groups_and_providers_that_mean_nothing_here_are_no_news() {
    let mut row = row(&ADA, &[]);
    row.groups = vec![text("Readers"), text("Vendors")];
    row.socials = vec![
        cells(&[("provider", "facebook"), ("uid", "1")]),
        cells(&[("provider", "google"), ("uid", "2")]),
    ];
    assert_eq!(
        noted(&row),
        ["groups:value_unknown", "social:value_unknown"]
    );
    let file = "[values.group]\nReaders = \"\"\nVendors = \"vendor\"\n\
                [values.provider]\nfacebook = \"\"\ngoogle = \"google\"";
    let person = read_with(&row, file, &Resolution::default()).unwrap();
    assert_eq!(person.set_aside, []);
    assert_eq!(person.role, Role::Vendor);
    assert_eq!(person.google_subjects, ["2"]);
}

#[test]
fn decisions_of_an_operator_hold() {
    let row = row(
        &[
            ADA[0],
            ("phone", "+14155552671"),
            ("password", "what$is$this"),
        ],
        &[("pid", &"p".repeat(51))],
    );
    assert_eq!(read(&row).unwrap_err().reason, Reason::PidInvalid);
    let resolution = Resolution {
        new_pid: true,
        drop_phone: true,
        drop_password: true,
        email: Some("other@example.com".to_owned()),
        ..Resolution::default()
    };
    let person = read_with(&row, "", &resolution).unwrap();
    assert_eq!((person.pid, person.phone), (None, None));
    assert_eq!(person.password, "");
    assert_eq!(person.email.unwrap().as_str(), "other@example.com");
}
