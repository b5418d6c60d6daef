//! Places in the write-ahead log. Manual: "pg_lsn Type".

use crate::error::{Error, Result};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// A log sequence number: a byte's place in the write-ahead log, `16/B374D848`. PostgreSQL's `pg_lsn`.
///
/// Ordered by place; the difference of two places is a number of bytes.
///
/// ```
/// use pg_core::lsn::Lsn;
/// let lsn: Lsn = "16/B374D848".parse()?;
/// assert_eq!(lsn, Lsn(0x16_b374_d848));
/// assert_eq!(lsn.to_string(), "16/B374D848");
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lsn(pub u64);

/// As it is written.
impl fmt::Debug for Lsn {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl From<u64> for Lsn {
    fn from(place: u64) -> Lsn {
        Lsn(place)
    }
}

impl From<Lsn> for u64 {
    fn from(lsn: Lsn) -> u64 {
        lsn.0
    }
}

impl Display for Lsn {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

/// Two hexadecimal numbers of up to eight digits.
impl FromStr for Lsn {
    type Err = Error;

    fn from_str(text: &str) -> Result<Lsn> {
        let half = |digits: &str| {
            let hex = digits.len() <= 8 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            u64::from_str_radix(digits, 16).ok().filter(|_| hex)
        };
        let halves = text.split_once('/').and_then(|(high, low)| Some((half(high)?, half(low)?)));
        halves.map(|(high, low)| Lsn(high << 32 | low)).ok_or_else(|| Error::decode("not a pg_lsn"))
    }
}
