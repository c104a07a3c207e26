//! Pictures that people upload.

use idgate::domain::avatar;

/// Pixels that a picture may have here: enough for every path, few enough to be quick.
const MAX_PIXELS: u64 = 200_000;
/// The greatest file of 512 × 512 pixels: uncompressed with transparency, and what encloses it.
const MAX_AVATAR_BYTES: usize = 512 * 512 * 4 + 4_096;

/// An avatar is a picture of one size without metadata, of which the same avatar can be made.
pub fn avatar(data: &[u8]) {
    let Ok(made) = avatar::read(data, MAX_PIXELS) else {
        return;
    };
    assert!(made.bytes.len() <= MAX_AVATAR_BYTES, "{} bytes", made.bytes.len());
    let pixels = u64::from(avatar::AVATAR_SIZE).pow(2);
    let again = avatar::read(&made.bytes, pixels).expect("an avatar can be read");
    assert_eq!(again.format, made.format);
    for segment in [b"Exif\0\0".as_slice(), b"eXIf", b"iCCP", b"tEXt", b"http://ns.adobe.com"] {
        let found = made.bytes.windows(segment.len()).any(|part| part == segment);
        assert!(!found, "metadata is left");
    }
}
