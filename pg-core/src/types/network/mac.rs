//! [`MacAddr`] <-> `macaddr`, [`MacAddr8`] <-> `macaddr8`. Binary form: their bytes. Text form: two hexadecimal digits a
//! byte, with colons between.

use super::super::forms::{Forms, codec, is_blank, not, trimmed};
use super::super::name::TypeName;
use crate::error::{Error, Result};
use crate::wire::reader::Reader;
use crate::wire::writer::Buffer;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// A MAC address of six bytes (EUI-48): `08:00:2b:01:02:03`. Ordered by its bytes, as in PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MacAddr(pub [u8; 6]);

/// A MAC address of eight bytes (EUI-64): `08:00:2b:ff:fe:01:02:03`. Ordered by its bytes, as in PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MacAddr8(pub [u8; 8]);

codec!(MacAddr = TypeName::Oid(829), MacAddr8 = TypeName::Oid(774));

impl From<MacAddr> for MacAddr8 {
    /// With `ff:fe` in the middle, as the server casts it.
    fn from(address: MacAddr) -> MacAddr8 {
        let [a, b, c, d, e, f] = address.0;
        MacAddr8([a, b, c, 0xff, 0xfe, d, e, f])
    }
}

fn print(bytes: &[u8], f: &mut Formatter<'_>) -> fmt::Result {
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 {
            f.write_str(":")?;
        }
        write!(f, "{byte:02x}")?;
    }
    Ok(())
}

impl Display for MacAddr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        print(&self.0, f)
    }
}

impl Display for MacAddr8 {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        print(&self.0, f)
    }
}

/// Pairs of digits, with or without the separator between any two of them.
fn pairs(text: &str, separator: Option<char>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text;
    loop {
        let (pair, after) = rest.split_at_checked(2)?;
        let hex = pair.bytes().all(|digit| digit.is_ascii_hexdigit());
        bytes.push(u8::from_str_radix(pair, 16).ok().filter(|_| hex)?);
        if after.is_empty() {
            return Some(bytes);
        }
        rest = separator.and_then(|separator| after.strip_prefix(separator)).unwrap_or(after);
    }
}

/// What stands between the six bytes in the spellings that the server knows (a blank for nothing), and how many digits
/// a byte has at most.
const SPELLINGS: [(&[u8; 5], usize); 7] = [
    (b":::::", usize::MAX),
    (b"-----", usize::MAX),
    (b"  :  ", 2),
    (b"  -  ", 2),
    (b" . . ", 2),
    (b" - - ", 2),
    (b"     ", 2),
];

/// Six bytes in one of the spellings, by the rules of C's `scanf`, which the server uses: a byte may have blanks in front
/// and a digit less.
fn scan(text: &str, (between, digits): (&[u8; 5], usize)) -> Option<MacAddr> {
    let mut rest = text.as_bytes();
    let mut bytes = [0; 6];
    for (at, byte) in bytes.iter_mut().enumerate() {
        if let Some(separator) =
            at.checked_sub(1).and_then(|at| between.get(at)).filter(|byte| **byte != b' ')
        {
            rest = rest.strip_prefix(std::slice::from_ref(separator))?;
        }
        rest = rest.trim_ascii_start();
        let signed = matches!(rest.first(), Some(b'-' | b'+'));
        let number = rest.get(usize::from(signed)..)?;
        let length = number.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let length = length.min(digits.saturating_sub(signed.into()));
        let (number, after) = number.split_at_checked(length)?;
        let value = u32::from_str_radix(std::str::from_utf8(number).ok()?, 16).ok()?;
        *byte = u8::try_from(value).ok().filter(|value| *value == 0 || rest.first() != Some(&b'-'))?;
        rest = after;
    }
    rest.iter().all(|byte| is_blank(*byte)).then_some(MacAddr(bytes))
}

/// Bytes as six groups (`8:0:2b:1:2:3`), two (`08002b:010203`), three (`0800.2b01.0203`) or one.
impl FromStr for MacAddr {
    type Err = Error;

    fn from_str(text: &str) -> Result<MacAddr> {
        SPELLINGS.into_iter().find_map(|spelling| scan(text, spelling)).ok_or_else(not::<MacAddr>)
    }
}

/// Eight or six bytes, with the same separator (`:`, `-`, `.` or none) between any of them; to six `ff:fe` is added in
/// the middle, as the server does.
impl FromStr for MacAddr8 {
    type Err = Error;

    fn from_str(text: &str) -> Result<MacAddr8> {
        let text = trimmed(text);
        let bytes = pairs(text, text.chars().find(|c| matches!(c, ':' | '-' | '.')));
        let address = bytes.and_then(|bytes| match *bytes {
            [a, b, c, d, e, f] => Some(MacAddr([a, b, c, d, e, f]).into()),
            _ => bytes.try_into().ok().map(MacAddr8),
        });
        address.ok_or_else(not::<MacAddr8>)
    }
}

impl Forms for MacAddr {
    const WHAT: &'static str = "a macaddr";

    fn write(&self, out: &mut Buffer) -> Result<()> {
        out.extend_from_slice(&self.0);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<MacAddr> {
        from.array().map(MacAddr)
    }
}

impl Forms for MacAddr8 {
    const WHAT: &'static str = "a macaddr8";

    fn write(&self, out: &mut Buffer) -> Result<()> {
        out.extend_from_slice(&self.0);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<MacAddr8> {
        from.array().map(MacAddr8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::{Cases, garbage, refused};
    use postgres_types::Type;

    #[test]
    fn both_forms_are_the_servers() {
        let six = MacAddr([8, 0, 0x2b, 1, 2, 0xff]);
        Cases::of(&Type::MACADDR).case(six, "08002b0102ff", "08:00:2b:01:02:ff");
        Cases::of(&Type::MACADDR8).case(MacAddr8::from(six), "08002bfffe0102ff", "08:00:2b:ff:fe:01:02:ff");
    }

    #[test]
    fn all_spellings_of_the_manual_are_read() {
        let six = MacAddr([8, 0, 0x2b, 1, 2, 3]);
        for text in [
            "08:00:2b:01:02:03",
            "08-00-2b-01-02-03",
            "08002b:010203",
            "08002b-010203",
            "0800.2b01.0203",
            "0800-2b01-0203",
            "08002B010203",
            " 8:0:2b:1:2:3 ",
        ] {
            assert_eq!(text.parse::<MacAddr>().unwrap(), six, "{text}");
        }
        for text in [
            "08:00:2b:01:02:03:04:05",
            "08-00-2b-01-02-03-04-05",
            "08002b:0102030405",
            "08002b-0102030405",
            "0800.2b01.0203.0405",
            "0800-2b01-0203-0405",
            "08002b01:02030405",
            "08002B0102030405",
        ] {
            assert_eq!(text.parse::<MacAddr8>().unwrap().to_string(), "08:00:2b:01:02:03:04:05", "{text}");
        }
        assert_eq!("08:00:2b:01:02:03".parse::<MacAddr8>().unwrap(), MacAddr8::from(six));
    }

    #[test]
    fn anything_else_is_refused() {
        refused::<MacAddr>(&Type::MACADDR, "08002b0102", "08:00:2b:01:02");
        refused::<MacAddr>(&Type::MACADDR, "08002b01020304", "08:00:2b:01:02:0g");
        refused::<MacAddr8>(&Type::MACADDR8, "08002b010203", "08:00:2b:01:02:03:04");
        refused::<MacAddr8>(&Type::MACADDR8, "", "08:00-2b:01:02:03:04:05");
        garbage::<MacAddr>(&Type::MACADDR);
        garbage::<MacAddr8>(&Type::MACADDR8);
    }
}
