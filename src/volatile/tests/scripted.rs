//! A server that speaks just enough of the Redis protocol to fail in every way a test asks for.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::*;

/// What the server does with a script.
#[derive(Debug, Clone, Copy)]
pub(super) enum Manner {
    /// Allows every charge.
    Allows,
    /// Answers with this error.
    Errs(&'static str),
    /// Answers set-up with this error, so that no connection comes about.
    Rejects(&'static str),
    /// Tells this when it is asked about itself.
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
    manner: Mutex<Manner>,
    connections: AtomicUsize,
    asked: AtomicUsize,
}

impl ScriptedRedis {
    pub(super) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://user:sesame@{}/", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            manner: Mutex::new(manner),
            connections: AtomicUsize::new(0),
            asked: AtomicUsize::new(0),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&serving);
                shared.connections.fetch_add(1, Ordering::SeqCst);
                // A client that went away ends its thread; nobody waits for either.
                std::thread::spawn(move || stream.and_then(|stream| shared.serve(stream)));
            }
        });
        Self { url, shared }
    }

    pub(super) fn now(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap() = manner;
    }

    /// How many scripts were asked for.
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
            let manner = *self.manner.lock().unwrap_or_else(PoisonError::into_inner);
            if command == "INFO" {
                match manner {
                    Manner::Informs(text) => write!(stream, "${}\r\n{text}\r\n", text.len())?,
                    Manner::Errs(error) => write!(stream, "{error}\r\n")?,
                    Manner::Stalls => {}
                    _ => return Ok(()),
                }
                continue;
            }
            if command != "EVALSHA" {
                let answer = if let Manner::Rejects(error) = manner {
                    error
                } else {
                    "+OK"
                };
                write!(stream, "{answer}\r\n")?;
                continue;
            }
            self.asked.fetch_add(1, Ordering::SeqCst);
            match manner {
                Manner::Allows | Manner::Rejects(_) | Manner::Informs(_) => {
                    write!(stream, "*2\r\n:0\r\n:0\r\n")?;
                }
                Manner::Errs(error) => write!(stream, "{error}\r\n")?,
                Manner::Stalls => {}
                Manner::HangsUp => return Ok(()),
                Manner::HangsUpOnce => {
                    *self.manner.lock().unwrap_or_else(PoisonError::into_inner) = Manner::Allows;
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
