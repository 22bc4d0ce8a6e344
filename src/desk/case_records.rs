//! How does a responder read and write what is known of a case? Unsealed for the moment, and sealed
//! again.

use crate::decide::{Decision, SealedCaseRecord};
use crate::desk::Desk;
use crate::model::case_record::CaseRecord;
use crate::model::ids::CaseId;
use crate::ports::PortError;

/// A case record as it was read, to be written back unless somebody else wrote meanwhile.
pub struct OpenedRecord {
    pub record: CaseRecord,
    read_at_version: i64,
}

/// Unseals the record of a case; empty where nothing was written yet. The error is passing where
/// the opener does not unseal it, and lasting where this version cannot read what it holds.
pub async fn read(desk: &Desk, case: &CaseId) -> Result<OpenedRecord, PortError> {
    let (read_at_version, sealed) = desk.parts.store.case_record(case).await?;
    let record = match sealed {
        Some(sealed) => {
            let octets = desk
                .parts
                .opener
                .unseal(sealed)
                .await
                .map_err(|e| PortError::passing(e.to_string()))?;
            serde_json::from_slice(&octets).map_err(|_| {
                PortError::lasting("a sealed case record is not what this version wrote")
            })?
        }
        None => CaseRecord::default(),
    };
    Ok(OpenedRecord {
        record,
        read_at_version,
    })
}

impl OpenedRecord {
    /// Adds the record to a decision, which saves all or nothing.
    pub fn into(
        self,
        desk: &Desk,
        case: &CaseId,
        decision: Decision,
    ) -> Result<Decision, PortError> {
        let octets = serde_json::to_vec(&self.record)
            .map_err(|e| PortError::lasting("a case record cannot be written").because(e))?;
        let sealed = desk.parts.store.seal(&octets)?;
        Ok(Decision {
            record: Some(SealedCaseRecord {
                case: case.clone(),
                read_at_version: self.read_at_version,
                sealed,
            }),
            ..decision
        })
    }
}
