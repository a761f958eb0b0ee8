//! How a hint is written for other nodes.

use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

/// What goes over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// The node that says it.
    pub(super) from: Uuid,
    pub(super) said: Said<'a>,
}

/// What a node says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said<'a> {
    /// To itself: the way is open. With the sender's own clock.
    Beat(u64),
    /// Something happened.
    Hint { topic: &'a str, hint: &'a [u8] },
    /// Something happened that did not fit: look at everything of the topic again.
    Look { topic: &'a str },
    /// Hints were lost: look at everything again.
    LookEverywhere,
}

/// Another layout gets another number, so that nodes of two versions take each other's hints for "look again".
const FORMAT: u8 = 1;

impl<'a> Frame<'a> {
    /// The format, the node, the kind, the topic's length and text, the hint.
    pub(super) fn write(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(64);
        bytes.put_u8(FORMAT);
        bytes.put_slice(self.from.as_bytes());
        let mut topic = |kind: u8, topic: &str| {
            bytes.put_u8(kind);
            bytes.put_u16(u16::try_from(topic.len()).unwrap_or(u16::MAX));
            bytes.put_slice(topic.as_bytes());
        };
        match self.said {
            Said::Hint { topic: name, hint } => {
                topic(b'h', name);
                bytes.put_slice(hint);
            }
            Said::Look { topic: name } => topic(b'l', name),
            Said::Beat(clock) => {
                bytes.put_u8(b'b');
                bytes.put_u64(clock);
            }
            Said::LookEverywhere => bytes.put_u8(b'e'),
        }
        bytes.freeze()
    }

    /// None if it is not written as this version writes.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (&FORMAT, rest) = bytes.split_first()? else { return None };
        let (from, rest) = rest.split_first_chunk::<16>()?;
        let (kind, rest) = rest.split_first()?;
        let topic = || {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            let (topic, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
            Some((std::str::from_utf8(topic).ok()?, rest))
        };
        let said = match kind {
            b'h' => topic().map(|(topic, hint)| Said::Hint { topic, hint })?,
            b'l' => topic().filter(|(_, rest)| rest.is_empty()).map(|(topic, _)| Said::Look { topic })?,
            b'b' => Said::Beat(u64::from_be_bytes(rest.try_into().ok()?)),
            b'e' if rest.is_empty() => Said::LookEverywhere,
            _ => return None,
        };
        Some(Self { from: Uuid::from_bytes(*from), said })
    }

    /// The frame as it is, or "look again" if it has more bytes than the way takes.
    pub(super) fn fitted(bytes: Bytes, limit: usize) -> Bytes {
        if bytes.len() <= limit {
            return bytes;
        }
        let fitted = match Frame::read(&bytes) {
            Some(Frame { from, said: Said::Hint { topic, .. } }) => {
                Frame { from, said: Said::Look { topic } }.write()
            }
            _ => bytes,
        };
        debug_assert!(fitted.len() <= limit, "a topic's name does not fit");
        fitted
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_frame_is_read_as_it_is_written(
            from: [u8; 16], clock: u64, topic in "[a-z.]{0,40}", hint: Vec<u8>, which in 0..4
        ) {
            let said = match which {
                0 => Said::Beat(clock),
                1 => Said::Hint { topic: &topic, hint: &hint },
                2 => Said::Look { topic: &topic },
                _ => Said::LookEverywhere,
            };
            let frame = Frame { from: Uuid::from_bytes(from), said };
            let written = frame.write();
            prop_assert_eq!(Frame::read(&written), Some(frame));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = Frame::read(&bytes);
        }

        #[test]
        fn what_does_not_fit_says_to_look_again(hint in proptest::collection::vec(any::<u8>(), 0..300)) {
            let frame = Frame { from: Uuid::nil(), said: Said::Hint { topic: "t", hint: &hint } };
            let fitted = Frame::fitted(frame.write(), 100);
            prop_assert!(fitted.len() <= 100);
            match Frame::read(&fitted).map(|frame| frame.said) {
                Some(Said::Look { topic }) => prop_assert!(topic == "t" && frame.write().len() > 100),
                said => prop_assert_eq!(said, Some(frame.said)),
            }
        }
    }
}
