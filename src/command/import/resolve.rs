//! `idgate import resolve`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{ArgGroup, Args, ValueEnum};
use serde_json::json;

use super::super::{Failure, counted, say};
use super::report::described;
use super::source;
use crate::app::App;
use crate::config::Config;
use crate::crypto::random::Random;
use crate::domain::clock::Clock;
use crate::domain::email::EmailAddress;
use crate::domain::legacy::{Mapping, Reason, SourceTable};
use crate::domain::phone::PhoneNumber;
use crate::services::operator::import::{self, Resolved, Rule};

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RuleName {
    /// Try again as they are.
    Retry,
    /// Leave the rows out for good.
    Discard,
    /// Import without the e-mail address.
    DropEmail,
    /// Import without the phone number.
    DropPhone,
    /// Import without the password; the person sets one by a message.
    DropPassword,
    /// Import with a new public id.
    NewPid,
    /// Accept that values were set aside.
    Accept,
    /// Take the address from an account that was made here and never verified it, for rows whose
    /// address the old system verified.
    TakeAddress,
    /// In conflicts, keep what stands here.
    KeepOurs,
    /// In conflicts, take the legacy values.
    TakeTheirs,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("decision").args(["rule", "email", "phone"])))]
pub(in crate::command) struct Arguments {
    /// Which rows, by their legacy ids; without any, those of --reason. Without a decision they are
    /// listed with their values, which are personal data.
    #[arg(value_name = "LEGACY_ID")]
    ids: Vec<i64>,
    /// Rows quarantined for this reason, or with a value set aside for it (`phone_invalid` or
    /// `phone:phone_invalid`), or `conflict`.
    #[arg(long, conflicts_with = "ids")]
    reason: Option<String>,
    /// All open rows.
    #[arg(long, conflicts_with_all = ["ids", "reason"])]
    all: bool,
    /// The table of the rows: user, profile, membership, email or social.
    #[arg(long, default_value = "user")]
    table: String,
    /// What to do with them.
    #[arg(long, value_enum)]
    rule: Option<RuleName>,
    /// With take-address, for one row: although the old system did not verify the address.
    #[arg(long, requires = "rule")]
    unverified: bool,
    /// Take this e-mail address, for one row.
    #[arg(long)]
    email: Option<String>,
    /// Take this phone number, for one row.
    #[arg(long)]
    phone: Option<String>,
    /// The mapping file of the import.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// As JSON, one row a line.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments, config: Config) -> Result<ExitCode, Failure> {
    let mapping = super::mapping(arguments.mapping.as_deref())?;
    let mut tables = SourceTable::ALL.into_iter();
    let table = tables.find(|table| table.as_str() == arguments.table);
    let table = table.ok_or_else(|| {
        Failure::Usage("--table is user, profile, membership, email or social".to_owned())
    })?;
    check_reason(arguments.reason.as_deref())?;
    let rule = rule(&arguments, &config)?;
    let app = App::open(Arc::new(config), Clock::System, Random::system()).await?;
    let Some(rule) = rule else {
        list(&app, &mapping, table, &arguments).await?;
        return Ok(ExitCode::SUCCESS);
    };
    let keys = if arguments.ids.is_empty() {
        if arguments.reason.is_none() && !arguments.all {
            let message = "name rows by their legacy ids, by --reason, or --all of them";
            return Err(Failure::Usage(message.to_owned()));
        }
        import::open_rows(&app, table, arguments.reason.as_deref()).await?
    } else {
        arguments.ids.clone()
    };
    let resolved = import::resolve(&app, &mapping, table, &keys, &rule)
        .await
        .map_err(source::failure)?;
    super::super::link_events(&app).await;
    conclude(&resolved, arguments.json);
    Ok(if resolved.left.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn check_reason(reason: Option<&str>) -> Result<(), Failure> {
    let Some(reason) = reason else { return Ok(()) };
    let name = reason.split_once(':').map_or(reason, |(_, name)| name);
    if name == "conflict" || name.parse::<Reason>().is_ok() {
        return Ok(());
    }
    let known: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    let known = known.join(", ");
    Err(Failure::Usage(format!(
        "--reason is conflict or one of {known}"
    )))
}

fn rule(arguments: &Arguments, config: &Config) -> Result<Option<Rule>, Failure> {
    let is_own = arguments.email.is_some() || arguments.phone.is_some();
    if is_own && arguments.ids.len() != 1 {
        let message = "an address belongs to one row: name its legacy id";
        return Err(Failure::Usage(message.to_owned()));
    }
    if arguments.unverified
        && (arguments.rule != Some(RuleName::TakeAddress) || arguments.ids.len() != 1)
    {
        let message = "--unverified goes with --rule take-address and one legacy id";
        return Err(Failure::Usage(message.to_owned()));
    }
    if let Some(email) = &arguments.email {
        EmailAddress::parse(email).map_err(|rule| Failure::Usage(format!("--email: {rule}")))?;
        return Ok(Some(Rule::Email(email.clone())));
    }
    if let Some(phone) = &arguments.phone {
        PhoneNumber::parse(phone, config.phone.region())
            .map_err(|rule| Failure::Usage(format!("--phone: {rule}")))?;
        return Ok(Some(Rule::Phone(phone.clone())));
    }
    Ok(arguments.rule.map(|rule| match rule {
        RuleName::Retry => Rule::Retry,
        RuleName::Discard => Rule::Discard,
        RuleName::DropEmail => Rule::DropEmail,
        RuleName::DropPhone => Rule::DropPhone,
        RuleName::DropPassword => Rule::DropPassword,
        RuleName::NewPid => Rule::NewPid,
        RuleName::Accept => Rule::Accept,
        RuleName::TakeAddress => Rule::TakeAddress {
            unverified: arguments.unverified,
        },
        RuleName::KeepOurs => Rule::KeepOurs,
        RuleName::TakeTheirs => Rule::TakeTheirs,
    }))
}

async fn list(
    app: &App,
    mapping: &Mapping,
    table: SourceTable,
    arguments: &Arguments,
) -> Result<(), Failure> {
    let (mut after, mut found) = (None, 0);
    loop {
        let reason = arguments.reason.as_deref();
        let (rows, last) = import::list_open(app, mapping, table, reason, after).await?;
        for row in rows {
            if !arguments.ids.is_empty() && !arguments.ids.contains(&row.legacy_id) {
                continue;
            }
            found += 1;
            if arguments.json {
                say(&json!({
                    "table": row.table.as_str(), "legacyId": row.legacy_id,
                    "reason": row.reason.map(Reason::as_str), "setAside": row.set_aside,
                    "conflicts": row.conflicts, "row": row.row,
                })
                .to_string());
                continue;
            }
            let state = row.reason.map_or("imported", Reason::as_str);
            let values = row.set_aside.split(',').filter(|value| !value.is_empty());
            let mut notes: Vec<String> = values.map(described).collect();
            if !row.conflicts.is_empty() {
                notes.push(format!("in conflict: {}", row.conflicts));
            }
            say(&format!(
                "{:>10}  {state:<20} {}",
                row.legacy_id,
                notes.join(" ")
            ));
            say(&format!("            {}", row.row));
        }
        if last.is_none() {
            break;
        }
        after = last;
    }
    if found == 0 && !arguments.json {
        say("Nothing is open.");
    }
    Ok(())
}

fn conclude(resolved: &Resolved, json: bool) {
    if json {
        let left = resolved
            .left
            .iter()
            .map(|(id, reason)| json!({ "legacyId": id, "reason": reason.as_str() }));
        say(&json!({
            "imported": resolved.imported, "discarded": resolved.discarded,
            "left": left.collect::<Vec<_>>(),
        })
        .to_string());
        return;
    }
    let imported = counted(resolved.imported, "row");
    let discarded = counted(resolved.discarded, "row");
    say(&format!("{imported} settled, {discarded} left out."));
    for (id, reason) in &resolved.left {
        say(&format!(
            "{id:>10}  {:<20} {}",
            reason.as_str(),
            reason.description()
        ));
    }
}
