//! The configuration.

use std::path::PathBuf;
use std::sync::LazyLock;

use idgate::config::Config;

use crate::utf8;

/// Where a file of settings is put for the time of one reading.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let name = format!("idgate-fuzz-{}.toml", std::process::id());
    std::env::temp_dir().join(name)
});

/// A configuration is read or told what is wrong with it, from a file and from the environment.
pub fn configuration(data: &[u8]) {
    let Some(text) = utf8(data) else { return };
    std::fs::write(&*FILE, text).expect("a file");
    let loaded = Config::load(Some(FILE.clone()), []);
    std::fs::remove_file(&*FILE).expect("the file");
    judge(loaded);
    let variables = text.lines().filter_map(|line| line.split_once('='));
    let variables = variables.map(|(name, value)| {
        let name = name.trim().to_ascii_uppercase().replace('.', "__");
        (
            format!("IDGATE_{name}"),
            value.trim().trim_matches('"').to_owned(),
        )
    });
    judge(Config::load(None, variables));
}

fn judge<E: std::fmt::Display + std::fmt::Debug>(loaded: Result<Config, E>) {
    match loaded {
        Ok(config) => {
            let _ = format!("{config:?}");
            let _ = config.warnings().len();
        }
        Err(errors) => assert!(!errors.to_string().is_empty(), "{errors:?}"),
    }
}
