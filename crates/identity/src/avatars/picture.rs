//! What becomes of a picture that somebody sends, and the one that is drawn for who has sent none.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, codecs::webp::WebPEncoder,
    error::ImageError, imageops::FilterType,
};
use kernel::id::UserId;

/// Width and height of what is kept.
pub(super) const SIDE: u32 = 512;
/// Width and height of what is taken. A small file can hold a picture of any size.
const MOST_SIDE: u32 = 10_000;
/// Memory that decoding may take.
const MOST_MEMORY: u64 = 192 << 20;

/// The kinds of files that are taken.
const KINDS: [ImageFormat; 4] = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif];

/// Why a file is no picture to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoPicture {
    /// It is of no kind that is taken.
    #[error("A picture must be a PNG, JPEG, WebP or GIF file.")]
    Kind,
    /// It is damaged.
    #[error("The picture can't be read; it may be damaged.")]
    Damaged,
    /// It takes too much to decode.
    #[error(
        "The picture is too large; it may have 10,000 pixels a side, about 48 million in all, and 22 million in a JPEG."
    )]
    Large,
}

impl From<ImageError> for NoPicture {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Limits(_) => Self::Large,
            _ => Self::Damaged,
        }
    }
}

/// The picture as it is kept: a square of it as WebP, upright, and nothing else that the file held. Takes processor time;
/// for threads that may wait. Of one that moves it is the first moment.
pub(super) fn kept(file: &[u8]) -> Result<Vec<u8>, NoPicture> {
    // What a file is called, or said to be, is not what it is.
    let format =
        image::guess_format(file).ok().filter(|format| KINDS.contains(format)).ok_or(NoPicture::Kind)?;
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(MOST_SIDE);
    limits.max_image_height = Some(MOST_SIDE);
    limits.max_alloc = Some(MOST_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    // Not every decoder heeds the limits, so that the size is looked at before anything is decoded.
    limits.check_dimensions(width, height)?;
    // A JPEG's decoder keeps the coefficients of the whole picture beside it, which it counts for nothing.
    let bytes_each = if format == ImageFormat::Jpeg { 9 } else { 4 };
    if u64::from(width) * u64::from(height) * bytes_each > MOST_MEMORY {
        return Err(NoPicture::Large);
    }
    limits.reserve(decoder.total_bytes())?;
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    let side = width.min(height);
    let square = picture.crop(
        (picture.width().saturating_sub(side)) / 2,
        (picture.height().saturating_sub(side)) / 2,
        side,
        side,
    );
    let mut square = square.resize_exact(SIDE, SIDE, FilterType::CatmullRom);
    square.apply_orientation(orientation);
    let mut written = Vec::new();
    DynamicImage::ImageRgba8(square.into_rgba8())
        .write_with_encoder(WebPEncoder::new_lossless(&mut written))?;
    Ok(written)
}

/// The picture of who has sent none, as SVG: the first letters of their name on a colour of their own. The same for the
/// same name and id.
pub(super) fn drawn(user: UserId, name: &str) -> String {
    let initials: String = initials(name).chars().map(escaped).collect();
    // The last bytes of an id are random.
    let hue = user.as_bytes().iter().rev().take(4).fold(0_u32, |hue, byte| hue << 8 | u32::from(*byte)) % 360;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{SIDE}\" height=\"{SIDE}\" viewBox=\"0 0 512 512\">\
         <rect width=\"512\" height=\"512\" fill=\"hsl({hue},45%,38%)\"/>\
         <text x=\"256\" y=\"256\" dy=\".35em\" fill=\"#fff\" font-family=\"sans-serif\" font-size=\"208\" \
         text-anchor=\"middle\">{initials}</text></svg>"
    )
}

/// The first letters of the first and the last word, in capitals.
fn initials(name: &str) -> String {
    let letter = |word: &str| word.chars().find(|c| c.is_alphanumeric());
    let mut letters = name.split(|c: char| c.is_whitespace() || c == '.' || c == '_').filter_map(letter);
    let ends = [letters.next(), letters.next_back()];
    ends.into_iter().flatten().flat_map(char::to_uppercase).collect()
}

/// Letters and digits say nothing in XML; all else is written as a number.
fn escaped(c: char) -> String {
    if c.is_alphanumeric() { c.to_string() } else { format!("&#{};", u32::from(c)) }
}

#[cfg(test)]
mod tests {
    use image::{ExtendedColorType, ImageBuffer, ImageEncoder, Rgb, Rgba, codecs::jpeg::JpegEncoder};
    use proptest::prelude::*;

    use super::*;

    /// A picture whose left half is red and whose right half is blue.
    fn halves(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let halves = ImageBuffer::from_fn(width, height, |x, _| {
            if x < width / 2 { Rgb([250_u8, 0, 0]) } else { Rgb([0, 0, 250]) }
        });
        let mut file = Cursor::new(Vec::new());
        halves.write_to(&mut file, format).unwrap();
        file.into_inner()
    }

    fn read(kept: &[u8]) -> DynamicImage {
        assert_eq!(image::guess_format(kept).unwrap(), ImageFormat::WebP);
        image::load_from_memory(kept).unwrap()
    }

    fn is_red(Rgba([red, _, blue, _]): Rgba<u8>) -> bool {
        red > 150 && blue < 100
    }

    #[test]
    fn any_kind_becomes_a_square_of_one_size() {
        for format in KINDS {
            let picture = read(&kept(&halves(90, 30, format)).unwrap()).into_rgba8();

            assert_eq!(picture.dimensions(), (SIDE, SIDE), "{format:?}");
            assert!(
                is_red(*picture.get_pixel(60, 250)) && !is_red(*picture.get_pixel(450, 250)),
                "{format:?}"
            );
        }
    }

    /// A JPEG that says it has to be turned by a quarter, clockwise, and where it was taken.
    fn turned() -> Vec<u8> {
        let mut exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
        exif.extend(b"52.5200N 13.4050E");
        let halves = image::load_from_memory(&halves(64, 64, ImageFormat::Png)).unwrap().into_rgb8();
        let mut file = Vec::new();
        let mut encoder = JpegEncoder::new(&mut file);
        encoder.set_exif_metadata(exif).unwrap();
        encoder.write_image(&halves, 64, 64, ExtendedColorType::Rgb8).unwrap();
        file
    }

    #[test]
    fn a_photo_is_turned_upright_and_tells_no_place() {
        let file = turned();
        assert!(file.windows(8).any(|bytes| bytes == b"52.5200N"));

        let written = kept(&file).unwrap();

        let picture = read(&written).into_rgba8();
        assert!(is_red(*picture.get_pixel(250, 60)) && is_red(*picture.get_pixel(450, 60)), "red is above");
        assert!(!is_red(*picture.get_pixel(60, 450)));
        assert!(!written.windows(8).any(|bytes| bytes == b"52.5200N"));
    }

    #[test]
    fn what_would_fill_the_memory_is_refused_before_it_does() {
        // A PNG of a few bytes that says it is 60,000 pixels wide and high.
        let mut bomb = halves(4, 4, ImageFormat::Png);
        bomb[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
        bomb[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
        let mut crc = !0_u32;
        for byte in &bomb[12..29] {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            }
        }
        bomb[29..33].copy_from_slice(&(!crc).to_be_bytes());
        assert_eq!(kept(&bomb), Err(NoPicture::Large));

        // Within the sides, and too much of it.
        let mut gif = halves(4, 4, ImageFormat::Gif);
        gif[6..8].copy_from_slice(&9_999_u16.to_le_bytes());
        gif[8..10].copy_from_slice(&9_999_u16.to_le_bytes());
        assert_eq!(kept(&gif), Err(NoPicture::Large));
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        assert_eq!(kept(b""), Err(NoPicture::Kind));
        assert_eq!(kept(b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>"), Err(NoPicture::Kind));
        let whole = halves(64, 64, ImageFormat::Png);
        assert_eq!(kept(&whole[..40]), Err(NoPicture::Damaged));
    }

    #[test]
    fn who_has_no_picture_gets_their_letters() {
        assert_eq!(initials("Ann Maria Lee"), "AL");
        assert_eq!(initials("ann.lee"), "AL");
        assert_eq!(initials("élise"), "É");
        assert_eq!(initials("<script> & \""), "S");
        assert_eq!(initials("李 小龙"), "李小");
        assert_eq!(initials("--"), "");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 0..KINDS.len()) {
            let mut file = halves(8, 8, KINDS[kind]);
            let at = bytes.len() % file.len();
            file.splice(at.., bytes);
            let _ = kept(&file);
        }

        #[test]
        fn no_name_leaves_the_text(name in ".{0,40}") {
            let svg = drawn(UserId::example(), &name);

            prop_assert_eq!(svg.matches('<').count(), 5);
            prop_assert_eq!(svg.matches('>').count(), 5);
            prop_assert_eq!(drawn(UserId::example(), &name), svg);
        }
    }
}
