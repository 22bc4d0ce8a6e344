//! What leaves for the world's tools holds to the official schemas, and what leaves for a
//! responder's mail program opens there.
//!
//! On the desk that `sealdesk demo` makes: a real opener, a real store, no account anywhere.

use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const SEALDESK: &str = env!("CARGO_BIN_EXE_sealdesk");

struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn after_a_demo() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let demo = Command::new(SEALDESK)
            .args(["demo", "--once", "--dir"])
            .arg(folder.path().join("d"))
            .output()
            .unwrap();
        assert!(
            demo.status.success(),
            "{}",
            String::from_utf8_lossy(&demo.stderr)
        );
        let config = folder.path().join("d/sealdesk.toml");
        let words = fs::read_to_string(&config).unwrap();
        let publisher = "\n[publisher]\nname = \"Acme\"\nnamespace = \
            \"https://acme.example\"\ncve_org_id = \"7f8ec4a5-39b8-4e9f-8b3e-6f5c9e5f2a10\"\n";
        fs::write(&config, format!("{words}{publisher}")).unwrap();
        Self { folder }
    }

    fn case(&self, arguments: &[&str]) -> Output {
        Command::new(SEALDESK)
            .arg("case")
            .args(arguments)
            .arg("--config")
            .arg(self.folder.path().join("d/sealdesk.toml"))
            .output()
            .unwrap()
    }

    fn said(&self, arguments: &[&str]) -> String {
        let output = self.case(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.case(arguments);
        assert!(
            !output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stdout)
        );
        String::from_utf8(output.stderr).unwrap()
    }

    /// The case whose letter came encrypted and says what it is about.
    fn sealed_case(&self) -> (String, Value) {
        let all: Vec<Value> = serde_json::from_str(&self.said(&["list", "--json"])).unwrap();
        let shown = all
            .iter()
            .map(|line| line["id"].as_str().unwrap().to_owned())
            .map(|id| (id.clone(), self.shown(&id)));
        let read = |view: &Value| {
            view["read"][0]["reading"]["protection"]["encrypted"] == true
                && view["report"]["affected_versions"][0].is_string()
        };
        shown.into_iter().find(|(_, view)| read(view)).unwrap()
    }

    fn shown(&self, id: &str) -> Value {
        serde_json::from_str(&self.said(&["show", id, "--json"])).unwrap()
    }
}

/// Exports to be held against their official schemas, all in one process.
#[derive(Default)]
struct Exports(Vec<Value>);

impl Exports {
    fn add(&mut self, format: &str, document: Value) {
        self.0
            .push(json!({ "format": format, "document": document }));
    }

    fn add_text(&mut self, format: &str, text: &str) {
        self.add(format, serde_json::from_str(text).unwrap());
    }

    fn validate(self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/validate.mjs");
        let mut child = Command::new("node")
            .arg(script)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input
            .write_all(Value::Array(self.0).to_string().as_bytes())
            .unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn every_export_holds_to_its_official_schema() {
    let desk = Desk::after_a_demo();
    let (id, before) = desk.sealed_case();
    // What a format demands and the case does not have is named with the verb that sets it.
    assert!(
        desk.refused(&["export", &id, "--format", "osv"])
            .contains("case set --cve")
    );
    for format in ["csaf", "cve", "ghsa", "markdown"] {
        assert!(
            !desk
                .case(&["export", &id, "--format", format])
                .status
                .success(),
            "{format} has no title of the team's yet"
        );
    }
    assert!(
        desk.refused(&["export", &id, "--format", "csaf"])
            .contains("case set --summary")
    );
    desk.said(&[
        "set",
        &id,
        "--cve",
        "CVE-2026-12345",
        "--package",
        "pkg:npm/acme-web",
        "--affected",
        "before 1.4.0",
        "--affected",
        "2.x until 2.1.7",
    ]);
    desk.said(&[
        "set",
        &id,
        "--fixed",
        "1.4.0",
        "--fixed",
        "2.1.7",
        "--cwe",
        "CWE-79",
        "--vector",
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N",
    ]);
    desk.said(&["set", &id, "--summary", "Stored XSS in the member list"]);
    desk.said(&["link", &id, "fix", "https://git.acme.example/commit/1"]);
    desk.said(&["link", &id, "advisory", "https://acme.example/advisories/1"]);
    desk.said(&["credit", &id, "--name", "Ada Example", "--as", "finder"]);
    let mut exports = Exports::default();
    for vector in [
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N",
        "AV:N/AC:L/Au:S/C:C/I:C/A:C",
        "CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
    ] {
        desk.said(&["set", &id, "--vector", vector]);
        for format in ["osv", "cve", "csaf", "ghsa"] {
            exports.add_text(format, &desk.said(&["export", &id, "--format", format]));
        }
    }
    let osv: Value = serde_json::from_str(&desk.said(&["export", &id, "--format", "osv"])).unwrap();
    let events: Vec<&Value> = osv["affected"][0]["ranges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|range| &range["events"])
        .collect();
    assert_eq!(
        json!(events),
        json!([[{ "introduced": "0" }, { "fixed": "1.4.0" }], [{ "introduced": "2" }, { "fixed": "2.1.7" }]])
    );
    // A sealed letter's own words stay in the desk.
    let words = before["read"][0]["reading"]["text"]
        .as_str()
        .unwrap()
        .lines()
        .map(str::trim)
        .filter(|line| line.len() > 40);
    let all = ["osv", "cve", "csaf", "ghsa", "markdown"]
        .map(|format| desk.said(&["export", &id, "--format", format]))
        .concat();
    assert!(words.clone().count() > 0 && words.into_iter().all(|line| !all.contains(line)));
    assert!(all.contains("Confidential until its release"));
    desk.said(&["reach", &id, "release"]);
    let csaf = desk.said(&["export", &id, "--format", "csaf"]);
    exports.add_text("csaf", &csaf);
    exports.validate();
    assert!(csaf.contains("\"WHITE\"") && csaf.contains("\"final\""));
}

#[test]
fn the_names_of_weaknesses_are_those_of_cwe() {
    let names = (1..1500).map(|n| format!("CWE-{n}")).filter_map(|id| {
        Some((
            id.clone(),
            json!(sealdesk::compose::export::cwe::name(&id)?),
        ))
    });
    let names: serde_json::Map<String, Value> = names.collect();
    assert!(names.len() > 100);
    let mut exports = Exports::default();
    exports.add("cwe", Value::Object(names));
    exports.validate();
}

#[test]
fn the_letters_open_in_a_responders_own_program() {
    let desk = Desk::after_a_demo();
    let (id, view) = desk.sealed_case();
    assert!(
        desk.refused(&["export", &id, "--format", "mbox"])
            .contains("--to")
    );
    assert!(
        desk.refused(&["export", &id, "--format", "mbox", "--to", "nobody"])
            .contains("[[responder]]")
    );
    let mbox = desk.said(&[
        "export",
        &id,
        "--format",
        "mbox",
        "--to",
        "rita@demo.example",
    ]);
    let letters = view["read"].as_array().unwrap().len();
    assert_eq!(
        mbox.lines()
            .filter(|line| line.starts_with("From "))
            .count(),
        letters
    );
    let home = tempfile::tempdir().unwrap();
    let gpg = |arguments: &[&str], input: &str| {
        let mut command = Command::new("gpg");
        command
            .arg("--homedir")
            .arg(home.path())
            .args(["--batch", "--quiet", "--trust-model", "always"])
            .args(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    };
    fs::set_permissions(
        home.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o700),
    )
    .unwrap();
    gpg(
        &["--import"],
        &fs::read_to_string(desk.folder.path().join("d/keys/rita.secret.asc")).unwrap(),
    );
    let from = mbox.find("-----BEGIN PGP MESSAGE-----").unwrap();
    let to = mbox.find("-----END PGP MESSAGE-----").unwrap();
    let opened = gpg(
        &["--decrypt"],
        &format!("{}-----END PGP MESSAGE-----\n", &mbox[from..to]),
    );
    let letter = String::from_utf8_lossy(&opened.stdout).into_owned();
    let text = view["read"][0]["reading"]["text"]
        .as_str()
        .unwrap()
        .lines()
        .find(|line| line.len() > 30)
        .unwrap()
        .to_owned();
    let shown = letter.replace("=\r\n", "").replace("=\n", "");
    assert!(
        shown.contains("Message-ID:") && shown.contains(&text[..30]),
        "{shown}{}",
        String::from_utf8_lossy(&opened.stderr)
    );
    assert!(
        letter.starts_with("Content-Type: multipart/mixed") && letter.contains("as-it-came.eml"),
        "{letter}"
    );
}

#[test]
fn a_report_of_several_vulnerabilities_is_split_and_each_is_filed() {
    let desk = Desk::after_a_demo();
    let (id, _) = desk.sealed_case();
    assert!(desk.refused(&["split", &id]).contains("name the titles"));
    let said = desk.said(&[
        "split",
        &id,
        "Path traversal in the export",
        "SSRF in the import",
    ]);
    let children: Vec<&str> = said
        .split([' ', ',', ';'])
        .filter(|word| word.starts_with("SD-") && *word != format!("{id}:"))
        .collect();
    assert_eq!(children.len(), 2, "{said}");
    assert!(desk.refused(&["split", &id]).contains("already"));
    let child = desk.shown(children[0]);
    assert_eq!(child["summary"], "Path traversal in the export");
    assert_eq!(
        (
            &child["course"]["part_of"],
            child["read"].as_array().unwrap().len()
        ),
        (
            &json!(id),
            desk.shown(&id)["read"].as_array().unwrap().len()
        )
    );
    assert_eq!(
        (
            &child["likely_duplicates"],
            &desk.shown(&id)["likely_duplicates"]
        ),
        (&json!([]), &json!([]))
    );
    assert!(
        desk.refused(&["split", children[0]]).contains("already"),
        "a part of a part is named by hand"
    );
    assert!(desk.said(&["file", children[0]]).contains("on its way"));
}
