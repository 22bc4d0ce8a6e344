//! Where in a text do OpenPGP blocks stand? (RFC 9580 section 6.2, and section 7 for clearsigned text.)

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    Message,
    Clearsigned,
    PublicKey,
}

/// One armored block inside a text, with what stands around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub kind: BlockKind,
    /// The block's octets with any quoting taken off, LF line ends.
    pub octets: String,
    /// Byte range of the block in the text, whole lines.
    pub start: usize,
    pub end: usize,
}

/// Blocks looked for in one text; the rest stays text.
const BLOCKS_MAX: usize = 16;

/// Whether a text that was looked through still begins a block: there were more than are looked for.
pub fn has_more_blocks(rest: &str) -> bool {
    !blocks(rest).is_empty()
}

const MESSAGE: &str = "-----BEGIN PGP MESSAGE-----";
const SIGNED: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const PUBLIC: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

/// Finds armored blocks. Their first line may be quoted or indented; then the same prefix is taken off each line.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<(BlockKind, String, usize, String)> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let bare = line.trim_end();
        match &mut open {
            None => {
                if found.len() == BLOCKS_MAX {
                    break;
                }
                let begin = [(MESSAGE, BlockKind::Message), (SIGNED, BlockKind::Clearsigned), (PUBLIC, BlockKind::PublicKey)]
                    .into_iter()
                    .find_map(|(mark, kind)| Some((kind, bare.strip_suffix(mark)?)));
                let Some((kind, prefix)) = begin else { continue };
                // A quoted signature is somebody else's word, and its lines may have been changed.
                if (kind == BlockKind::Clearsigned && !prefix.is_empty()) || prefix.chars().any(|c| !matches!(c, '>' | '|' | ' ' | '\t' | '\u{a0}')) {
                    continue;
                }
                open = Some((kind, prefix.to_owned(), start, format!("{}\n", &bare[prefix.len()..])));
            }
            Some((kind, prefix, begun, octets)) => {
                // A quoting program may trim the blank after its mark on an empty line.
                let unquoted = bare.strip_prefix(prefix.as_str()).or_else(|| bare.strip_prefix(prefix.trim_end())).unwrap_or(bare);
                octets.push_str(unquoted);
                octets.push('\n');
                let end = match kind {
                    BlockKind::Message => "-----END PGP MESSAGE-----",
                    BlockKind::Clearsigned => "-----END PGP SIGNATURE-----",
                    BlockKind::PublicKey => "-----END PGP PUBLIC KEY BLOCK-----",
                };
                if unquoted == end {
                    let block = Block { kind: *kind, octets: std::mem::take(octets), start: *begun, end: at };
                    found.push(block);
                    open = None;
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_found_bare_quoted_and_among_text() {
        let armor = "-----BEGIN PGP MESSAGE-----\n\nAAAA\n=BBBB\n-----END PGP MESSAGE-----\n";
        let quoted: String = armor.lines().map(|l| format!("> {l}\n")).collect();
        for text in [armor.to_owned(), format!("Hello,\n\n{armor}\nregards\n"), quoted.replace("> \n", ">\n")] {
            let found = blocks(&text);
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].octets, armor);
        }
        assert_eq!(blocks(&format!("{armor}{armor}")).len(), 2);
    }

    #[test]
    fn a_block_that_never_ends_stays_text() {
        assert!(blocks("-----BEGIN PGP MESSAGE-----\n\nAAAA\n").is_empty());
        assert!(blocks("see -----BEGIN PGP MESSAGE-----\n-----END PGP MESSAGE-----\n").is_empty());
    }
}
