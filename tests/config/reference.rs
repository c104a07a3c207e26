//! The declarations of settings and the files that are generated from them.

use idgate::config::reference;

use super::{DEFAULT_TOML, documented, load, load_file, refused};

#[test]
fn the_default_file_lists_exactly_the_settings_that_exist() {
    let config = load(&[]).unwrap();
    let described: Vec<_> = config
        .describe()
        .iter()
        .map(|setting| setting.key.clone())
        .collect();
    let documented: Vec<_> = documented().into_iter().map(|(key, ..)| key).collect();
    assert_eq!(documented, described);
    let (_directory, config) = load_file(DEFAULT_TOML);
    config.unwrap();
}

#[test]
fn the_generated_files_are_up_to_date() {
    let markdown = include_str!("../../docs/configuration.md");
    assert!(
        reference::default_toml() == DEFAULT_TOML,
        "run `just reference`"
    );
    assert!(reference::markdown() == markdown, "run `just reference`");
}

#[test]
fn a_removed_setting_is_refused_with_what_to_do() {
    let (_directory, config) = load_file("[hashing]\nparallelism = 1\n");
    let variable = load(&[("IDGATE_HASHING__PARALLELISM", "1")]);
    for errors in [refused(config), refused(variable)] {
        assert!(errors[0].contains("Remove it: lanes"), "{errors:?}");
    }
}

#[test]
fn every_setting_is_documented_with_its_default_and_variable() {
    for (key, above, value) in documented() {
        let [why, rest] = above.as_slice() else {
            panic!("{key}: two lines, not {above:?}")
        };
        assert!(
            why.starts_with("# ") && why.ends_with('.') && why.len() > 15,
            "{key}: {why}"
        );
        let variable = format!("IDGATE_{}", key.to_uppercase().replace('.', "__"));
        let config = load(&[(&format!("{variable}_FILE"), "/nowhere")]);
        let hidden = refused(config)[0].contains("cannot be read");
        let file = if hidden {
            format!(" or {variable}_FILE")
        } else {
            String::new()
        };
        assert_eq!(
            *rest,
            format!("# Default: {value}. Environment: {variable}{file}")
        );
    }
}
