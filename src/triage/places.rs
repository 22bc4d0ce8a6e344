//! Where in the source does the letter point? Files and functions that it names.

use super::patterns;

/// More than this is a stack trace of the world.
const PLACES_MAX: usize = 30;

patterns! {
    URL = r#"(?i)\b(https?|ftp|git)://[^\s<>()\[\]"'`]+"#;
    FILE = r"(?:^|[\s`'\x22(\[<,;:*/])((?:[A-Za-z0-9_.@-]+/)*[A-Za-z0-9_@-][A-Za-z0-9_.@-]*\.(?:c|h|cc|cpp|cxx|hpp|hh|rs|go|py|pyx|js|mjs|cjs|jsx|ts|tsx|java|kt|scala|php|phtml|inc|rb|erb|pl|pm|cs|swift|m|mm|lua|ex|exs|erl|hs|vue|svelte|twig|tmpl|jinja2?|asm|sol|zig|nim|sh))(?:[:#,;)\]\s`'\x22>*?!]|\.(?:\s|$)|$)";
    // What the reporter made themselves.
    OWN_FILE = r"(?i)(^|/)(poc|exploit|repro(ducer)?|crash(er)?|test_?case|attack(er)?|evil|payload|pwn|demo|fuzz(er)?|trigger|shell|malicious)[\w-]*\.\w+$|(^|/)(x|a|b|foo|bar|t|test)\d?\.\w+$|\.sh$";
    CALLED = r"(?:^|[^\w$.>:])((?:[A-Za-z_$][\w$]*(?:::|\.|->|#))*[A-Za-z_$][\w$]*[!?]?)\(\)";
    SAID = r"(?i:\b(?:function|method|routine|func|handler|macro|funktion|fonction|función))s?\s+(?:called\s+|named\s+)?[`'\x22]?([A-Za-z_$][\w$]*(?:(?:::|\.|->)[\w$]+)*)[`'\x22]?|[`'\x22]([A-Za-z_$][\w$]*(?:(?:::|\.|->)[\w$]+)*)(?:\(\))?[`'\x22]\s+(?i:function|method|routine|handler|macro)\b|\b([a-z][\w$]*_[\w$]+|[a-z]+[A-Z][\w$]*)\s+(?i:function|method|routine|handler)\b";
    FRAME = r"(?m)^\s*#\d+\s+0x[0-9a-f]+\s+in\s+([A-Za-z_][\w:]*)(?:\([^)]*\))?\s+(\S+?\.\w+)?(?::\d+)*";
    NOT_FUNCTION = r"(?i)^(console\.\w+|json\.\w+|object\.\w+|math\.\w+|string\.\w+|os\.\w+|sys\.\w+|requests?\.\w+|socket\.\w+|document\.\w+|window\.\w+|process\.\w+|fs\.\w+|system\.\w+|i\.e|e\.g|alert|prompt|confirm|print|main|eval|system|exec|is|that|which|in|the|to|of|for|and|or|call|calls|called|named|name|does|can|it|this|with|body|definition|document|window|fetch|require|open|free|malloc|printf|strlen|memcpy|strcpy|sprintf|__libc_start_main|__interceptor_\w+|__asan_\w+|_start|llvmfuzzertestoneinput|sleep|version|curl|import|returns?|parameters?|accepts?|will|has|uses?|on|from|at|responsible|handling|itself|never|only|where|when|doing|parses|reads|copies|checks|are|as|by|one|not|we|above|below|inside)$";
    // An identifier beside the file that it stands in.
    BESIDE = r"\b([A-Za-z_$][\w$]*(?:(?:::|\.|->)[\w$]+)*)(?:\([^)\n]*\))?[`'\x22]?,? (?:in|of|\() ?(?:the )?(?:file |module )?[`'\x22]?[\w@.-]+(?:/[\w@.-]+)*\.(?:c|h|cc|cpp|rs|go|py|js|ts|java|kt|php|rb|cs|pl|ex)\b|\.(?:c|h|cc|cpp|rs|go|py|js|ts|java|kt|php|rb|cs|pl|ex)[`'\x22]?(?::\d+)?(?:,| where| in|:) +(?:(?:function|method|in|the) )*[`'\x22]?([A-Za-z_$][\w$]*(?:(?:::|\.|->)[\w$]+)*)";
    // Called with what it is given, outside of what is only called to show it.
    GIVEN = r"(?:^|[\s`(])([A-Za-z_$][\w$]*(?:(?:::|\.|->)[A-Za-z_$][\w$]*)*)\((?:[^)\s]|$)";
    CODE_LIKE = r"[a-z][A-Z]|_|::|\.|->";
    FILE_NAME = r"(?i)\.(c|h|cc|cpp|rs|go|py|js|ts|java|kt|php|rb|cs|pl|ex|html?|json|ya?ml|xml|md|txt)$";
    PATCHED = r"(?m)^\+\+\+ (?:b/)?(\S+\.\w+)\s*$";
    DIFF = r"(?m)^(---|\+\+\+|diff --git) .*$|^[-+@].*$";
    LIBRARY_FRAME = r"(?i)(asan|msan|ubsan|interceptor|libc_start|sanitizer|/lib/|csu/)";
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
    let named = FILE.captures_iter(&text).map(|c| {
        LINE.replace(c.get(1).map_or("", |m| m.as_str()), "")
            .trim_start_matches("./")
            .to_owned()
    });
    unique(
        named
            .chain(patched)
            .filter(|file| !OWN_FILE.is_match(file) && !is_product(file)),
    )
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
    let like_code = |name: &String| CODE_LIKE.is_match(name);
    let called = CALLED.captures_iter(&text).map(|c| c[1].to_owned());
    let said = SAID
        .captures_iter(&text)
        .filter_map(|c| {
            c.get(1)
                .or(c.get(2))
                .or(c.get(3))
                .map(|m| m.as_str().to_owned())
        })
        .filter(like_code);
    let frames = FRAME
        .captures_iter(&text)
        .filter(|c| !LIBRARY_FRAME.is_match(&c[0]))
        .map(|c| c[1].to_owned())
        .take(3);
    let beside = BESIDE
        .captures_iter(&text)
        .filter_map(|c| c.get(1).or(c.get(2)).map(|m| m.as_str().to_owned()))
        .filter(like_code);
    let given = GIVEN
        .captures_iter(&text)
        .map(|c| c[1].to_owned())
        .filter(like_code);
    let named = called.chain(said).chain(frames).chain(beside).chain(given);
    unique(
        named.filter(|name| {
            name.len() > 2 && !NOT_FUNCTION.is_match(name) && !FILE_NAME.is_match(name)
        }),
    )
}

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
