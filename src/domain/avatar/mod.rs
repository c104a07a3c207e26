//! Avatars: the pictures of accounts, made anew from what was uploaded.
//!
//! Nothing of an upload is kept but its pixels, scaled to one size. Metadata (EXIF with its position,
//! XMP, colour profiles), further frames and trailing bytes are not in what is encoded, so a file that
//! is a picture and something else at once leaves as a picture alone.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

/// The width and the height of every avatar.
pub const AVATAR_SIZE: u32 = 512;
/// The types of pictures that are read.
pub const CONTENT_TYPES: [&str; 4] = ["image/jpeg", "image/png", "image/webp", "image/gif"];

/// No side of a picture is longer, so that one row of it stays small.
const MAX_SIDE: u32 = 16_384;
/// Bytes of a decoded pixel: red, green, blue and alpha. Deeper pictures may have fewer pixels.
const PIXEL_BYTES: u64 = 4;
const JPEG_QUALITY: u8 = 85;
/// The end of a JPEG (ITU T.81 §B.1.1.3). Its decoder fills in what is missing, which would store half
/// a picture.
const JPEG_END: [u8; 2] = [0xff, 0xd9];

/// An encoded avatar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Avatar {
    /// The file.
    pub bytes: Vec<u8>,
    /// Its format.
    pub format: AvatarFormat,
}

/// The formats of avatars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AvatarFormat {
    /// Without transparency.
    Jpeg,
    /// With transparency.
    Png,
}

impl AvatarFormat {
    /// Every format.
    pub const ALL: [Self; 2] = [Self::Jpeg, Self::Png];

    /// The media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }

    /// The extension of file names.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
        }
    }

    /// The format with this extension.
    #[must_use]
    pub fn of_extension(extension: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|format| format.extension() == extension)
    }
}

/// Why a file is not accepted as an avatar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AvatarRule {
    /// The contents are of no supported format.
    #[error("this is not a JPEG, PNG, WebP or GIF picture")]
    Format,
    /// Decoded, it would be too large.
    #[error("this picture has too many pixels; make it smaller")]
    Pixels,
    /// It breaks off or is damaged.
    #[error("this picture is damaged or incomplete")]
    Damaged,
}

/// Decodes a picture of at most `max_pixels`, and encodes it as an avatar.
///
/// The size is checked before anything is decoded. Takes CPU time in proportion to it.
///
/// # Errors
/// The rule that the picture breaks.
pub fn read(upload: &[u8], max_pixels: u64) -> Result<Avatar, AvatarRule> {
    let format = image::guess_format(upload).map_err(|_| AvatarRule::Format)?;
    match format {
        ImageFormat::Jpeg if !has_end(upload) => return Err(AvatarRule::Damaged),
        ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP | ImageFormat::Gif => {}
        _ => return Err(AvatarRule::Format),
    }
    let max_bytes = max_pixels.saturating_mul(PIXEL_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(upload), format);
    reader.limits(limits(max_bytes));
    let mut decoder = reader.into_decoder().map_err(|error| rule(&error))?;
    let (width, height) = decoder.dimensions();
    let is_too_large =
        u64::from(width) * u64::from(height) > max_pixels || decoder.total_bytes() > max_bytes;
    if is_too_large {
        return Err(AvatarRule::Pixels);
    }
    if width == 0 || height == 0 {
        return Err(AvatarRule::Damaged);
    }
    let orientation = decoder.orientation().map_err(|error| rule(&error))?;
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| rule(&error))?;
    let mut scaled = scale(picture);
    // The middle of a picture is the same however it is turned, and the small one turns faster.
    scaled.apply_orientation(orientation);
    encode(&scaled)
}

fn has_end(jpeg: &[u8]) -> bool {
    jpeg.windows(JPEG_END.len()).any(|pair| pair == JPEG_END)
}

fn limits(max_bytes: u64) -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    // Some decoders hold a second copy.
    limits.max_alloc = Some(max_bytes.saturating_mul(2));
    limits
}

fn rule(error: &ImageError) -> AvatarRule {
    match error {
        ImageError::Limits(_) => AvatarRule::Pixels,
        ImageError::Unsupported(_) => AvatarRule::Format,
        _ => AvatarRule::Damaged,
    }
}

/// The largest square in the middle, scaled.
fn scale(picture: DynamicImage) -> DynamicImage {
    let (width, height) = (picture.width(), picture.height());
    let side = width.min(height);
    let square = picture.crop_imm((width - side) / 2, (height - side) / 2, side, side);
    drop(picture);
    // Eight bits per channel before scaling, which works on one buffer of the source's depth.
    let square = if square.color().has_alpha() {
        DynamicImage::ImageRgba8(square.into_rgba8())
    } else {
        DynamicImage::ImageRgb8(square.into_rgb8())
    };
    square.resize_exact(AVATAR_SIZE, AVATAR_SIZE, FilterType::CatmullRom)
}

fn encode(picture: &DynamicImage) -> Result<Avatar, AvatarRule> {
    let mut bytes = Vec::new();
    let is_transparent = |picture: &DynamicImage| match picture {
        DynamicImage::ImageRgba8(pixels) => pixels.pixels().any(|pixel| pixel.0[3] != u8::MAX),
        _ => false,
    };
    let (format, outcome) = if is_transparent(picture) {
        let outcome = picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png);
        (AvatarFormat::Png, outcome)
    } else {
        let encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
        let outcome = DynamicImage::ImageRgb8(picture.to_rgb8()).write_with_encoder(encoder);
        (AvatarFormat::Jpeg, outcome)
    };
    outcome.map_err(|_| AvatarRule::Damaged)?;
    Ok(Avatar { bytes, format })
}

#[cfg(test)]
mod tests;
