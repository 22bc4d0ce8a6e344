//! Where are fields of a report shown, which of them, and in which order?

use super::Field;

/// Where fields are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A call to responders.
    Call,
    /// The table at the head of an advisory draft.
    Draft,
    /// The draft's sections, each with a heading and a block of text.
    DraftSections,
    /// `sealdesk case show`.
    CasePage,
    /// The Markdown export.
    MarkdownExport,
    /// What the team found, in an issue of GitLab.
    GitlabView,
    /// The first draft of an announcement.
    Announcement,
}

impl Place {
    /// The fields that it shows, in its order.
    pub fn fields(self) -> &'static [Field] {
        use Field::*;
        match self {
            Self::Call => &[
                Product,
                AffectedVersions,
                Cve,
                Cwe,
                Cvss,
                Severity,
                Exploited,
                Class,
                DisclosureDay,
            ],
            Self::Draft => &[
                Product,
                AffectedVersions,
                Cve,
                Cwe,
                Cvss,
                Severity,
                Disclosure,
                Exploited,
                OthersTold,
                FixedVersions,
                InTheSource,
                Missing,
            ],
            Self::DraftSections => &[Steps],
            Self::CasePage => &[
                Product,
                AffectedVersions,
                Cve,
                Cwe,
                Cvss,
                Severity,
                Disclosure,
                Ranges,
                FixedVersions,
                UnaffectedVersions,
                InTheSource,
                Exploited,
                OthersTold,
                Credit,
                ReadFrom,
                Vulnerabilities,
                Evidence,
            ],
            Self::MarkdownExport => &[Product, Cve, AffectedVersions, FixedVersions, Severity, Cwe],
            Self::GitlabView => &[
                Product,
                AffectedVersions,
                FixedVersions,
                Cve,
                Cwe,
                Cvss,
                Severity,
            ],
            Self::Announcement => &[AffectedVersions, FixedVersions, Severity, Cwe],
        }
    }
}
