//! How are holidays read from a calendar, and a release day written into one? iCalendar (RFC 5545).

use crate::model::Timestamp;
use crate::model::ids::CaseId;
use crate::model::release::Blackout;
use crate::ports::PortError;
use icalendar::{Calendar, Component, Event};
use jiff::civil::Date;
use jiff::{SignedDuration, ToSpan};
use std::path::Path;

/// A day that returns each year is taken for so many years from its first.
const YEARS_MAX: i32 = 60;

/// The whole days of a calendar file.
pub fn holidays(path: &Path) -> Result<Vec<Blackout>, PortError> {
    let wrong =
        |what: &str| PortError::lasting(format!("release.holidays: {}: {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| wrong("it cannot be read").because(e))?;
    let calendar: Calendar = text.parse().map_err(|_| wrong("it is no iCalendar file"))?;
    let mut days = Vec::new();
    for event in calendar.events() {
        let why = event.get_summary().unwrap_or("holiday").to_owned();
        let odd = |what: &str| wrong(&format!("{why:?} {what}"));
        let from = event
            .property_value("DTSTART")
            .and_then(day)
            .ok_or_else(|| odd("has no day on which it begins"))?;
        // RFC 5545 section 3.6.1: the end is not included, and a day without one is that day.
        let end = event
            .property_value("DTEND")
            .and_then(day)
            .and_then(|end| end.yesterday().ok());
        let to = end.filter(|to| *to >= from).unwrap_or(from);
        match event.property_value("RRULE") {
            None => days.push(Blackout { from, to, why }),
            Some("FREQ=YEARLY" | "FREQ=YEARLY;INTERVAL=1") => {
                let years = (0..YEARS_MAX).filter_map(|n| {
                    Some((
                        from.checked_add(n.years()).ok()?,
                        to.checked_add(n.years()).ok()?,
                    ))
                });
                days.extend(years.map(|(from, to)| Blackout {
                    from,
                    to,
                    why: why.clone(),
                }));
            }
            Some(_) => {
                return Err(odd(
                    "repeats by a rule that is not FREQ=YEARLY: write each day out",
                ));
            }
        }
    }
    Ok(days)
}

fn day(value: &str) -> Option<Date> {
    Date::strptime("%Y%m%d", value.get(..8)?).ok()
}

/// The release of a case as a calendar file. It names the case and nothing of what is in it.
pub fn release(case: &CaseId, at: Timestamp, now: Timestamp) -> String {
    const LASTS: SignedDuration = SignedDuration::from_hours(1);
    let written = |at: Timestamp| at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let event = Event::new()
        .uid(&format!("release-{case}@sealdesk"))
        .summary(&format!("Release day of {case}"))
        .description(&format!("sealdesk case timeline {case}"))
        .add_property("DTSTAMP", written(now))
        .add_property("DTSTART", written(at))
        .add_property("DTEND", written(at + LASTS))
        .done();
    Calendar::new().push(event).done().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261227\r\nSUMMARY:Christmas\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:2\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:20200101\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:New \
        Year\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

    #[test]
    fn holidays_are_whole_days_and_some_return() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("holidays.ics");
        std::fs::write(&path, FILE).unwrap();
        let days = holidays(&path).unwrap();
        let holds = |day: &str| days.iter().any(|d| d.holds(day.parse().unwrap()));
        assert!(
            holds("2026-12-24")
                && holds("2026-12-26")
                && !holds("2026-12-27")
                && holds("2027-01-01")
        );
        std::fs::write(&path, FILE.replace("FREQ=YEARLY", "FREQ=WEEKLY")).unwrap();
        assert!(
            holidays(&path)
                .unwrap_err()
                .to_string()
                .contains("\"New Year\" repeats")
        );
    }

    #[test]
    fn a_release_day_is_read_back_as_it_was_written() {
        let at: Timestamp = "2026-12-01T16:00:00Z".parse().unwrap();
        let text = release(&CaseId::from_random([1; 10]), at, at);
        let back: Calendar = text.parse().unwrap();
        assert_eq!(
            back.events()
                .next()
                .and_then(|e| e.property_value("DTSTART")),
            Some("20261201T160000Z")
        );
        assert!(text.lines().all(|line| line.len() <= 76));
    }
}
