//! Checking that the audit log is as idgate wrote it: every event, every link, in order.
//!
//! Reads one state of the database in batches, so that what happens meanwhile does not confuse it
//! and memory stays the same however long the log is. What a restored or rewritten log cannot hide
//! from is an anchor, a place in the chain that is kept somewhere else (`audit_anchor`).

use std::iter::Peekable;
use std::vec::IntoIter;

use crate::app::App;
use crate::domain::ids::AuditEventId;
use crate::fault::Fault;
use crate::services::audit::{Author, Proof};
use crate::services::operator::audit_anchor::Anchor;
pub use crate::services::operator::audit_flaw::{Broken, Flaw};
use crate::services::operator::audit_seal::hex;
use crate::stores::Tx;
use crate::stores::audit_chain::{self, Checkpoint, Head};
use crate::stores::audit_link::{self, Link, Written};

/// Rows read at a time.
const AT_ONCE: u64 = 1_000;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Events that were read, linked or not.
    pub events: u64,
    /// Links that hold.
    pub links: u64,
    /// Events at the end that wait for their link: their removal would not show yet.
    pub unsealed: u64,
    /// Checkpoints that hold.
    pub checkpoints: u64,
    /// Through which position retention has removed.
    pub removed_through: i64,
    /// Position of the last link.
    pub position: i64,
    /// Hash of the last link, in hexadecimal.
    pub hash: String,
    /// Anchors that the chain contains.
    pub anchors: u64,
    /// Anchors of what retention has removed, which say nothing any more.
    pub outlived: Vec<Anchor>,
    /// The first thing that does not hold.
    pub broken: Option<Broken>,
}

/// Why the reading stopped.
enum Stop {
    Broken(Broken),
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for Stop {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

fn broken(flaw: Flaw, position: Option<i64>, event: Option<AuditEventId>) -> Stop {
    Stop::Broken(Broken {
        flaw,
        position,
        event,
    })
}

/// `Ok` if idgate wrote it; otherwise the flaw, or that the key is missing.
fn expect(
    author: Author,
    flaw: Flaw,
    position: Option<i64>,
    event: Option<AuditEventId>,
) -> Result<(), Stop> {
    match author {
        Author::Idgate => Ok(()),
        Author::Another => Err(broken(flaw, position, event)),
        Author::Unknown => Err(broken(Flaw::UnknownKey, position, event)),
    }
}

/// Reads the whole log and looks for the anchors in it; `progress` hears after each batch how many
/// links of how many were read.
pub async fn verify(
    app: &App,
    mut anchors: Vec<Anchor>,
    progress: impl FnMut(i64, i64) + Send,
) -> Result<Report, Fault> {
    anchors.sort();
    let tx = app.database.snapshot().await?;
    let mut reading = Reading {
        tx,
        proof: Proof(app),
        anchors: anchors.into_iter().peekable(),
        report: Report::default(),
        progress,
    };
    match reading.all().await {
        Ok(()) => {}
        Err(Stop::Broken(broken)) => reading.report.broken = Some(broken),
        Err(Stop::Fault(fault)) => return Err(fault),
    }
    Ok(reading.report)
}

struct Reading<'a, P> {
    tx: Tx,
    proof: Proof<'a>,
    /// Those ahead, the first position first.
    anchors: Peekable<IntoIter<Anchor>>,
    report: Report,
    progress: P,
}

impl<P: FnMut(i64, i64) + Send> Reading<'_, P> {
    async fn all(&mut self) -> Result<(), Stop> {
        let found = audit_chain::find_within(&self.tx).await?;
        let (head, mac) = found.ok_or_else(|| broken(Flaw::End, None, None))?;
        expect(self.proof.head(&head, &mac), Flaw::End, None, None)?;
        self.report.position = head.position;
        self.report.hash = hex(&head.hash);
        self.report.removed_through = head.removed_through;
        let checkpoints = self.checkpoints(&head).await?;
        self.chain(&head, checkpoints).await?;
        self.tail().await
    }

    /// Checkpoints come in the order of their days, and none is beyond the end.
    async fn checkpoints(&mut self, head: &Head) -> Result<Vec<Checkpoint>, Stop> {
        let mut known: Vec<Checkpoint> = Vec::new();
        for (checkpoint, mac) in audit_chain::checkpoints(&self.tx).await? {
            let at = Some(checkpoint.position);
            let author = self.proof.checkpoint(&checkpoint, &mac);
            expect(author, Flaw::Checkpoint, at, None)?;
            let before = known.last().map_or(0, |before| before.position);
            if checkpoint.position < before || checkpoint.position > head.position {
                return Err(broken(Flaw::Checkpoint, at, None));
            }
            self.report.checkpoints += 1;
            known.push(checkpoint);
        }
        Ok(known)
    }

    async fn chain(&mut self, head: &Head, checkpoints: Vec<Checkpoint>) -> Result<(), Stop> {
        let floor = head.removed_through;
        // What retention removed ends at a checkpoint, whose hash the first link left is tied to.
        let start = checkpoints.iter().find(|it| it.position == floor);
        let mut hash = match start {
            Some(checkpoint) => checkpoint.hash.clone(),
            None if floor == 0 => Vec::new(),
            None => return Err(broken(Flaw::Checkpoint, Some(floor), None)),
        };
        self.outlived_anchors(floor, &checkpoints)?;
        self.anchors_at(floor, &hash)?;
        let mut ahead = checkpoints
            .into_iter()
            .filter(|checkpoint| checkpoint.position > floor)
            .peekable();
        let mut position = floor;
        loop {
            let batch = audit_link::after(&self.tx, position, AT_ONCE).await?;
            if batch.is_empty() {
                break;
            }
            for (link, event) in batch {
                position += 1;
                self.link(head, position, &hash, &link, event)?;
                while let Some(day) = ahead.next_if(|it| it.position == position) {
                    if day.hash != link.hash {
                        return Err(broken(Flaw::Checkpoint, Some(position), None));
                    }
                }
                hash = link.hash;
                self.anchors_at(position, &hash)?;
            }
            (self.progress)(position - floor, head.position - floor);
        }
        if position < head.position {
            return Err(broken(Flaw::LinkRemoved, Some(position + 1), None));
        }
        if hash != head.hash {
            return Err(broken(Flaw::End, Some(position), None));
        }
        match self.anchors.peek() {
            Some(anchor) => Err(broken(Flaw::EndsBeforeAnchor, Some(anchor.position), None)),
            None => Ok(()),
        }
    }

    /// Anchors before what is kept: of that only checkpoints are left to compare them with.
    fn outlived_anchors(&mut self, floor: i64, checkpoints: &[Checkpoint]) -> Result<(), Stop> {
        while let Some(position) = self.anchors.peek().map(|anchor| anchor.position) {
            if position >= floor {
                break;
            }
            match checkpoints.iter().find(|it| it.position == position) {
                Some(checkpoint) => self.anchors_at(position, &checkpoint.hash)?,
                None => self.report.outlived.extend(self.anchors.next()),
            }
        }
        Ok(())
    }

    fn anchors_at(&mut self, position: i64, hash: &[u8]) -> Result<(), Stop> {
        while let Some(anchor) = self.anchors.next_if(|it| it.position == position) {
            if anchor.hash != hash {
                return Err(broken(Flaw::AnchorDiffers, Some(position), None));
            }
            self.report.anchors += 1;
        }
        Ok(())
    }

    /// One link with its event, which should be at this position after this hash.
    fn link(
        &mut self,
        head: &Head,
        position: i64,
        before: &[u8],
        link: &Link,
        event: Option<Written>,
    ) -> Result<(), Stop> {
        if link.position > head.position && position == head.position + 1 {
            return Err(broken(
                Flaw::Inserted,
                Some(link.position),
                Some(link.event),
            ));
        }
        if link.position != position {
            return Err(broken(Flaw::LinkRemoved, Some(position), None));
        }
        let (at, id) = (Some(position), Some(link.event));
        let Some((event, mac)) = event else {
            return Err(broken(Flaw::Removed, at, id));
        };
        expect(self.proof.event(&event, &mac), Flaw::Changed, at, id)?;
        let author = self.proof.link(before, link, &mac);
        expect(author, Flaw::LinkChanged, at, id)?;
        self.report.events += 1;
        self.report.links += 1;
        Ok(())
    }

    /// The events without a link: each is idgate's, and waits.
    async fn tail(&mut self) -> Result<(), Stop> {
        if let Some(gone) = audit_link::waiting_in_vain(&self.tx, AT_ONCE).await? {
            return Err(broken(Flaw::Removed, None, Some(gone)));
        }
        let mut last = None;
        loop {
            let batch = audit_link::unlinked_after(&self.tx, last, AT_ONCE).await?;
            for ((event, mac), waits) in batch.events {
                let id = Some(event.id);
                expect(self.proof.event(&event, &mac), Flaw::Changed, None, id)?;
                if !waits {
                    return Err(broken(Flaw::Inserted, None, id));
                }
                self.report.events += 1;
                self.report.unsealed += 1;
            }
            last = batch.next;
            if last.is_none() {
                return Ok(());
            }
        }
    }
}
