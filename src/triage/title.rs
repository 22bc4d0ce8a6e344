//! What is the report called? Its subject, unless that says nothing; else its title, its heading or
//! the sentence that reports.

use super::choices::is_placeholder;
use super::fields::LetterField;
use super::lexicon::{Concept, concepts, lower};
use super::own_words::is_question;
use super::report::{clean_subject, cut, first};
use super::sections::Section;
use super::units::{Unit, UnitKind};
use super::weakness;

/// Longer titles are cut at a word.
const CHARACTERS_MAX: usize = 200;

/// A subject says something if so many of its words are no common ones.
const WORDS_MIN: usize = 3;

/// Of Chinese and Japanese, so many characters.
const WIDE_CHARACTERS_MIN: usize = 8;

/// Shorter sentences report nothing.
const SENTENCE_CHARACTERS_MIN: usize = 12;

/// The title of a report.
pub(super) fn title(subject: &str, sections: &[Section], units: &[Unit]) -> String {
    let is_answer = clean_subject(subject) != subject.trim();
    let subject = without_notice(&without_tags(&clean_subject(subject)));
    let worth = worth(&subject);
    let stated = || {
        let title = title_field(sections).or_else(|| heading(units));
        title.or_else(|| type_field(sections))
    };
    let chosen = match worth {
        Worth::NamesFlaw => None,
        Worth::SaysSomething if !is_answer => None,
        Worth::Nothing => stated().or_else(|| sentence(units, true)),
        _ => stated().or_else(|| sentence(units, false)),
    };
    let chosen = chosen.unwrap_or(subject);
    let joined = chosen.split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&joined, CHARACTERS_MAX)
}

/// Words of subjects that say nothing of the matter.
const COMMON: &str = "\
    about advisory and application asap assunto asunto attention bericht betreff bonjour bug \
    confidential confidentiel coordinated critical dans dear disclosure dringend durante \
    during eine einer encontrada encontrado encontrei eure for found frage from fwd gefunden \
    greetings hello help hey hi hinweis ihr ihre ihrer important importante informe issue kein \
    meldung meu mi minha new no notice notification objet our please possible potential \
    private product program project question quick rapport re read regarding relato relatório \
    release released report reporte reported reporting researcher responsible sans security \
    segurança seguridad seit sem serious seu sicherheit sicherheitsmeldung signalement sin \
    site software some su sua subject sus system sécurité team the trouvée um uma una une \
    update urgent urgente version vertraulich vos votre website while wichtig with your über \
    без безопасности безопасность важно ваше вашей вашем здравствуйте о отчёт приложение \
    сообщение срочно темы";

/// The same in Chinese and Japanese.
const COMMON_WIDE: &str = "\
    安全 报告 紧急 重要 反馈 问题 关于 您好 你好 无主题 发现 セキュリティ 報告 ご報告 緊急 について 件名なし お世話に ご連絡 における";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Worth {
    /// It names a kind of vulnerability.
    NamesFlaw,
    SaysSomething,
    /// A word or two beside common ones.
    SaysLittle,
    Nothing,
}

fn worth(subject: &str) -> Worth {
    let small = lower(subject);
    let said = concepts(&small);
    let says = |concept| said.iter().any(|s| s.concept == concept);
    if says(Concept::FormNotice) {
        return Worth::Nothing;
    }
    if says(Concept::Flaw) || says(Concept::Petty) || !weakness::named(subject).is_empty() {
        return Worth::NamesFlaw;
    }
    let is_generic = |from: usize, to: usize| {
        said.iter().any(|s| {
            let is_common = matches!(
                s.concept,
                Concept::Vulnerability
                    | Concept::Please
                    | Concept::Asks
                    | Concept::Finds
                    | Concept::SeverityWord
                    | Concept::Critical
                    | Concept::High
            );
            is_common && s.range.start <= from && to <= s.range.end
        })
    };
    let is_common = |word: &str| COMMON.split_whitespace().any(|common| common == word);
    let wide_common: Vec<(usize, usize)> = COMMON_WIDE
        .split_whitespace()
        .flat_map(|word| {
            small
                .match_indices(word)
                .map(|(at, word)| (at, at + word.len()))
        })
        .collect();
    let is_wide = |c: &char| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}');
    let wide = small.char_indices().filter(|(_, c)| is_wide(c));
    let wide = wide.filter(|(at, c)| {
        let end = at + c.len_utf8();
        let is_common = wide_common
            .iter()
            .any(|(from, to)| from <= at && end <= *to);
        !is_common && !is_generic(*at, end)
    });
    let mut words = 0;
    let mut at = 0;
    for word in small.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’') {
        let from = at + small[at..].find(word).unwrap_or(0);
        at = from + word.len();
        let letters = word.chars().filter(|c| c.is_alphabetic()).count();
        if letters >= 3 && !is_common(word) && !is_generic(from, at) {
            words += 1;
        }
    }
    let wide = wide.count();
    if words >= WORDS_MIN || wide >= WIDE_CHARACTERS_MIN {
        Worth::SaysSomething
    } else if words > 1 || wide > 1 || small.chars().filter(char::is_ascii_digit).count() > 2 {
        Worth::SaysLittle
    } else {
        Worth::Nothing
    }
}

/// `[Acme 11872] …`, `【要確認】…` and `… (was: …)` say where a letter came from.
fn without_tags(subject: &str) -> String {
    let mut rest = subject.trim();
    for (open, close) in [('[', ']'), ('【', '】')] {
        while let Some((tag, after)) = rest.strip_prefix(open).and_then(|t| t.split_once(close)) {
            let is_title = after.trim().is_empty() || tag.chars().count() > 30;
            if is_title {
                break;
            }
            rest = after.trim_start();
        }
    }
    let rest = rest.split(" (was: ").next().unwrap_or(rest);
    rest.trim().to_owned()
}

/// `漏洞提交：…`: what a form puts before a title.
fn without_notice(subject: &str) -> String {
    match subject.split_once(['：', ':']) {
        Some((notice, rest))
            if worth(notice) == Worth::Nothing && worth(rest) == Worth::NamesFlaw =>
        {
            rest.trim().to_owned()
        }
        _ => subject.to_owned(),
    }
}

/// What a field for the title says, on its first line.
fn title_field(sections: &[Section]) -> Option<String> {
    let line = first(sections, LetterField::Summary)?
        .lines()
        .next()?
        .trim();
    let is_title = !is_placeholder(line) && line.chars().count() >= SENTENCE_CHARACTERS_MIN / 2;
    is_title.then(|| line.trim_matches(['*', '_', '`']).to_owned())
}

/// What a field for the kind of vulnerability says, where a form has no other.
fn type_field(sections: &[Section]) -> Option<String> {
    let line = first(sections, LetterField::Cwe)?.lines().next()?.trim();
    let names = concepts(&lower(line))
        .iter()
        .any(|said| said.concept == Concept::Flaw);
    (names && !is_placeholder(line)).then(|| line.to_owned())
}

/// A heading that names a vulnerability.
fn heading(units: &[Unit]) -> Option<String> {
    let mut headings = units
        .iter()
        .filter(|unit| unit.kind == UnitKind::Heading && unit.depth == 0);
    let names = |unit: &&Unit| {
        unit.says(Concept::Flaw)
            && unit.text.split_whitespace().count() >= 2
            && !unit.text.ends_with([':', '：'])
            && !unit.says(Concept::StepsWord)
    };
    headings.find(names).map(|unit| unit.text.clone())
}

/// `Name: [your name] E-mail: ada@example.org`: what a form asks of the writer.
fn is_contact(text: &str) -> bool {
    text.contains('@') && text.contains(':') && text.split_whitespace().count() <= 12
}

/// The sentence that reports: what was found, or what names a vulnerability; any, if one must be.
fn sentence(units: &[Unit], any: bool) -> Option<String> {
    let is_prose = |unit: &&Unit| {
        unit.depth == 0
            && matches!(unit.kind, UnitKind::Sentence | UnitKind::Item)
            && unit.text.chars().count() >= SENTENCE_CHARACTERS_MIN
            && !unit.says(Concept::Footer)
            && !is_contact(&unit.text)
            && !unit
                .heading
                .is_some_and(|at| units[at].says(Concept::StepsWord))
    };
    let own: Vec<&Unit> = units.iter().filter(is_prose).collect();
    let is_flaw = |unit: &&&Unit| unit.says(Concept::Flaw);
    let finds = |unit: &&&Unit| unit.says(Concept::Finds) || unit.says(Concept::Affected);
    let is_greeting = |unit: &&&Unit| {
        let ends = [",", "，", ":", "：", "、", "様", "御中"];
        ends.iter().any(|end| unit.text.ends_with(end))
    };
    let plain = || {
        own.iter()
            .filter(|unit| !is_greeting(unit) && !is_question(unit))
    };
    let chosen = plain()
        .find(|unit| is_flaw(unit) && finds(unit))
        .or_else(|| plain().find(|unit| any && is_flaw(unit)))
        .or_else(|| plain().find(|unit| any && unit.says(Concept::Finds)))
        .or_else(|| plain().find(|_| any))?;
    let reports = without_greeting(&chosen.text);
    Some(reports.trim_end_matches(['.', '。']).to_owned())
}

/// `hi, on the bus so short. acme 1.2 …` begins with its second clause.
fn without_greeting(text: &str) -> &str {
    let small = lower(text);
    let greeted = concepts(&small);
    let first = greeted
        .iter()
        .find(|said| said.concept == Concept::Greets && said.range.start == 0);
    let Some(greeting) = first else {
        return text;
    };
    let rest = &text[greeting.range.end..];
    rest.trim_start_matches(|c: char| {
        c.is_whitespace() || matches!(c, ',' | '!' | '.' | '，' | '！' | '。' | '、')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::fields::LetterKeys;
    use crate::triage::sections::sections;
    use crate::triage::units::units;

    #[test]
    fn a_subject_that_says_nothing_is_no_title() {
        for (subject, text, expected) in [
            (
                "Stored XSS in member list",
                "Hi",
                "Stored XSS in member list",
            ),
            ("Re: Stored XSS", "Hi", "Stored XSS"),
            (
                "urgent",
                "Hi,\n\nI found an SQL injection in the search of acme 1.2.\n",
                "I found an SQL injection in the search of acme 1.2",
            ),
            (
                "(no subject)",
                "hi, acme 1.2 has an open redirect in login",
                "acme 1.2 has an open redirect in login",
            ),
            (
                "Neue Meldung über das Kontaktformular (#4471)",
                "Titel: Dateien lassen sich überschreiben\nProdukt: acme\n",
                "Dateien lassen sich überschreiben",
            ),
            (
                "[Acme 12] NULL deref in repair",
                "Hi",
                "NULL deref in repair",
            ),
            (
                "漏洞通报 LD-2027-00318",
                "标题：acme 服务端请求伪造漏洞\n产品：acme\n",
                "acme 服务端请求伪造漏洞",
            ),
            (
                "Security issue",
                "# Command injection in acme-runner\n\ntext",
                "Command injection in acme-runner",
            ),
            (
                "Missing access check when moving folders",
                "Hi",
                "Missing access check when moving folders",
            ),
        ] {
            let found = title(subject, &sections(text), &units(text, &LetterKeys));
            assert_eq!(found, expected, "{subject}");
        }
    }
}
