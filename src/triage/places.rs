//! Where in the source does the letter point? Files and functions that it names.

use super::patterns;
use super::report::without_code;

/// More than this is a stack trace of the world.
const PLACES_MAX: usize = 30;

patterns! {
    URL = r#"(?i)\b(https?|ftp|git)://[^\s<>()\[\]"'`]+"#;
    FILE = r"(?:^|[\s`'\x22(\[<,;:*/])((?:[A-Za-z0-9_.@-]+/)*[A-Za-z0-9_@-][A-Za-z0-9_.@-]*\.(?:c|h|cc|cpp|cxx|hpp|hh|rs|go|py|pyx|js|mjs|cjs|jsx|ts|tsx|java|kt|scala|php|phtml|inc|rb|erb|pl|pm|cs|swift|m|mm|lua|ex|exs|erl|hs|vue|svelte|twig|tmpl|jinja2?|asm|sol|zig|nim|sh))(?:[:#,;)\]\s`'\x22>*?!]|\.(?:\s|$)|$)";
    // What the reporter made themselves.
    OWN_FILE = r"(?i)(^|/)(poc|exploit|repro(ducer)?|crash(er)?|test_?case|attack(er)?|evil|payload|pwn|demo|fuzz(er)?|trigger|shell|malicious)[\w-]*\.\w+$|(^|/)(x|a|b|foo|bar|t|test|gen|slip|idp|sploit)\d?\.\w+$|[-_](poc|exploit|repro|crash)\w*\.\w+$|(^|/)(tests?|nptl|sysdeps|csu)/|\.sh$";
    CALLED = r"(?:^|[^\w$.>:])((?:[A-Za-z_$][\w$]*(?:::|\.|->|#))*[A-Za-z_$][\w$]*[!?]?)\(\)";
    SAID = r"(?i:\b(?:function|method|routine|func|handler|macro|funktion|fonction|función|função|methode|méthode|método|функци[яиюе]|метод))s?\s+(?:called\s+|named\s+)?[`'\x22]?([A-Za-z_$][\w$]*(?:(?:::|\.|->)[\w$]+)*)[`'\x22]?|[`'\x22]([A-Za-z_$][\w$]*(?:(?:::|\.|->)[\w$]+)*)(?:\(\))?[`'\x22]\s+(?i:function|method|routine|handler|macro)\b|\b([a-z][\w$]*_[\w$]+|[a-z]+[A-Z][\w$]*)\s+(?i:function|method|routine|handler)\b";
    FRAME = r"(?m)^\s*(?:#\d+\s+(?:0x[0-9a-f]+\s+in\s+)?|==\d+==\s+(?:at|by) 0x[0-9A-Fa-f]+: )([A-Za-z_][\w:]*)(?:\([^)]*\)|(?: ?\([^)\n]*\)){0,2})\s+(?:at )?\(?(\S+?\.\w+)?(?::\d+)*";
    NOT_FUNCTION = r"(?i)^(console\.\w+|json\.\w+|object\.\w+|math\.\w+|string\.\w+|os\.\w+|sys\.\w+|requests?\.\w+|socket\.\w+|document\.\w+|window\.\w+|process\.\w+|fs\.\w+|system\.\w+|i\.e|e\.g|fmt\.\w+|pickle\.\w+|subprocess\.\w+|yaml\.\w+|urllib\.\w+|http\.\w+|time\.\w+|p\.\w+|s\.\w+|r\.\w+|ctx\.\w+|access|bind|listen|accept|connect|fork|exec\w+|popen|error_code|memchr|strchr|strcat|strncat|strcmp|strncmp|strdup|atoi|strtol|getenv|fopen|fgets|fread|fwrite|recv|send|stat|lstat|fstat|chown|fchown|calloc|realloc|syslog|syslog_r|memset|memmove|strncpy|snprintf|read|write|close|mmap|ioctl|alert|prompt|confirm|print|main|eval|system|exec|is|that|which|in|the|to|of|for|and|or|call|calls|called|named|name|does|can|it|this|with|body|definition|document|window|fetch|require|open|free|malloc|printf|strlen|memcpy|strcpy|sprintf|__libc_start_main|__interceptor_\w+|__asan_\w+|_start|llvmfuzzertestoneinput|sleep|version|curl|import|returns?|parameters?|accepts?|will|has|uses?|on|from|at|responsible|handling|itself|never|only|where|when|doing|parses|reads|copies|checks|are|as|by|one|not|we|above|below|inside)$";
    // An identifier beside the file that it stands in.
    BESIDE = r"\b([A-Za-z_$][\w$]*(?:(?:::|\.|->)[\w$]+)*)(?:\([^)\n]*\))?[`'\x22]?,? (?:in|of|dans|en|em|na|no|im|из|в|\() ?(?:the )?(?:file |module |fichier |archivo |arquivo |datei |файл[еа]? )?[`'\x22]?[\w@.-]+(?:/[\w@.-]+)*\.(?:c|h|cc|cpp|rs|go|py|js|ts|java|kt|php|rb|cs|pl|ex)\b|\.(?:c|h|cc|cpp|rs|go|py|js|ts|java|kt|php|rb|cs|pl|ex)[`'\x22]?(?::\d+)?(?:,| where| in|:|) +(?:(?:function|method|in|the|methode|méthode|método|função|función|fonction|funktion|функция|метод) +)*[`'\x22]?([A-Za-z_$][\w$]*(?:(?:::|\.|->)[\w$]+)*)";
    // Called with what it is given, outside of what is only called to show it.
    GIVEN = r"(?:^|[\s`(])([A-Za-z_$][\w$]*(?:(?:::|\.|->)[A-Za-z_$][\w$]*)*)\((?:[^)\s]|$)";
    // Written as functions are in C, Python and Rust: `der_read_length`, `Router::merge`.
    SNAKE = r"(?:^|[\s`'\x22(,;*])([a-z][a-z0-9]*(?:_[a-z0-9]+)+|[A-Za-z_]\w*(?:::[A-Za-z_]\w*)+)(?:\(\))?(?:[\s`'\x22),;:.!?*]|$)";
    // A name of something else: of a parameter, a field, an option.
    NO_FUNCTION_WORD = r"(?i)\b(by|as|user|handle|nick|credit\w*|repository|branch|param\w*|argument|field|column|table|variable|cookie|header|option|setting|key|flag|macro|config\w*|module|package|sysctl|table|feld|spalte|tabelle|option|champ|paramètre|colonne|campo|parámetro|columna|parâmetro|coluna|параметр\w*|пол[ея]|ключ\w*)\W+$";
    NOT_SNAKE = r"_(?:id|ids|token|secret|until|t|key|keys|name|names|url|uri|path|file|64|fuzzer|client|member|at|date|day|count|size|len|type|dir|wild|versions?|user|password|cookie|session|header|config|enabled|status|code)$|^x86_|^(?:raw|utf|iso|sha|md)_?\d|^evil_|^(?:max|min|enable|allow|disable|use|no|default)_|_(?:limit|mode|size|timeout)$";
    // What a command line hands to an interpreter, and lines that are code without a fence.
    INLINE_CODE = r#"(?m)-[ce] ["'].*$|^[ \t]*[{<].*$|^.*[;}][ \t]*$"#;
    INDENTED = r"(?m)^(?: {4,}|\t|>>> |\$ |\w+> ).*$";
    CODE_LIKE = r"[a-z][A-Z]|_|::|\.|->";
    FILE_NAME = r"(?i)\.(c|h|cc|cpp|rs|go|py|js|ts|java|kt|php|rb|cs|pl|ex|html?|json|ya?ml|xml|md|txt)$";
    PATCHED = r"(?m)^\+\+\+ (?:b/)?(\S+\.\w+)\s*$";
    DIFF = r"(?m)^(---|\+\+\+|diff --git) .*$|^[-+@].*$";
    LIBRARY_FRAME = r"(?i)(vg_replace|asan|msan|ubsan|interceptor|libc_start|sanitizer|/lib/|csu/)";
    LINE = r":\d+(:\d+)?$";
}

/// URLs as written.
pub(super) fn references(text: &str) -> Vec<String> {
    let found = URL.find_iter(text).map(|m| {
        m.as_str()
            .trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_'])
            .to_owned()
    });
    unique(found)
}

pub(super) fn files(text: &str) -> Vec<String> {
    // Of a patch its head names the file.
    let patched = PATCHED
        .captures_iter(text)
        .map(|c| c[1].to_owned())
        .collect::<Vec<_>>();
    let text = URL.replace_all(text, " ");
    let text = DIFF.replace_all(&text, " ");
    let text = spaced(&first_frame(&text));
    let is_of_source = |c: &regex::Captures<'_>| {
        let file = c.get(1).map_or(0..0, |m| m.range());
        !is_run(&text[..file.start]) && !is_of_url(&text[..file.start], &text[file])
    };
    let named = FILE.captures_iter(&text).filter(is_of_source).map(|c| {
        LINE.replace(c.get(1).map_or("", |m| m.as_str()), "")
            .trim_start_matches("./")
            .to_owned()
    });
    let found = unique(
        named
            .chain(patched)
            .filter(|file| !OWN_FILE.is_match(file) && !is_product(file)),
    );
    // The same file by a longer path says nothing more.
    let is_longer = |file: &String| {
        let mut others = found.iter().filter(|other| *other != file);
        others.any(|other| file.ends_with(&format!("/{other}")) && other.contains('/'))
    };
    found
        .iter()
        .filter(|file| !is_longer(file))
        .cloned()
        .collect()
}

/// `python3 nest.py`: what a command runs is the reporter's.
fn is_run(before: &str) -> bool {
    let Some(head) = before.strip_suffix(' ') else {
        return false;
    };
    let tail = &head[head.floor_char_boundary(head.len().saturating_sub(12))..];
    let word = tail.rsplit([' ', '\n', '`', '$']).next();
    let runs = [
        "python", "python3", "node", "ruby", "perl", "php", "lua", "bash", "sh", "sqlmap", "curl",
    ];
    word.is_some_and(|word| runs.contains(&word))
}

/// `/cgi/upload.lua` is asked of a server, `/usr/lib/x.lua` lies on its disk.
fn is_of_url(before: &str, file: &str) -> bool {
    let roots = [
        "usr/", "etc/", "var/", "opt/", "srv/", "home/", "www/", "lib/", "tmp/", "src/", "bin/",
        "sbin/",
    ];
    let is_asked = [".php", ".lua", ".pl", ".jsp", ".asp"]
        .iter()
        .any(|end| file.ends_with(end));
    let is_rooted = before
        .strip_suffix('/')
        .is_some_and(|rest| rest.is_empty() || rest.ends_with([' ', '\n', '`', '"', '(', '\'']));
    is_asked && is_rooted && !roots.iter().any(|root| file.starts_with(root))
}

/// Of a stack trace the first frame that is no library's; the others only called it.
fn first_frame(text: &str) -> String {
    let mut is_seen = false;
    let kept = text.lines().filter(|line| {
        if !FRAME.is_match(line) {
            return true;
        }
        let is_first = !is_seen && !LIBRARY_FRAME.is_match(line);
        is_seen |= is_first;
        is_first
    });
    kept.collect::<Vec<_>>().join("\n")
}

/// Chinese and Japanese letters set no spaces around names; a word for a function stays one.
fn spaced(text: &str) -> String {
    let words = ["函数", "関数", "方法", "メソッド", "接口函数"];
    let named = words.iter().fold(text.to_owned(), |text, word| {
        text.replace(word, " function ")
    });
    let is_wide = |c: char| matches!(c, '\u{2010}'..='\u{206f}' | '\u{3000}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}');
    named.replace(is_wide, " ")
}

/// Node.js is no file.
fn is_product(file: &str) -> bool {
    let name = file.to_lowercase();
    !file.contains('/')
        && (name == "node.js"
            || name == "vue.js"
            || name == "next.js"
            || name == "express.js"
            || file.chars().next().is_some_and(char::is_uppercase) && name.ends_with(".js"))
}

pub(super) fn functions(text: &str) -> Vec<String> {
    let text = URL.replace_all(text, " ");
    let text = DIFF.replace_all(&text, " ");
    let frames: Vec<String> = FRAME
        .captures_iter(&text)
        .filter(|c| !LIBRARY_FRAME.is_match(&c[0]))
        .map(|c| c[1].to_owned())
        .take(1)
        .collect();
    // What code calls is not where the vulnerability is.
    let prose = without_code(&text);
    let prose = FRAME.replace_all(&prose, "\n");
    let prose = INDENTED.replace_all(&prose, "");
    let prose = spaced(&INLINE_CODE.replace_all(&prose, ""));
    let like_code = |name: &String| CODE_LIKE.is_match(name);
    let either = |c: regex::Captures<'_>| {
        let groups = [c.get(1), c.get(2), c.get(3)];
        groups
            .into_iter()
            .flatten()
            .next()
            .map(|m| m.as_str().to_owned())
    };
    let first = |c: regex::Captures<'_>| c[1].to_owned();
    let called = CALLED.captures_iter(&prose).map(first);
    let said = SAID
        .captures_iter(&prose)
        .filter_map(either)
        .filter(like_code);
    let beside = BESIDE
        .captures_iter(&prose)
        .filter_map(|c| c.get(1).or(c.get(2)).map(|m| m.as_str().to_owned()))
        .filter(like_code);
    let given = GIVEN.captures_iter(&prose).map(first).filter(like_code);
    let named = called.chain(said).chain(frames).chain(beside).chain(given);
    let found: Vec<String> = named.chain(snake(&prose)).collect();
    unique(
        found.into_iter().filter(|name| {
            is_word(name) && !NOT_FUNCTION.is_match(name) && !FILE_NAME.is_match(name)
        }),
    )
}

/// It begins as a name does, and no key ends it.
fn is_word(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '$'));
    begins && !name.ends_with(':') && name.len() > 2
}

/// Names that are written as functions are; many of them are a listing.
fn snake(prose: &str) -> Vec<String> {
    let found: Vec<String> = SNAKE
        .captures_iter(prose)
        .filter_map(|c| {
            let name = c.get(1)?;
            let before =
                &prose[prose.floor_char_boundary(name.start().saturating_sub(40))..name.start()];
            let before = before.trim_end_matches(['`', '\'', '"', '(']);
            let is_key =
                prose[name.end()..].starts_with([':', '=']) && !name.as_str().contains("::");
            let is_function = !NO_FUNCTION_WORD.is_match(before)
                && !NOT_SNAKE.is_match(name.as_str())
                && !is_key
                && !is_string_or_file(prose, name.range())
                && !is_alone(prose, name.range())
                && !prose[name.end()..].starts_with(" -");
            is_function.then(|| name.as_str().to_owned())
        })
        .collect();
    if unique(found.iter().cloned()).len() > SNAKES_MAX {
        return Vec::new();
    }
    found
}

/// A name in quotation marks is a string, and one before `.py` is a file.
fn is_string_or_file(prose: &str, name: std::ops::Range<usize>) -> bool {
    let before = prose[..name.start].trim_end().chars().next_back();
    let mut after = prose[name.end..].chars();
    let next = after.next();
    let is_file = next == Some('.') && after.next().is_some_and(char::is_alphanumeric);
    is_file || matches!(before, Some('"' | '“' | '«' | '„')) && !prose[name.end..].starts_with("()")
}

/// A signature, or a row of a listing: nothing else stands on its line.
fn is_alone(prose: &str, name: std::ops::Range<usize>) -> bool {
    let from = prose.floor_char_boundary(name.start.saturating_sub(LINE_OCTETS_MAX));
    let to = prose.floor_char_boundary(prose.len().min(name.end + LINE_OCTETS_MAX));
    let before = prose[from..name.start].rsplit('\n').next();
    let after = prose[name.end..to].split('\n').next();
    let is_empty = |part: Option<&str>| part.is_none_or(|part| part.trim().is_empty());
    is_empty(before) && is_empty(after)
}

/// What stands farther on the line of a name is not looked at.
const LINE_OCTETS_MAX: usize = 120;

/// More such names are variables and fields, too.
const SNAKES_MAX: usize = 4;

fn unique(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in names {
        if !name.is_empty() && !found.contains(&name) && found.len() < PLACES_MAX {
            found.push(name);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_functions_are_named_and_the_reporters_own_are_not() {
        let text = "The bug is in parse_chunk() in `src/png/read.c:120`, called from \
            Decoder::next().\nSee https://example.org/a.c and run poc.py.\nThe function \
            handle_req copies it. alert() pops up in Node.js.";
        assert_eq!(files(text), ["src/png/read.c"]);
        assert_eq!(
            functions(text),
            ["parse_chunk", "Decoder::next", "handle_req"]
        );
        assert_eq!(references(text), ["https://example.org/a.c"]);
    }
}
