//! What is a file, whatever its letter says? Its first octets decide.

use super::File;

/// The media type that the octets show, else the one that was declared.
pub fn true_type(file: &File) -> String {
    let declared = file.media_type.as_str();
    match infer::get(&file.octets) {
        // What is inside a container is told better by a name of its own: application/vnd.… is a ZIP too.
        Some(seen) if seen.mime_type() == "application/zip" && declared.starts_with("application/vnd.") => declared.to_owned(),
        Some(seen) => seen.mime_type().to_owned(),
        None => declared.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_speak_louder_than_names() {
        let typed = |declared: &str, octets: &[u8]| true_type(&File { name: "x".to_owned(), media_type: declared.to_owned(), octets: octets.to_vec() });
        let program = [&b"\x7fELF\x02\x01\x01"[..], &[0; 60]].concat();
        assert_eq!(typed("text/plain", &program), "application/x-executable");
        assert_eq!(typed("application/octet-stream", b"%PDF-1.7\n"), "application/pdf");
        assert_eq!(typed("application/octet-stream", b"PK\x03\x04\x14\x00\x01\x00"), "application/zip");
        assert_eq!(typed("application/vnd.acme", b"PK\x03\x04\x14\x00\x01\x00"), "application/vnd.acme");
        assert_eq!(typed("text/x-python", b"print(1)"), "text/x-python");
    }
}
