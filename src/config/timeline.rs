//! How does the operator write the clocks of the policy, and the rules for a release day?

use super::ConfigError;
use crate::model::release::{Blackout, ReleaseRules};
use crate::model::timeline::{Pace, Timeline, Window};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// A length of time as people write it: `24h`, `7d`, `1d 12h`. A day has 24 hours.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Length(SignedDuration);

impl TryFrom<String> for Length {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let span: Span = text
            .parse()
            .map_err(|_| format!("{text:?} is not a length of time such as \"24h\" or \"7d\""))?;
        let length = span
            .to_duration(SpanRelativeTo::days_are_24_hours())
            .map_err(|_| format!("{text:?} has months or years in it: write days"))?;
        if length.is_negative() {
            Err(format!("{text:?} is negative"))
        } else {
            Ok(Self(length))
        }
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WindowSection {
    #[schemars(with = "Option<String>")]
    from: Option<Length>,
    #[schemars(with = "Option<String>")]
    to: Option<Length>,
    #[schemars(with = "Option<String>")]
    remind: Option<Length>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PaceSection {
    #[schemars(with = "Option<String>")]
    fix_team: Option<Length>,
    #[schemars(with = "Option<String>")]
    fix: Option<Length>,
    #[schemars(with = "Option<String>")]
    release: Option<Length>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TimelineSection {
    fix_team: WindowSection,
    fix: WindowSection,
    release: WindowSection,
    retrospective: WindowSection,
    slow: PaceSection,
    asap: PaceSection,
    slow_below: Option<f64>,
}

impl TimelineSection {
    /// What is not written is the policy's.
    pub(super) fn checked(&self) -> Result<Timeline, ConfigError> {
        let default = Timeline::default();
        let slow_below = self
            .slow_below
            .unwrap_or(f64::from(default.slow_below) / 10.0);
        if !(0.0..=10.0).contains(&slow_below) {
            return Err(ConfigError::Value(
                "timeline.slow_below",
                format!("{slow_below} is no CVSS score: 0 to 10"),
            ));
        }
        Ok(Timeline {
            fix_team: window("timeline.fix_team", &self.fix_team, default.fix_team)?,
            fix: window("timeline.fix", &self.fix, default.fix)?,
            release: window("timeline.release", &self.release, default.release)?,
            retrospective: window(
                "timeline.retrospective",
                &self.retrospective,
                default.retrospective,
            )?,
            slow: pace(&self.slow, default.slow),
            asap: pace(&self.asap, default.asap),
            slow_below: (slow_below * 10.0).round() as u8,
        })
    }
}

fn or(words: Option<Length>, default: SignedDuration) -> SignedDuration {
    words.map_or(default, |length| length.0)
}

fn window(
    key: &'static str,
    words: &WindowSection,
    default: Window,
) -> Result<Window, ConfigError> {
    let window = Window {
        from: or(words.from, default.from),
        to: or(words.to, default.to),
        remind: or(words.remind, default.remind),
    };
    if window.to <= SignedDuration::ZERO || window.from > window.to {
        return Err(ConfigError::Value(
            key,
            "the window ends before it begins".to_owned(),
        ));
    }
    Ok(window)
}

fn pace(words: &PaceSection, default: Pace) -> Pace {
    Pace {
        fix_team: or(words.fix_team, default.fix_team),
        fix: or(words.fix, default.fix),
        release: or(words.release, default.release),
    }
}

/// When a release may be.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ReleaseSection {
    hour_utc: Option<i8>,
    #[schemars(with = "Option<String>")]
    notice: Option<Length>,
    zones: Vec<String>,
    blackouts: Vec<String>,
    holidays: Vec<PathBuf>,
}

impl ReleaseSection {
    pub(super) fn checked(self) -> Result<(ReleaseRules, Vec<PathBuf>), ConfigError> {
        let default = ReleaseRules::default();
        let hour_utc = self.hour_utc.unwrap_or(default.hour_utc);
        if !(0..24).contains(&hour_utc) {
            return Err(ConfigError::Value(
                "release.hour_utc",
                format!("{hour_utc} is no hour: 0 to 23"),
            ));
        }
        let zone = |name: &String| {
            TimeZone::get(name).map_err(|_| {
                ConfigError::Value(
                    "release.zones",
                    format!("{name:?} is no time zone such as Asia/Tokyo"),
                )
            })
        };
        Ok((
            ReleaseRules {
                hour_utc,
                notice: or(self.notice, default.notice),
                zones: self.zones.iter().map(zone).collect::<Result<_, _>>()?,
                blackouts: self
                    .blackouts
                    .iter()
                    .map(|text| blackout(text))
                    .collect::<Result<_, _>>()?,
                holidays: Vec::new(),
            },
            self.holidays,
        ))
    }
}

/// `2026-12-20/2027-01-03`, both days included, or one day.
fn blackout(text: &str) -> Result<Blackout, ConfigError> {
    let (from, to) = text.split_once('/').unwrap_or((text, text));
    let day = |text: &str| text.trim().parse::<Date>();
    match (day(from), day(to)) {
        (Ok(from), Ok(to)) if from <= to => Ok(Blackout {
            from,
            to,
            why: "blackout".to_owned(),
        }),
        _ => Err(ConfigError::Value(
            "release.blackouts",
            format!("{text:?} is not written 2026-12-20/2027-01-03"),
        )),
    }
}
