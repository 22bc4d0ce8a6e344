//! Every way to reach a mailbox and a courier, on the real servers.

use super::people::head;
use super::servers::{run, wait_for};
use super::world::World;
use std::process::Command;

fn letter(n: usize) -> String {
    head(
        &format!("l{n}@crowd.example"),
        &format!("XSS in acme 3.{n}"),
        &format!("l{n}@crowd.example"),
    ) + "\nSteps to reproduce:\n1. open it\n2. look\n"
}

#[test]
fn tls_starttls_pins_and_plaintext_to_loopback_all_work() {
    let world = World::new();
    let pin = run(Command::new("openssl")
        .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
        .arg(world.path().join("tls/tls.crt")));
    let pin = pin.trim().rsplit('=').next().unwrap().to_owned();
    let base = world.config();
    let ca = format!("ca_file = \"{}/tls/tls.crt\"\n", world.path().display());
    let (imaps, imap) = (
        format!("port = {}", world.dovecot.imaps),
        format!("port = {}", world.dovecot.imap),
    );
    let (smtps, smtp) = (
        format!("port = {}", world.postfix.smtps),
        format!("port = {}", world.postfix.smtp),
    );
    let login = base
        .courier
        .lines()
        .filter(|l| l.starts_with("user") || l.starts_with("password_file"))
        .map(|l| format!("{l}\n"))
        .collect::<String>();
    let rows = [
        // STARTTLS on both, with the CA; letters get a keyword.
        (
            base.mailbox.replace(&imaps, &imap)
                + "security = \"starttls\"\ndone = { kind = \"keyword\", keyword = \"$Filed\" }\n",
            base.courier.replace(&smtps, &smtp).replace(&login, "") + "security = \"starttls\"\n",
        ),
        // Pinned certificates.
        (
            base.mailbox
                .replace(&ca, &format!("certificate_sha256 = \"{pin}\"\n")),
            base.courier
                .replace(&ca, &format!("certificate_sha256 = \"{pin}\"\n")),
        ),
        // Plaintext to loopback.
        (
            base.mailbox.replace(&imaps, &imap).replace(&ca, "") + "security = \"plaintext\"\n",
            base.courier
                .replace(&smtps, &smtp)
                .replace(&login, "")
                .replace(&ca, "")
                + "security = \"plaintext\"\n",
        ),
    ];
    for (n, (mailbox, courier)) in rows.into_iter().enumerate() {
        let config = super::world::Config {
            mailbox,
            courier,
            ..world.config()
        };
        world.write_config(&config);
        let (code, out, err) = world.command(&["check"]);
        assert_eq!(code, 0, "{n}: {out}{err}");
        let desk = world.open();
        world.submit(&format!("l{n}@crowd.example"), &letter(n));
        wait_for("the acknowledgement", || {
            world
                .delivered("x@crowd.example")
                .iter()
                .any(|l| l.contains(&format!("In-Reply-To: <l{n}@crowd.example>")))
        });
        desk.stop();
    }
}
