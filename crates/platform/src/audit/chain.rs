//! What a chain of entries is, without I/O: how an entry is written as bytes, what its hash and its seal are, and how
//! a walk along a chain finds what is wrong with it.
//!
//! The hash of an entry is the SHA-256 of
//!
//! - the text `botserver audit entry 1` and a zero byte,
//! - the hash of the entry before it, 32 bytes, all zero before the first,
//! - its number, eight bytes, the first is 1,
//! - each column of the table in the order of [`COLUMNS`]: one byte that tells the type, then the value. 0 is nothing; 1 a
//!   whole number in eight bytes (times are microseconds since 1970); 2 a text, its length in bytes, and its UTF-8; 3
//!   bytes, such as those of ids, their length, and they. Numbers and lengths have eight bytes, the highest first.
//!
//! Anybody who has the entries can compute the hashes, so anybody who can write to the database could make a chain of
//! changed entries that holds. The seal is what they can't make: an HMAC-SHA-256 of number and hash under a key of the
//! organization, which is in the database under the server's data key only. The end of a chain, and the place where
//! retention has cut it, have a seal together.
//!
//! What a chain can't tell is what was done before there was a seal: an entry that was changed or removed in the moment
//! before, and one that somebody wrote who is not the server, without a number. The sealer takes what waits, and the
//! database knows no difference between those who may write to it. Nor can a chain tell that the database was put back
//! whole, end included, or emptied. For that a [`Link`] that was noted elsewhere can be looked for.

use std::{fmt, str::FromStr};

use hmac::{Hmac, KeyInit, Mac};
use kernel::{
    Id,
    id::kind::{AuditEntry, Organization},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::db::{DbError, Raw, Record, Row};

/// Every column that an entry is written with, in the order of the table.
pub(super) const COLUMNS: [&str; 17] = [
    "org_id",
    "id",
    "at",
    "context",
    "user_id",
    "session_id",
    "action",
    "category",
    "resource_type",
    "resource_id",
    "resource_name",
    "result",
    "reason",
    "ip_address",
    "user_agent",
    "request_id",
    "details",
];
const ID: usize = 1;
const AT: usize = 2;

/// A place in a chain: the number of an entry with its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The entry's number, from 1; 0 before the first.
    pub number: i64,
    /// The entry's hash; all zero before the first.
    pub hash: [u8; 32],
}

impl Link {
    /// Before the first entry.
    pub const BEGINNING: Self = Self { number: 0, hash: [0; 32] };

    /// The place after this one, of an entry with these columns.
    pub(super) fn next(&self, columns: &[Raw]) -> Self {
        let number = self.number.saturating_add(1);
        let mut hasher = Sha256::new();
        hasher.update(b"botserver audit entry 1\0");
        hasher.update(self.hash);
        hasher.update(number.to_be_bytes());
        for column in columns {
            write(column, &mut hasher);
        }
        Self { number, hash: hasher.finalize().into() }
    }
}

fn write(value: &Raw, hasher: &mut Sha256) {
    let mut bytes = |tag: u8, bytes: &[u8]| {
        hasher.update([tag]);
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    match value {
        Raw::Text(text) => bytes(2, text.as_bytes()),
        Raw::Blob(blob) => bytes(3, blob),
        Raw::Null => hasher.update([0]),
        Raw::Integer(number) => {
            hasher.update([1]);
            hasher.update(number.to_be_bytes());
        }
        // No column has such a value unless somebody put it there.
        Raw::Real(number) => {
            hasher.update([4]);
            hasher.update(number.to_bits().to_be_bytes());
        }
        Raw::Unreadable => hasher.update([5]),
    }
}

/// As it is noted: `17:` and 64 hexadecimal digits.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.number)?;
        self.hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text that names no place of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a place in a chain is a number, a colon and 64 hexadecimal digits")]
pub struct InvalidLink;

impl FromStr for Link {
    type Err = InvalidLink;

    fn from_str(text: &str) -> Result<Self, InvalidLink> {
        let (number, hash) = text.split_once(':').ok_or(InvalidLink)?;
        let number = number.parse().ok().filter(|number| *number >= 0).ok_or(InvalidLink)?;
        let hash = hash.parse::<crate::objects::ObjectHash>().map_err(|_| InvalidLink)?;
        Ok(Self { number, hash: hash.0 })
    }
}

/// What seals the entries of one organization.
#[derive(Clone)]
pub(super) struct Key(Hmac<Sha256>);

impl Key {
    pub(super) fn new(org: Id<Organization>, key: &[u8]) -> Option<Self> {
        let mut mac = Hmac::new_from_slice(key).ok()?;
        mac.update(org.as_bytes());
        Some(Self(mac))
    }

    /// The seal of an entry.
    pub(super) fn of_entry(&self, entry: &Link) -> [u8; 32] {
        self.over(b"entry", &[entry]).finalize().into_bytes().into()
    }

    /// The seal of a chain's ends.
    pub(super) fn of_ends(&self, ends: &Ends) -> [u8; 32] {
        self.over(b"ends", &[&ends.head, &ends.anchor]).finalize().into_bytes().into()
    }

    fn has_sealed_entry(&self, entry: &Link, seal: &[u8]) -> bool {
        self.over(b"entry", &[entry]).verify_slice(seal).is_ok()
    }

    pub(super) fn has_sealed_ends(&self, ends: &Ends, seal: &[u8]) -> bool {
        self.over(b"ends", &[&ends.head, &ends.anchor]).verify_slice(seal).is_ok()
    }

    fn over(&self, what: &[u8], links: &[&Link]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(what);
        for link in links {
            mac.update(&link.number.to_be_bytes());
            mac.update(&link.hash);
        }
        mac
    }
}

/// Where a chain begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    /// The last entry.
    pub(super) head: Link,
    /// The last entry that retention has removed; the beginning if it removed none.
    pub(super) anchor: Link,
}

impl Ends {
    pub(super) const EMPTY: Self = Self { head: Link::BEGINNING, anchor: Link::BEGINNING };
}

/// An entry as the database holds it, whatever somebody made of it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) columns: Vec<Raw>,
    number: Raw,
    hash: Raw,
    seal: Raw,
}

impl Record for Entry {
    const WIDTH: usize = COLUMNS.len() + 3;

    fn read(row: &Row<'_>, at: usize) -> Result<Self, DbError> {
        let get = |column: usize| row.get(at + column).unwrap_or(Raw::Unreadable);
        let columns = (0..COLUMNS.len()).map(get).collect();
        let next = COLUMNS.len();
        Ok(Self { columns, number: get(next), hash: get(next + 1), seal: get(next + 2) })
    }
}

impl Entry {
    /// The bytes of its id, if it has one.
    pub(super) fn id(&self) -> Option<[u8; 16]> {
        match self.columns.get(ID) {
            Some(Raw::Blob(id)) => id.as_slice().try_into().ok(),
            _ => None,
        }
    }

    /// When it was written, in microseconds.
    pub(super) fn at(&self) -> Option<i64> {
        match self.columns.get(AT) {
            Some(Raw::Integer(at)) => Some(*at),
            _ => None,
        }
    }

    /// All that it is written with.
    #[cfg(test)]
    pub(super) fn cells(&self) -> Vec<Raw> {
        let sealed = [&self.number, &self.hash, &self.seal];
        self.columns.iter().chain(sealed).cloned().collect()
    }

    /// Its place as it is written, which may be wrong.
    pub(super) fn link(&self) -> Option<Link> {
        let Raw::Integer(number) = self.number else { return None };
        let Raw::Blob(hash) = &self.hash else { return None };
        Some(Link { number, hash: hash.as_slice().try_into().ok()? })
    }

    /// Its place, if it has that number and the place was sealed. The entry itself was not looked at then.
    pub(super) fn sealed_link(&self, key: &Key, number: i64) -> Result<Link, Flaw> {
        let link = self.link().filter(|link| link.number == number);
        let sealed = |link: &Link| matches!(&self.seal, Raw::Blob(seal) if key.has_sealed_entry(link, seal));
        link.filter(sealed).ok_or_else(|| Flaw::Changed { number, id: self.name() })
    }

    fn name(&self) -> Option<Id<AuditEntry>> {
        self.id().map(|id| Id::from_uuid(Uuid::from_bytes(id)))
    }
}

/// What is wrong with a chain, at the first place where something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// An entry is gone.
    #[error("entry {0} is missing")]
    Missing(i64),
    /// What an entry holds is not what was sealed.
    #[error("entry {number}{} was changed", named(*id))]
    Changed {
        /// Its number.
        number: i64,
        /// Its id, as it is now.
        id: Option<Id<AuditEntry>>,
    },
    /// An entry was written, with a hash that fits, by somebody without the server's key.
    #[error("entry {number}{} was not sealed by this server", named(*id))]
    Forged {
        /// Its number.
        number: i64,
        /// Its id.
        id: Option<Id<AuditEntry>>,
    },
    /// An entry stands where the chain has none: behind its end, or before the place where retention cut it.
    #[error("entry {number}{} was inserted", named(*id))]
    Inserted {
        /// Its number.
        number: i64,
        /// Its id.
        id: Option<Id<AuditEntry>>,
    },
    /// The row that tells where the chain begins and ends was changed or removed.
    #[error("the record of where the chain begins and ends was changed or removed")]
    Ends,
    /// Another entry has the number that was noted elsewhere.
    #[error("entry {0} is not the one that was noted")]
    NotAsNoted(i64),
}

impl Flaw {
    /// The number of the entry that is wrong, if it is one.
    pub const fn number(&self) -> Option<i64> {
        match self {
            Self::Missing(number)
            | Self::Changed { number, .. }
            | Self::Forged { number, .. }
            | Self::Inserted { number, .. }
            | Self::NotAsNoted(number) => Some(*number),
            Self::Ends => None,
        }
    }
}

fn named(id: Option<Id<AuditEntry>>) -> String {
    id.map(|id| format!(" ({id})")).unwrap_or_default()
}

/// A walk along a chain, from one entry to the next.
#[derive(Clone)]
pub(super) struct Walk {
    pub(super) key: Key,
    /// The last entry that was found to be right.
    pub(super) at: Link,
}

impl Walk {
    /// Looks at the entry that the database has next.
    pub(super) fn step(&mut self, entry: &Entry) -> Result<(), Flaw> {
        let next = self.at.next(&entry.columns);
        let (number, id) = (next.number, entry.name());
        match entry.number {
            Raw::Integer(found) if found == number => {}
            Raw::Integer(found) if found < number => return Err(Flaw::Inserted { number: found, id }),
            _ => return Err(Flaw::Missing(number)),
        }
        if entry.hash != Raw::Blob(next.hash.to_vec()) {
            return Err(Flaw::Changed { number, id });
        }
        match &entry.seal {
            Raw::Blob(seal) if self.key.has_sealed_entry(&next, seal) => {
                self.at = next;
                Ok(())
            }
            _ => Err(Flaw::Forged { number, id }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Raw> {
        prop_oneof![
            Just(Raw::Null),
            any::<i64>().prop_map(Raw::Integer),
            ".{0,12}".prop_map(Raw::Text),
            any::<Vec<u8>>().prop_map(Raw::Blob),
        ]
    }

    #[test]
    fn the_hash_is_the_one_that_is_described() {
        let columns = [Raw::Null, Raw::Integer(258), Raw::Text("é".to_owned()), Raw::Blob(vec![7])];

        let link = Link { number: 1, hash: [9; 32] }.next(&columns);

        let described = [
            b"botserver audit entry 1\0".as_slice(),
            &[9; 32],
            &[0, 0, 0, 0, 0, 0, 0, 2],
            &[0],
            &[1, 0, 0, 0, 0, 0, 0, 1, 2],
            &[2, 0, 0, 0, 0, 0, 0, 0, 2, 0xc3, 0xa9],
            &[3, 0, 0, 0, 0, 0, 0, 0, 1, 7],
        ];
        assert_eq!(link, Link { number: 2, hash: Sha256::digest(described.concat()).into() });
    }

    #[test]
    fn a_place_is_noted_and_read_again() {
        let link = Link { number: 17, hash: [0xa5; 32] };

        assert_eq!(link.to_string().parse(), Ok(link));
        for wrong in ["", "17", "17:a5", "-1:a5", &format!("x:{}", "a5".repeat(32))] {
            assert_eq!(wrong.parse::<Link>(), Err(InvalidLink), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn other_columns_have_another_hash(one: Vec<u8>, other: Vec<u8>, a in value(), b in value()) {
            let hash = |columns: &[Raw]| Link::BEGINNING.next(columns).hash;

            prop_assert_eq!(a == b, hash(std::slice::from_ref(&a)) == hash(std::slice::from_ref(&b)));
            // Where one column ends is part of what is hashed.
            let split = [Raw::Blob(one.clone()), Raw::Blob(other.clone())];
            let joined = [Raw::Blob([one, other].concat()), Raw::Blob(Vec::new())];
            prop_assert_eq!(split == joined, hash(&split) == hash(&joined));
        }
    }
}
