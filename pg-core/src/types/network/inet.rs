//! [`Inet`] <-> `inet`, [`Cidr`] <-> `cidr`: an address and the bits of its netmask.
//!
//! Binary form: the family (2 for IPv4, 3 for IPv6), the bits of the netmask, whether it is a `cidr`, the address's
//! length, the address. Text form: the address, and `/bits`; an `inet` without a narrower netmask leaves that out.

use super::super::forms::{Forms, codec, not};
use super::super::name::TypeName;
use crate::error::{Error, Result};
use crate::wire::reader::Reader;
use crate::wire::writer::Buffer;
use std::cmp::Ordering;
use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

pub(super) const IPV4: u8 = 2;
pub(super) const IPV6: u8 = 3;

/// A host's address, and the netmask of the network that it is in: `192.168.0.1/24`.
///
/// Ordered as in PostgreSQL: IPv4 before IPv6, then by network, then by the netmask, then by host.
///
/// ```
/// use pg_core::types::network::Inet;
/// let inet: Inet = "192.168.0.1/24".parse()?;
/// assert_eq!((inet.address().to_string().as_str(), inet.bits()), ("192.168.0.1", 24));
/// assert!(Inet::new("::1".parse().unwrap(), 129).is_err());
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Inet {
    address: IpAddr,
    bits: u8,
}

/// A network: `192.168.0.0/24`. No bit is set to the right of its netmask.
///
/// Ordered as [`Inet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr(Inet);

codec!(Inet = TypeName::Oid(869), Cidr = TypeName::Oid(650));

fn full(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The address as a number, its first bit highest whatever the family.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The first `bits` of such a number.
fn first_bits(number: u128, bits: u8) -> u128 {
    let rest = 128u32.saturating_sub(bits.into());
    number.checked_shr(rest).and_then(|kept| kept.checked_shl(rest)).unwrap_or_default()
}

impl Inet {
    /// An address with the bits of its netmask.
    ///
    /// # Errors
    /// More bits than the address has: 32, or 128 for IPv6.
    pub fn new(address: IpAddr, bits: u8) -> Result<Inet> {
        if bits > full(address) {
            return Err(Error::encode(format!("{address} has {} bits, not {bits}", full(address))));
        }
        Ok(Inet { address, bits })
    }

    /// The address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The bits of the netmask, to 32 or to 128.
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// Whether it stands for one address: its netmask has all bits.
    pub fn is_host(&self) -> bool {
        self.bits == full(self.address)
    }

    /// The network that it is in: `network(inet)`.
    pub fn network(&self) -> Cidr {
        let network = first_bits(number(self.address), self.bits);
        let address = match self.address {
            IpAddr::V4(_) => Ipv4Addr::from_bits(u32::try_from(network >> 96).unwrap_or_default()).into(),
            IpAddr::V6(_) => Ipv6Addr::from_bits(network).into(),
        };
        Cidr(Inet { address, bits: self.bits })
    }
}

impl Cidr {
    /// A network by its address and the bits of its netmask.
    ///
    /// # Errors
    /// More bits than the address has, and an address with bits set to the right of its netmask: [`Inet::network`]
    /// clears them.
    pub fn new(address: IpAddr, bits: u8) -> Result<Cidr> {
        let inet = Inet::new(address, bits)?;
        let cidr = inet.network();
        if cidr.0 != inet {
            return Err(Error::encode(format!("{address}/{bits} has bits set to the right of its netmask"))
                .hint("`Inet` holds it, and `Inet::network` clears them"));
        }
        Ok(cidr)
    }

    /// The network's address, which is the lowest in it.
    pub fn address(&self) -> IpAddr {
        self.0.address
    }

    /// The bits of the netmask, to 32 or to 128.
    pub fn bits(&self) -> u8 {
        self.0.bits
    }

    /// Whether the address is in the network.
    pub fn contains(&self, address: IpAddr) -> bool {
        Inet { address, bits: self.0.bits }.network() == *self
    }
}

impl From<IpAddr> for Inet {
    fn from(address: IpAddr) -> Inet {
        Inet { address, bits: full(address) }
    }
}

impl From<Cidr> for Inet {
    fn from(cidr: Cidr) -> Inet {
        cidr.0
    }
}

impl TryFrom<Inet> for Cidr {
    type Error = Error;

    fn try_from(inet: Inet) -> Result<Cidr> {
        Cidr::new(inet.address, inet.bits)
    }
}

impl PartialOrd for Inet {
    fn partial_cmp(&self, other: &Inet) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Inet {
    fn cmp(&self, other: &Inet) -> Ordering {
        let (one, two) = (number(self.address), number(other.address));
        let common = self.bits.min(other.bits);
        let family = self.address.is_ipv6().cmp(&other.address.is_ipv6());
        let network = || first_bits(one, common).cmp(&first_bits(two, common));
        family.then_with(network).then(self.bits.cmp(&other.bits)).then(one.cmp(&two))
    }
}

/// An address as the server prints it: other than Rust's for IPv6 addresses within `::/96`.
struct Address(IpAddr);

impl Display for Address {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let IpAddr::V6(address) = self.0
            && let [0, 0, 0, 0, 0, 0, high, _] = address.segments()
            && high != 0
        {
            let [.., a, b, c, d] = address.octets();
            return write!(f, "::{a}.{b}.{c}.{d}");
        }
        self.0.fmt(f)
    }
}

impl Display for Inet {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.is_host() {
            true => Address(self.address).fmt(f),
            false => write!(f, "{}/{}", Address(self.address), self.bits),
        }
    }
}

impl Display for Cidr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Address(self.0.address), self.0.bits)
    }
}

/// Up to four decimal octets with dots between, and how many there are.
fn octets(text: &str) -> Option<([u8; 4], u8)> {
    let mut octets = [0; 4];
    let mut count = 0u8;
    let mut places = octets.iter_mut();
    for part in text.split('.') {
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *places.next()? = part.parse().ok()?;
        count = count.saturating_add(1);
    }
    Some((octets, count))
}

fn bits(text: &str) -> Option<u8> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn parse_ipv6(address: &str, netmask: Option<&str>) -> Option<Inet> {
    let bits = match netmask {
        // The server takes no zeros in front here.
        Some(netmask) if netmask.len() > 1 && netmask.starts_with('0') => return None,
        Some(netmask) => bits(netmask)?,
        None => 128,
    };
    Inet::new(address.parse::<Ipv6Addr>().ok()?.into(), bits).ok()
}

fn split(text: &str) -> (&str, Option<&str>) {
    text.split_once('/').map_or((text, None), |(address, netmask)| (address, Some(netmask)))
}

/// Octets on the right may be left out as far as the netmask doesn't reach them: `10.1/16`.
impl FromStr for Inet {
    type Err = Error;

    fn from_str(text: &str) -> Result<Inet> {
        let (address, netmask) = split(text);
        let inet = match address.contains(':') {
            true => parse_ipv6(address, netmask),
            // The server doesn't mind a dot behind the last octet here.
            false => octets(address.strip_suffix('.').unwrap_or(address)).and_then(|(octets, count)| {
                let bits = match netmask {
                    Some(netmask) => bits(netmask)?,
                    None if count == 4 => 32,
                    None => return None,
                };
                let reached = bits / 8 <= count;
                Inet::new(octets.into(), bits).ok().filter(|_| reached)
            }),
        };
        inet.ok_or_else(not::<Inet>)
    }
}

/// Octets on the right may be left out, and the netmask too: then it is that of the old classes of networks, or as many
/// octets as there are. (Hexadecimal digits are not read.)
impl FromStr for Cidr {
    type Err = Error;

    fn from_str(text: &str) -> Result<Cidr> {
        let (address, netmask) = split(text);
        let inet = match address.contains(':') {
            true => parse_ipv6(address, netmask),
            false => octets(address).and_then(|(octets, count)| {
                let [first, ..] = octets;
                let given = count.saturating_mul(8);
                let bits = match (netmask, first) {
                    (Some(netmask), _) => bits(netmask)?,
                    // A multicast address has a class of four bits if it says nothing more.
                    (None, 224) if given == 8 => 4,
                    (None, 240..) => 32,
                    (None, 224..=239) => given.max(8),
                    (None, 192..=223) => given.max(24),
                    (None, 128..=191) => given.max(16),
                    (None, _) => given.max(8),
                };
                Inet::new(octets.into(), bits).ok()
            }),
        };
        inet.and_then(|inet| Cidr::try_from(inet).ok()).ok_or_else(not::<Cidr>)
    }
}

fn write(inet: &Inet, is_cidr: bool, out: &mut Buffer) -> Result<()> {
    match inet.address {
        IpAddr::V4(address) => {
            out.extend_from_slice(&[IPV4, inet.bits, is_cidr.into(), 4]);
            out.extend_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            out.extend_from_slice(&[IPV6, inet.bits, is_cidr.into(), 16]);
            out.extend_from_slice(&address.octets());
        }
    }
    Ok(())
}

/// `None` is another family, another length or another kind than expected, or too many bits.
fn read(from: &mut Reader<'_>, is_cidr: bool) -> Result<Option<Inet>> {
    let [family, bits, cidr, length] = from.array()?;
    let address = match (family, length) {
        (IPV4, 4) => IpAddr::from(from.array::<4>()?),
        (IPV6, 16) => IpAddr::from(from.array::<16>()?),
        _ => return Ok(None),
    };
    Ok(Inet::new(address, bits).ok().filter(|_| cidr == u8::from(is_cidr)))
}

impl Forms for Inet {
    const WHAT: &'static str = "an inet";

    fn write(&self, out: &mut Buffer) -> Result<()> {
        write(self, false, out)
    }

    fn read(from: &mut Reader<'_>) -> Result<Inet> {
        read(from, false)?.ok_or_else(not::<Inet>)
    }
}

impl Forms for Cidr {
    const WHAT: &'static str = "a cidr";

    fn write(&self, out: &mut Buffer) -> Result<()> {
        write(&self.0, true, out)
    }

    fn read(from: &mut Reader<'_>) -> Result<Cidr> {
        read(from, true)?.and_then(|inet| Cidr::try_from(inet).ok()).ok_or_else(not::<Cidr>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::{Cases, garbage, mismatched, refused};
    use postgres_types::Type;

    fn inet(text: &str) -> Inet {
        text.parse().unwrap()
    }

    fn cidr(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    #[test]
    fn both_forms_are_the_servers() {
        Cases::of(&Type::INET)
            .case(inet("10.1.2.3/24"), "021800040a010203", "10.1.2.3/24")
            .case(inet("10.1.2.3"), "022000040a010203", "10.1.2.3")
            .case(inet("0.0.0.0/0"), "0200000400000000", "0.0.0.0/0")
            .case(inet("fe80::1/64"), "03400010fe800000000000000000000000000001", "fe80::1/64")
            .case(inet("::1.2.3.4"), "0380001000000000000000000000000001020304", "::1.2.3.4")
            .case(inet("::2"), "0380001000000000000000000000000000000002", "::2");
        Cases::of(&Type::CIDR)
            .case(cidr("10.1.2.0/24"), "021801040a010200", "10.1.2.0/24")
            .case(cidr("10.1.2.3/32"), "022001040a010203", "10.1.2.3/32")
            .case(cidr("::/0"), "0300011000000000000000000000000000000000", "::/0");
    }

    #[test]
    fn what_is_left_out_is_what_the_server_takes_it_for() {
        let pairs = [("10", "10.0.0.0/8"), ("10.1.2", "10.1.2.0/24"), ("128.1", "128.1.0.0/16")];
        for (short, long) in pairs.into_iter().chain([("192.5", "192.5.0.0/24"), ("224", "224.0.0.0/4")]) {
            assert_eq!(cidr(short).to_string(), long);
        }
        assert_eq!(inet("10.1/16").to_string(), "10.1.0.0/16");
    }

    #[test]
    fn a_network_has_no_host() {
        let error = Cidr::new(IpAddr::from([10, 1, 2, 3]), 24).unwrap_err();
        assert!(error.message().contains("to the right of its netmask"), "{error}");
        assert_eq!(inet("10.1.2.3/24").network(), cidr("10.1.2.0/24"));
        assert!(cidr("10.1.2.0/24").contains(IpAddr::from([10, 1, 2, 77])));
        assert!(!cidr("10.1.2.0/24").contains(IpAddr::from([10, 1, 3, 77])));
        assert!(!cidr("0.0.0.0/0").contains("::1".parse().unwrap()));
        refused::<Cidr>(&Type::CIDR, "021801040a010203", "10.1.2.3/24");
    }

    #[test]
    fn anything_else_is_refused() {
        refused::<Inet>(&Type::INET, "022100047f000001", "127.0.0.1/33");
        refused::<Inet>(&Type::INET, "042000047f000001", "127.0.0.1/x");
        refused::<Inet>(&Type::INET, "022000047f00000100", "127.0.0.1/");
        refused::<Inet>(&Type::INET, "022001047f000001", "127.0.0");
        refused::<Inet>(&Type::INET, "02", "10.1/24");
        refused::<Inet>(&Type::INET, "022000047f0000", "::1/129");
        garbage::<Inet>(&Type::INET);
        garbage::<Cidr>(&Type::CIDR);
        mismatched::<Inet>(&Type::CIDR);
        mismatched::<Cidr>(&Type::INET);
    }
}
