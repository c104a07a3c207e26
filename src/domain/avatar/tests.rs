use std::io::Cursor;

use image::{DynamicImage, GenericImageView as _, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;

use super::*;

const PIXELS: u64 = 24_000_000;
const RED: Rgb<u8> = Rgb([220, 20, 20]);
const BLUE: Rgb<u8> = Rgb([20, 20, 220]);

/// Red on the left, blue on the right.
fn halves(width: u32, height: u32) -> DynamicImage {
    let colour = |x, _| if x < width / 2 { RED } else { BLUE };
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, colour))
}

fn file(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    let picture = match format {
        ImageFormat::Gif => DynamicImage::ImageRgba8(picture.to_rgba8()),
        _ => picture.clone(),
    };
    picture
        .write_to(&mut Cursor::new(&mut bytes), format)
        .unwrap();
    bytes
}

fn decoded(avatar: &Avatar) -> DynamicImage {
    let format = match avatar.format {
        AvatarFormat::Jpeg => ImageFormat::Jpeg,
        AvatarFormat::Png => ImageFormat::Png,
    };
    let decoded = image::load_from_memory_with_format(&avatar.bytes, format).unwrap();
    assert_eq!(decoded.dimensions(), (AVATAR_SIZE, AVATAR_SIZE));
    decoded
}

/// Whether the picture is about this colour here.
fn is(picture: &DynamicImage, x: u32, y: u32, colour: Rgb<u8>) -> bool {
    let found = picture.get_pixel(x, y).0;
    let pairs = found.iter().zip(colour.0);
    pairs
        .into_iter()
        .all(|(found, wanted)| found.abs_diff(wanted) < 40)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

const FORMATS: [ImageFormat; 4] = [
    ImageFormat::Jpeg,
    ImageFormat::Png,
    ImageFormat::WebP,
    ImageFormat::Gif,
];

#[test]
fn every_format_becomes_a_square_of_one_size() {
    for format in FORMATS {
        for (width, height) in [(512, 512), (1000, 600), (30, 90), (1, 1)] {
            let avatar = read(&file(&halves(width, height), format), PIXELS).unwrap();
            assert_eq!(avatar.format, AvatarFormat::Jpeg, "{format:?}");
            let picture = decoded(&avatar);
            if width > 1 {
                assert!(is(&picture, 20, 256, RED), "{format:?} {width}");
                assert!(is(&picture, 490, 256, BLUE), "{format:?} {width}");
            }
        }
    }
}

#[test]
fn transparency_stays_and_an_unused_channel_goes() {
    let clear = |x, _| Rgba([10, 200, 10, if x < 32 { 0 } else { 255 }]);
    let clear = DynamicImage::ImageRgba8(RgbaImage::from_fn(64, 64, clear));
    let opaque = DynamicImage::ImageRgba8(RgbaImage::from_pixel(64, 64, Rgba([1, 2, 3, 255])));
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
        let avatar = read(&file(&clear, format), PIXELS).unwrap();
        assert_eq!(avatar.format, AvatarFormat::Png, "{format:?}");
        let picture = decoded(&avatar).to_rgba8();
        assert_eq!((picture[(0, 0)][3], picture[(511, 0)][3]), (0, 255));
        let avatar = read(&file(&opaque, format), PIXELS).unwrap();
        assert_eq!(avatar.format, AvatarFormat::Jpeg, "{format:?}");
    }
}

#[test]
fn sixteen_bits_count_as_two_pixels() {
    let deep = image::ImageBuffer::from_pixel(100, 100, image::Rgba([9_u16, 9, 9, 65535]));
    let deep = file(&DynamicImage::ImageRgba16(deep), ImageFormat::Png);
    assert_eq!(read(&deep, 19_999), Err(AvatarRule::Pixels));
    decoded(&read(&deep, 20_000).unwrap());
}

/// A chunk of a PNG (ISO/IEC 15948 §5.3).
fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(data.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(&kind);
    bytes.extend_from_slice(data);
    let crc = !bytes[4..].iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            let shifted = crc >> 1;
            if crc & 1 == 1 {
                shifted ^ 0xedb8_8320
            } else {
                shifted
            }
        })
    });
    bytes.extend_from_slice(&crc.to_be_bytes());
    bytes
}

/// A PNG of eight-bit grey that claims this size, with these chunks before its end.
fn png(width: u32, height: u32, chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend_from_slice(&[8, 0, 0, 0, 0]);
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.extend(chunk(*b"IHDR", &header));
    for chunk in chunks {
        bytes.extend_from_slice(chunk);
    }
    bytes.extend(chunk(*b"IEND", b""));
    bytes
}

/// This many zeros in the format of zlib (RFC 1950), about a thousandth as long.
fn zeros(length: usize) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let block = vec![0; 1 << 20];
    let mut left = length;
    while left > 0 {
        let part = left.min(block.len());
        encoder.write_all(&block[..part]).unwrap();
        left -= part;
    }
    encoder.finish().unwrap()
}

#[test]
fn a_small_file_that_claims_to_be_huge_is_not_decoded() {
    let gif = [b"GIF89a".as_slice(), &[0xff; 4], &[0, 0, 0], b";"].concat();
    let mut jpeg = file(&halves(16, 16), ImageFormat::Jpeg);
    let frame = jpeg
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xdc, 0xff, 0xdc]);
    let mut webp = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0".to_vec();
    webp.extend_from_slice(&[0xff, 0x3f, 0, 0xff, 0x3f, 0]);
    let rows = [chunk(*b"IDAT", &zeros(100_000))];
    for bomb in [png(30_000, 30_000, &rows), png(1_000_000, 1, &rows)] {
        assert!(bomb.len() < 2_000);
        assert_eq!(read(&bomb, PIXELS), Err(AvatarRule::Pixels));
    }
    // What is missing in these may be noticed first.
    for (name, bomb) in [("gif", gif), ("jpeg", jpeg), ("webp", webp)] {
        assert!(bomb.len() < 2_000, "{name}");
        assert!(read(&bomb, PIXELS).is_err(), "{name}");
    }
}

#[test]
fn what_unpacks_to_more_than_the_picture_is_cut_off() {
    // 64 × 64 pixels, and 200 megabytes after them.
    let long = png(64, 64, &[chunk(*b"IDAT", &zeros(200_000_000))]);
    assert!(long.len() < 300_000);
    decoded(&read(&long, PIXELS).unwrap());
    // The same in a colour profile and in a compressed text.
    let profile = [b"x\0\0".as_slice(), &zeros(200_000_000)].concat();
    let rows = chunk(*b"IDAT", &zeros(65 * 64));
    for kind in [b"iCCP", b"zTXt"] {
        let read = read(
            &png(64, 64, &[chunk(*kind, &profile), rows.clone()]),
            PIXELS,
        );
        if let Ok(avatar) = read {
            decoded(&avatar);
        }
    }
}

#[test]
fn a_gif_is_its_first_frame_and_no_frame_is_larger_than_the_picture() {
    let mut frames = Vec::new();
    {
        let mut encoder = image::codecs::gif::GifEncoder::new(&mut frames);
        for colour in [RED, BLUE] {
            let picture = DynamicImage::ImageRgb8(RgbImage::from_pixel(40, 40, colour));
            let frame = image::Frame::new(picture.to_rgba8());
            encoder.encode_frame(frame).unwrap();
        }
    }
    assert!(is(&decoded(&read(&frames, PIXELS).unwrap()), 256, 256, RED));
    // The descriptor of the first image claims 65,535 × 65,535 on a screen of 40 × 40.
    let descriptor = frames
        .windows(5)
        .position(|part| part == b"\x2c\0\0\0\0")
        .unwrap();
    frames[descriptor + 5..descriptor + 9].copy_from_slice(&[0xff; 4]);
    assert!(read(&frames, PIXELS).is_err());
}

#[test]
fn half_a_picture_is_none() {
    for format in FORMATS {
        let whole = file(&halves(300, 300), format);
        for length in [whole.len() / 2, whole.len() / 4, 40, 12] {
            let outcome = read(&whole[..length], PIXELS);
            assert!(outcome.is_err(), "{format:?} of {length} bytes");
        }
    }
}

/// A JPEG with an EXIF segment: an orientation, and a position.
fn with_exif(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0\x02\0".to_vec();
    tiff.extend_from_slice(&[0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]);
    // GPSInfo, whose directory follows.
    tiff.extend_from_slice(&[0x25, 0x88, 4, 0, 1, 0, 0, 0, 38, 0, 0, 0]);
    tiff.extend_from_slice(&[0, 0, 0, 0]);
    tiff.extend_from_slice(&[1, 0, 1, 0, 2, 0, 2, 0, 0, 0, b'N', 0, 0, 0, 0, 0, 0, 0]);
    tiff.extend_from_slice(b"40.1792N 44.4991E Yerevan");
    let exif = [b"Exif\0\0".as_slice(), &tiff].concat();
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

#[test]
fn the_orientation_is_applied_and_the_position_is_gone() {
    let jpeg = file(&halves(400, 300), ImageFormat::Jpeg);
    // What is at the left of the stored picture is shown here (Exif 2.32, tag 0x0112).
    for (orientation, red) in [
        (1, (20, 256)),
        (3, (490, 256)),
        (6, (256, 20)),
        (8, (256, 490)),
    ] {
        let upload = with_exif(&jpeg, orientation);
        assert!(contains(&upload, b"Yerevan") && contains(&upload, b"Exif"));
        let avatar = read(&upload, PIXELS).unwrap();
        let picture = decoded(&avatar);
        assert!(is(&picture, red.0, red.1, RED), "{orientation}");
        for part in [b"Exif".as_slice(), b"Yerevan", b"40.1792", &[0xff, 0xe1]] {
            assert!(!contains(&avatar.bytes, part), "{orientation}");
        }
    }
}

#[test]
fn texts_of_a_png_are_gone() {
    let rows = chunk(*b"IDAT", &zeros(65 * 64));
    let text = chunk(*b"tEXt", b"Comment\0Ada was here");
    let exif = chunk(*b"eXIf", b"II*\0\x08\0\0\0\0\0\0\0\0\0Yerevan");
    let avatar = read(&png(64, 64, &[text, exif, rows]), PIXELS).unwrap();
    for part in [b"Ada was".as_slice(), b"Yerevan", b"eXIf", b"tEXt"] {
        assert!(!contains(&avatar.bytes, part));
    }
}

#[test]
fn whatever_else_a_picture_is_does_not_leave_with_it() {
    const SCRIPT: &[u8] = b"<html><script>alert(document.domain)</script></html>PK\x03\x04%PDF-1.7";
    for format in FORMATS {
        let upload = [file(&halves(64, 64), format).as_slice(), SCRIPT].concat();
        let avatar = read(&upload, PIXELS).unwrap();
        for part in [b"<script".as_slice(), b"PK\x03\x04", b"%PDF"] {
            assert!(!contains(&avatar.bytes, part), "{format:?}");
        }
    }
}

#[test]
fn what_is_no_picture_is_refused() {
    for text in [
        "",
        "GIF89a",
        "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>",
        "<!doctype html><script>alert(1)</script>",
        "%PDF-1.7",
        "PK\u{3}\u{4}",
        "GIF89a/*<script>*/=1;alert(1)//",
        "\u{89}PNG\r\n\u{1a}\n",
        "RIFF\0\0\0\0WEBP",
        "BM\0\0\0\0",
        "II*\0",
    ] {
        assert!(read(text.as_bytes(), PIXELS).is_err(), "{text:?}");
    }
    // A format that is known and not supported.
    let bmp = [b"BM".as_slice(), &[0; 60]].concat();
    assert_eq!(read(&bmp, PIXELS), Err(AvatarRule::Format));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_break_the_reader(bytes: Vec<u8>, format in 0_usize..5) {
        const STARTS: [&[u8]; 5] =
            [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8L"];
        let _ = read(&[STARTS[format], &bytes].concat(), 10_000);
    }

    #[test]
    fn a_damaged_picture_is_refused_or_becomes_an_avatar(
        format in 0_usize..4,
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = file(&halves(24, 16), FORMATS[format]);
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(avatar) = read(&bytes, 100_000) {
            decoded(&avatar);
        }
    }
}

/// Files of another encoder (Pillow), which are also the seeds of the fuzzer.
#[test]
fn files_of_another_encoder_are_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds/avatar");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let avatar = read(&std::fs::read(&path).unwrap(), PIXELS);
        let avatar = avatar.unwrap_or_else(|rule| panic!("{name}: {rule}"));
        let picture = decoded(&avatar);
        let is_clear = name.starts_with("clear");
        assert_eq!(avatar.format == AvatarFormat::Png, is_clear, "{name}");
        if name == "turned.jpg" {
            // Turned to the right: what was on the left is at the top.
            let (top, bottom) = (picture.get_pixel(256, 5), picture.get_pixel(256, 506));
            assert!(
                top.0[0] > top.0[2] + 60 && bottom.0[2] > bottom.0[0] - 60,
                "{top:?}"
            );
            assert!(!contains(&avatar.bytes, b"Exif"));
        }
        count += 1;
    }
    assert!(count >= 14, "{count}");
}
