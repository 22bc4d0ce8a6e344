//! Marionette, by which Mozilla's programs are driven: JSON over TCP, each message behind its
//! length.

use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

pub struct Marionette {
    stream: TcpStream,
    said: u64,
}

impl Marionette {
    /// A session that may look at the program's own windows.
    pub fn open(port: u16) -> Result<Self, String> {
        let stream = TcpStream::connect(("127.0.0.1", port)).map_err(|e| e.to_string())?;
        stream
            .set_read_timeout(Some(Duration::from_secs(240)))
            .map_err(|e| e.to_string())?;
        let mut marionette = Self { stream, said: 0 };
        // It greets first.
        marionette.hear()?;
        marionette.say("WebDriver:NewSession", &json!({ "capabilities": {} }))?;
        marionette.say("Marionette:SetContext", &json!({ "value": "chrome" }))?;
        marionette.say("WebDriver:SetTimeouts", &json!({ "script": 200_000 }))?;
        Ok(marionette)
    }

    /// Runs a function's body in the program; what it returns, or what it throws.
    pub fn script(&mut self, body: &str, arguments: &[Value]) -> Result<Value, String> {
        let result = self.say(
            "WebDriver:ExecuteScript",
            &json!({ "script": body, "args": arguments, "sandbox": "system", "newSandbox": true }),
        )?;
        Ok(result["value"].clone())
    }

    pub fn say(&mut self, command: &str, parameters: &Value) -> Result<Value, String> {
        self.said += 1;
        let message = json!([0, self.said, command, parameters]).to_string();
        self.stream
            .write_all(format!("{}:{message}", message.len()).as_bytes())
            .map_err(|e| format!("{command}: {e}"))?;
        loop {
            let answer = self.hear().map_err(|e| format!("{command}: {e}"))?;
            if answer[0] == 1 && answer[1] == self.said {
                return match &answer[2] {
                    Value::Null => Ok(answer[3].clone()),
                    error => Err(format!(
                        "{}\n{}",
                        error["message"].as_str().unwrap_or_default(),
                        error["stacktrace"].as_str().unwrap_or_default()
                    )),
                };
            }
        }
    }

    fn hear(&mut self) -> Result<Value, String> {
        let mut length = 0;
        loop {
            let mut octet = [0];
            self.stream
                .read_exact(&mut octet)
                .map_err(|e| e.to_string())?;
            match octet[0] {
                b':' => break,
                digit @ b'0'..=b'9' => length = length * 10 + usize::from(digit - b'0'),
                _ => return Err("what Marionette says has no length".to_owned()),
            }
        }
        let mut message = vec![0; length];
        self.stream
            .read_exact(&mut message)
            .map_err(|e| e.to_string())?;
        serde_json::from_slice(&message).map_err(|e| e.to_string())
    }
}
