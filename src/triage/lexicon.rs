//! Which words say what, in eight languages? The concepts of a text, found in one pass of an
//! automaton over the words of `lexicon.txt`.
//!
//! Claims are read from concepts, so that a rule is written once for all languages, and a word that
//! is missing is a word in a list.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use std::ops::Range;
use std::sync::LazyLock;

macro_rules! concepts {
    ($(#[doc = $doc:literal] $name:ident,)+) => {
        /// What a word or a phrase says.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(super) enum Concept {
            $(#[doc = $doc] $name,)+
        }

        /// Each concept by its name in the list.
        const NAMES: &[(&str, Concept)] = &[$((stringify!($name), Concept::$name)),+];
    };
}

concepts! {
    /// Is vulnerable.
    Affected,
    /// Has the fix.
    Fixed,
    /// Is not vulnerable.
    Safe,
    /// Nobody looked whether it is affected.
    NotTested,
    /// Not; also "but not".
    Not,
    /// Below this version, which is not meant itself.
    Before,
    /// Above this version, which is not meant itself.
    After,
    /// Up to this version, which is meant too.
    UpTo,
    /// After a version: it and what is older.
    AndOlder,
    /// From a version on.
    Since,
    /// After a version: it and what is newer.
    AndNewer,
    /// A line of versions.
    Branch,
    /// Whatever version.
    AllVersions,
    /// That a version follows or goes before.
    VersionWord,
    /// But, however: another claim begins.
    But,
    /// To make public.
    Publish,
    /// It is public.
    Public,
    /// Something that was posted.
    Posted,
    /// It is out, in a phrase that says it whole.
    IsOut,
    /// A thing that is public by itself, and says nothing of the vulnerability.
    PublicThing,
    /// The vulnerability, or a way to use it.
    Exploit,
    /// A pronoun for it.
    TheMatter,
    /// A legal footer.
    Footer,
    /// Where the public reads.
    Forum,
    /// Already.
    Already,
    /// What is planned.
    Will,
    /// A policy of publishing after a period.
    Policy,
    /// To keep silent.
    Private,
    /// On a condition.
    If,
    /// An answer to a question.
    Yes,
    /// An answer to a question.
    No,
    /// The writer found something, or says what an attacker can do.
    Finds,
    /// Says how it is reproduced.
    Reproduces,
    /// A heading of steps.
    StepsWord,
    /// A key before the name of a product.
    ProductWord,
    /// A form or a platform passes something on.
    FormNotice,
    /// A greeting.
    Greets,
    /// A key before the kind of a vulnerability.
    TypeWord,
    /// A key before a title.
    TitleWord,
    /// A vulnerability by the name of its kind, or what it does: an overflow, a bypass, a crash.
    Flaw,
    /// It repeats or passes on what is known.
    NothingNew,
    /// A key or a certificate to encrypt to.
    Key,
    /// That key is expired, broken or nowhere to be found, or is asked for.
    KeyTrouble,
    /// What every scanner says of every site.
    Petty,
    /// A machine wrote it.
    Automated,
    /// A tool that looks for vulnerabilities, or what it printed.
    Scan,
    /// Of those who sell.
    Sells,
    /// Of those who cheat.
    Junk,
    /// A mailing list's bulk.
    Digest,
    /// It points to a file that came with it.
    Attached,
    /// It names another vulnerability, to compare.
    Compared,
    /// It adds to an earlier letter.
    AddsTo,
    /// Thanks, for whatever.
    ThanksFor,
    /// Takes a report back.
    Retracts,
    /// Asks something that an answer settles.
    Asks,
    /// Asks what became of an earlier letter.
    Chases,
    /// Thanks for what was done.
    Thanks,
    /// Of phishing, spam or stolen accounts.
    Abuse,
    /// Of money for findings.
    AsksBounty,
    /// The list of those who are told in advance.
    JoinsList,
    /// Of invoices, jobs and lost accounts.
    Business,
    /// Attacks that somebody saw.
    SeenAttacks,
    /// Asks for something.
    Please,
    /// A word for how severe something is.
    SeverityWord,
    /// A rating.
    Critical,
    /// A rating.
    High,
    /// A rating.
    Medium,
    /// A rating.
    Low,
    /// Said to be no vulnerability at all.
    NoSeverity,
    /// A vulnerability, by any of its names.
    Vulnerability,
    /// Used by attackers.
    Exploited,
    /// Outside of laboratories.
    Wild,
    /// Told somebody.
    Told,
    /// Somebody beside us.
    Others,
    /// Nobody else.
    Nobody,
    /// No person, no thing.
    NotOne,
    /// Others than the writer and us.
    AnyoneElse,
    /// It was us who were told.
    ToYou,
    /// Wants no name to be printed.
    StaysAnonymous,
    /// Is wanted or necessary.
    Needs,
    /// To be named.
    Credit,
    /// Without a name.
    Anonymous,
    /// Does not want to be named.
    NoCredit,
    /// Who found it.
    FoundBy,
}

/// A concept of a text, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub concept: Concept,
    pub range: Range<usize>,
}

/// A word of the automaton.
struct Entry {
    concept: Concept,
    is_head: bool,
}

struct Lexicon {
    automaton: AhoCorasick,
    entries: Vec<Entry>,
}

const WORDS: &str = include_str!("lexicon.txt");

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let (mut entries, mut words) = (Vec::new(), Vec::new());
    for (concept, word) in listed(WORDS) {
        let (text, is_head) = match word.strip_suffix('*') {
            Some(head) => (head, true),
            None => (word, false),
        };
        let typed = phrases(text);
        let typeset = typed.iter().filter(|text| text.contains('\''));
        let typeset: Vec<String> = typeset.map(|text| text.replace('\'', "’")).collect();
        for text in typed.into_iter().chain(typeset) {
            words.push(text);
            entries.push(Entry { concept, is_head });
        }
    }
    let automaton = AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .build(&words)
        .expect("the lexicon is constant");
    Lexicon { automaton, entries }
});

/// The concepts and words of a list.
fn listed(list: &str) -> impl Iterator<Item = (Concept, &str)> {
    let mut concept = None;
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(move |line| {
        let words = line.strip_prefix("    ");
        if words.is_none() && !line.is_empty() {
            concept = NAMES.iter().find(|(name, _)| *name == line);
            assert!(
                concept.is_some(),
                "lexicon.txt: no concept is called {line}"
            );
        }
        let of = concept.map(|(_, concept)| *concept);
        let words = words.unwrap_or_default().split('|').map(str::trim);
        words
            .filter(|word| !word.is_empty())
            .filter_map(move |word| Some((of?, word)))
    })
}

/// A phrase with an open ending inside stands for its usual endings.
fn phrases(text: &str) -> Vec<String> {
    match text.split_once('*') {
        None => vec![text.to_owned()],
        Some((head, tail)) => {
            let endings = [
                "", "e", "s", "es", "en", "er", "a", "o", "as", "os", "ы", "о", "а", "ое", "ого",
                "ому", "ом",
            ];
            endings
                .iter()
                .flat_map(|ending| phrases(&format!("{head}{ending}{tail}")))
                .collect()
        }
    }
}

/// The concepts of a text in lower case, in order. A word may say several; a longer phrase wins
/// over the shorter ones of the same concept within it.
pub(super) fn concepts(text: &str) -> Vec<Said> {
    let mut found: Vec<Said> = Vec::new();
    for hit in LEXICON.automaton.find_overlapping_iter(text) {
        let entry = &LEXICON.entries[hit.pattern().as_usize()];
        let range = hit.start()..hit.end();
        if !is_whole(text, &range, entry.is_head) {
            continue;
        }
        let end = if entry.is_head {
            word_end(text, range.end)
        } else {
            range.end
        };
        found.push(Said {
            concept: entry.concept,
            range: range.start..end,
        });
    }
    found.sort_by_key(|said| {
        (
            said.range.start,
            std::cmp::Reverse(said.range.end),
            said.concept,
        )
    });
    let is_negation = |concept| matches!(concept, Concept::Not | Concept::No | Concept::NotOne);
    let mut kept: Vec<Said> = Vec::new();
    for said in found {
        // The 未 of 未授权 denies nothing.
        let is_of_flaw = is_negation(said.concept)
            && kept.iter().rev().take(12).any(|longer| {
                matches!(longer.concept, Concept::Flaw | Concept::Finds)
                    && longer.range.start <= said.range.start
                    && said.range.end <= longer.range.end
            });
        if is_of_flaw {
            continue;
        }
        let is_within = kept.iter().rev().take(12).any(|longer| {
            longer.concept == said.concept
                && longer.range.start <= said.range.start
                && said.range.end <= longer.range.end
        });
        if !is_within {
            kept.push(said);
        }
    }
    kept
}

/// Whether a hit is no piece of another word. Chinese and Japanese words have no ends.
fn is_whole(text: &str, range: &Range<usize>, is_head: bool) -> bool {
    let joins = |c: char| c.is_alphanumeric() && !is_unspaced(c) || c == '_';
    let first = text[range.clone()].chars().next();
    let last = text[range.clone()].chars().next_back();
    let before = text[..range.start].chars().next_back();
    let after = text[range.end..].chars().next();
    let starts = !(first.is_some_and(joins) && before.is_some_and(joins));
    let ends = is_head || !(last.is_some_and(joins) && after.is_some_and(joins));
    starts && ends
}

/// Chinese and Japanese characters, between whose words stands no space.
pub(super) fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}')
}

fn word_end(text: &str, from: usize) -> usize {
    let rest = text[from..].char_indices();
    let mut ends = rest.skip_while(|(_, c)| c.is_alphabetic() && !is_unspaced(*c));
    ends.next().map_or(text.len(), |(at, _)| from + at)
}

/// In lower case, with every octet in its place.
pub(super) fn lower(text: &str) -> String {
    text.chars()
        .map(|c| {
            let mut small = c.to_lowercase();
            match (small.next(), small.next()) {
                (Some(one), None) if one.len_utf8() == c.len_utf8() => one,
                _ => c,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whole_and_phrases_whole() {
        let found: Vec<Concept> = concepts("versions before 2.3 are not affected")
            .into_iter()
            .map(|s| s.concept)
            .collect();
        assert!(
            found.contains(&Concept::Before)
                && found.contains(&Concept::Safe)
                && found.contains(&Concept::VersionWord)
        );
        assert!(concepts("beforehand unaffectedly").is_empty());
        assert!(
            concepts("影响版本：3.2.3 及以下")
                .iter()
                .any(|s| s.concept == Concept::AndOlder)
        );
    }
}
