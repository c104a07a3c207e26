//! The report as a page that needs no other file.

use std::fmt::Write as _;

use super::report::{Details, described};
use crate::domain::html::escaped as escape;
use crate::domain::legacy::{Reason, SourceTable};
use crate::services::operator::import::Report;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;\
    padding:0 1rem;color:#1c2430;background:#fff}table{border-collapse:collapse;width:100%;\
    margin:.5rem 0 2rem}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d8dee6;\
    vertical-align:top;overflow-wrap:anywhere}td.n,th.n{text-align:right;white-space:nowrap}\
    .good{color:#11643a}.bad{color:#a3201d}@media(prefers-color-scheme:dark){body{color:#e6eaf0;\
    background:#14181e}th,td{border-color:#333c48}.good{color:#6fcf97}.bad{color:#ff8a80}}";

pub(super) fn page(report: &Report, details: &Details) -> String {
    let mut page = String::new();
    let what = if report.dry_run {
        "Rehearsal of the import"
    } else {
        "Import"
    };
    let (class, verdict) = if report.interrupted {
        ("bad", "The import was stopped before the end.")
    } else if report.adds_up() {
        ("good", "Every row of the source is accounted for.")
    } else {
        ("bad", "The counts differ from the source's.")
    };
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{what}</title>\
         <style>{STYLE}</style></head><body><h1>{what}</h1><p>{} – from {} to {}</p>\
         <p class=\"{class}\"><strong>{verdict}</strong></p>",
        escape(&report.source),
        report.started_at.format("%Y-%m-%d %H:%M:%S UTC"),
        report.finished_at.format("%Y-%m-%d %H:%M:%S UTC"),
    );
    tables(&mut page, report);
    reasons(&mut page, report);
    conflicts(&mut page, details);
    rows(&mut page, details);
    page.push_str("</body></html>\n");
    page
}

fn tables(page: &mut String, report: &Report) {
    page.push_str(
        "<h2>Rows</h2><table><tr><th>Table<th class=n>Source<th class=n>Imported\
         <th class=n>Quarantined<th class=n>Discarded<th class=n>Erased</tr>",
    );
    for table in SourceTable::ALL {
        let row = report.counts.table(table);
        let _ = write!(page, "<tr><td>{}", table.as_str());
        for number in [
            row.source,
            row.imported,
            row.quarantined,
            row.discarded,
            row.erased,
        ] {
            let _ = write!(page, "<td class=n>{number}");
        }
        page.push_str("</tr>");
    }
    let counts = &report.counts;
    let _ = write!(
        page,
        "</table><p>{} new accounts, {} updated, {} unchanged; {} with conflicts; {} gone at the \
         source.</p>",
        counts.created, counts.updated, counts.unchanged, counts.conflicts, counts.gone
    );
}

fn reasons(page: &mut String, report: &Report) {
    if !report.counts.reasons.is_empty() {
        page.push_str("<h2>Quarantined rows</h2><table><tr><th class=n>Rows<th>Reason<th></tr>");
        for (reason, rows) in &report.counts.reasons {
            let words = reason.parse::<Reason>().map_or("", Reason::description);
            let _ = write!(
                page,
                "<tr><td class=n>{rows}<td><code>{}</code><td>{words}</tr>",
                escape(reason)
            );
        }
        page.push_str("</table>");
    }
    if !report.counts.set_aside.is_empty() {
        page.push_str("<h2>Values set aside</h2><table><tr><th class=n>Rows<th>Value</tr>");
        for (value, rows) in &report.counts.set_aside {
            let _ = write!(
                page,
                "<tr><td class=n>{rows}<td>{}</tr>",
                escape(&described(value))
            );
        }
        page.push_str("</table>");
    }
}

fn conflicts(page: &mut String, details: &Details) {
    if details.conflicts.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Conflicts</h2><p>Changed both here and there since the last import; nothing was \
         written.</p><table><tr><th class=n>Legacy id<th>Field<th>There<th>Here</tr>",
    );
    for conflict in &details.conflicts {
        let _ = write!(
            page,
            "<tr><td class=n>{}<td>{}<td>{}<td>{}</tr>",
            conflict.legacy_id,
            escape(&conflict.field),
            escape(&conflict.theirs),
            escape(&conflict.ours)
        );
    }
    page.push_str("</table>");
    if details.more_conflicts > 0 {
        let _ = write!(page, "<p>And {} more.</p>", details.more_conflicts);
    }
}

fn rows(page: &mut String, details: &Details) {
    if !details.quarantined.is_empty() {
        page.push_str(
            "<h2>Rows one by one</h2><table><tr><th>Table<th class=n>Legacy id<th>Outcome\
             <th>Values</tr>",
        );
        for row in &details.quarantined {
            let outcome = row.reason.map_or("imported", Reason::as_str);
            let values = row.set_aside.split(',').filter(|value| !value.is_empty());
            let values: Vec<String> = values.map(|value| escape(&described(value))).collect();
            let _ = write!(
                page,
                "<tr><td>{}<td class=n>{}<td><code>{outcome}</code><td>{}</tr>",
                row.table.as_str(),
                row.legacy_id,
                values.join("<br>")
            );
        }
        page.push_str("</table>");
    }
    if !details.gone.is_empty() {
        let gone = details.gone.iter();
        let gone = gone.map(|(table, id)| format!("{} {id}", table.as_str()));
        let gone: Vec<String> = gone.collect();
        let _ = write!(
            page,
            "<h2>Gone at the source</h2><p>{}</p>",
            gone.join(", ")
        );
    }
}
