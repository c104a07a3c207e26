//! The hand-over file of the finance module: what each wallet of the legacy system holds.
//!
//! Balances go into no account. Every row of the source that has one is in the file, quarantined rows
//! without a user id.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::{Import, ImportProblem};
use crate::domain::legacy::{Field, LegacyRow};
use crate::fault::Fault;
use crate::stores::legacy::LegacySource;
use crate::stores::user;

/// Writes the file, complete or not at all; returns where it is, and for how many wallets.
pub(super) async fn write(
    import: &Import<'_>,
    source: &mut LegacySource,
) -> Result<Option<(PathBuf, u64)>, ImportProblem> {
    let columns = import.mapping.fields.get(&Field::WalletBalance);
    if columns.is_none_or(Vec::is_empty) {
        return Ok(None);
    }
    let place = &import.options.wallets;
    let partial = place.with_extension("partial");
    let mut file = BufWriter::new(create(&partial)?);
    let written = rows(import, source, &mut file).await?;
    let io = |error: std::io::Error| Fault::from(error);
    file.flush().map_err(io)?;
    file.get_ref().sync_all().map_err(io)?;
    fs::rename(&partial, place).map_err(io)?;
    Ok(Some((place.clone(), written)))
}

fn create(partial: &Path) -> Result<File, Fault> {
    if let Some(parent) = partial.parent() {
        fs::create_dir_all(parent)?;
    }
    // One that a killed run left may have other permissions.
    let _ = fs::remove_file(partial);
    let mut options = OpenOptions::new();
    Ok(options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(partial)?)
}

async fn rows(
    import: &Import<'_>,
    source: &mut LegacySource,
    file: &mut BufWriter<File>,
) -> Result<u64, ImportProblem> {
    let io = |error: std::io::Error| Fault::from(error);
    writeln!(file, "legacy_id,user_id,pid,balance").map_err(io)?;
    let (mut written, mut after) = (0, None);
    loop {
        let rows = source.users(after, import.options.batch).await?;
        let Some(last) = rows.last().map(|row| row.id) else {
            return Ok(written);
        };
        after = Some(last);
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let tx = import.app.database.snapshot().await?;
        let none = || Vec::new();
        let holders = user::holders(&tx, none(), none(), none(), ids).await?;
        let accounts: BTreeMap<i64, user::Holder> = holders
            .into_iter()
            .filter_map(|holder| Some((holder.legacy_id?, holder)))
            .collect();
        for row in rows {
            let Some(balance) = balance(import, &row) else {
                continue;
            };
            let account = accounts.get(&row.id);
            let user = account.map(|account| account.id.to_string());
            let pid = account.map(|account| account.pid.as_str());
            writeln!(
                file,
                "{},{},{},{}",
                row.id,
                user.unwrap_or_default(),
                quoted(pid.unwrap_or_default()),
                quoted(balance)
            )
            .map_err(io)?;
            written += 1;
        }
    }
}

/// The balance as the source has it.
fn balance<'a>(import: &Import<'_>, row: &'a LegacyRow) -> Option<&'a str> {
    let columns = import.mapping.fields.get(&Field::WalletBalance)?;
    let mut cells = columns
        .iter()
        .filter_map(|column| row.cell(column.is_profile, &column.name).text());
    cells.find(|text| !text.is_empty())
}

/// A value of CSV (RFC 4180 §2). An apostrophe goes before what a spreadsheet would take for a formula,
/// unless it is a number.
fn quoted(text: &str) -> String {
    let is_number = text.parse::<f64>().is_ok_and(f64::is_finite);
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number {
        return format!("\"'{}\"", text.replace('"', "\"\""));
    }
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn no_value_is_a_formula() {
        for (text, expected) in [
            ("PID1", "PID1"),
            ("12.50", "12.50"),
            ("-12.50", "-12.50"),
            ("a,\"b\"", "\"a,\"\"b\"\"\""),
            ("=HYPERLINK(1)", "\"'=HYPERLINK(1)\""),
            ("+1;cmd", "\"'+1;cmd\""),
            ("-2+3", "\"'-2+3\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("=\"\"", "\"'=\"\"\"\"\""),
            ("\tx", "\"'\tx\""),
            ("\rx", "\"'\rx\""),
        ] {
            assert_eq!(quoted(text), expected, "{text}");
        }
    }
}
