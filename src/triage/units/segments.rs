//! Which lines did the writer write, and which do they quote? As mail programs mark it: `>` before
//! each line, the head of the letter that is answered, `-- ` before a signature.

use super::mapped::Mapped;

/// Lines of one depth of quotation that stand together.
#[derive(Debug)]
pub(super) struct Segment {
    pub depth: u8,
    pub lines: Mapped,
    pub is_signature: bool,
}

/// The head of a quoted letter has so many lines at least, within so many.
const HEAD_FIELDS_MIN: usize = 3;
const HEAD_LINES_MAX: usize = 7;

/// The segments of a text, in order.
pub(super) fn segments(text: &str) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    let (mut at, mut in_signature, mut below) = (0, false, 0u8);
    for whole in text.split_inclusive('\n') {
        let line = whole.trim_end_matches(['\n', '\r']);
        let (marked, marks) = quotation(line);
        let own = &line[marks..];
        if marked == 0 && begins_head(own, &text[at + whole.len()..]) {
            below = below.saturating_add(1);
        }
        let depth = marked.saturating_add(below);
        let continues = segments.last().is_some_and(|last| last.depth == depth);
        if !continues {
            in_signature = false;
        }
        if matches!(own, "-- " | "--") {
            in_signature = true;
        }
        if !segments
            .last()
            .is_some_and(|last| last.depth == depth && last.is_signature == in_signature)
        {
            segments.push(Segment {
                depth,
                lines: Mapped::default(),
                is_signature: in_signature,
            });
        }
        if let Some(segment) = segments.last_mut() {
            segment.lines.push(own, at + marks);
            segment.lines.push("\n", at + line.len());
        }
        at += whole.len();
    }
    segments
}

/// How deep a line is quoted, and how many octets the marks take.
fn quotation(line: &str) -> (u8, usize) {
    let (mut depth, mut end) = (0u8, 0);
    for (at, c) in line.char_indices() {
        match c {
            '>' if line[at + 1..].starts_with('=') => break,
            '>' => {
                depth = depth.saturating_add(1);
                end = at + 1;
            }
            ' ' if at - end < 2 => {}
            _ => break,
        }
    }
    if depth > 0 && line[end..].starts_with(' ') {
        end += 1;
    }
    (depth, end)
}

/// Names of From, then those of the other fields, as Outlook writes them above what it quotes.
const SENDERS: &str = "from von de da от 发件人 寄件者 差出人 送信者";
const FIELDS: &str = "sent date to cc subject gesendet datum an betreff envoyé date à objet enviado \
    fecha para asunto enviada data assunto отправлено дата кому копия тема 发送时间 时间 日期 收件人 \
    抄送 主题 主旨 送信日時 日時 宛先 件名";

/// Whether a line begins the head of the letter that is quoted below it.
fn begins_head(line: &str, rest: &str) -> bool {
    if !is_field(line, SENDERS) {
        return false;
    }
    let next = rest.lines().take(HEAD_LINES_MAX);
    let fields = next.take_while(|line| !line.trim().is_empty());
    fields.filter(|line| is_field(line, FIELDS)).count() + 1 >= HEAD_FIELDS_MIN
}

/// `Name: value`, whatever dress the name has.
fn is_field(line: &str, names: &str) -> bool {
    let Some((name, _)) = line.split_once([':', '：']) else {
        return false;
    };
    let name = name.trim().trim_matches('*').trim().to_lowercase();
    name.chars().count() <= 12 && names.split(' ').any(|one| one == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_below_the_head_of_a_letter_is_quoted() {
        let own = |text: &str| -> Vec<String> {
            let own = segments(text).into_iter().filter(|s| s.depth == 0);
            own.map(|s| s.lines.text.trim().to_owned()).collect()
        };
        let german = "Gibt es Neues?\n\nVon: Ada <ada@reporter.example>\nGesendet: Montag\nAn: \
            security@acme.example\nBetreff: XSS\n\nIch habe eine Lücke gefunden.\n";
        assert_eq!(own(german), ["Gibt es Neues?"]);
        let russian = "Есть новости?\n\nОт: Ада\nОтправлено: 20 декабря\nКому: security@acme.example\n\
            Тема: XSS\n\nУязвимость.\n";
        assert_eq!(own(russian), ["Есть новости?"]);
        let form = "From: version 1.2\nTo: version 1.4\n\nboth crash";
        assert_eq!(own(form), [form]);
        assert_eq!(own("new\n> old\n"), ["new"]);
    }
}
