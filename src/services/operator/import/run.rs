//! A run: the source in batches, then what is left at the end.

use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest as _, Sha256};

use super::batch::{self, Applied};
use super::counts::Counts;
use super::lock::Lock;
use super::step::{self, Item, Step};
use super::{Import, ImportEvent, ImportProblem, Options, Report, orphans, wallets};
use crate::app::App;
use crate::domain::legacy::{Mapping, SourceTable};
use crate::fault::Fault;
use crate::services::audit::{self, Action, Event, Subject};
use crate::stores::import_run::{self, ImportRun, RunState};
use crate::stores::legacy::LegacySource;
use crate::stores::{Tx, import_seen};

/// Attempts at a row that others make changes to at the same moment.
const ATTEMPTS: usize = 5;

/// Receives what an import tells.
pub(super) type Listener<'a> = &'a mut (dyn FnMut(ImportEvent) + Send);

/// Imports everything. `stop` ends it after the batch that is being written.
///
/// # Errors
///
/// Another import runs, the source cannot be read, or an unexpected failure.
pub async fn run(
    app: &App,
    source: &mut LegacySource,
    mapping: &Mapping,
    options: &Options,
    stop: &AtomicBool,
    listener: &mut (dyn FnMut(ImportEvent) + Send),
) -> Result<Report, ImportProblem> {
    let import = Import::new(app, mapping, options);
    if options.dry_run {
        return rehearse(&import, source, stop, listener).await;
    }
    let lock = Lock::take(app)
        .await?
        .ok_or(ImportProblem::AlreadyRunning)?;
    let report = Box::pin(import_all(&import, source, &lock, stop, listener)).await;
    lock.release().await?;
    report
}

/// The import, under its lock.
async fn import_all(
    import: &Import<'_>,
    source: &mut LegacySource,
    lock: &Lock,
    stop: &AtomicBool,
    listener: Listener<'_>,
) -> Result<Report, ImportProblem> {
    let total = source.count(SourceTable::User).await?;
    let (mut run, resumed) = begin(import, source, total).await?;
    let mut counts: Counts = serde_json::from_str(&run.counts).map_err(Fault::from)?;
    let done = counts.table(SourceTable::User).accounted();
    listener(ImportEvent::Started {
        total,
        done,
        resumed,
    });
    let mut may_restart = resumed;
    loop {
        let mut pass = Pass {
            import,
            lock,
            run: &mut run,
            counts: &mut counts,
        };
        if !pass.users(source, stop, listener).await? {
            return Ok(interrupted(import, run, counts).await?);
        }
        let mut all = counts.clone();
        let rest = orphans::apply(import, None, source, listener).await?;
        all.merge(&rest);
        for table in SourceTable::ALL {
            all.set_source(table, source.count(table).await?);
        }
        if may_restart && !all.add_up() {
            // Rows before the position came or went while nothing was read.
            may_restart = false;
            (run.position, counts) = (None, Counts::default());
            listener(ImportEvent::Restarted);
            continue;
        }
        counts = all;
        break;
    }
    let wallets = wallets::write(import, source).await?;
    finish(import, lock, &mut run, &counts).await?;
    Ok(Report {
        source: run.source,
        started_at: run.started_at,
        finished_at: import.app.clock.now(),
        dry_run: false,
        interrupted: false,
        counts,
        wallets,
    })
}

/// Begins a run, or continues one that was interrupted.
async fn begin(
    import: &Import<'_>,
    source: &LegacySource,
    total: u64,
) -> Result<(ImportRun, bool), Fault> {
    let (app, now) = (import.app, import.now);
    let mapping = Sha256::digest(format!("{:?}", import.mapping)).to_vec();
    let tx = app.begin().await?;
    import_run::interrupt_orphaned(&tx, now).await?;
    let source_rows = i64::try_from(total)?;
    let name = source.fingerprint();
    if import.options.resume
        && let Some(run) = import_run::find_interrupted(&tx, name, &mapping).await?
    {
        import_run::resume(&tx, run.id, now).await?;
        tx.commit().await?;
        return Ok((ImportRun { source_rows, ..run }, true));
    }
    let run = ImportRun {
        id: app.random.uuid_v7(now),
        source: name.to_owned(),
        mapping,
        started_at: now,
        position: None,
        source_rows,
        counts: serde_json::to_string(&Counts::default())?,
    };
    import_run::insert(&tx, &run).await?;
    tx.commit().await?;
    Ok((run, false))
}

/// One reading of the source, from the run's position on.
struct Pass<'a> {
    import: &'a Import<'a>,
    lock: &'a Lock,
    run: &'a mut ImportRun,
    counts: &'a mut Counts,
}

impl Pass<'_> {
    /// Reads and applies every user; `false` if it was stopped. A step is read while the one before is
    /// written.
    async fn users(
        &mut self,
        source: &mut LegacySource,
        stop: &AtomicBool,
        listener: Listener<'_>,
    ) -> Result<bool, ImportProblem> {
        let import = self.import;
        let mut next = step::next(import, None, source, self.run.position).await?;
        while let Some(step) = next {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            self.lock.check().await?;
            let writing = self.apply(&step, listener);
            let reading = step::next(import, None, source, Some(step.last));
            let (written, read) = tokio::join!(writing, reading);
            written?;
            next = read?;
            let done = self.counts.table(SourceTable::User).accounted();
            listener(ImportEvent::Progress { done });
        }
        Ok(true)
    }

    /// Applies a step in one transaction, or each row in its own if another process makes accounts with
    /// the same addresses at the same moment.
    async fn apply(&mut self, step: &Step, listener: Listener<'_>) -> Result<(), Fault> {
        if self.attempt(&step.items, step.last, listener).await? {
            return Ok(());
        }
        for item in &step.items {
            let mut attempts = 0;
            while !(self.attempt(std::slice::from_ref(item), item.key(), listener)).await? {
                attempts += 1;
                if attempts == ATTEMPTS {
                    self.refuse(item, listener).await?;
                    break;
                }
            }
        }
        if self.run.position < Some(step.last) {
            self.attempt(&[], step.last, listener).await?;
        }
        Ok(())
    }

    /// Quarantines a row that the database refuses for a reason that nothing here knows.
    async fn refuse(&mut self, item: &Item, listener: Listener<'_>) -> Result<(), Fault> {
        let import = self.import.refusing();
        let mut pass = Pass {
            import: &import,
            lock: self.lock,
            run: self.run,
            counts: self.counts,
        };
        let id = item.key();
        if (pass.attempt(std::slice::from_ref(item), id, listener)).await? {
            return Ok(());
        }
        Err(Fault::new(format!(
            "the database refuses the record of row {id}"
        )))
    }

    /// Applies rows up to this key in one transaction; `false` if one of them met a unique index.
    async fn attempt(
        &mut self,
        items: &[Item],
        last: i64,
        listener: Listener<'_>,
    ) -> Result<bool, Fault> {
        let tx = self.import.app.begin().await?;
        let Some(applied) = batch::apply(&tx, self.import, items).await? else {
            return Ok(false);
        };
        let mut counts = self.counts.clone();
        counts.merge(&applied.counts);
        let mut run = self.run.clone();
        run.position = Some(last);
        run.counts = serde_json::to_string(&counts)?;
        if !import_run::advance(&tx, &run, self.import.app.clock.now()).await? {
            return Err(Fault::new("another import has taken over"));
        }
        tx.commit().await?;
        (*self.run, *self.counts) = (run, counts);
        tell(applied, listener);
        Ok(true)
    }
}

pub(super) fn tell(applied: Applied, listener: Listener<'_>) {
    applied.events.into_iter().for_each(listener);
}

async fn interrupted(import: &Import<'_>, run: ImportRun, counts: Counts) -> Result<Report, Fault> {
    let tx = import.app.begin().await?;
    let now = import.app.clock.now();
    import_run::end(&tx, run.id, RunState::Interrupted, now).await?;
    tx.commit().await?;
    Ok(Report {
        source: run.source,
        started_at: run.started_at,
        finished_at: now,
        dry_run: false,
        interrupted: true,
        counts,
        wallets: None,
    })
}

/// Ends the run and records it.
async fn finish(
    import: &Import<'_>,
    lock: &Lock,
    run: &mut ImportRun,
    counts: &Counts,
) -> Result<(), Fault> {
    lock.check().await?;
    let now = import.app.clock.now();
    run.counts = serde_json::to_string(counts)?;
    let tx: Tx = import.app.begin().await?;
    if !import_run::advance(&tx, run, now).await? {
        return Err(Fault::new("another import has taken over"));
    }
    let state = if counts.add_up() {
        RunState::Finished
    } else {
        RunState::Differing
    };
    import_run::end(&tx, run.id, state, now).await?;
    let changes = serde_json::json!({
        "source": run.source,
        "created": counts.created,
        "updated": counts.updated,
        "conflicts": counts.conflicts,
        "quarantined": counts.table(SourceTable::User).quarantined,
    });
    let event = Event::new(Action::ImportFinished, Subject::System).with(changes);
    audit::record(&tx, import.app, &import.client, event).await?;
    tx.commit().await
}

/// Does everything but writing, in a snapshot of the accounts.
async fn rehearse(
    import: &Import<'_>,
    source: &mut LegacySource,
    stop: &AtomicBool,
    listener: Listener<'_>,
) -> Result<Report, ImportProblem> {
    let total = source.count(SourceTable::User).await?;
    listener(ImportEvent::Started {
        total,
        done: 0,
        resumed: false,
    });
    let tx = import.app.database.snapshot().await?;
    import_seen::create(&tx).await?;
    let (mut counts, mut position, mut interrupted) = (Counts::default(), None, false);
    while let Some(step) = step::next(import, Some(&tx), source, position).await? {
        if stop.load(Ordering::Relaxed) {
            interrupted = true;
            break;
        }
        let applied = batch::apply(&tx, import, &step.items).await?;
        let applied = applied.ok_or_else(|| Fault::new("a rehearsal met a unique index"))?;
        position = Some(step.last);
        counts.merge(&applied.counts);
        tell(applied, listener);
        let done = counts.table(SourceTable::User).accounted();
        listener(ImportEvent::Progress { done });
    }
    if !interrupted {
        let rest = orphans::apply(import, Some(&tx), source, listener).await?;
        counts.merge(&rest);
        for table in SourceTable::ALL {
            counts.set_source(table, source.count(table).await?);
        }
    }
    Ok(Report {
        source: source.fingerprint().to_owned(),
        started_at: import.now,
        finished_at: import.app.clock.now(),
        dry_run: true,
        interrupted,
        counts,
        wallets: None,
    })
}
