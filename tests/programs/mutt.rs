//! A reporter with NeoMutt and GnuPG, by the keys that the guide names.

use super::people::Person;
use super::post::{Dkim, arrived, case_shows, letters, open_cases, proves};
use super::servers::{run, wait_for};
use super::terminal::Terminal;
use super::world::World;
use std::fs;
use std::process::Command;

const DESK: &str = "security@desk.example";
const CLEO: &str = "cleo@reporter.example";

/// Cleo with a key of her own, and nobody else's.
fn with_key(world: &World) -> Person {
    let home = world.path().join("people").join(CLEO);
    fs::create_dir_all(&home).unwrap();
    run(Command::new("chmod").arg("700").arg(&home));
    let cleo = Person {
        address: CLEO.to_owned(),
        home,
    };
    let new = [
        "--quick-gen-key",
        CLEO,
        "future-default",
        "default",
        "never",
    ];
    cleo.gpg(&new, "");
    cleo
}

/// NeoMutt in the inbox. What its editor adds to a letter stands in the file `words`.
fn neomutt(world: &World, cleo: &Person) -> Terminal {
    let home = world.path().join("neomutt");
    fs::create_dir_all(&home).unwrap();
    let settings = format!(
        "set from = {CLEO}\nset realname = Cleo\nset folder = \
         imap://cleo@localhost:{imap}/\nset imap_pass = secret\nset spoolfile = +INBOX\nset \
         record = \"\"\nset smtp_url = smtp://localhost:{smtp}/\nset ssl_starttls = no\nset \
         ssl_force_tls = no\nset editor = \"{home}/editor\"\nset include = yes\nset mail_check = \
         1\nset timeout = 1\nset sort = date\nset header_cache = \"\"\nset pgp_default_key = {CLEO}\n",
        imap = world.dovecot.imap,
        smtp = world.postfix.smtp,
        home = home.display(),
    );
    fs::write(home.join("neomuttrc"), settings).unwrap();
    // Above what is quoted.
    let editor = format!(
        "#!/bin/sh\ncat {0}/words \"$1\" > {0}/letter && cp {0}/letter \"$1\"\n",
        home.display()
    );
    let path = home.join("editor");
    fs::write(&path, editor).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&path, executable).unwrap();
    Terminal::start(
        &home,
        &[
            ("HOME", &home.display().to_string()),
            ("TMPDIR", &home.display().to_string()),
            ("GNUPGHOME", &cleo.home.display().to_string()),
            ("TERM", "xterm"),
            ("LANG", "C.UTF-8"),
        ],
        &format!("neomutt -F {}/neomuttrc", home.display()),
    )
}

fn words(world: &World, words: &str) {
    fs::write(world.path().join("neomutt/words"), words).unwrap();
}

#[test]
fn neomutt_reports_and_answers_encrypted() {
    let world = World::new();
    proves(&world, Dkim::Covers);
    let _desk = world.open();
    let cleo = with_key(&world);
    let terminal = neomutt(&world, &cleo);
    let inbox = ["q:Quit", "INBOX"];
    terminal.shows(&inbox);

    // Without a key: m, and what the guide says.
    words(&world, "Please send me your PGP key.\n");
    terminal.press(&["m"]);
    terminal.answer("To:", DESK);
    terminal.answer("Subject:", "PGP key");
    terminal.shows(&["y:Send", "Security: None"]);
    terminal.press(&["y"]);

    // The key comes: v, the file, s. Then GnuPG, as the guide says.
    terminal.shows(&["The public key of Desk"]);
    terminal.press(&["End", "v"]);
    terminal.shows(&["certificate.asc"]);
    terminal.press(&["/"]);
    terminal.answer("Search for:", "certificate.asc");
    let file = world.path().join("neomutt/certificate.asc");
    terminal.press(&["s"]);
    terminal.answer("Save to file:", &file.display().to_string());
    wait_for("the saved certificate", || file.exists());
    terminal.press(&["q"]);
    terminal.shows(&inbox);
    cleo.gpg(&["--import", &file.display().to_string()], "");
    let listed = cleo.gpg(&["--with-colons", "--fingerprint", DESK], "");
    let fingerprint = listed
        .lines()
        .find_map(|line| line.strip_prefix("fpr:::::::::"))
        .unwrap();
    cleo.gpg(
        &["--quick-lsign-key", fingerprint.trim_end_matches(':')],
        "",
    );
    let mine = world.path().join("neomutt/my-certificate.asc");
    fs::write(&mine, cleo.certificate()).unwrap();

    // The report: m, then p and b for both, a for the certificate, y.
    words(
        &world,
        "The session cookie of acme-web 2.3.1 is CANARY-BODY.\n\nSteps to reproduce:\n1. Log \
         in\n2. Look at it\n",
    );
    terminal.press(&["m"]);
    terminal.answer("To:", DESK);
    terminal.answer("Subject:", "A report");
    terminal.shows(&["y:Send"]);
    terminal.press(&["p"]);
    terminal.shows(&["(b)oth"]);
    terminal.press(&["b"]);
    terminal.shows(&["Sign, Encrypt (PGP/MIME)"]);
    terminal.press(&["a"]);
    terminal.answer("Attach file", &mine.display().to_string());
    terminal.shows(&["my-certificate.asc", "y:Send"]);
    terminal.press(&["y"]);
    let report = arrived(&world, DESK, "the report", |l| l.from(CLEO) && l.sealed());
    report.hides("CANARY");

    // The acknowledgement is shown with a good signature.
    terminal.shows(&["Your mail to Desk [SD-"]);
    terminal.press(&["End", "Enter"]);
    terminal.shows(&["Good signature from", DESK, "thank you for writing to us"]);
    let case = open_cases(&world)[0]["id"].as_str().unwrap().to_owned();
    let told = case_shows(&world, &case);
    assert!(
        told.contains("encrypted, signed with a key that it brought itself"),
        "{told}"
    );

    // r: the address is the desk's, and p and b do the rest.
    words(
        &world,
        "CANARY-MORE: version 2.3.0 is affected as well.\n\n",
    );
    terminal.press(&["r"]);
    terminal.shows(&["To:", &format!("Desk <{DESK}>")]);
    terminal.press(&["Enter"]);
    terminal.shows(&["Subject: Re: Your mail to Desk"]);
    terminal.press(&["Enter"]);
    terminal.shows(&["y:Send"]);
    terminal.press(&["p"]);
    terminal.shows(&["(b)oth"]);
    terminal.press(&["b"]);
    terminal.shows(&["Sign, Encrypt (PGP/MIME)"]);
    terminal.press(&["y"]);
    wait_for("her addition in the case", || {
        case_shows(&world, &case).contains("CANARY-MORE")
    });
    assert_eq!(open_cases(&world).len(), 1);
    for letter in letters(&world, DESK).iter().filter(|l| l.from(CLEO)) {
        assert!(!letter.octets.contains("CANARY"), "{}", letter.octets);
    }

    // The team's answer is sealed to the certificate that she attached.
    let answer = world.path().join("answer.txt");
    fs::write(&answer, "Thank you, Cleo. CANARY-ANSWER is in 2.3.2.\n").unwrap();
    let answer = answer.display().to_string();
    let (code, _, fault) = world.command(&["case", "reply", &case, "--file", &answer]);
    assert_eq!(code, 0, "{fault}");
    let reply = arrived(&world, CLEO, "the answer", |l| l.sealed());
    reply.hides("CANARY");
    terminal.press(&["q"]);
    terminal.shows(&["q:Quit", "Re: Your mail to Desk"]);
    terminal.press(&["End", "Enter"]);
    terminal.shows(&["Good signature from", DESK, "CANARY-ANSWER is in 2.3.2"]);
}
