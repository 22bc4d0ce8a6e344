//! On which day should a fix be released, and what speaks against a day that somebody chose?

use super::deadline::clocks_of;
use crate::model::Timestamp;
use crate::model::case::Case;
use crate::model::course::{Course, Lane, Step};
use crate::model::release::ReleaseRules;
use crate::model::timeline::Timeline;
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// How far ahead a day is looked for.
const DAYS_LOOKED: i32 = 366;

/// A moment for the release, and what a responder should know of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    pub at: Timestamp,
    /// What speaks against it; nothing where every rule is kept.
    pub objections: Vec<String>,
    /// What is worth knowing and hinders nothing: in the fast lane, that the day is a bad one.
    #[serde(default)]
    pub remarks: Vec<String>,
    /// The same moment where the team lives, `Fri 2026-12-04 01:00 Asia/Tokyo`.
    pub elsewhere: Vec<String>,
}

/// The first day on which every rule is kept; where no day keeps all of them, the first that keeps
/// the window.
pub fn propose(
    case: &Case,
    rules: &ReleaseRules,
    timeline: &Timeline,
    now: Timestamp,
) -> Option<Proposal> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let days = (0..DAYS_LOOKED).filter_map(|n| today.checked_add(n.days()).ok());
    let moments: Vec<Timestamp> = days
        .filter_map(|day| at_hour(day, rules.hour_utc))
        .filter(|at| *at > now)
        .collect();
    let best = moments.iter().min_by_key(|at| {
        let (window, rest) = objections(case, **at, rules, timeline, now);
        (window.len(), rest.len(), **at)
    })?;
    Some(evaluate(case, *best, rules, timeline, now))
}

/// What is to be said of a moment that somebody chose.
pub fn evaluate(
    case: &Case,
    at: Timestamp,
    rules: &ReleaseRules,
    timeline: &Timeline,
    now: Timestamp,
) -> Proposal {
    let elsewhere = rules.zones.iter().map(|zone| {
        let there = at.to_zoned(zone.clone());
        format!(
            "{} {}",
            there.strftime("%a %Y-%m-%d %H:%M"),
            zone.iana_name().unwrap_or("local time")
        )
    });
    let (window, rest) = objections(case, at, rules, timeline, now);
    let remarks = if case.course().lane == Lane::Asap {
        bad_day(at, rules)
    } else {
        Vec::new()
    };
    Proposal {
        at,
        objections: window.into_iter().chain(rest).collect(),
        remarks,
        elsewhere: elsewhere.collect(),
    }
}

fn at_hour(day: Date, hour: i8) -> Option<Timestamp> {
    Some(
        day.at(hour, 0, 0, 0)
            .to_zoned(TimeZone::UTC)
            .ok()?
            .timestamp(),
    )
}

/// What speaks against a moment: that it breaks the window, and everything else.
fn objections(
    case: &Case,
    at: Timestamp,
    rules: &ReleaseRules,
    timeline: &Timeline,
    now: Timestamp,
) -> (Vec<String>, Vec<String>) {
    let (mut window_breaks, mut found) = (Vec::new(), Vec::new());
    let zoned = at.to_zoned(TimeZone::UTC);
    let day = zoned.date();
    // The agreed day itself must not move the window that it is held against.
    let unset = Course {
        release_day: None,
        ..case.course().clone()
    };
    if let Some(window) = clocks_of(case.opened_at(), &unset, timeline, now)
        .into_iter()
        .find(|clock| clock.step == Step::Release)
    {
        let told = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M UTC").to_string();
        if at > window.deadline {
            window_breaks.push(format!(
                "it is after the window ends, on {} ({})",
                told(window.deadline),
                window.because.sentence()
            ));
        }
        if at < window.opens {
            window_breaks.push(format!(
                "it is before the window opens, on {}",
                told(window.opens)
            ));
        }
    }
    if case
        .course()
        .announced
        .is_some_and(|announced| day >= announced)
    {
        window_breaks.push("the reporter publishes before it".to_owned());
    }
    // Weekday, holidays and the notice give way to what is public already.
    if case.course().lane == Lane::Asap {
        return (window_breaks, found);
    }
    found.extend(bad_day(at, rules));
    if at.duration_since(now) < rules.notice {
        found.push(format!(
            "distributors would hear of it less than {} hours before",
            rules.notice.as_hours()
        ));
    }
    (window_breaks, found)
}

/// Why few people are there to update on a day: the weekday, a holiday, a time that is closed.
fn bad_day(at: Timestamp, rules: &ReleaseRules) -> Vec<String> {
    let zoned = at.to_zoned(TimeZone::UTC);
    let day = zoned.date();
    let weekend = matches!(
        day.weekday(),
        Weekday::Friday | Weekday::Saturday | Weekday::Sunday
    );
    let weekday = weekend.then(|| format!("it is a {}", zoned.strftime("%A")));
    let closed = rules
        .blackouts
        .iter()
        .chain(&rules.holidays)
        .filter(|days| days.holds(day))
        .map(|days| format!("{day} is closed: {}", days.why));
    weekday.into_iter().chain(closed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::CaseId;
    use crate::model::release::Blackout;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn case(opened: &str) -> Case {
        Case::found_on_reading(CaseId::from_random([1; 10]), at(opened), at(opened))
    }

    #[test]
    fn the_first_good_day_is_proposed_and_shown_where_the_team_lives() {
        // 2026-11-25 is a Wednesday; three days of notice lead to Saturday, so Monday it is.
        let rules = ReleaseRules {
            zones: vec![TimeZone::get("Asia/Tokyo").unwrap()],
            ..ReleaseRules::default()
        };
        let found = propose(
            &case("2026-11-20T00:00:00Z"),
            &rules,
            &Timeline::default(),
            at("2026-11-25T10:00:00Z"),
        )
        .unwrap();
        assert_eq!(found.at, at("2026-11-30T16:00:00Z"));
        assert_eq!(
            (found.objections, found.elsewhere),
            (
                Vec::new(),
                vec!["Tue 2026-12-01 01:00 Asia/Tokyo".to_owned()]
            )
        );
    }

    #[test]
    fn closed_days_and_the_reporters_own_day_are_kept_clear_of() {
        let closed = Blackout {
            from: "2026-11-30".parse().unwrap(),
            to: "2026-12-01".parse().unwrap(),
            why: "St Andrew".to_owned(),
        };
        let rules = ReleaseRules {
            holidays: vec![closed],
            ..ReleaseRules::default()
        };
        let case = case("2026-11-20T00:00:00Z");
        let now = at("2026-11-25T10:00:00Z");
        assert_eq!(
            propose(&case, &rules, &Timeline::default(), now)
                .unwrap()
                .at,
            at("2026-12-02T16:00:00Z")
        );
        // They publish on Tuesday: every day before it breaks one rule, and the first of the least
        // bad is told with what it breaks.
        let day = "2026-12-01".parse().unwrap();
        let case = case.announced_by_letter(Some(day)).unwrap();
        let found = propose(&case, &rules, &Timeline::default(), now).unwrap();
        assert!(
            found.at < at("2026-12-01T00:00:00Z") && !found.objections.is_empty(),
            "{found:?}"
        );
    }

    #[test]
    fn what_is_public_waits_for_no_weekday() {
        let case = case("2026-11-26T10:00:00Z").take_lane(Lane::Asap).unwrap();
        // A Friday, six hours on.
        let found = propose(
            &case,
            &ReleaseRules::default(),
            &Timeline::default(),
            at("2026-11-27T10:00:00Z"),
        )
        .unwrap();
        assert_eq!(
            (found.at, found.objections),
            (at("2026-11-27T16:00:00Z"), Vec::new())
        );
        assert_eq!(found.remarks, ["it is a Friday"]);
    }

    #[test]
    fn a_bad_day_is_remarked_on_where_nothing_speaks_against_it() {
        let rules = ReleaseRules::default();
        let (now, day) = ("2026-11-26T10:00:00Z", "2026-11-28T16:00:00Z");
        let told = |case: &Case| evaluate(case, at(day), &rules, &Timeline::default(), at(now));
        let hurried = told(&case(now).take_lane(Lane::Asap).unwrap());
        assert_eq!(hurried.remarks, ["it is a Saturday"]);
        assert!(
            !hurried
                .objections
                .iter()
                .any(|why| why.contains("Saturday"))
        );
        // What is an objection already is not said twice.
        let normal = told(&case(now));
        assert!(normal.remarks.is_empty());
        assert!(normal.objections.contains(&"it is a Saturday".to_owned()));
    }
}
