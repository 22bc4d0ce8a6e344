//! A desk and a page as processes, people with GnuPG, and browsers that keep cookies.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const SEALDESK: &str = env!("CARGO_BIN_EXE_sealdesk");

pub struct World {
    folder: tempfile::TempDir,
    pub port: u16,
    desk: Option<Running>,
    page: Option<Running>,
}

/// What the responders of the config may do: name and `page`.
pub const TEAM: [(&str, &str); 3] = [("rita", "command"), ("ron", "read"), ("rosa", "none")];

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn until<T>(what: &str, found: impl Fn() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(
            start.elapsed() < Duration::from_secs(120),
            "waited for {what}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl World {
    /// Keys and a config, with nothing running.
    pub fn new() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            port: free.local_addr().unwrap().port(),
            desk: None,
            page: None,
        };
        for sub in ["Maildir/new", "Maildir/cur", "Maildir/tmp", "gpg", "out"] {
            fs::create_dir_all(world.path().join(sub)).unwrap();
        }
        let made = Command::new(SEALDESK)
            .args(["key", "new", "--address", "security@desk.example", "--out"])
            .arg(world.path().join("keys"))
            .output()
            .unwrap();
        assert!(made.status.success());
        for name in TEAM.iter().map(|(name, _)| *name).chain(["ada"]) {
            let address = format!("{name} <{name}@desk.example>");
            let options = ["--passphrase", "", "--quick-generate-key"];
            let made =
                world.gpg(&[&options[..], &[&address, "default", "default", "never"]].concat());
            assert!(made.status.success(), "{made:?}");
            let certificate = world.gpg(&["--armor", "--export", &format!("{name}@desk.example")]);
            fs::write(world.path().join(format!("{name}.asc")), certificate.stdout).unwrap();
        }
        let certificate = world.path().join("keys/security.asc");
        world.gpg(&["--import", certificate.to_str().unwrap()]);
        world.configure(&TEAM);
        world
    }

    pub fn started() -> Self {
        let mut world = Self::new();
        world.start();
        world
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn configure(&self, team: &[(&str, &str)]) {
        let f = self.path().display();
        let responders: String = team
            .iter()
            .map(|(name, page)| {
                format!(
                    "[[responder]]\nname = \"The {name}\"\nlogin = \"{name}\"\naddress = \
                     \"{name}@desk.example\"\ncertificate = \"{f}/{name}.asc\"\npage = \
                     \"{page}\"\n"
                )
            })
            .collect();
        let config = format!(
            "[desk]\naddress = \"security@desk.example\"\nname = \"Desk\"\nstate = \
             \"{f}/state\"\nauthserv_id = \"mx.desk.example\"\nanswer_from = \
             \"2020-01-01T00:00:00Z\"\n[keys]\ncertificates = \
             [\"{f}/keys/security.asc\"]\nstorage_certificate = \
             \"{f}/keys/storage.asc\"\n[opener]\nsecret_keys = \
             [\"{f}/keys/security.secret.asc\"]\nstorage_key = \
             \"{f}/keys/storage.secret.asc\"\n[[mailbox]]\nkind = \"maildir\"\nname = \
             \"in\"\npath = \"{f}/Maildir\"\npoll_s = 1\n[courier]\nkind = \"folder\"\npath = \
             \"{f}/out\"\n[tracker]\nkind = \"folder\"\npath = \
             \"{f}/tracker\"\n[answers]\nask_missing = false\n[page]\nurl = \
             \"http://localhost:{}\"\n{responders}",
            self.port
        );
        fs::write(self.path().join("sealdesk.toml"), config).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Running {
        let log = fs::File::options()
            .append(true)
            .create(true)
            .open(self.path().join("log"))
            .unwrap();
        let child = Command::new(SEALDESK)
            .args(arguments)
            .arg("--config")
            .arg(self.path().join("sealdesk.toml"))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn();
        Running(child.unwrap())
    }

    pub fn start(&mut self) {
        self.desk = Some(self.run(&["run"]));
        let address = format!("127.0.0.1:{}", self.port);
        self.page = Some(self.run(&["page", "--listen", &address]));
        let address = address.as_str();
        until("the desk", || self.socket().exists().then_some(()));
        until("the page", || std::net::TcpStream::connect(address).ok());
    }

    pub fn stop_desk(&mut self) {
        self.desk = None;
    }

    /// Has the desk take up a changed config, and waits until it has.
    pub fn reload(&self) {
        let desk = self.desk.as_ref().unwrap().0.id();
        let before = fs::metadata(self.socket()).unwrap();
        let told = Command::new("kill")
            .args(["-HUP", &desk.to_string()])
            .status();
        assert!(told.unwrap().success());
        use std::os::unix::fs::MetadataExt;
        until("the reload", || {
            let now = fs::metadata(self.socket()).ok()?;
            (now.ino() != before.ino() || now.ctime_nsec() != before.ctime_nsec()).then_some(())
        });
    }

    /// The opener ends, and none can be started for want of its key.
    pub fn take_opener_away(&self) {
        let key = self.path().join("keys/security.secret.asc");
        fs::rename(&key, key.with_extension("away")).unwrap();
        let desk = self.desk.as_ref().unwrap().0.id().to_string();
        let children = Command::new("pgrep").args(["-P", &desk]).output().unwrap();
        for child in String::from_utf8_lossy(&children.stdout).split_whitespace() {
            Command::new("kill").args(["-9", child]).status().unwrap();
        }
    }

    pub fn socket(&self) -> PathBuf {
        self.path().join("state/page.sock")
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }

    pub fn gpg(&self, arguments: &[&str]) -> Output {
        let gpg = Command::new("gpg")
            .env("GNUPGHOME", self.path().join("gpg"))
            .args(["--batch", "--trust-model", "always", "--status-fd", "2"])
            .args(arguments)
            .output();
        gpg.expect("gpg is not installed: run make setup")
    }

    /// Lays a letter into the mailbox.
    pub fn letter(&self, name: &str, text: &str) {
        let path = self.path().join("Maildir/tmp").join(name);
        let mut file = fs::File::create(&path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        fs::rename(&path, self.path().join("Maildir/new").join(name)).unwrap();
    }

    pub fn sealdesk(&self, arguments: &[&str]) -> String {
        let output = Command::new(SEALDESK)
            .args(arguments)
            .arg("--config")
            .arg(self.path().join("sealdesk.toml"))
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr)
    }

    /// The ids of so many open cases, once they are read and acknowledged.
    pub fn cases(&self, number: usize) -> Vec<String> {
        until("the cases", || {
            let listed: serde_json::Value =
                serde_json::from_str(&self.sealdesk(&["case", "list", "--json"])).ok()?;
            let is_read = |case: &&serde_json::Value| {
                case["standing"]["state"] != "unread" && case["acknowledgement"]["state"] != "due"
            };
            let cases: Vec<String> = listed
                .as_array()?
                .iter()
                .filter(is_read)
                .filter_map(|case| Some(case["id"].as_str()?.to_owned()))
                .collect();
            (cases.len() == number).then_some(cases)
        })
    }

    pub fn case(&self, id: &str) -> serde_json::Value {
        serde_json::from_str(&self.sealdesk(&["case", "show", id, "--json"])).unwrap()
    }

    /// Letters that left to this address, oldest first.
    pub fn letters_to(&self, address: &str) -> Vec<String> {
        let mut found: Vec<(std::time::SystemTime, String)> = fs::read_dir(self.path().join("out"))
            .unwrap()
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|e| e == "eml"))
            .filter_map(|entry| {
                let text = fs::read_to_string(entry.path()).ok()?;
                let modified = entry.metadata().ok()?.modified().ok()?;
                text.contains(&format!("To: {address}"))
                    .then_some((modified, text))
            })
            .collect();
        found.sort();
        found.into_iter().map(|(_, text)| text).collect()
    }

    /// What a letter says to whoever has the key, once gpg found its signature good.
    pub fn decrypted(&self, letter: &str) -> String {
        let begin = letter.find("-----BEGIN PGP MESSAGE-----").unwrap();
        let path = self.path().join("encrypted.asc");
        fs::write(&path, &letter[begin..]).unwrap();
        let opened = self.gpg(&["--decrypt", path.to_str().unwrap()]);
        let status = String::from_utf8_lossy(&opened.stderr);
        assert!(status.contains("GOODSIG"), "{status}");
        quoted_printable(&String::from_utf8_lossy(&opened.stdout))
    }

    /// The newest letter by which somebody signs in, once there are so many.
    pub fn sign_in_letter(&self, name: &str, number: usize) -> Ticket {
        let address = format!("{name}@desk.example");
        let text = until("a letter to sign in", || {
            let all = self.letters_to(&address);
            let opened: Vec<String> = all.iter().map(|letter| self.decrypted(letter)).collect();
            let theirs: Vec<&String> = opened
                .iter()
                .filter(|text| text.contains("Subject: Sign in:"))
                .collect();
            (theirs.len() == number).then(|| theirs[number - 1].clone())
        });
        let line = |of: &str| {
            let found = text.lines().find(|line| line.trim_start().starts_with(of));
            found
                .unwrap_or_else(|| panic!("{of}: {text}"))
                .trim()
                .to_owned()
        };
        let link = line("http://localhost:");
        let code = text
            .lines()
            .map(str::trim)
            .find(|line| line.len() == 9 && line.as_bytes()[4] == b'-')
            .unwrap_or_else(|| panic!("{text}"));
        Ticket {
            words: line("Subject: Sign in:").split_off("Subject: Sign in: ".len()),
            path: link[link.find("/sign-in").unwrap()..].to_owned(),
            code: code.to_owned(),
        }
    }

    pub fn browser(&self) -> Browser {
        Browser {
            base: format!("http://localhost:{}", self.port),
            cookies: BTreeMap::new(),
            client: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
        }
    }

    /// A browser in which this responder is signed in, by the n-th letter to them.
    pub fn signed_in(&self, name: &str, n: usize) -> Browser {
        let mut browser = self.browser();
        let asked = browser.post("/sign-in", &[("name", &format!("{name}@desk.example"))]);
        assert_eq!(asked.status, 303, "{}", asked.text);
        let ticket = self.sign_in_letter(name, n);
        let ticket = ticket.path.split_once("ticket=").unwrap().1;
        let signed_in = browser.post("/sign-in/link", &[("ticket", ticket)]);
        assert_eq!((signed_in.status, signed_in.location()), (303, "/"));
        browser
    }
}

/// What a letter to sign in holds.
pub struct Ticket {
    pub words: String,
    pub path: String,
    pub code: String,
}

pub fn quoted_printable(text: &str) -> String {
    let joined = text.replace("=\r\n", "").replace("=\n", "");
    let mut octets = Vec::new();
    let mut rest = joined.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(octet) if *first == b'=' => {
                octets.push(octet);
                rest = &tail[2..];
            }
            _ => {
                octets.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

/// A browser as far as the page is concerned: cookies, and the header fields that say where a form
/// came from.
pub struct Browser {
    base: String,
    pub cookies: BTreeMap<String, String>,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn location(&self) -> &str {
        self.header("location")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// The value of a hidden field of the first form that has it.
    pub fn field(&self, name: &str) -> String {
        let of = format!("name=\"{name}\" value=\"");
        let begin = self
            .text
            .find(&of)
            .unwrap_or_else(|| panic!("{name}: {}", self.text));
        let rest = &self.text[begin + of.len()..];
        let value = &rest[..rest.find('"').unwrap()];
        let plain = value.replace("&quot;", "\"").replace("&#39;", "'");
        plain
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
    }
}

impl Browser {
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if !self.cookies.is_empty() {
            let pairs = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            let cookies = pairs.collect::<Vec<_>>().join("; ");
            request = request.header("cookie", cookies);
        }
        request
    }

    pub fn send(&mut self, request: reqwest::RequestBuilder) -> Answer {
        let answer = self.runtime.block_on(async {
            let answer = request.send().await.unwrap();
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            let text = String::from_utf8_lossy(&answer.bytes().await.unwrap()).into_owned();
            Answer {
                status,
                headers,
                text,
            }
        });
        for cookie in answer.headers.get_all("set-cookie") {
            let (pair, _) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        self.cookies.retain(|_, value| !value.is_empty());
        answer
    }

    pub fn get(&mut self, path: &str) -> Answer {
        let request = self.request("GET", path);
        self.send(request)
    }

    /// As a form of the page sends it.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = self
            .request("POST", path)
            .header("origin", self.base.clone())
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        self.send(request)
    }
}
