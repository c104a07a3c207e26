//! Verifying the audit log: the MAC of every event and every link, in order.
//!
//! Reads one snapshot in batches, so that concurrent writes do not matter and memory use is
//! constant. A restored or rewritten log shows only against an anchor that is kept elsewhere
//! (`audit_anchor`).

use std::iter::Peekable;
use std::vec::IntoIter;

use crate::app::App;
use crate::domain::ids::AuditEventId;
use crate::fault::Fault;
use crate::services::audit::{AuditMac, MacCheck};
use crate::services::operator::audit_anchor::Anchor;
pub use crate::services::operator::audit_integrity::{Finding, IntegrityError};
use crate::stores::Tx;
use crate::stores::audit_chain::{self, Checkpoint, Head};
use crate::stores::audit_link::{self, EventWithMac, Link};

/// Rows read at a time.
const BATCH_SIZE: u64 = 1_000;

/// The result of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Events that were read, linked or not.
    pub events: u64,
    /// Valid links.
    pub links: u64,
    /// Events that are not linked yet: their removal would not be noticed.
    pub unlinked: u64,
    /// Valid checkpoints.
    pub checkpoints: u64,
    /// The position through which retention has removed links.
    pub removed_through: i64,
    /// Position of the last link.
    pub position: i64,
    /// Hash of the last link, in hexadecimal.
    pub hash: String,
    /// Anchors that the chain contains.
    pub anchors: u64,
    /// Anchors below what retention has removed, which can no longer be compared.
    pub expired_anchors: Vec<Anchor>,
    /// The first row that fails verification.
    pub finding: Option<Finding>,
}

/// Why the verification stopped.
enum Stop {
    Finding(Finding),
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for Stop {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

fn found(error: IntegrityError, position: Option<i64>, event: Option<AuditEventId>) -> Stop {
    Stop::Finding(Finding {
        error,
        position,
        event,
    })
}

/// `Ok` if the MAC is valid; otherwise `error`, or that the key is unknown.
fn expect_valid(
    checked: MacCheck,
    error: IntegrityError,
    position: Option<i64>,
    event: Option<AuditEventId>,
) -> Result<(), Stop> {
    match checked {
        MacCheck::Valid => Ok(()),
        MacCheck::Invalid => Err(found(error, position, event)),
        MacCheck::UnknownKey => Err(found(IntegrityError::UnknownKey, position, event)),
    }
}

/// Verifies the whole log and compares the anchors; `progress` is called after each batch with the
/// number of links read and the total.
pub async fn verify(
    app: &App,
    mut anchors: Vec<Anchor>,
    progress: impl FnMut(i64, i64) + Send,
) -> Result<Report, Fault> {
    anchors.sort();
    let tx = app.database.snapshot().await?;
    let mut verification = Verification {
        tx,
        mac: AuditMac(app),
        anchors: anchors.into_iter().peekable(),
        report: Report::default(),
        progress,
    };
    match verification.run().await {
        Ok(()) => {}
        Err(Stop::Finding(finding)) => verification.report.finding = Some(finding),
        Err(Stop::Fault(fault)) => return Err(fault),
    }
    Ok(verification.report)
}

struct Verification<'a, P> {
    tx: Tx,
    mac: AuditMac<'a>,
    /// The anchors not reached yet, by position.
    anchors: Peekable<IntoIter<Anchor>>,
    report: Report,
    progress: P,
}

impl<P: FnMut(i64, i64) + Send> Verification<'_, P> {
    async fn run(&mut self) -> Result<(), Stop> {
        let head = audit_chain::find(&self.tx).await?;
        let (head, mac) = head.ok_or_else(|| found(IntegrityError::HeadChanged, None, None))?;
        expect_valid(
            self.mac.check_head(&head, &mac),
            IntegrityError::HeadChanged,
            None,
            None,
        )?;
        self.report.position = head.position;
        self.report.hash = hex::encode(&head.hash);
        self.report.removed_through = head.removed_through;
        let checkpoints = self.checkpoints(&head).await?;
        self.chain(&head, checkpoints).await?;
        self.tail().await
    }

    /// Checkpoints are in the order of their days, and none is beyond the head.
    async fn checkpoints(&mut self, head: &Head) -> Result<Vec<Checkpoint>, Stop> {
        let mut known: Vec<Checkpoint> = Vec::new();
        for (checkpoint, mac) in audit_chain::checkpoints(&self.tx).await? {
            let at = Some(checkpoint.position);
            let checked = self.mac.check_checkpoint(&checkpoint, &mac);
            expect_valid(checked, IntegrityError::CheckpointChanged, at, None)?;
            let before = known.last().map_or(0, |before| before.position);
            if checkpoint.position < before || checkpoint.position > head.position {
                return Err(found(IntegrityError::CheckpointChanged, at, None));
            }
            self.report.checkpoints += 1;
            known.push(checkpoint);
        }
        Ok(known)
    }

    async fn chain(&mut self, head: &Head, checkpoints: Vec<Checkpoint>) -> Result<(), Stop> {
        let floor = head.removed_through;
        // The first remaining link continues from the checkpoint through which retention removed.
        let start = checkpoints
            .iter()
            .find(|checkpoint| checkpoint.position == floor);
        let mut hash = match start {
            Some(checkpoint) => checkpoint.hash.clone(),
            None if floor == 0 => Vec::new(),
            None => return Err(found(IntegrityError::CheckpointChanged, Some(floor), None)),
        };
        self.expired_anchors(floor, &checkpoints)?;
        self.anchors_at(floor, &hash)?;
        let mut ahead = checkpoints
            .into_iter()
            .filter(|checkpoint| checkpoint.position > floor)
            .peekable();
        let mut position = floor;
        loop {
            let batch = audit_link::after(&self.tx, position, BATCH_SIZE).await?;
            if batch.is_empty() {
                break;
            }
            for (link, event) in batch {
                position += 1;
                self.link(head, position, &hash, &link, event)?;
                while let Some(day) = ahead.next_if(|checkpoint| checkpoint.position == position) {
                    if day.hash != link.hash {
                        return Err(found(
                            IntegrityError::CheckpointChanged,
                            Some(position),
                            None,
                        ));
                    }
                }
                hash = link.hash;
                self.anchors_at(position, &hash)?;
            }
            (self.progress)(position - floor, head.position - floor);
        }
        if position < head.position {
            return Err(found(IntegrityError::LinkRemoved, Some(position + 1), None));
        }
        if hash != head.hash {
            return Err(found(IntegrityError::HeadChanged, Some(position), None));
        }
        match self.anchors.peek() {
            Some(anchor) => Err(found(
                IntegrityError::EndsBeforeAnchor,
                Some(anchor.position),
                None,
            )),
            None => Ok(()),
        }
    }

    /// Anchors below the first remaining link: only checkpoints are left to compare them with.
    fn expired_anchors(&mut self, floor: i64, checkpoints: &[Checkpoint]) -> Result<(), Stop> {
        while let Some(position) = self.anchors.peek().map(|anchor| anchor.position) {
            if position >= floor {
                break;
            }
            match checkpoints
                .iter()
                .find(|checkpoint| checkpoint.position == position)
            {
                Some(checkpoint) => self.anchors_at(position, &checkpoint.hash)?,
                None => self.report.expired_anchors.extend(self.anchors.next()),
            }
        }
        Ok(())
    }

    fn anchors_at(&mut self, position: i64, hash: &[u8]) -> Result<(), Stop> {
        while let Some(anchor) = self.anchors.next_if(|anchor| anchor.position == position) {
            if anchor.hash != hash {
                return Err(found(IntegrityError::AnchorDiffers, Some(position), None));
            }
            self.report.anchors += 1;
        }
        Ok(())
    }

    /// Checks one link and its event, expected at `position` after the hash `before`.
    fn link(
        &mut self,
        head: &Head,
        position: i64,
        before: &[u8],
        link: &Link,
        event: Option<EventWithMac>,
    ) -> Result<(), Stop> {
        if link.position > head.position && position == head.position + 1 {
            return Err(found(
                IntegrityError::Inserted,
                Some(link.position),
                Some(link.event),
            ));
        }
        if link.position != position {
            return Err(found(IntegrityError::LinkRemoved, Some(position), None));
        }
        let (at, id) = (Some(position), Some(link.event));
        let Some((event, mac)) = event else {
            return Err(found(IntegrityError::EventRemoved, at, id));
        };
        expect_valid(
            self.mac.check_event(&event, &mac),
            IntegrityError::EventChanged,
            at,
            id,
        )?;
        let checked = self.mac.check_link(before, link, &mac);
        expect_valid(checked, IntegrityError::LinkChanged, at, id)?;
        self.report.events += 1;
        self.report.links += 1;
        Ok(())
    }

    /// Checks the events without a link: each has a valid MAC and is queued for linking.
    async fn tail(&mut self) -> Result<(), Stop> {
        if let Some(orphan) = audit_link::first_orphan(&self.tx, BATCH_SIZE).await? {
            return Err(found(IntegrityError::EventRemoved, None, Some(orphan)));
        }
        let mut last = None;
        loop {
            let batch = audit_link::unlinked_after(&self.tx, last, BATCH_SIZE).await?;
            for ((event, mac), waits) in batch.events {
                let id = Some(event.id);
                expect_valid(
                    self.mac.check_event(&event, &mac),
                    IntegrityError::EventChanged,
                    None,
                    id,
                )?;
                if !waits {
                    return Err(found(IntegrityError::Inserted, None, id));
                }
                self.report.events += 1;
                self.report.unlinked += 1;
            }
            last = batch.next;
            if last.is_none() {
                return Ok(());
            }
        }
    }
}
