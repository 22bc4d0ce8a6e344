//! A line between the desk and a server, that breaks where it is told to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What happens to the next connection. Octets are counted over both directions of one direction
/// each.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    None,
    /// The server's octets end after so many; both sides see an orderly close.
    CutAnswers(usize),
    /// The client's octets end after so many.
    CutQuestions(usize),
    /// As `CutAnswers`, with a reset.
    Reset(usize),
    /// After so many octets nothing comes any more, and nothing closes. Time is made to pass.
    Stall(usize),
    /// One octet at a time, both ways.
    Trickle,
    /// The n-th line of the client, from 1, is answered so, and not passed on. `TAG` stands for its
    /// first word.
    Answer(usize, &'static str),
    /// Octets of no protocol in place of the answers, after so many.
    Garbage(usize),
}

#[derive(Clone)]
pub struct Proxy {
    pub port: u16,
    fault: Arc<Mutex<Fault>>,
    /// Octets that the server and the client sent in the last connection that ended, and lines of
    /// the client.
    seen: Arc<Mutex<(usize, usize, usize)>>,
    paused: Arc<AtomicBool>,
}

impl Proxy {
    /// Stands before a server on loopback. Must be called inside a runtime, and lives as long as
    /// it.
    pub async fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            fault: Arc::new(Mutex::new(Fault::None)),
            seen: Arc::default(),
            paused: Arc::default(),
        };
        let (fault, seen, paused) = (
            Arc::clone(&proxy.fault),
            Arc::clone(&proxy.seen),
            Arc::clone(&proxy.paused),
        );
        tokio::spawn(async move {
            loop {
                let Ok((client, _)) = listener.accept().await else {
                    return;
                };
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else {
                    continue;
                };
                let fault = std::mem::replace(&mut *fault.lock().unwrap(), Fault::None);
                tokio::spawn(pass(
                    client,
                    server,
                    fault,
                    Arc::clone(&seen),
                    Arc::clone(&paused),
                ));
            }
        });
        proxy
    }

    pub fn order(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    /// Time goes its usual way again.
    pub fn resume(&self) {
        if self.paused.swap(false, Ordering::SeqCst) {
            tokio::time::resume();
        }
    }

    pub fn seen(&self) -> (usize, usize, usize) {
        *self.seen.lock().unwrap()
    }
}

async fn pass(
    mut client: TcpStream,
    mut server: TcpStream,
    fault: Fault,
    seen: Arc<Mutex<(usize, usize, usize)>>,
    paused: Arc<AtomicBool>,
) {
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let (mut down, mut up, mut lines) = (0, 0, 0);
    let (mut from_client, mut from_server) = ([0; 4096], [0; 4096]);
    let size = if fault == Fault::Trickle { 1 } else { 4096 };
    let mut line = Vec::new();
    loop {
        tokio::select! {
            read = client.read(&mut from_client[..size]) => {
                let Ok(n @ 1..) = read else { break };
                let mut octets = &from_client[..n];
                if let Fault::CutQuestions(at) = fault && up + n >= at {
                    let _ = server.write_all(&octets[..at - up]).await;
                    break;
                }
                up += n;
                let mut held = false;
                for octet in octets {
                    line.push(*octet);
                    if *octet == b'\n' {
                        lines += 1;
                        if let Fault::Answer(at, words) = fault && lines == at {
                            let tag = String::from_utf8_lossy(line.split(|b| b.is_ascii_whitespace()).next().unwrap_or_default()).into_owned();
                            let _ = client.write_all(words.replace("TAG", &tag).as_bytes()).await;
                            held = true;
                        }
                        line.clear();
                    }
                }
                if held {
                    octets = b"";
                }
                if server.write_all(octets).await.is_err() { break }
            }
            read = server.read(&mut from_server[..size]) => {
                let Ok(n @ 1..) = read else { break };
                let octets = &from_server[..n];
                match fault {
                    Fault::CutAnswers(at) if down + n >= at => {
                        let _ = client.write_all(&octets[..at - down]).await;
                        break;
                    }
                    Fault::Reset(at) if down + n >= at => {
                        let _ = client.write_all(&octets[..at - down]).await;
                        let _ = socket_reset(&client);
                        break;
                    }
                    Fault::Stall(at) if down + n >= at => {
                        let _ = client.write_all(&octets[..at - down]).await;
                        // Whoever waits now waits for nothing but time.
                        paused.store(true, Ordering::SeqCst);
                        tokio::time::pause();
                        while matches!(client.read(&mut from_client).await, Ok(1..)) {}
                        break;
                    }
                    Fault::Garbage(at) if down + n >= at => {
                        let _ = client.write_all(&octets[..at - down]).await;
                        let _ = client.write_all(b"\x00\xff\xfe{99999999999}\r\n* \x80 (((( \
                            \"\r\n250-\r\n").await;
                        break;
                    }
                    _ => {}
                }
                down += n;
                if client.write_all(octets).await.is_err() { break }
            }
        }
    }
    *seen.lock().unwrap() = (down, up, lines);
}

/// Has the close be a reset.
fn socket_reset(stream: &TcpStream) -> std::io::Result<()> {
    nix::sys::socket::setsockopt(
        stream,
        nix::sys::socket::sockopt::Linger,
        &libc::linger {
            l_onoff: 1,
            l_linger: 0,
        },
    )
    .map_err(std::io::Error::from)
}
