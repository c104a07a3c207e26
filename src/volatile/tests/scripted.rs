//! A fake Redis server that fails in the ways the tests need.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::*;

/// How the server answers a script.
#[derive(Debug, Clone, Copy)]
pub(super) enum Behaviour {
    /// Allows every charge.
    Allows,
    /// Answers with this error.
    Errs(&'static str),
    /// Answers the handshake with this error.
    Rejects(&'static str),
    /// Answers `INFO` with this.
    Informs(&'static str),
    /// Reads and never answers.
    Stalls,
    /// Closes the connection instead of answering.
    HangsUp,
    /// Closes the connection once, then allows.
    HangsUpOnce,
}

#[derive(Debug)]
pub(super) struct ScriptedRedis {
    pub(super) url: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    behaviour: Mutex<Behaviour>,
    connections: AtomicUsize,
    asked: AtomicUsize,
}

impl ScriptedRedis {
    pub(super) fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://user:sesame@{}/", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            behaviour: Mutex::new(behaviour),
            connections: AtomicUsize::new(0),
            asked: AtomicUsize::new(0),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&serving);
                shared.connections.fetch_add(1, Ordering::SeqCst);
                // The thread ends when the client disconnects; it is not joined.
                std::thread::spawn(move || stream.and_then(|stream| shared.serve(stream)));
            }
        });
        Self { url, shared }
    }

    pub(super) fn now(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock().unwrap() = behaviour;
    }

    /// The number of scripts received.
    pub(super) fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }

    pub(super) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        while let Some(command) = read_command(&mut reader)? {
            let behaviour = *self
                .behaviour
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if command == "INFO" {
                match behaviour {
                    Behaviour::Informs(text) => write!(stream, "${}\r\n{text}\r\n", text.len())?,
                    Behaviour::Errs(error) => write!(stream, "{error}\r\n")?,
                    Behaviour::Stalls => {}
                    _ => return Ok(()),
                }
                continue;
            }
            if command != "EVALSHA" {
                let answer = if let Behaviour::Rejects(error) = behaviour {
                    error
                } else {
                    "+OK"
                };
                write!(stream, "{answer}\r\n")?;
                continue;
            }
            self.asked.fetch_add(1, Ordering::SeqCst);
            match behaviour {
                Behaviour::Allows | Behaviour::Rejects(_) | Behaviour::Informs(_) => {
                    write!(stream, "*2\r\n:0\r\n:0\r\n")?;
                }
                Behaviour::Errs(error) => write!(stream, "{error}\r\n")?,
                Behaviour::Stalls => {}
                Behaviour::HangsUp => return Ok(()),
                Behaviour::HangsUpOnce => {
                    *self
                        .behaviour
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner) = Behaviour::Allows;
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// The name of the next command, whose arguments are skipped.
fn read_command(reader: &mut impl BufRead) -> std::io::Result<Option<String>> {
    let Some(count) = read_count(reader)? else {
        return Ok(None);
    };
    let mut name = None;
    for _ in 0..count {
        let Some(length) = read_count(reader)? else {
            return Ok(None);
        };
        let mut argument = vec![0; length + 2];
        reader.read_exact(&mut argument)?;
        name.get_or_insert_with(|| String::from_utf8_lossy(&argument).trim().to_owned());
    }
    Ok(name)
}

/// The number in a line like `*3` or `$7`.
fn read_count(reader: &mut impl BufRead) -> std::io::Result<Option<usize>> {
    let mut line = String::new();
    reader.take(32).read_line(&mut line)?;
    Ok(line.trim().get(1..).and_then(|count| count.parse().ok()))
}
