//! Who sent a letter, where no mail server says it: DKIM, SPF and DMARC by a real name server.

use super::people::head;
use super::servers::{free_port, run, wait_for};
use super::world::World;
use std::fs;
use std::io::Write;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A name server of this test's own names.
struct Dns {
    child: Child,
    port: u16,
    /// Where questions on silent.example go: it never answers.
    _silent: UdpSocket,
}

impl Dns {
    fn start(records: &[(&str, &str)]) -> Self {
        let port = free_port();
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut command = Command::new("/usr/sbin/dnsmasq");
        command.args([
            "--no-daemon",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--listen-address=127.0.0.1",
            "--bind-interfaces",
            "--local=/example/",
        ]);
        command.arg(format!("--port={port}")).arg(format!(
            "--server=/silent.example/127.0.0.1#{}",
            silent.local_addr().unwrap().port()
        ));
        for (name, text) in records {
            // A string of a TXT record holds 255 octets.
            let strings: Vec<String> = text
                .as_bytes()
                .chunks(200)
                .map(|c| String::from_utf8_lossy(c).into_owned())
                .collect();
            command.arg(format!("--txt-record={name},{}", strings.join(",")));
        }
        let child = command.stderr(Stdio::null()).spawn().unwrap();
        wait_for("dnsmasq", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Self {
            child,
            port,
            _silent: silent,
        }
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An RSA key for DKIM, and its record.
fn dkim_key(folder: &Path) -> (std::path::PathBuf, String) {
    let key = folder.join("dkim.pem");
    run(Command::new("openssl")
        .args(["genrsa", "-traditional", "-out"])
        .arg(&key)
        .arg("2048"));
    let public = run(Command::new("openssl")
        .args(["rsa", "-pubout", "-in"])
        .arg(&key));
    let public: String = public
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    (key, format!("v=DKIM1; k=rsa; p={public}"))
}

fn signed(key: &Path, canonical: &str, letter: &str) -> String {
    let mut child = Command::new("dkimsign")
        .args([
            "--bcanon",
            canonical,
            "--hcanon",
            canonical,
            "s1",
            "reporter.example",
        ])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(letter.replace('\n', "\r\n").as_bytes())
        .unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout)
        .unwrap()
        .replace("\r\n", "\n")
}

/// What the server at our border writes on top.
fn arrived_from(client: &str, letter: &str) -> String {
    format!(
        "Received: from out.example (out.example [{client}])\n\tby mx.desk.example with ESMTPS id \
         k3; Mon, 23 Nov 2026 10:00:00 +0000\n{letter}"
    )
}

#[test]
fn a_forged_letter_is_not_answered_and_a_proven_one_joins_its_case() {
    let world = World::new();
    let (key, record) = dkim_key(world.path());
    let dns = Dns::start(&[
        ("s1._domainkey.reporter.example", &record),
        ("_dmarc.reporter.example", "v=DMARC1; p=reject"),
        ("reporter.example", "v=spf1 -all"),
        ("_dmarc.crowd.example", "v=DMARC1; p=reject"),
        ("crowd.example", "v=spf1 ip4:192.0.2.7 -all"),
    ]);
    let mut config = world.config();
    config.extra = "[answers]\nper_address_per_day = 20\nask_missing = false\n".to_owned();
    world.write_config(&config);
    let text = fs::read_to_string(world.config_file()).unwrap();
    fs::write(
        world.config_file(),
        text.replace(
            "authserv_id = \"mx.desk.example\"",
            &format!("resolver = \"127.0.0.1:{}\"", dns.port),
        ),
    )
    .unwrap();

    let (code, found, _) = world.command(&["check"]);
    assert!(
        code == 0
            && found.contains(
                "dmarc: checked here, by DNS; desk.example itself publishes no DMARC policy"
            ),
        "{found}"
    );

    let desk = world.open();
    let report = |who: &str, id: &str, words: &str| {
        head(&format!("Somebody <{who}>"), words, id)
            + &format!(
                "\nIn acme-web 2.3.1 the {words} can be read by a stranger.  \n\nSteps to \
                 reproduce:\n1. log in\n2. look\n\n\n"
            )
    };
    // Ada's provider signs; a stranger forges her, another changes what she signed, a third has no
    // right to her domain but SPF's of their own.
    world.submit(
        "ada@reporter.example",
        &signed(
            &key,
            "relaxed",
            &report("ada@reporter.example", "m1@reporter.example", "cookie"),
        ),
    );
    world.settle(1);
    wait_for("Ada's acknowledgement", || {
        world.delivered("ada@reporter.example").len() == 1
    });
    let forged = arrived_from(
        "203.0.113.9",
        &report("ben@reporter.example", "m2@reporter.example", "token"),
    );
    world.submit("mallory@crowd.example", &forged);
    let changed = signed(
        &key,
        "simple",
        &report("cleo@reporter.example", "m3@reporter.example", "secret"),
    )
    .replace("the secret", "the Secret");
    world.submit(
        "mallory@crowd.example",
        &arrived_from("203.0.113.9", &changed),
    );
    // A signature of a domain whose servers are silent does not make a forged letter one that could
    // not be checked.
    let foreign = "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=silent.example; s=s1; \
        h=from:subject; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\n";
    let hidden = report("dan@reporter.example", "m8@reporter.example", "cookie jar");
    world.submit(
        "mallory@silent.example",
        &arrived_from("203.0.113.9", &format!("{foreign}{hidden}")),
    );
    // Sent by whom SPF allows, and from a domain whose name servers are silent: neither proven nor
    // disproved.
    world.submit(
        "eve@crowd.example",
        &arrived_from(
            "192.0.2.7",
            &report("eve@crowd.example", "m4@crowd.example", "password"),
        ),
    );
    world.submit(
        "fay@silent.example",
        &arrived_from(
            "192.0.2.7",
            &report("fay@silent.example", "m5@silent.example", "key"),
        ),
    );
    world.settle(6);
    wait_for("two more acknowledgements", || {
        world.delivered("eve@crowd.example").len() == 1
            && world.delivered("fay@silent.example").len() == 1
    });
    assert!(
        world.delivered("ben@reporter.example").is_empty()
            && world.delivered("cleo@reporter.example").is_empty()
    );
    assert!(world.delivered("dan@reporter.example").is_empty());
    let cases = world.json(&["case", "list", "--json"]);
    let by_hand = cases
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| c["acknowledgement"]["state"] == "by-hand")
        .count();
    assert_eq!(
        (cases.as_array().unwrap().len(), by_hand),
        (6, 3),
        "{cases:#}"
    );

    // Her next letter, signed, joins by itself; one that is not signed does not.
    let follow_up = |id: &str, words: &str| {
        report("ada@reporter.example", id, words).replacen(
            "From:",
            "In-Reply-To: <m1@reporter.example>\nFrom:",
            1,
        )
    };
    world.submit(
        "ada@reporter.example",
        &signed(&key, "simple", &follow_up("m6@reporter.example", "session")),
    );
    world.submit(
        "mallory@crowd.example",
        &follow_up("m7@reporter.example", "log"),
    );
    world.settle(8);
    let cases = world.json(&["case", "list", "--json"]);
    assert_eq!(cases.as_array().unwrap().len(), 7, "{cases:#}");
    desk.stop();
}
