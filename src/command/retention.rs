//! `idgate retention`: removing data whose time is over, or counting it.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::progress::Progress;
use super::{Failure, say};
use crate::app::App;
use crate::config::Config;
use crate::crypto::random::Random;
use crate::domain::clock::Clock;
use crate::services::operator::retention::{self, Amount, DataKind};

/// Batches between two checks of whether anything is left.
const BATCHES: usize = 10;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only count what would go.
    #[arg(long)]
    dry_run: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments, config: Config) -> Result<ExitCode, Failure> {
    let app = App::open(Arc::new(config), Clock::System, Random::system()).await?;
    let due = retention::due(&app).await?;
    let amounts = if arguments.dry_run {
        due
    } else {
        let removed = remove(&app, &due).await?;
        super::link_events(&app).await;
        removed
    };
    if arguments.json {
        say(&as_json(&app.config, &amounts, arguments.dry_run).to_string());
    } else {
        print_table(&app.config, &amounts, arguments.dry_run);
    }
    Ok(ExitCode::SUCCESS)
}

/// Removes until nothing is left that is due, or another instance removes it.
async fn remove(app: &App, due: &[Amount]) -> Result<Vec<Amount>, Failure> {
    let mut progress = Progress::of(due.iter().map(|amount| amount.rows).sum(), "rows");
    let mut removed = Vec::with_capacity(DataKind::ALL.len());
    for kind in DataKind::ALL {
        let mut rows = 0;
        loop {
            let mut report = |batch| progress.advance(batch);
            match retention::remove(app, kind, BATCHES, &mut report).await? {
                0 => break,
                more => rows += more,
            }
        }
        removed.push(Amount { kind, rows });
    }
    Ok(removed)
}

fn print_table(config: &Config, amounts: &[Amount], dry_run: bool) {
    for Amount { kind, rows } in amounts {
        let kept = kept_for(config, *kind)
            .map(|(setting, value)| format!("kept for {setting} = {value}"))
            .unwrap_or_default();
        let (table, description) = (kind.table(), kind.description());
        let line = format!("{table:<16} {description:<16} {rows:>10}  {kept}");
        say(line.trim_end());
    }
    let total: u64 = amounts.iter().map(|amount| amount.rows).sum();
    let rows = super::counted(total, "row");
    say(&if dry_run {
        format!("{rows} would go. A running gateway removes them by itself.")
    } else {
        format!("{rows} removed.")
    });
}

/// The setting that says how long data is kept, with its value.
fn kept_for(config: &Config, kind: DataKind) -> Option<(&str, &serde_json::Value)> {
    let wanted = kind.setting()?;
    let mut settings = config.describe().iter();
    let found = settings.find(|setting| setting.key == wanted)?;
    Some((&found.key, &found.json))
}

fn as_json(config: &Config, amounts: &[Amount], dry_run: bool) -> serde_json::Value {
    let rows = amounts.iter().map(|Amount { kind, rows }| {
        let kept = kept_for(config, *kind);
        serde_json::json!({
            "table": kind.table(),
            "which": kind.description(),
            "rows": rows,
            "setting": kept.map(|(setting, _)| setting),
            "value": kept.map(|(_, value)| value),
        })
    });
    serde_json::json!({ "dryRun": dry_run, "kinds": rows.collect::<Vec<_>>() })
}
