//! Replies that are attachments.

use super::{HearKind, HearValue};

/// What came beside the text of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attachment<'a> {
    /// Media type such as `image/png`; may be empty or `application/octet-stream` when the channel does not know.
    pub mime_type: &'a str,
    /// Name of the file, whose ending decides when the media type does not.
    pub filename: &'a str,
}

/// The first attachment that fits.
pub(super) fn choose(kind: HearKind, attachments: &[Attachment<'_>]) -> Option<HearValue> {
    let at = attachments.iter().position(|attachment| fits(kind, attachment))?;
    Some(match kind {
        HearKind::Audio | HearKind::QrCode => HearValue::TextOf(at),
        _ => HearValue::File(at),
    })
}

fn fits(kind: HearKind, attachment: &Attachment<'_>) -> bool {
    if kind == HearKind::File {
        return true;
    }
    let mime = attachment.mime_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if mime.is_empty() || mime == "application/octet-stream" {
        let ending =
            attachment.filename.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
        return endings(kind).contains(&ending.as_str());
    }
    match kind {
        HearKind::Image | HearKind::QrCode => mime.starts_with("image/"),
        HearKind::Video => mime.starts_with("video/"),
        HearKind::Audio => mime.starts_with("audio/"),
        HearKind::Document => {
            mime.starts_with("text/")
                || matches!(
                    mime.as_str(),
                    "application/pdf" | "application/rtf" | "application/msword" | "application/json"
                )
                || mime.starts_with("application/vnd.openxmlformats-officedocument")
                || mime.starts_with("application/vnd.oasis.opendocument")
                || mime.starts_with("application/vnd.ms-")
        }
        _ => false,
    }
}

fn endings(kind: HearKind) -> &'static [&'static str] {
    match kind {
        HearKind::Image | HearKind::QrCode => {
            &["png", "jpg", "jpeg", "gif", "webp", "bmp", "heic", "tif", "tiff", "svg"]
        }
        HearKind::Video => &["mp4", "mov", "webm", "mkv", "avi", "3gp"],
        HearKind::Audio => &["mp3", "ogg", "oga", "opus", "wav", "m4a", "aac", "flac", "amr"],
        HearKind::Document => &[
            "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "odt", "ods", "odp", "rtf", "txt", "md",
            "csv", "html", "json", "xml",
        ],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_attachment_of_the_kind_is_taken() {
        let files = [
            Attachment { mime_type: "audio/ogg; codecs=opus", filename: "" },
            Attachment { mime_type: "application/octet-stream", filename: "Scan.PDF" },
            Attachment { mime_type: "image/jpeg", filename: "x" },
        ];
        assert_eq!(choose(HearKind::File, &files), Some(HearValue::File(0)));
        assert_eq!(choose(HearKind::Document, &files), Some(HearValue::File(1)));
        assert_eq!(choose(HearKind::Image, &files), Some(HearValue::File(2)));
        assert_eq!(choose(HearKind::QrCode, &files), Some(HearValue::TextOf(2)));
        assert_eq!(choose(HearKind::Audio, &files), Some(HearValue::TextOf(0)));
        assert_eq!(choose(HearKind::Video, &files), None);
        assert_eq!(choose(HearKind::File, &[]), None);
    }
}
