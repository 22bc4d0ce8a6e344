//! How does a sealed letter with a machine's header get its case?

use super::{Carried, letter_of};
use crate::decide::{Decision, Stray, open_stray};
use crate::desk::restraint::restrain_calls;
use crate::desk::{Desk, random};
use crate::model::effect::Effect;
use crate::model::ids::CaseId;
use crate::model::letter::Dmarc;
use crate::ports::{PortError, ReadingState};

/// Opens the case of the effect's letter, unless somebody gave it one.
pub(super) async fn open_case(desk: &Desk, effect: &Effect) -> Result<Carried, PortError> {
    let letter = letter_of(desk, effect).await?;
    if letter.case.is_some() {
        return Ok(Carried::Done(Decision::default(), None));
    }
    let stray = Stray {
        intake: letter.id,
        received_at: letter.received_at,
        originator: letter.originator.as_ref(),
        is_proven: letter.dmarc == Dmarc::Pass,
        is_set_aside: letter.state == ReadingState::SetAside,
    };
    let id = CaseId::from_random(random()?);
    let now = desk.now();
    let decision = open_stray(&stray, false, id, &desk.parts.policy, now);
    Ok(Carried::Done(restrain_calls(desk, decision, now), None))
}
