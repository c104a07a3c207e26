//! Which texts are accepted, rejected and salvaged.

use proptest::prelude::*;

use super::*;

#[test]
fn line_ends_become_one_kind_and_blanks_around_go() {
    for (text, read_as) in [
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        ("a\u{2028}b\u{2029}c\u{85}d\u{b}e\u{c}f", "a\nb\nc\nd\ne\nf"),
        ("\ta\tb\t", "a\tb"),
        ("\u{3000}\u{a0} a  b \u{2003}\r\n", "a  b"),
        ("e\u{301}", "\u{e9}"),
        ("\u{212b}", "\u{c5}"),
        (" \n\t ", ""),
    ] {
        assert_eq!(
            read(text, Layout::Lines, 20).as_deref(),
            Ok(read_as),
            "{text:?}"
        );
    }
    assert_eq!(read(" Ada \r\n", Layout::Line, 20).as_deref(), Ok("Ada"));
    for text in [
        "Ada\nLovelace",
        "Ada\r\nLovelace",
        "Ada\tLovelace",
        "Ada\u{2028}L",
    ] {
        assert_eq!(
            read(text, Layout::Line, 20),
            Err(TextRule::OneLine),
            "{text:?}"
        );
    }
}

#[test]
fn what_people_write_is_kept_as_it_is() {
    for text in [
        "Ada King, Countess of Lovelace",
        "Zoë O’Brien-Łukasz",
        "محمد علي",
        "می‌خواهم",
        "کار‌ها",
        "क्‍ष क्‌ष",
        "র‍্যাব",
        "ශ්‍රී ලංකා",
        "葛\u{e0100}飾区",
        "ᠠᠮᠤᠷ\u{180b}",
        "ខ្ញុំ\u{200b}ស្រឡាញ់",
        "👩‍👩‍👧‍👦 👩🏽‍🚀 👁️‍🗨️ ❤️‍🔥 ☎︎ ™️",
        "1️⃣ #️⃣ 🇩🇪 🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
        "\u{600}١٢",
        "∩\u{fe00}",
        "Việt Nam 100 % _ ' \" \\ <b>",
    ] {
        assert_eq!(
            read(text, Layout::Line, 200).as_deref(),
            Ok(text),
            "{text:?}"
        );
    }
    let marked = "שלום (a)\u{200f}.";
    assert_eq!(read(marked, Layout::Lines, 200).as_deref(), Ok(marked));
}

#[test]
fn what_cannot_be_seen_or_misleads_is_refused() {
    let mut signs = vec![
        '\0',
        '\u{1}',
        '\u{8}',
        '\u{1b}',
        '\u{7f}',
        '\u{80}',
        '\u{9f}',
        '\u{ad}',
        '\u{34f}',
        '\u{61c}',
        '\u{115f}',
        '\u{1160}',
        '\u{17b4}',
        '\u{180e}',
        '\u{2800}',
        '\u{3164}',
        '\u{ffa0}',
        '\u{fe00}',
        '\u{fe0f}',
        '\u{feff}',
        '\u{fff9}',
        '\u{fffb}',
        '\u{fdd0}',
        '\u{ffff}',
        '\u{1ffff}',
        '\u{10ffff}',
        '\u{e000}',
        '\u{f8ff}',
        '\u{f0000}',
        '\u{378}',
        '\u{e0001}',
        '\u{e0041}',
        '\u{e0100}',
    ];
    signs.extend('\u{200b}'..='\u{200f}');
    signs.extend('\u{202a}'..='\u{202e}');
    signs.extend('\u{2060}'..='\u{206f}');
    for sign in signs {
        for text in [
            format!("Ada{sign}Lovelace"),
            format!("{sign}a"),
            format!("a{sign}"),
        ] {
            let trimmed = sign.is_whitespace();
            for layout in [Layout::Line, Layout::Lines] {
                let refused = read(&text, layout, 200).is_err();
                assert!(refused || trimmed, "U+{:04X}", u32::from(sign));
            }
            let salvaged = salvage(&text, Layout::Line, 200);
            assert!(!salvaged.contains(sign), "U+{:04X}", u32::from(sign));
        }
    }
}

#[test]
fn no_right_to_left_override_or_isolate_is_let_in_by_what_stands_around_it() {
    for around in ["שלום", "مرحبا", "👩", "क्", "葛", "ខ្ញុំ"] {
        for sign in [
            '\u{202e}', '\u{202d}', '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}',
        ] {
            let text = format!("{around}{sign}{around}");
            assert_eq!(
                read(&text, Layout::Lines, 200),
                Err(TextRule::Character(sign))
            );
        }
    }
}

#[test]
fn a_text_is_as_long_as_what_is_kept_of_it() {
    assert!(read(&"e\u{301}".repeat(150), Layout::Line, 150).is_ok());
    assert!(read(&format!("{}a", " ".repeat(100_000)), Layout::Line, 1).is_ok());
    for text in ["a".repeat(151), "a".repeat(100_000), "e\u{301}".repeat(151)] {
        assert_eq!(read(&text, Layout::Line, 150), Err(TextRule::TooLong(150)));
    }
    assert_eq!(salvage(&"a".repeat(100_000), Layout::Line, 150).len(), 150);
    assert_eq!(salvage("a\nb\u{202e}c", Layout::Line, 150), "a bc");
}

proptest! {
    #[test]
    fn what_was_read_reads_as_itself(text in "\\PC{0,40}|[ a\u{301}\u{200d}\u{fe0f}👩क\u{94d}\n]{0,20}") {
        for layout in [Layout::Line, Layout::Lines] {
            if let Ok(once) = read(&text, layout, 60) {
                prop_assert_eq!(read(&once, layout, 60), Ok(once));
            }
            let salvaged = salvage(&text, layout, 60);
            prop_assert_eq!(read(&salvaged, layout, 60), Ok(salvaged));
        }
    }
}
