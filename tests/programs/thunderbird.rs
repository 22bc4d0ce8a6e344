//! Thunderbird on a screen of its own, with one account.

use super::marionette::Marionette;
use super::servers::{free_port, wait_for};
use super::world::World;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const HELPERS: &str = include_str!("thunderbird.js");

pub struct Thunderbird {
    name: String,
    folder: PathBuf,
    display: String,
    screen: Child,
    program: Child,
    marionette: Marionette,
}

impl Thunderbird {
    /// For the owner of a mailbox, with mail servers without TLS.
    pub fn start(world: &World, name: &str, address: &str) -> Self {
        let folder = world.path().join("thunderbird").join(name);
        let profile = folder.join("profile");
        fs::create_dir_all(&profile).unwrap();
        let port = free_port();
        fs::write(
            profile.join("user.js"),
            preferences(world, name, address, port),
        )
        .unwrap();
        let (screen, display) = screen(&folder);
        let log = fs::File::create(folder.join("console")).unwrap();
        let program = Command::new("thunderbird")
            .arg("--profile")
            .arg(&profile)
            .args([
                "--no-remote",
                "--marionette",
                "--remote-allow-system-access",
            ])
            .env("HOME", &folder)
            .env("TMPDIR", &folder)
            .env("DISPLAY", &display)
            .env("LANG", "C.UTF-8")
            .env_remove("WAYLAND_DISPLAY")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("thunderbird is not installed: run make setup");
        let mut marionette = None;
        wait_for("Thunderbird", || {
            marionette = Marionette::open(port).ok();
            marionette.is_some()
        });
        let mut thunderbird = Self {
            name: name.to_owned(),
            folder,
            display,
            screen,
            program,
            marionette: marionette.unwrap(),
        };
        thunderbird.act("settle", json!({ "user": name, "password": "secret" }));
        thunderbird
    }

    /// Has a function of `thunderbird.js` run; what it returns.
    pub fn act(&mut self, function: &str, options: Value) -> Value {
        let body = format!("{HELPERS}\nreturn {function}(arguments[0]);");
        match self.marionette.script(&body, &[options]) {
            Ok(value) => value,
            Err(fault) => panic!("Thunderbird of {}, {function}: {fault}", self.name),
        }
    }

    /// For the guide, where pictures are wanted: a window of this size, and what is before it.
    pub fn pose(&mut self, name: &str, page: &str, size: Option<(u32, u32)>) {
        let Some(folder) = pictures() else {
            return;
        };
        let (width, height) = size.unzip();
        let options = json!({ "page": page, "width": width, "height": height });
        let place: Vec<i64> = serde_json::from_value(self.act("frame", options)).unwrap();
        let crop = format!("{}x{}+{}+{}", place[0], place[1], place[2], place[3]);
        fs::create_dir_all(&folder).unwrap();
        self.picture(
            &["-crop", &crop, "+repage"],
            &folder.join(format!("{name}.png")),
        );
    }

    /// A picture of the screen, as PNG.
    fn picture(&self, options: &[&str], path: &Path) {
        let _ = Command::new("import")
            .args(["-display", &self.display, "-window", "root"])
            .args(options)
            .arg(path)
            .status();
    }

    /// Keeps what a person needs who looks for the cause of a failure.
    fn keep(&self) -> PathBuf {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/programs");
        fs::create_dir_all(&kept).unwrap();
        self.picture(&[], &kept.join(format!("{}.png", self.name)));
        let _ = fs::copy(
            self.folder.join("console"),
            kept.join(format!("{}.console", self.name)),
        );
        kept
    }
}

/// Where `scripts/pictures` wants them.
pub fn pictures() -> Option<PathBuf> {
    std::env::var_os("SEALDESK_PICTURES").map(PathBuf::from)
}

impl Drop for Thunderbird {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let kept = self.keep();
            eprintln!(
                "screen and console of Thunderbird of {}: {}",
                self.name,
                kept.display()
            );
        }
        for child in [&mut self.program, &mut self.screen] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A screen that nobody sees; its number is free.
fn screen(folder: &Path) -> (Child, String) {
    let number = folder.join("display");
    let child = Command::new("Xvfb")
        .args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            "1280x900x24",
            "-nolisten",
            "tcp",
        ])
        .stdin(Stdio::null())
        .stdout(fs::File::create(&number).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .expect("Xvfb is not installed: run make setup");
    let mut display = String::new();
    wait_for("Xvfb", || {
        display = fs::read_to_string(&number).unwrap_or_default();
        display.ends_with('\n')
    });
    (child, format!(":{}", display.trim()))
}

fn preferences(world: &World, name: &str, address: &str, port: u16) -> String {
    let full = name[..1].to_uppercase() + &name[1..];
    [
        ("marionette.port", json!(port)),
        ("mail.accountmanager.accounts", json!("account1,account2")),
        ("mail.accountmanager.defaultaccount", json!("account1")),
        ("mail.accountmanager.localfoldersserver", json!("server2")),
        ("mail.account.account1.identities", json!("id1")),
        ("mail.account.account1.server", json!("server1")),
        ("mail.account.account2.server", json!("server2")),
        ("mail.server.server1.type", json!("imap")),
        ("mail.server.server1.hostname", json!("localhost")),
        ("mail.server.server1.port", json!(world.dovecot.imap)),
        ("mail.server.server1.userName", json!(name)),
        ("mail.server.server1.name", json!(address)),
        // No TLS, a password in clear: it is loopback.
        ("mail.server.server1.socketType", json!(0)),
        ("mail.server.server1.authMethod", json!(3)),
        ("mail.server.server1.login_at_startup", json!(false)),
        ("mail.server.server1.check_new_mail", json!(false)),
        ("mail.server.server2.type", json!("none")),
        ("mail.server.server2.hostname", json!("Local Folders")),
        ("mail.server.server2.userName", json!("nobody")),
        ("mail.server.server2.name", json!("Local Folders")),
        ("mail.identity.id1.fullName", json!(full)),
        ("mail.identity.id1.useremail", json!(address)),
        ("mail.identity.id1.valid", json!(true)),
        ("mail.identity.id1.smtpServer", json!("smtp1")),
        ("mail.smtpservers", json!("smtp1")),
        ("mail.smtp.defaultserver", json!("smtp1")),
        ("mail.smtpserver.smtp1.hostname", json!("localhost")),
        ("mail.smtpserver.smtp1.port", json!(world.postfix.smtp)),
        ("mail.smtpserver.smtp1.try_ssl", json!(0)),
        ("mail.smtpserver.smtp1.authMethod", json!(1)),
        // Answers stand above what they answer.
        ("mail.identity.id1.reply_on_top", json!(1)),
        // Nothing of the world outside, and no first steps.
        ("app.donation.eoy.version.viewed", json!(9999)),
        ("app.update.enabled", json!(false)),
        (
            "datareporting.policy.dataSubmissionPolicyBypassNotification",
            json!(true),
        ),
        ("mail.provider.enabled", json!(false)),
        ("mail.rights.version", json!(1)),
        ("mail.spotlight.firstRunDone", json!(true)),
        ("mail.shell.checkDefaultClient", json!(false)),
        ("mailnews.start_page.enabled", json!(false)),
        ("mailnews.start_page_override.mstone", json!("ignore")),
        ("network.proxy.type", json!(0)),
        // Nothing flies over a picture.
        ("ui.prefersReducedMotion", json!(1)),
        ("toolkit.telemetry.reportingpolicy.firstRun", json!(false)),
    ]
    .iter()
    .map(|(key, value)| format!("user_pref({}, {value});\n", json!(key)))
    .collect()
}
