//! Searches for the text that costs a reader most, up to what it accepts: hill climbing over
//! alphabets that are known to be dear. Prints the CPU time of the thread.
//!
//! `cargo run --release --example worst -- [SECONDS EACH] [NAME PART]`

use std::hint::black_box;
use std::time::{Duration, Instant};

use idgate::crypto::id_token::Presented;
use idgate::domain::digits;
use idgate::domain::email::EmailAddress;
use idgate::domain::identifier::Identifier;
use idgate::domain::network::client_address;
use idgate::domain::password::{Candidate, Password, PasswordPolicy, UserInputs};
use idgate::domain::phone::PhoneNumber;
use idgate::domain::text::{self, Layout};
use idgate::domain::user_agent::UserAgent;
use idgate::schema::document::Document;
use idgate::schema::fuzzing as schema;
use idgate::transport::fuzzing as transport;
use idgate_fuzz::LIMITS;
use rustix::time::{ClockId, clock_gettime};
use secrecy::SecretString;

const BODY: usize = 1 << 20;
/// What the server takes of the head of a request.
const HEAD: usize = 64 * 1024;

/// Expanding, reordered, composed, mapped and forbidden characters.
const UNICODE: &[&str] = &[
    "a",
    "A",
    " ",
    ".",
    "@",
    "-",
    "1",
    "ß",
    "é",
    "ﷺ",
    "ﬃ",
    "\u{344}",
    "\u{315}",
    "\u{300}",
    "\u{5ae}",
    "\u{1d165}",
    "\u{f73}",
    "\u{200d}",
    "ㅎ",
    "가",
    "\u{1100}\u{1161}\u{11a8}",
    "。",
    "Ａ",
    "İ",
    "ẞ",
    "用",
    "ي",
    "xn--",
    "xn--a-",
    "٣",
    "👩",
    "\u{fe0f}",
    "\u{e0067}",
    "\u{1e9b}\u{323}",
];
const PHONES: &[&str] = &[
    "+", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "00", "٣", " ", "(", "+1202555",
    "+7495", "+4915", "+3906", "+44790", "+86138", "+5511", "+8109", "+2547",
];
const AGENTS: &[&str] = &[
    "Mozilla/5.0",
    "(compatible; MSIE",
    "Trident/7.0;",
    " rv:",
    "Chrome/",
    "Safari/",
    "Windows ",
    "Windows NT 10.0;",
    "Phone OS",
    "Android",
    "iPhone; CPU OS 1",
    "like Mac OS X",
    "DoCoMo/",
    "KDDI-",
    "SoftBank/1",
    "BB10",
    "PSP",
    "Googlebot",
    "Firefox/",
    "Opera",
    "Edg/1",
    "YaBrowser/",
    "(",
    ")",
    ";",
    "/",
    " ",
    "9",
    ".",
    "a",
    "é",
    "http",
    "bot",
    "_",
    "Version/",
];
const SECRETS: &[&str] = &[
    "a", "4", "@", "8", "(", "{", "3", "6", "9", "1", "!", "|", "7", "0", "$", "5", "+", "%", "2",
    "q", "ﷺ", "pass", "word", "-", "19", "\u{344}",
];
const DOCUMENTS: &[&str] = &[
    "a ",
    ",",
    " ",
    "#\n",
    "#a",
    "\n",
    "\u{feff}",
    "é",
    "用",
    "\"",
    "\\",
    "{a}",
    "a:a ",
    "...f ",
    "...on Query{a}",
    "me{id}",
    "a(a:1)",
    "a(a:[1])",
    "\"\"\"\"\"\"",
    "@a ",
    "$a:Int ",
    "1",
    "me ",
    "users{nodes{id}}",
    "__typename ",
    "fragment f on Query{a}",
    "query q{a}",
    "}",
    "{",
    "[",
    "(",
];
const VALUES: &[&str] = &[
    "1,",
    "0,",
    "null,",
    "[],",
    "{},",
    "\"\",",
    "\"\\u0041\",",
    "1e9,",
    "123456789012345678901234,",
    " ",
    "\"aaaaaaaaaaaaaaaa\",",
    "{\"a\":1},",
    "[[[1]]],",
    "é",
    "\\u0041",
    "a",
    "1",
    "\\n",
];
const HEADERS: &[&str] = &[
    "a",
    ",",
    ";",
    "=",
    " ",
    "q=1",
    "*/*",
    "application/json",
    "idgate_refresh=",
    "1.2.3.4",
    ":",
    "[",
    "%",
    "charset=\"utf-8\"",
    "0",
    "Bearer ",
];

struct Reader {
    name: &'static str,
    pieces: &'static [&'static str],
    /// Bytes that are accepted.
    most: usize,
    /// What stands before and after the searched part, in turn.
    shapes: &'static [(&'static str, &'static str)],
    read: fn(&str),
    /// Done before each measurement.
    before: fn(),
}

const PLAIN: &[(&str, &str)] = &[("", "")];

fn reader(
    name: &'static str,
    pieces: &'static [&'static str],
    most: usize,
    read: fn(&str),
) -> Reader {
    Reader {
        name,
        pieces,
        most,
        shapes: PLAIN,
        read,
        before: || {},
    }
}

/// Leaves nothing in the library's cache of rules but those of other countries.
fn other_countries() {
    for code in [
        "1", "7", "20", "27", "30", "33", "34", "36", "39", "40", "41", "43", "44", "45",
    ] {
        for digits in ["123456789", "612345678"] {
            let _ = PhoneNumber::parse(&format!("+{code}{digits}"), None);
        }
    }
}

fn prepare(text: &str) {
    if let Ok(document) = Document::prepare(text.to_owned(), &LIMITS) {
        black_box(schema::validate(&document));
    }
}

fn body(text: &str) {
    let Some(call) = transport::body(text.as_bytes(), &LIMITS) else {
        return;
    };
    let document = Document::prepare("query($a:String){me{id}}".to_owned(), &LIMITS);
    let Ok(document) = document else { return };
    let _ = schema::check_variables(&document, None, &call.variables(), &LIMITS);
}

fn readers() -> Vec<Reader> {
    vec![
        reader("email", UNICODE, 1024, |input| {
            drop(black_box(EmailAddress::parse(input)))
        }),
        Reader {
            shapes: &[
                ("a@", ".example"),
                ("a@xn--", ".example"),
                ("a@xn--a-", ".a"),
            ],
            ..reader("email, domain", UNICODE, 1024, |input| {
                drop(black_box(EmailAddress::parse(input)))
            })
        },
        reader("phone", PHONES, 512, |input| {
            drop(black_box(PhoneNumber::parse(input, Some("DE"))))
        }),
        Reader {
            before: other_countries,
            shapes: &[("", ""), ("+", "")],
            ..reader("phone, cold", PHONES, 17, |input| {
                drop(black_box(PhoneNumber::parse(input, Some("DE"))));
            })
        },
        reader("identifier", UNICODE, BODY, |input| {
            drop(black_box(Identifier::read(input, Some("DE"))))
        }),
        reader("digits", UNICODE, BODY, |input| {
            drop(black_box(digits::read(input)))
        }),
        reader("text, 100", UNICODE, BODY, |input| {
            drop(black_box(text::read(input, Layout::Line, 100)))
        }),
        reader("text, 1000", UNICODE, BODY, |input| {
            drop(black_box(text::read(input, Layout::Lines, 1000)));
        }),
        reader("password, NFKC", UNICODE, 1024, |input| {
            if let Ok(password) = Password::attempt(SecretString::from(input)) {
                black_box(password.normalized());
            }
        }),
        reader("password, strength", SECRETS, 1024, |input| {
            let user_inputs = UserInputs::new(&["ada@example.com", "Ada", "Lovelace"]);
            let candidate = Candidate::new(SecretString::from(input), &PasswordPolicy::default());
            if let Ok(candidate) = candidate {
                let _ = black_box(candidate.rate(3, &user_inputs));
            }
        }),
        reader("words about a person", UNICODE, BODY, |input| {
            black_box(UserInputs::new(&[input, input, input]));
        }),
        reader("user agent", AGENTS, HEAD, |input| {
            drop(black_box(UserAgent::parse(Some(input))))
        }),
        reader("Accept", HEADERS, HEAD, |input| {
            black_box(transport::is_acceptable(&[input.as_bytes()]));
        }),
        reader("Cookie", HEADERS, HEAD, |input| {
            black_box(transport::refresh_token(false, &[input.as_bytes()]));
        }),
        reader("X-Forwarded-For", HEADERS, HEAD, |input| {
            let proxy = "10.0.0.1".parse().expect("an address");
            let trusted = "10.0.0.0/8".parse().expect("a network");
            black_box(client_address(proxy, &[input.as_bytes()], &[trusted]));
        }),
        reader("parameters", VALUES, HEAD, |input| {
            black_box(transport::parameters(
                &format!("variables={input}"),
                &LIMITS,
            ));
        }),
        reader("cursor", HEADERS, BODY, |input| {
            drop(black_box((
                schema::cursor(input),
                schema::user_cursor(input),
            )))
        }),
        reader("ID token", HEADERS, BODY, |input| {
            let _ = black_box(Presented::read(input).is_ok());
        }),
        Reader {
            shapes: &[
                ("", ""),
                ("{", "}"),
                ("query q{", "}"),
                ("{me(a:", ")}"),
                ("{a(b:\"", "\")}"),
                ("{me{id}}", ""),
                ("query q(", "){me{id}}"),
                ("{me{", "}}"),
                ("query($a:[Int]=[", "]){me{id}}"),
                ("{me{id}}#", ""),
            ],
            ..reader("document", DOCUMENTS, BODY - 64, prepare)
        },
        Reader {
            shapes: &[
                ("{\"variables\":{\"a\":[", "0]}}"),
                ("{\"variables\":{\"a\":\"", "\"}}"),
                ("{\"variables\":{\"a\":", "}}"),
                ("{\"a\":[", "0]}"),
                ("{", "\"a\":0}"),
            ],
            ..reader("body", VALUES, BODY - 64, body)
        },
        Reader {
            shapes: &[("{", "\"a\":0}"), ("{\"a\":", "}")],
            ..reader("REST body", VALUES, BODY - 64, |input| {
                black_box(idgate::rest::fuzzing::taken(input.as_bytes()));
            })
        },
    ]
}

struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).expect("a size")).expect("a size")
    }
}

fn work() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        now.tv_sec.unsigned_abs(),
        u32::try_from(now.tv_nsec).expect("nanoseconds"),
    )
}

/// The least of several, since other work can only make it more.
fn measure(reader: &Reader, input: &str, times: usize) -> Duration {
    let once = || {
        (reader.before)();
        let before = work();
        (reader.read)(black_box(input));
        work().saturating_sub(before)
    };
    (0..times).map(|_| once()).min().unwrap_or_default()
}

/// A text of some length out of one or more pieces over and over.
fn fill(reader: &Reader, chance: &mut Chance, bytes: usize) -> String {
    let cycle: Vec<&str> = (0..=chance.below(4))
        .map(|_| reader.pieces[chance.below(reader.pieces.len())])
        .collect();
    let mut text = String::new();
    for piece in cycle.iter().cycle() {
        if text.len() + piece.len() > bytes {
            break;
        }
        text.push_str(piece);
    }
    text
}

fn mutate(reader: &Reader, chance: &mut Chance, text: &str) -> String {
    let boundary = |at: usize| {
        (0..=at)
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0)
    };
    let from = boundary(chance.below(text.len() + 1));
    let to = boundary(chance.below(text.len() + 1)).max(from);
    let room = [to - from, 8, reader.most][chance.below(3)];
    let middle = fill(reader, chance, room);
    let mut changed = format!("{}{middle}{}", &text[..from], &text[to..]);
    while changed.len() > reader.most {
        changed.pop();
    }
    changed
}

fn search(reader: &Reader, patience: Duration) -> (Duration, String) {
    let started = Instant::now();
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let mut worst = (Duration::ZERO, String::new());
    let mut best: (Duration, String, usize) = (Duration::ZERO, String::new(), 0);
    let mut stale = 0;
    while started.elapsed() < patience {
        let afresh = stale > 100 || best.1.is_empty();
        let (middle, shape) = if afresh || chance.below(4) == 0 {
            let length =
                [reader.most, reader.most / 16, 5000, 64][chance.below(4)].min(reader.most);
            (
                fill(reader, &mut chance, length),
                chance.below(reader.shapes.len()),
            )
        } else {
            (mutate(reader, &mut chance, &best.1), best.2)
        };
        let (before, after) = reader.shapes[shape];
        let text = format!("{before}{middle}{after}");
        let cost = measure(reader, &text, 2);
        if afresh && stale > 100 {
            (best, stale) = ((cost, middle, shape), 0);
        } else if cost > best.0 {
            (best, stale) = ((cost, middle, shape), 0);
        } else {
            stale += 1;
        }
        if cost > worst.0 {
            let again = measure(reader, &text, 3).min(cost);
            if again > worst.0 {
                worst = (again, text);
            }
        }
    }
    worst
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(10);
    let part = arguments.next().unwrap_or_default();
    println!("| reader | µs | bytes | begins with |\n| --- | ---: | ---: | --- |");
    for reader in readers()
        .iter()
        .filter(|reader| reader.name.contains(&part))
    {
        (reader.read)("+12025550142");
        let (cost, text) = search(reader, Duration::from_secs(seconds));
        let begins: String = text.chars().take(48).collect();
        println!(
            "| {} | {} | {} | `{}` |",
            reader.name,
            cost.as_micros(),
            text.len(),
            begins.escape_debug()
        );
    }
}
