//! Servers whose answers have no end: each client stops reading, and says so.

use super::*;
use sealdesk::adapters::net::login::SecretSource;
use sealdesk::adapters::net::oauth::{AccessTokens, AuthorizationServer, Grant};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

/// More than any client reads, and what lies in sockets' buffers.
const MOST: usize = 80 << 20;

/// A server that begins so, and goes on for as long as anybody listens: its port, and how many octets
/// it sent. Where clients speak first, it waits for that.
fn endless(begins: &'static str, waits: bool) -> (u16, JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let sends = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        if waits {
            let _ = stream.read(&mut [0; 4096]);
        }
        let mut sent = 0;
        let mut piece = begins.as_bytes().to_vec();
        while sent <= MOST && stream.write_all(&piece).is_ok() {
            sent += piece.len();
            piece = vec![b'x'; 64 * 1024];
        }
        sent
    });
    (port, sends)
}

/// Waits on a thread of its own: a client hangs up on the runtime's.
async fn sent(sends: JoinHandle<usize>) -> usize {
    let sent = tokio::task::spawn_blocking(|| sends.join().unwrap());
    sent.await.unwrap()
}

const HTTP: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n\"";

#[tokio::test]
async fn no_answer_of_a_server_is_read_for_ever() {
    let (port, sends) = endless(HTTP, true);
    let api = GithubApi::new(
        &format!("http://127.0.0.1:{port}"),
        &Trust::default(),
        Auth::Token(Secret::new(b"token".to_vec())),
    );
    let failed = api.unwrap().get("/x").await.unwrap_err();
    assert!(failed.to_string().contains("too long"), "{failed}");
    assert!(sent(sends).await < MOST);

    let (port, sends) = endless("220 ", false);
    let courier = smtp_at(port);
    let failed = courier.probe().await.unwrap_err();
    assert!(failed.to_string().contains("too long"), "{failed}");
    assert!(sent(sends).await < MOST);

    let (port, sends) = endless(HTTP, true);
    let client_secret: SecretSource = Arc::new(|| Ok(Secret::new(b"secret".to_vec())));
    let mut tokens = AccessTokens::new(
        "courier.login",
        AuthorizationServer::Endpoint(format!("http://127.0.0.1:{port}/token")),
        None,
        Grant::ApplicationSecret {
            client_id: "desk".to_owned(),
            client_secret,
        },
    );
    tokens.token().await.unwrap_err();
    assert!(sent(sends).await < MOST);
}
