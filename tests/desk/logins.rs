//! Every way to reach a mailbox and a courier, on the real servers.

use super::people::head;
use super::servers::{DovecotOptions, free_port, run, wait_for};
use super::world::World;
use std::io::{Read, Write};
use std::net::TcpListener;
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
        wait_for("the acknowledgement", 30, || {
            world
                .delivered("x@crowd.example")
                .iter()
                .any(|l| l.contains(&format!("In-Reply-To: <l{n}@crowd.example>")))
        });
        desk.stop();
    }
}

/// A token server: gives out `good-token` and a new refresh token for the last one, and tells
/// Dovecot whose token it is.
fn token_server(port: u16) {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    std::thread::spawn(move || {
        let mut uses = 0;
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = vec![0; 8192];
            let n = stream.read(&mut request).unwrap_or(0);
            let text = String::from_utf8_lossy(&request[..n]).into_owned();
            let (status, body) = if text.starts_with("POST /token") {
                let whole = if text.contains("refresh_token=") {
                    text
                } else {
                    let n = stream.read(&mut request).unwrap_or(0);
                    String::from_utf8_lossy(&request[..n]).into_owned()
                };
                let current = if uses == 0 {
                    "refresh_token=the-refresh-token".to_owned()
                } else {
                    format!("refresh_token=rotated-{uses}")
                };
                if whole
                    .split(['&', '\n'])
                    .any(|field| field.trim() == current)
                {
                    uses += 1;
                    (
                        "200 OK",
                        format!(
                            r#"{{"access_token":"good-token","token_type":"Bearer","expires_in":3600,"refresh_token":"rotated-{uses}"}}"#
                        ),
                    )
                } else {
                    ("400 Bad Request", r#"{"error":"invalid_grant"}"#.to_owned())
                }
            } else if text.contains("good-token") {
                (
                    "200 OK",
                    r#"{"username":"security","active":true}"#.to_owned(),
                )
            } else {
                (
                    "401 Unauthorized",
                    r#"{"error":"invalid_token"}"#.to_owned(),
                )
            };
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: \
                 {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
}

#[test]
fn xoauth2_works_with_a_token_file_and_with_a_refresh_token() {
    use std::os::unix::fs::PermissionsExt;
    let port = free_port();
    token_server(port);
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let oauth = folder.path().join("oauth2.conf");
    std::fs::write(
        &oauth,
        format!(
            "tokeninfo_url = \
        http://127.0.0.1:{port}/info?access_token=\nusername_attribute = username\n"
        ),
    )
    .unwrap();
    let extra = format!(
        "auth_mechanisms = $auth_mechanisms xoauth2\npassdb {{\n  driver = oauth2\n  mechanisms = xoauth2\n  args = {}\n}}\n",
        oauth.display()
    );
    let world = World::with(&DovecotOptions { extra });
    let secret = |name: &str, text: &str| {
        let path = world.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    };
    let token = secret("token", "good-token");
    let stale = secret("stale", "stale-token");
    let refresh = secret("refresh", "the-refresh-token");
    let revoked = secret("revoked", "another");
    let base = world.config();
    let with = |login: &str| {
        let mailbox: String = base
            .mailbox
            .lines()
            .map(|l| {
                if l.starts_with("login") {
                    format!("login = {login}\n")
                } else {
                    format!("{l}\n")
                }
            })
            .collect();
        world.write_config(&super::world::Config {
            mailbox,
            ..world.config()
        });
        world.command(&["check"])
    };
    let (code, out, err) = with(&format!("{{ kind = \"token\", token_file = \"{token}\" }}"));
    assert_eq!(code, 0, "{out}{err}");
    let (code, out, _) = with(&format!("{{ kind = \"token\", token_file = \"{stale}\" }}"));
    assert!(code == 1 && out.contains("refuses our login"), "{out}");
    let refreshing = |file: &str| {
        format!(
            "{{ kind = \"oauth2\", token_url = \"http://127.0.0.1:{port}/token\", client_id = \"desk\", refresh_token_file = \"{file}\" }}"
        )
    };
    let (code, out, _) = with(&refreshing(&revoked));
    assert!(
        code == 1 && out.contains("authorise the desk again"),
        "{out}"
    );
    let (code, out, err) = with(&refreshing(&refresh));
    assert_eq!(code, 0, "{out}{err}");
    let desk = world.open();
    world.submit("l9@crowd.example", &letter(9));
    wait_for("the acknowledgement", 30, || {
        world
            .delivered("x@crowd.example")
            .iter()
            .any(|l| l.contains("In-Reply-To: <l9@crowd.example>"))
    });
    desk.stop();

    // Postfix takes the same tokens, as its Dovecot does; so the courier needs no password either.
    let kept = std::fs::read_to_string(world.path().join("state/mailbox-security.token")).unwrap();
    let rotated = secret("rotated", kept.lines().last().unwrap());
    let sends_by = |login: &str| {
        let courier = base
            .courier
            .lines()
            .filter(|l| !l.starts_with("password_file"));
        let courier: Vec<&str> = courier.collect();
        world.write_config(&super::world::Config {
            courier: format!("{}\nlogin = {login}\n", courier.join("\n")),
            ..world.config()
        });
        world.command(&["check"])
    };
    let (code, out, _) = sends_by(&format!("{{ kind = \"token\", token_file = \"{stale}\" }}"));
    assert!(code == 1 && out.contains("refuses our login"), "{out}");
    let (code, out, err) = sends_by(&format!("{{ kind = \"token\", token_file = \"{token}\" }}"));
    assert_eq!(code, 0, "{out}{err}");
    let (code, out, err) = sends_by(&refreshing(&rotated));
    assert_eq!(code, 0, "{out}{err}");
    let desk = world.open();
    world.submit("l10@crowd.example", &letter(10));
    wait_for("the acknowledgement, sent by a token", 30, || {
        world
            .delivered("x@crowd.example")
            .iter()
            .any(|l| l.contains("In-Reply-To: <l10@crowd.example>"))
    });
    desk.stop();
}
