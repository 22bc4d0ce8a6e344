//! Chromium goes through the page, and axe-core looks at each screen.

use crate::screens::{HOSTILE, id_with, plain};
use crate::world::World;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Screens that the story looks at.
const SCREENS: usize = 16;

#[test]
fn chromium_goes_through_the_page_and_axe_finds_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page/browser");
    assert!(
        folder.join("node_modules").exists(),
        "playwright-core is not installed: run make setup"
    );
    let world = World::started();
    world.letter("hostile", HOSTILE);
    world.letter("plain", &plain(1));
    let ids = world.cases(2);
    let (plain, hostile) = (
        id_with(&world, &ids, "traversal"),
        id_with(&world, &ids, "script"),
    );
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/page");
    let mut story = Command::new("node")
        .arg("story.mjs")
        .arg(format!("http://localhost:{}", world.port))
        .arg("/usr/bin/chromium")
        .arg(&pictures)
        .args([plain, hostile])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node is not installed: run make setup");
    let mut answers = story.stdin.take().unwrap();
    let (mut faults, mut seen) = (Vec::new(), 0);
    for line in BufReader::new(story.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("LETTER", n) => {
                let ticket = world.sign_in_letter("rita", n.parse().unwrap());
                writeln!(answers, "{}", ticket.path).unwrap();
            }
            ("FAULT", fault) => faults.push(fault.to_owned()),
            ("SEEN", screens) => seen = screens.parse().unwrap(),
            _ => {}
        }
    }
    assert!(story.wait().unwrap().success(), "{faults:#?}");
    assert!(faults.is_empty(), "{faults:#?}");
    assert_eq!(seen, SCREENS);
}
