//! How is what was answered written as a config?

use super::{
    CA_FILE, CLIENT_SECRET, GITHUB_TOKEN, IMAP_PASSWORD, LoginProof, MAILBOX, Places, Plan,
    PlannedOauth, PlannedResponder, PlannedTracker, REFRESH_TOKEN, SMTP_PASSWORD, Server,
};
use crate::cli::init::Security;
use crate::config::Provider;

impl Plan {
    /// The config; what is not answered yet goes into folders.
    pub fn config(&self, places: &Places) -> String {
        let mailbox = self.mailbox_section(places);
        let courier = self.courier_section(places);
        let tracker = self.tracker_section(places);
        let socket = if places.socket {
            "socket = \"/run/sealdesk-opener/socket\"\n"
        } else {
            ""
        };
        let responders: String = self
            .responders
            .iter()
            .map(|responder| responder.section(places))
            .collect();
        format!(
            "# Written by `sealdesk init`. `sealdesk check` tries it for real.\n\n[desk]\naddress \
             = {}\nname = {}\nstate = {}\n\n[keys]\ncertificates = [{}]\nstorage_certificate = \
             {}\n\n[opener]\n{socket}secret_keys = [{}]\nstorage_key = \
             {}\n\n[[mailbox]]\n{mailbox}\n[courier]\n{courier}\n[tracker]\n{tracker}{responders}",
            quoted(self.address.as_str()),
            quoted(&self.name),
            quoted(&places.state.display().to_string()),
            places.beside_config("security.asc"),
            places.beside_config("storage.asc"),
            quoted(&places.keys[0]),
            quoted(&places.keys[1]),
        )
    }

    fn mailbox_section(&self, places: &Places) -> String {
        match &self.imap {
            Some(server) => format!(
                "kind = \"imap\"\nname = {}\n{}{}login = {}\nfolder = \"INBOX\"\ndone = {{ kind = \
                 \"move\", folder = \"Sealdesk\" }}\n",
                quoted(MAILBOX),
                server.fields(),
                server.ca_field(places),
                server.login(places, IMAP_PASSWORD)
            ),
            None => format!(
                "kind = \"maildir\"\nname = {}\npath = {}\n",
                quoted(MAILBOX),
                places.beside_config("Maildir")
            ),
        }
    }

    fn courier_section(&self, places: &Places) -> String {
        match &self.smtp {
            Some(server) => {
                let proof = match &server.proof {
                    LoginProof::Password(_) => {
                        format!("password_file = {}", places.secret(SMTP_PASSWORD))
                    }
                    _ => format!("login = {}", server.login(places, SMTP_PASSWORD)),
                };
                let (fields, ca) = (server.fields(), server.ca_field(places));
                format!("kind = \"smtp\"\n{fields}{ca}{proof}\n")
            }
            None => folder_section(&places.beside_config("out")),
        }
    }

    fn tracker_section(&self, places: &Places) -> String {
        match &self.tracker {
            Some(PlannedTracker::Github {
                repository, url, ..
            }) => {
                let url = url
                    .as_ref()
                    .map(|url| format!("base_url = {}\n", quoted(url)))
                    .unwrap_or_default();
                format!(
                    "kind = \"github\"\nrepository = {}\n{url}auth = {{ kind = \"token\", \
                     token_file = {} }}\n",
                    quoted(repository),
                    places.secret(GITHUB_TOKEN)
                )
            }
            Some(PlannedTracker::Folder(path)) => {
                folder_section(&quoted(&path.display().to_string()))
            }
            None => folder_section(&places.beside_config("tracker")),
        }
    }
}

/// A courier or tracker that writes into this folder.
fn folder_section(path: &str) -> String {
    format!("kind = \"folder\"\npath = {path}\n")
}

impl Places {
    /// A file beside the config, as TOML.
    fn beside_config(&self, name: &str) -> String {
        quoted(&self.folder.join(name).display().to_string())
    }

    /// A file in the folder of secrets, as TOML.
    fn secret(&self, name: &str) -> String {
        quoted(&format!("{}/{name}", self.secrets))
    }
}

impl PlannedResponder {
    fn section(&self, places: &Places) -> String {
        let address = self.address.as_str();
        format!(
            "\n[[responder]]\nname = {}\naddress = {}\ncertificate = {}\n",
            quoted(address.split('@').next().unwrap_or_default()),
            quoted(address),
            places.beside_config(&self.file_name())
        )
    }
}

impl PlannedOauth {
    fn login(&self, places: &Places) -> String {
        let provider = self.server.provider.map(|provider| match provider {
            Provider::Google => "google".to_owned(),
            Provider::Microsoft => "microsoft".to_owned(),
            Provider::Fastmail => "fastmail".to_owned(),
        });
        let secret = self.client_secret.as_ref();
        let keys = [
            ("provider", provider.as_deref().map(quoted)),
            ("issuer", self.server.issuer.as_deref().map(quoted)),
            ("tenant", self.server.tenant.as_deref().map(quoted)),
            ("client_id", Some(quoted(&self.client_id))),
            (
                "client_secret_file",
                secret.map(|_| places.secret(CLIENT_SECRET)),
            ),
            ("refresh_token_file", Some(places.secret(REFRESH_TOKEN))),
        ];
        let keys = keys
            .into_iter()
            .filter_map(|(key, value)| Some(format!(", {key} = {}", value?)));
        format!("{{ kind = \"oauth2\"{} }}", keys.collect::<String>())
    }
}

impl Server {
    /// The CA of its certificate, where it is not one that the machine trusts.
    fn ca_field(&self, places: &Places) -> String {
        if self.has_own_ca {
            format!("ca_file = {}\n", places.beside_config(CA_FILE))
        } else {
            String::new()
        }
    }

    /// How the login is proven, as a table in a line.
    fn login(&self, places: &Places, password_name: &str) -> String {
        match &self.proof {
            LoginProof::Password(_) => {
                let file = places.secret(password_name);
                format!("{{ kind = \"password\", password_file = {file} }}")
            }
            LoginProof::Oauth(oauth) => oauth.login(places),
            LoginProof::AsMailbox => {
                format!("{{ kind = \"mailbox\", name = {} }}", quoted(MAILBOX))
            }
        }
    }

    /// How it is reached, and as whom.
    fn fields(&self) -> String {
        let security = match self.security {
            Security::Tls => "tls",
            Security::Starttls => "starttls",
            Security::Plaintext => "plaintext",
        };
        let port = self
            .port
            .map(|port| format!("port = {port}\n"))
            .unwrap_or_default();
        format!(
            "host = {}\n{port}security = \"{security}\"\nuser = {}\n",
            quoted(&self.host),
            quoted(&self.user)
        )
    }
}

/// A string as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
