//! What an operator keeps, upgrades and erases: a backup while letters come in, the drill of
//! restoring it, damaged ones, a program that is replaced, and cases that are purged.

use sealdesk::openpgp::{Purpose, SealTo, SecretKeys, certificates, open_into};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const SEALDESK: &str = env!("CARGO_BIN_EXE_sealdesk");

/// A desk with the demo's letters, and a folder beside it that may become another.
struct DeskIdentity {
    folder: tempfile::TempDir,
}

/// A desk that runs until the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl DeskIdentity {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let identity = Self { folder };
        let dir = identity.path("desk");
        good(
            Command::new(SEALDESK)
                .args(["demo", "--once", "--dir"])
                .arg(&dir),
        );
        identity
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self) -> PathBuf {
        self.path("desk/sealdesk.toml")
    }

    /// The same desk with a state folder of its own, which is empty.
    fn other(&self, name: &str) -> PathBuf {
        fs::create_dir(self.path(name)).unwrap();
        let words = fs::read_to_string(self.config()).unwrap();
        let state = self.path("desk/state").display().to_string();
        assert!(words.contains(&state), "{words}");
        let config = self.path(&format!("{name}.toml"));
        fs::write(
            &config,
            words.replace(&state, &self.path(name).display().to_string()),
        )
        .unwrap();
        config
    }

    fn runs(&self) -> Running {
        let running = Running(
            Command::new(SEALDESK)
                .args(["run", "--config"])
                .arg(self.config())
                .spawn()
                .unwrap(),
        );
        let socket = self.path("desk/state/command.sock");
        wait_for(|| std::os::unix::net::UnixStream::connect(&socket).is_ok());
        running
    }

    fn sealdesk(&self, verb: &str, config: &Path) -> Command {
        let mut command = Command::new(SEALDESK);
        command.args(verb.split(' ')).arg("--config").arg(config);
        command
    }

    fn cases(&self, config: &Path) -> serde_json::Value {
        serde_json::from_slice(&good(&mut self.sealdesk("case list --all --json", config)).stdout)
            .unwrap()
    }

    fn backup(&self, to: &Path) -> Output {
        good(
            self.sealdesk("backup", &self.config())
                .arg("--output")
                .arg(to),
        )
    }

    fn restore(&self, file: &Path, config: &Path) -> Output {
        self.sealdesk("restore", config)
            .arg("--key")
            .arg(self.path("desk/keys/storage.secret.asc"))
            .arg(file)
            .output()
            .unwrap()
    }
}

fn good(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        said(&output)
    );
    output
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn wait_for(mut what: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(120);
    while !what() {
        assert!(Instant::now() < until, "it did not happen in time");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What lies in a folder, with all below it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()))
        } else {
            found.push(entry.path())
        }
    }
    found
}

/// An upgrade puts another program in the place of the one that runs, which still begins its opener
/// anew.
#[test]
fn a_desk_whose_program_is_replaced_goes_on_reading() {
    let identity = DeskIdentity::new();
    let program = identity.path("program");
    fs::copy(SEALDESK, &program).unwrap();
    let mut run = Command::new(&program);
    run.args(["run", "--config"]).arg(identity.config());
    let desk = Running(run.spawn().unwrap());
    let socket = identity.path("desk/state/command.sock");
    wait_for(|| std::os::unix::net::UnixStream::connect(&socket).is_ok());
    fs::remove_file(&program).unwrap();
    fs::write(&program, "no program").unwrap();
    // The opener of the letters before, where one was begun yet.
    let _ = Command::new("pkill")
        .args(["-KILL", "-P", &desk.0.id().to_string()])
        .status();
    fs::write(
        identity.path("desk/Maildir/new/after"),
        "From: Gil <gil@late.example>\r\nTo: security@demo.example\r\nMessage-ID: \
         <late@late.example>\r\nSubject: after the upgrade\r\n\r\nacme-web 2.3.1 leaks.\r\n",
    )
    .unwrap();
    let cases = || identity.cases(&identity.config()).to_string();
    wait_for(|| cases().contains("after the upgrade"));
}

#[test]
fn a_backup_of_a_desk_that_runs_comes_back_whole_with_its_long_letters() {
    let identity = DeskIdentity::new();
    let letter = format!(
        "From: Gil <gil@long.example>\r\nTo: security@demo.example\r\nMessage-ID: \
         <long@long.example>\r\nSubject: a long one\r\n\r\nacme-web 2.3.1 leaks.\r\n{}",
        "Steps to reproduce: look closely.\r\n".repeat(5_000)
    );
    fs::write(identity.path("desk/Maildir/new/long"), letter).unwrap();
    let file = identity.path("kept.backup.pgp");
    {
        let _desk = identity.runs();
        wait_for(|| {
            identity
                .cases(&identity.config())
                .to_string()
                .contains("a long one")
        });
        wait_for(|| {
            fs::read_dir(identity.path("desk/state/spool"))
                .unwrap()
                .count()
                == 1
        });
        identity.backup(&file);
    }
    let before = identity.cases(&identity.config());
    assert!(
        files(&identity.path("desk/state"))
            .iter()
            .all(|path| !path.to_string_lossy().contains("passing")),
        "something was left behind"
    );

    let config = identity.other("new");
    let restored = identity.restore(&file, &config);
    assert!(restored.status.success(), "{}", said(&restored));
    assert_eq!(identity.cases(&config), before);
    // Whoever lays it there reads what is behind the archive's end, too.
    let mut inside = Vec::new();
    let key = fs::read(identity.path("desk/keys/storage.secret.asc")).unwrap();
    let mut keys = SecretKeys::load(&key, Purpose::Storage, None).unwrap();
    let sealed = fs::File::open(&file).unwrap();
    open_into(std::io::BufReader::new(sealed), &mut keys, &mut inside).unwrap();
    inside.extend(vec![0; 4 << 20]);
    let padded = identity.other("padded");
    let mut lays = identity
        .sealdesk("restore --as-owner", &padded)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    lays.stdin.take().unwrap().write_all(&inside).unwrap();
    assert!(lays.wait().unwrap().success());
    // The long letter itself comes back, opened by the storage key.
    let id = before
        .as_array()
        .unwrap()
        .iter()
        .find(|case| case["summary"] == "a long one")
        .unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mbox = identity.path("long.mbox");
    good(
        identity
            .sealdesk("case export", &config)
            .arg(&id)
            .args(["--format", "mbox", "--to", "rita@demo.example", "--output"])
            .arg(&mbox),
    );
    assert!(fs::metadata(&mbox).unwrap().len() > 10_000);

    // A file of the spool that is lost costs that letter, loudly, and no other its backup.
    let spooled = fs::read_dir(identity.path("desk/state/spool"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs::remove_file(spooled).unwrap();
    let partly = identity.path("partly.backup.pgp");
    let warned = identity
        .sealdesk("backup", &identity.config())
        .arg("--output")
        .arg(&partly)
        .output()
        .unwrap();
    assert!(
        warned.status.code() == Some(5)
            && String::from_utf8_lossy(&warned.stdout).contains("1 letters are gone"),
        "{}",
        said(&warned)
    );
    let config_of_partly = identity.other("partly");
    let restored = identity.restore(&partly, &config_of_partly);
    assert!(
        restored.status.success() && identity.cases(&config_of_partly) == before,
        "{}",
        said(&restored)
    );

    // A second time it would lie upon what is there.
    let again = identity.restore(&file, &config);
    assert!(
        !again.status.success() && said(&again).contains("is there already"),
        "{}",
        said(&again)
    );
    assert_eq!(identity.cases(&config), before);
    let over = identity
        .sealdesk("backup", &identity.config())
        .arg("--output")
        .arg(&file)
        .output()
        .unwrap();
    assert!(
        !over.status.success() && said(&over).contains("never overwritten"),
        "{}",
        said(&over)
    );
}

#[test]
fn a_backup_that_is_damaged_or_cut_off_or_something_else_changes_nothing() {
    let identity = DeskIdentity::new();
    let file = identity.path("kept.backup.pgp");
    identity.backup(&file);
    let whole = fs::read(&file).unwrap();
    let config = identity.other("new");
    let refused = |octets: &[u8], word: &str| {
        let bent = identity.path("bent");
        fs::write(&bent, octets).unwrap();
        let restored = identity.restore(&bent, &config);
        assert!(
            !restored.status.success() && said(&restored).contains(word),
            "{}",
            said(&restored)
        );
        let left: Vec<_> = files(&identity.path("new"))
            .into_iter()
            .filter(|path| !path.ends_with("desk.lock"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    };
    for at in [whole.len() / 3, whole.len() / 2, whole.len() - 1] {
        let mut bent = whole.clone();
        bent[at] ^= 0x10;
        refused(&bent, "damaged");
    }
    refused(&whole[..whole.len() / 2], "not whole");
    refused(b"no backup at all", "damaged");

    // Whoever has our storage certificate can seal anything; what is no archive of ours is not
    // unpacked.
    let seal = SealTo::new(
        &certificates(&fs::read(identity.path("desk/keys/storage.asc")).unwrap()).unwrap(),
    )
    .unwrap();
    let what = br#"{"format":1,"schema":1,"letters":0,"files":1}"#;
    let archive = |entries: &[(&str, tar::EntryType, &[u8])]| {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, kind, octets) in entries {
            let mut header = tar::Header::new_gnu();
            // As a hostile program would write it: the library that we use refuses such names.
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(octets.len() as u64);
            header.set_entry_type(*kind);
            if *kind == tar::EntryType::Symlink {
                header.set_link_name("/tmp").unwrap();
            }
            header.set_cksum();
            tar.append(&header, *octets).unwrap();
        }
        seal.seal(&tar.into_inner().unwrap()).unwrap()
    };
    let regular = tar::EntryType::Regular;
    refused(
        &archive(&[
            ("sealdesk-backup.json", regular, what),
            ("spool/../../evil", regular, b"x"),
        ]),
        "something else",
    );
    refused(
        &archive(&[
            ("sealdesk-backup.json", regular, what),
            ("spool", tar::EntryType::Symlink, b""),
        ]),
        "no file",
    );
    refused(
        &archive(&[
            ("sealdesk-backup.json", regular, what),
            ("end", regular, br#"{"absent":[]}"#),
        ]),
        "missing",
    );
    refused(
        &archive(&[("desk.sqlite", regular, b"x")]),
        "something else",
    );
    refused(
        &archive(&[(
            "sealdesk-backup.json",
            regular,
            br#"{"format":1,"schema":9999,"letters":0,"files":0}"#,
        )]),
        "newer sealdesk",
    );
    assert!(!identity.path("evil").exists());
    // The whole one is still good for it.
    let check = good(
        Command::new(SEALDESK)
            .args(["restore", "--check", "--key"])
            .arg(identity.path("desk/keys/storage.secret.asc"))
            .arg(&file),
    );
    assert!(String::from_utf8_lossy(&check.stdout).contains("is whole: 10 letters"));
}

#[test]
fn a_purged_case_leaves_its_journal_and_no_octet_of_who_wrote() {
    let identity = DeskIdentity::new();
    let cases = identity.cases(&identity.config());
    let id = cases
        .as_array()
        .unwrap()
        .iter()
        .find(|case| case["summary"] == "Stored XSS in the member list")
        .unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let purge = |id: &str| {
        identity
            .sealdesk("case purge", &identity.config())
            .arg(id)
            .arg("--yes")
            .output()
            .unwrap()
    };
    let open = purge(&id);
    assert!(
        !open.status.success() && said(&open).contains("close it first"),
        "{}",
        said(&open)
    );
    let unasked = identity
        .sealdesk("case purge", &identity.config())
        .arg(&id)
        .output()
        .unwrap();
    assert!(
        !unasked.status.success() && said(&unasked).contains("--yes"),
        "{}",
        said(&unasked)
    );

    good(
        identity
            .sealdesk("case note", &identity.config())
            .arg(&id)
            .arg("a secret note"),
    );
    good(
        identity
            .sealdesk("case close", &identity.config())
            .arg(&id)
            .arg("resolved"),
    );
    let show = |id: &str| -> serde_json::Value {
        serde_json::from_slice(
            &good(
                identity
                    .sealdesk("case show --json", &identity.config())
                    .arg(id),
            )
            .stdout,
        )
        .unwrap()
    };
    let before = show(&id);
    let sender = before["read"][0]["reading"]["from"]
        .as_str()
        .unwrap()
        .to_owned();
    let tells = || {
        files(&identity.path("desk/state")).into_iter().any(|path| {
            fs::read(path)
                .unwrap()
                .windows(sender.len())
                .any(|w| w == sender.as_bytes())
        })
    };
    assert!(tells(), "who wrote {id} rests in clear, until it is purged");
    assert!(purge(&id).status.success());
    assert!(!tells(), "{sender} is still in the state folder");
    let after = show(&id);
    assert!(
        after["read"][0]["reading"].is_null()
            && after["report"].is_null()
            && after["dossier"]["notes"].as_array().unwrap().is_empty(),
        "{after}"
    );
    let journal = after["journal"].as_array().unwrap();
    assert_eq!(journal.last().unwrap()["event"], "erased");
    assert_eq!(
        journal[..journal.len() - 1],
        before["journal"].as_array().unwrap()[..]
    );
    // The same octets again are known, and no new case.
    assert_eq!(
        identity.cases(&identity.config()).as_array().unwrap().len(),
        cases.as_array().unwrap().len()
    );
}

/// What a person with the sqlite3 program does to the store of a closed desk.
fn sql(identity: &DeskIdentity, words: &str) {
    good(
        Command::new("sqlite3")
            .arg(identity.path("desk/state/desk.sqlite"))
            .arg(words),
    );
}

#[test]
fn a_case_is_erased_after_its_term_and_not_where_a_letter_came_since() {
    let identity = DeskIdentity::new();
    let cases = identity.cases(&identity.config());
    let id = |summary: &str| {
        cases
            .as_array()
            .unwrap()
            .iter()
            .find(|case| case["summary"] == summary)
            .unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (old, written_to) = (
        id("Stored XSS in the member list"),
        id("The API of acme-web 2.2.0 leaks session tokens (CWE-532)"),
    );
    for id in [&old, &written_to] {
        good(
            identity
                .sealdesk("case close", &identity.config())
                .arg(id)
                .arg("resolved"),
        );
    }
    let open = cases.as_array().unwrap().len() - 2;
    let days_ago = 3 * 86_400_000_i64;
    sql(
        &identity,
        &format!(
            "UPDATE cases SET closed_at = closed_at - {days_ago} WHERE closed_at IS NOT NULL; \
             UPDATE letter SET spooled_at = spooled_at - {days_ago} WHERE case_id = '{old}';"
        ),
    );
    let words = fs::read_to_string(identity.config()).unwrap();
    fs::write(
        identity.config(),
        format!("{words}\n[retention]\nclosed_days = 2\n"),
    )
    .unwrap();
    let is_erased =
        |id: &str| {
            let shown = good(
                identity
                    .sealdesk("case show --json", &identity.config())
                    .arg(id),
            );
            let view: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
            view["journal"].as_array().unwrap().iter().any(|line| {
                line["event"] == "erased" && line["detail"] == "retention.closed_days = 2"
            })
        };
    let _desk = identity.runs();
    wait_for(|| is_erased(&old));
    assert!(
        !is_erased(&written_to),
        "a letter that came after the case was closed is not read by anybody yet"
    );
    let erased = identity
        .cases(&identity.config())
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| is_erased(case["id"].as_str().unwrap()))
        .count();
    assert_eq!(erased, 1, "{open} cases are open");
}

/// What takes the last migration back: the queues as the one before it numbered them.
fn before_the_last_migration() -> String {
    let before = include_str!("../src/adapters/sqlite/migrations/0010_certificates.sql");
    let queue = before
        .split_once("ALTER TABLE effect ADD COLUMN queue")
        .unwrap()
        .1;
    let queue = queue.split_once("VIRTUAL;").unwrap().0;
    let indexes = before.lines().filter(|line| {
        line.starts_with("CREATE INDEX effect_pending")
            || line.starts_with("CREATE INDEX effect_leased")
    });
    format!(
        "ALTER TABLE participant DROP COLUMN proven; DROP INDEX letter_arrived; ALTER TABLE letter DROP COLUMN arrived_in; DROP INDEX effect_pending; DROP INDEX \
         effect_leased; ALTER TABLE effect DROP COLUMN queue; ALTER TABLE effect ADD COLUMN \
         queue{queue}VIRTUAL; {} DELETE FROM _sqlx_migrations WHERE version = 11;",
        indexes.collect::<String>()
    )
}

#[test]
fn a_migration_keeps_the_store_before_it_and_a_newer_store_is_refused() {
    let identity = DeskIdentity::new();
    let before = identity.cases(&identity.config());
    // As the version before this one left it.
    sql(&identity, &before_the_last_migration());
    assert_eq!(identity.cases(&identity.config()), before);
    let kept = identity.path("desk/state/desk.sqlite.schema-10");
    assert!(kept.exists() && fs::metadata(&kept).unwrap().len() > 50_000);
    // It is a whole store: the way back.
    let shown = good(
        Command::new("sqlite3")
            .arg(&kept)
            .arg("SELECT count(*) FROM letter"),
    );
    assert_eq!(String::from_utf8_lossy(&shown.stdout).trim(), "10");
    sql(
        &identity,
        "INSERT INTO _sqlx_migrations SELECT 9999, description, installed_on, success, checksum, \
         execution_time FROM _sqlx_migrations LIMIT 1;",
    );
    let refused = identity
        .sealdesk("case list", &identity.config())
        .output()
        .unwrap();
    assert!(
        !refused.status.success() && said(&refused).contains("newer sealdesk"),
        "{}",
        said(&refused)
    );
    // Where the store itself is gone, none is begun over what it left.
    for name in ["desk.sqlite", "desk.sqlite-wal", "desk.sqlite-shm"] {
        let _ = fs::remove_file(identity.path("desk/state").join(name));
    }
    let gone = identity
        .sealdesk("run", &identity.config())
        .output()
        .unwrap();
    assert!(
        !gone.status.success() && said(&gone).contains("is gone"),
        "{}",
        said(&gone)
    );
    assert!(!identity.path("desk/state/desk.sqlite").exists());
    let none = identity
        .sealdesk("backup", &identity.config())
        .arg("--output")
        .arg(identity.path("none.pgp"))
        .output()
        .unwrap();
    assert!(
        !none.status.success()
            && said(&none).contains("no store yet")
            && !identity.path("none.pgp").exists(),
        "{}",
        said(&none)
    );
}

/// The state folder of somebody else, who laid snares in it.
#[test]
fn root_follows_nothing_that_the_desks_user_laid_into_the_state_folder() {
    assert!(nix::unistd::geteuid().is_root(), "run make test as root");
    let identity = DeskIdentity::new();
    let (state, victim) = (identity.path("desk/state"), identity.path("victim"));
    fs::set_permissions(
        identity.folder.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    good(
        Command::new("chown")
            .args(["-R", "nobody:nogroup"])
            .arg(&state),
    );
    // What the desk needs of the rest can be read by its user, as under systemd.
    good(Command::new("chown").args(["-R", "nobody:nogroup"]).args([
        identity.path("desk/keys"),
        identity.path("desk/Maildir"),
        identity.path("desk/outgoing"),
        identity.path("desk/tracker"),
    ]));
    fs::write(&victim, "precious").unwrap();
    let cases = identity.cases(&identity.config());
    let id = cases[0]["id"].as_str().unwrap().to_owned();
    good(
        identity
            .sealdesk("case close", &identity.config())
            .arg(&id)
            .arg("resolved"),
    );
    let journal =
        String::from_utf8(good(identity.sealdesk("case show", &identity.config()).arg(&id)).stdout)
            .unwrap();
    assert!(
        journal.contains("root"),
        "who said it is root, whoever opened the store:\n{journal}"
    );
    // A letter's file that is no file of the spool.
    sql(
        &identity,
        &format!(
            "UPDATE letter SET sealed = NULL, blob = '{}' WHERE case_id = '{id}'",
            victim.display()
        ),
    );
    good(
        Command::new("chown")
            .args(["-R", "nobody:nogroup"])
            .arg(&state),
    );
    good(
        identity
            .sealdesk("case purge", &identity.config())
            .arg(&id)
            .arg("--yes"),
    );
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    // A folder that is somebody else's.
    let other = identity.path("other");
    fs::create_dir(&other).unwrap();
    let mode =
        || std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&other).unwrap().permissions());
    let before = mode();
    fs::remove_dir(state.join("spool")).unwrap();
    for (name, to) in [("spool", &other), ("desk.lock", &other.join("made"))] {
        let _ = fs::remove_file(state.join(name));
        std::os::unix::fs::symlink(to, state.join(name)).unwrap();
    }
    let _ = identity
        .sealdesk("status", &identity.config())
        .output()
        .unwrap();
    let _ = identity
        .sealdesk("backup", &identity.config())
        .arg("--output")
        .arg(identity.path("kept.pgp"))
        .output()
        .unwrap();
    let _ = identity
        .sealdesk("check", &identity.config())
        .output()
        .unwrap();
    assert!(mode() == before && !other.join("made").exists());
    assert!(
        files(&state)
            .iter()
            .all(
                |path| std::os::unix::fs::MetadataExt::uid(&path.symlink_metadata().unwrap()) != 0
                    || path.is_symlink()
            )
    );
}

#[test]
fn what_the_doctor_says_holds_nothing_of_anybody() {
    let identity = DeskIdentity::new();
    let words = fs::read_to_string(identity.config()).unwrap();
    fs::write(
        identity.config(),
        format!("{words}\n[checkouts]\nhidden-product = \"/srv/hidden-clone\"\n"),
    )
    .unwrap();
    let cases = identity.cases(&identity.config());
    let _desk = identity.runs();
    let report =
        String::from_utf8(good(&mut identity.sealdesk("doctor", &identity.config())).stdout)
            .unwrap();
    assert!(
        report.contains("letters: 10 received")
            && report.contains("tracker.kind = \"folder\"")
            && report.contains("faults: none"),
        "{report}"
    );
    let mut confidential: Vec<String> = ["@", "demo.example", "Rita", "hidden", "XSS", "traversal"]
        .map(str::to_owned)
        .to_vec();
    confidential.push(identity.folder.path().display().to_string());
    confidential.extend(
        cases
            .as_array()
            .unwrap()
            .iter()
            .map(|case| case["id"].as_str().unwrap().to_owned()),
    );
    for word in confidential {
        assert!(!report.contains(&word), "{word:?} stands in it:\n{report}");
    }
}

#[test]
fn monitoring_sees_numbers_and_states_and_nothing_that_a_letter_says() {
    let identity = DeskIdentity::new();
    let words = fs::read_to_string(identity.config()).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    fs::write(
        identity.config(),
        format!("{words}\n[metrics]\nlisten = \"127.0.0.1:{port}\"\n"),
    )
    .unwrap();
    let _desk = identity.runs();
    identity.backup(&identity.path("kept.pgp"));
    let get = |path: &str| {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    wait_for(|| get("/metrics").contains("sealdesk_last_backup_timestamp_seconds"));
    let metrics = get("/metrics");
    assert!(
        metrics.starts_with("HTTP/1.1 200") && metrics.trim_end().ends_with("# EOF"),
        "{metrics}"
    );
    for line in [
        "sealdesk_acknowledgement_seconds_count 5",
        "sealdesk_acknowledgements_pending 0",
        "sealdesk_clocks{step=\"fix-team\",state=\"running\"} 5",
        "sealdesk_outbox_given_up 0",
        "sealdesk_stalled 0",
        "sealdesk_certificate_ends_timestamp_seconds{whose=\"desk\"",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    for word in ["XSS", "traversal", "@", "acme"] {
        assert!(!metrics.contains(word), "{word:?} stands in it:\n{metrics}");
    }
    assert!(
        get("/health").starts_with("HTTP/1.1 200") && get("/other").starts_with("HTTP/1.1 404")
    );
    // Each rule for alerts speaks of metrics that are there.
    let rules =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/alerts.yml")).unwrap();
    for name in rules
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("sealdesk_"))
    {
        let now_absent = [
            "sealdesk_canary_good",
            "sealdesk_canary_sent_timestamp_seconds",
            "sealdesk_fault",
            "sealdesk_acknowledgement_deadline_timestamp_seconds",
        ];
        assert!(
            metrics.contains(&format!("\n{name}")) || now_absent.contains(&name),
            "{name} of config/alerts.yml is not in\n{metrics}"
        );
    }
}
