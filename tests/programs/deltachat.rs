//! Delta Chat, by the JSON that its user interfaces speak with its core.

use super::servers::wait_for;
use super::world::World;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub struct DeltaChat {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    said: u64,
    account: u64,
}

impl DeltaChat {
    /// For the owner of a mailbox, online.
    pub fn start(world: &World, name: &str, address: &str) -> Self {
        let folder = world.path().join("deltachat").join(name);
        fs::create_dir_all(&folder).unwrap();
        let program = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/programs/packages/deltachat_rpc_server/deltachat-rpc-server");
        let mut child = Command::new(&program)
            .env("DC_ACCOUNTS_PATH", folder.join("accounts"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.join("console")).unwrap())
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}: run make setup", program.display()));
        let mut chat = Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
            said: 0,
            account: 0,
        };
        chat.account = chat.ask("add_account", json!([])).as_u64().unwrap();
        chat.ask_here("set_config", json!(["displayname", name]));
        // Without this it neither sends nor shows a letter in clear: nobody could ask for a key.
        chat.ask_here("set_config", json!(["force_encryption", "0"]));
        chat.ask_here(
            "add_or_update_transport",
            json!([{
                "addr": address, "password": "secret", "imapUser": name,
                "imapServer": "localhost", "imapPort": world.dovecot.imap, "imapSecurity": "plain",
                "smtpServer": "localhost", "smtpPort": world.postfix.smtp, "smtpSecurity": "plain",
                "certificateChecks": "acceptInvalidCertificates",
            }]),
        );
        chat.ask_here("start_io", json!([]));
        chat
    }

    /// A method of the account.
    pub fn ask_here(&mut self, method: &str, mut parameters: Value) -> Value {
        parameters
            .as_array_mut()
            .unwrap()
            .insert(0, json!(self.account));
        self.ask(method, parameters)
    }

    fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.said += 1;
        let request = json!({
            "jsonrpc": "2.0", "id": self.said, "method": method, "params": parameters,
        });
        writeln!(self.input, "{request}").unwrap();
        loop {
            let mut line = String::new();
            self.output.read_line(&mut line).unwrap();
            assert!(!line.is_empty(), "Delta Chat ended at {method}");
            let answer: Value = serde_json::from_str(&line).unwrap();
            if answer["id"] == self.said {
                assert!(answer["error"].is_null(), "{method}: {answer:#}");
                return answer["result"].clone();
            }
        }
    }

    /// The chat with an address that nothing more is known of.
    pub fn chat_with(&mut self, address: &str) -> u64 {
        let contact = self.ask_here("create_contact", json!([address, null]));
        let chat = self.ask_here("create_chat_by_contact_id", json!([contact]));
        chat.as_u64().unwrap()
    }

    pub fn say(&mut self, chat: u64, words: &str, file: Option<&Path>) -> u64 {
        let message = json!({ "text": words, "file": file });
        let id = self.ask_here("send_msg", json!([chat, message]));
        id.as_u64().unwrap()
    }

    /// All messages of an account, whichever chat they stand in.
    pub fn messages(&mut self) -> Vec<Value> {
        let chats = self.ask_here("get_chatlist_entries", json!([null, null, null]));
        let mut messages = Vec::new();
        for chat in chats.as_array().unwrap() {
            let ids = self.ask_here("get_message_ids", json!([chat, false, false]));
            for id in ids.as_array().unwrap() {
                messages.push(self.ask_here("get_message", json!([id])));
            }
        }
        messages
    }

    /// The message that holds these words; waits for it.
    pub fn message(&mut self, words: &str) -> Value {
        let mut found = None;
        wait_for(&format!("a message with {words}"), || {
            found = self
                .messages()
                .into_iter()
                .find(|m| m["text"].as_str().is_some_and(|text| text.contains(words)));
            found.is_some()
        });
        found.unwrap()
    }
}

impl Drop for DeltaChat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
