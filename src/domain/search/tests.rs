//! Which searches find which texts.

use proptest::prelude::*;

use super::*;

fn finds(search: &str, stored: &str) -> bool {
    let stored = form(stored);
    words(search).iter().all(|word| stored.contains(word))
}

#[test]
fn names_are_found_as_written_and_as_people_type_them() {
    for (stored, searches) in [
        (
            "José Núñez",
            &["José", "JOSÉ", "jose", "Jose\u{301}", "NUN\u{303}EZ", "núñ"][..],
        ),
        ("JOSE", &["josé", "jose\u{301}"]),
        ("Straße", &["strasse", "STRASSE", "STRAẞE", "straße"]),
        ("STRASSE", &["straße"]),
        ("Müller", &["muller", "MU\u{308}LLER", "mül"]),
        ("Işık", &["ışık", "IŞIK", "isik", "ISIK"]),
        ("İpek", &["ipek", "İPEK", "IPEK", "i\u{307}pek", "ıpek"]),
        (
            "Łukasz Żółć",
            &["lukasz", "ŁUKASZ", "zolc", "Z\u{307}O\u{301}ŁC\u{301}"],
        ),
        ("Bjørn Æsøy", &["bjorn", "BJØRN", "aesoy", "Æsøy"]),
        (
            "Đặng Thị Ngọc",
            &["dang", "ĐẶNG", "thi ngoc", "Đa\u{323}\u{306}ng"],
        ),
        ("Þór Guðmundsson", &["thor", "gudmundsson", "ÞÓR"]),
        (
            "Σίσυφος Οδυσσεύς",
            &["ΣΊΣΥΦΟΣ", "σισυφοσ", "οδυσσευς", "ΟΔΥΣΣΕΥΣ"],
        ),
        (
            "Алёна Андрей",
            &["алена", "АЛЁНА", "Але\u{308}на", "андрей", "АНДРЕИ\u{306}"],
        ),
        ("Їжак Ўладзімір", &["їжак", "І\u{308}ЖАК", "ўладзімір"]),
        ("أَحْمَد", &["احمد", "أحمد", "ا\u{654}حمد", "أحـــمد"]),
        ("علی کریمی", &["علي", "كريمي", "على"]),
        ("فاطمة", &["فاطمه", "فاطمة"]),
        ("می‌خواهم", &["میخواهم", "می‌خواهم"]),
        ("שָׁלוֹם", &["שלום", "ש\u{5c1}\u{5b8}לום"]),
        ("山田太郎", &["山田", "太郎", "山田太郎"]),
        ("\u{fa19}田", &["神田"]),
        ("ﾔﾏﾀﾞ", &["ヤマダ", "ヤマタ\u{3099}"]),
        ("がき", &["か\u{3099}き", "がき"]),
        ("김민준", &["김민", "\u{1100}\u{1175}\u{11b7}", "민준"]),
        ("ज़ाकिर", &["जाकिर", "ज\u{93c}ाकिर"]),
        ("สมชาย", &["สมชาย"]),
        (
            "Ａｄａ\u{3000}Ｌｏｖｅｌａｃｅ",
            &["ada lovelace", "ＡＤＡ", "lovelace ada"],
        ),
        ("ﬁona oﬃce Ⅳ ①", &["fiona", "office", "iv", "FIONA", "1"]),
        (
            "O’Brien",
            &["o'brien", "O‘BRIEN", "oʼbrien", "o´brien", "o`brien"],
        ),
        ("Jean‐Luc", &["jean-luc", "JEAN–LUC", "jean—luc"]),
        ("Ａ\u{ad}da\u{200b}\u{feff}", &["ada", "a\u{2060}da"]),
        ("  Ada \t\n King ", &["ada king", "king\u{a0}ada"]),
        ("100% _ \\ ! '", &["100%", "_", "\\", "!", "'", "%"]),
        ("+16502530000", &["2530", "٢٥٣٠", "２５３０", "२५३०"]),
        ("👩‍🚀 Ada", &["👩‍🚀", "👩"]),
        ("ნინო", &["ნინო", "ᲜᲘᲜᲝ"]),
        ("Արմեն և", &["ԱՐՄԵՆ", "ԵՒ", "և"]),
        ("ᎠᏓ", &["ꭰꮣ", "ᎠᏓ"]),
        ("𐐏𐐲", &["𐐷𐐊"]),
    ] {
        for search in searches {
            assert!(
                finds(search, stored),
                "{search:?} in {stored:?}: {:?} in {:?}",
                words(search),
                form(stored)
            );
        }
    }
}

#[test]
fn other_names_are_not_found() {
    for (stored, searches) in [
        ("José", &["joseph", "josa", "жосе"][..]),
        ("かき", &["がき", "かぎ"]),
        ("कमल", &["किमल", "कुमल"]),
        ("कुमल", &["कमल"]),
        ("가", &["각", "\u{1100}"]),
        ("Ада", &["ada"]),
        ("Ada", &["ada king", "%", "_", "a_a", "a%"]),
        ("山田", &["山本", "田山"]),
        ("אבג", &["אבד"]),
    ] {
        for search in searches {
            assert!(!finds(search, stored), "{search:?} in {stored:?}");
        }
    }
}

#[test]
fn what_shows_nothing_is_no_word() {
    for search in [
        "",
        " ",
        "\u{200b}",
        "\u{301}",
        "\u{ad} \u{3000}\u{feff}",
        "\0\u{1}",
    ] {
        assert_eq!(words(search), Vec::<String>::new(), "{search:?}");
    }
}

/// Letters whose capital adds the iota subscript as a letter: a mark like others, which people
/// omit.
fn has_iota_below(letter: char) -> bool {
    letter.to_string().nfd().any(|sign| sign == '\u{345}')
}

#[test]
fn every_character_has_one_form_in_every_case_and_normal_form() {
    let changes = |sign: &char| {
        sign.to_lowercase().ne([*sign])
            || sign.to_uppercase().ne([*sign])
            || [*sign].into_iter().nfkd().ne([*sign])
            || CanonicalCombiningClass::for_char(*sign) != CanonicalCombiningClass::NotReordered
            || is_left_out(*sign)
            || plain(*sign).is_some()
    };
    // Canonical decompositions and invisible planes do not need all of their members.
    let is_sampled = |sign: &char| match *sign {
        '\u{ac00}'..='\u{d7a3}' => u32::from(*sign).is_multiple_of(97),
        '\u{e0000}'.. => u32::from(*sign).is_multiple_of(64),
        _ => true,
    };
    for sign in ('\0'..=char::MAX).filter(changes).filter(is_sampled) {
        let text = format!("a{sign}b");
        let expected = form(&text);
        assert_eq!(form(&expected), expected, "{text:?} twice");
        let spellings: [String; 4] = [
            text.nfc().collect(),
            text.nfd().collect(),
            text.nfkc().collect(),
            text.nfkd().collect(),
        ];
        for spelling in spellings {
            assert_eq!(form(&spelling), expected, "{text:?} as {spelling:?}");
        }
        if !has_iota_below(sign) {
            assert_eq!(form(&text.to_uppercase()), expected, "{text:?} in capitals");
        }
        assert_eq!(
            form(&text.to_lowercase()),
            expected,
            "{text:?} in small letters"
        );
    }
}

proptest! {
    #[test]
    fn a_text_is_found_by_itself_and_its_parts(text in "\\PC{0,40}|[ aÉßİıσς\u{301}\u{308}\u{345}ﷺが가´ -]{0,20}") {
        let stored = form(&text);
        for spelling in [
            text.clone(),
            text.nfc().collect(),
            text.nfd().collect(),
            text.nfkc().collect(),
            text.nfkd().collect(),
        ] {
            prop_assert_eq!(form(&spelling), stored.as_str());
            prop_assert!(finds(&spelling, &text));
        }
        for word in text.split_whitespace() {
            prop_assert!(finds(word, &text), "{:?}", word);
        }
    }
}
