//! How a section is declared: each setting once, with its documentation, type, default and range.
//!
//! [`section!`] makes the struct that the rest of idgate reads, and the [`Declaration`]s from which
//! messages, `config/default.toml` and `docs/configuration.md` are made.

use super::declaration::Declaration;
use super::diagnostics::Diagnostics;
use super::read::Reader;

/// What [`section!`] implements.
pub(super) trait Section: Sized {
    /// Adds the declarations of the section.
    fn declare(declarations: &mut Vec<Declaration>);

    /// Reads the section; `None` when a default cannot be read either.
    fn read(reader: &mut Reader<'_>) -> Option<Self>;

    /// Refuses numbers that are out of the declared range.
    fn check_ranges(&self, diagnostics: &mut Diagnostics<'_>);
}

/// What a section refuses beyond types and ranges.
pub(super) trait Check {
    fn check(&self, _diagnostics: &mut Diagnostics<'_>) {}
}

/// Declares a section: a struct with one field for each setting.
///
/// After the default may follow, in this order: another name in the environment (`alias`, or
/// `overridden_by` when it wins over all), what a blank default becomes in `development` and
/// `production`, the range `in` which a number has to be, and the reader `with` which the value is
/// read instead of the one of its type.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $access:vis struct $Section:ident($section:literal) {
            $(
                $(#[doc = $doc:literal])+
                $visibility:vis $name:ident: $type:ty = $default:expr
                    $(, alias $alias:literal)?
                    $(, overridden_by $override:literal)?
                    $(, development $development:expr, production $production:expr)?
                    $(, in $range:expr)?
                    $(, with $read:path)?;
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug)]
        $access struct $Section {
            $($(#[doc = $doc])+ $visibility $name: $type,)+
        }

        impl $crate::config::section::Section for $Section {
            fn declare(declarations: &mut Vec<$crate::config::declaration::Declaration>) {
                use $crate::config::{declaration, section};
                $(declarations.push(declaration::Declaration {
                    key: declaration::key($section, stringify!($name)),
                    purpose: declaration::joined(&[$($doc),+]),
                    default: toml::Value::from($default),
                    by_environment: section::optional!($(
                        [toml::Value::from($development), toml::Value::from($production)]
                    )?),
                    alias: section::optional!(
                        $(declaration::Alias { name: $alias, wins: false })?
                        $(declaration::Alias { name: $override, wins: true })?
                    ),
                    range: section::optional!($(declaration::range(&$range))?),
                    is_secret: <$type as $crate::config::read::Read>::SECRET,
                });)+
            }

            fn read(reader: &mut $crate::config::read::Reader<'_>) -> Option<Self> {
                use $crate::config::{declaration::key, section::reader_of};
                $(let $name = reader.read(&key($section, stringify!($name)), reader_of!($type $(, $read)?));)+
                Some(Self { $($name: $name?,)+ })
            }

            fn check_ranges(&self, diagnostics: &mut $crate::config::diagnostics::Diagnostics<'_>) {
                // Sections without ranges leave it unused.
                let _ = &diagnostics;
                $($(
                    let key = $crate::config::declaration::key($section, stringify!($name));
                    diagnostics.within(&key, self.$name, $range);
                )?)+
            }
        }
    };
}

macro_rules! optional {
    () => {
        None
    };
    ($value:expr) => {
        Some($value)
    };
}

macro_rules! reader_of {
    ($type:ty) => {
        <$type as $crate::config::read::Read>::read
    };
    ($type:ty, $read:path) => {
        $read
    };
}

pub(super) use {optional, reader_of, section};
