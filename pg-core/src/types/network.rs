//! Addresses: `IpAddr`, `Ipv4Addr`, `Ipv6Addr` <-> `inet`.
//!
//! Binary form: the family (2 for IPv4, 3 for IPv6), the bits of the netmask, whether it is a `cidr`, the address's
//! length, the address. Text form: the address, with `/bits` behind unless the netmask is the address's full length.
//! (An IPv6 address within `::/96` is printed by the server as `::1.2.3.4` and by Rust as `::102:304`: both read both.)
//!
//! An `inet` may carry a narrower netmask, `10.1.2.3/24`, which these types can't tell: that is an error, never dropped
//! silently. `host(column)` in the query drops it, `column::text` keeps it. `cidr`, a network, is another type.

use super::adapter::{Adapter, Encode, IsNull};
use super::name::TypeName;
use super::typecaster::{RawValue, Typecaster};
use crate::error::{Error, Result};
use crate::message::Format;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const INET: TypeName = TypeName::Oid(869);

const IPV4: u8 = 2;
const IPV6: u8 = 3;

fn write<const N: usize>(to: &mut Encode<'_>, family: u8, bits: u8, address: [u8; N]) -> Result<IsNull> {
    to.out.extend_from_slice(&[family, bits, 0, bits >> 3]);
    to.bytes(&address)
}

impl Adapter for Ipv4Addr {
    const TYPE: TypeName = INET;

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        match to.format() {
            Format::Binary => write(to, IPV4, 32, self.octets()),
            Format::Text => to.text(self),
        }
    }
}

impl Adapter for Ipv6Addr {
    const TYPE: TypeName = INET;

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        match to.format() {
            Format::Binary => write(to, IPV6, 128, self.octets()),
            Format::Text => to.text(self),
        }
    }
}

impl Adapter for IpAddr {
    const TYPE: TypeName = INET;

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        match self {
            IpAddr::V4(address) => address.encode(to),
            IpAddr::V6(address) => address.encode(to),
        }
    }
}

impl<'a> Typecaster<'a> for IpAddr {
    const TYPE: TypeName = INET;

    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        let (address, bits) = match raw.format() {
            Format::Binary => match raw.bytes {
                [IPV4, bits, 0, 4, address @ ..] => {
                    (<[u8; 4]>::try_from(address).ok().map(IpAddr::from), Some(*bits))
                }
                [IPV6, bits, 0, 16, address @ ..] => {
                    (<[u8; 16]>::try_from(address).ok().map(IpAddr::from), Some(*bits))
                }
                _ => (None, None),
            },
            Format::Text => {
                let text = raw.text()?;
                match text.split_once('/') {
                    None => (text.parse().ok(), None),
                    Some((address, bits)) => {
                        (address.parse().ok(), Some(bits.parse().map_err(|_| not_an_address())?))
                    }
                }
            }
        };
        let address = address.ok_or_else(not_an_address)?;
        let full = if address.is_ipv4() { 32 } else { 128 };
        match bits.unwrap_or(full) {
            bits if bits == full => Ok(address),
            bits if bits < full => Err(Error::decode(format!(
                "the address has a netmask of {bits} bits, which the Rust type can't tell"
            ))
            .hint(
                "`host(column)::inet` in the query drops the netmask; `column::text` keeps it, for a String",
            )),
            _ => Err(not_an_address()),
        }
    }
}

#[cold]
fn not_an_address() -> Error {
    Error::decode("not an inet")
}

impl<'a> Typecaster<'a> for Ipv4Addr {
    const TYPE: TypeName = INET;

    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        match IpAddr::decode(raw)? {
            IpAddr::V4(address) => Ok(address),
            IpAddr::V6(_) => {
                Err(Error::decode("the address is an IPv6 one, which Ipv4Addr can't hold").hint("use IpAddr"))
            }
        }
    }
}

impl<'a> Typecaster<'a> for Ipv6Addr {
    const TYPE: TypeName = INET;

    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        match IpAddr::decode(raw)? {
            IpAddr::V6(address) => Ok(address),
            IpAddr::V4(_) => {
                Err(Error::decode("the address is an IPv4 one, which Ipv6Addr can't hold").hint("use IpAddr"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::{Cases, decode, from_hex, garbage, refused};
    use postgres_types::Type;

    #[test]
    fn both_forms_are_the_servers() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        Cases::of(&Type::INET)
            .case(ip("127.0.0.1"), "022000047f000001", "127.0.0.1")
            .case(ip("0.0.0.0"), "0220000400000000", "0.0.0.0")
            .case(ip("::1"), "0380001000000000000000000000000000000001", "::1")
            .case(ip("::"), "0380001000000000000000000000000000000000", "::")
            .case(ip("::ffff:1.2.3.4"), "0380001000000000000000000000ffff01020304", "::ffff:1.2.3.4")
            .case(ip("1:2:3:4:5:6:7:8"), "0380001000010002000300040005000600070008", "1:2:3:4:5:6:7:8")
            .case(Ipv4Addr::LOCALHOST, "022000047f000001", "127.0.0.1")
            .case(Ipv6Addr::LOCALHOST, "0380001000000000000000000000000000000001", "::1");
    }

    #[test]
    fn a_netmask_is_never_dropped() {
        for (binary, text) in
            [("021800040a010203", "10.1.2.3/24"), ("03400010fe800000000000000000000000000001", "fe80::1/64")]
        {
            for (value, format) in
                [(from_hex(binary), Format::Binary), (text.as_bytes().to_vec(), Format::Text)]
            {
                let error = decode::<IpAddr>(&value, &Type::INET, format).unwrap_err();
                assert!(error.message().contains("netmask"), "{error}");
                assert!(error.cure().unwrap().contains("host(column)"), "{error}");
            }
        }
        assert_eq!(decode::<IpAddr>(b"::1/128", &Type::INET, Format::Text).unwrap(), Ipv6Addr::LOCALHOST);
    }

    #[test]
    fn what_is_no_address_or_of_the_other_family_is_refused() {
        refused::<IpAddr>(&Type::INET, "", "localhost");
        refused::<IpAddr>(&Type::INET, "022100047f000001", "127.0.0.1/33");
        refused::<IpAddr>(&Type::INET, "042000047f000001", "127.0.0.1/x");
        refused::<IpAddr>(&Type::INET, "022000047f00000100", "127.0.0.1/");
        refused::<IpAddr>(&Type::INET, "022001047f000001", "127.0.0");
        refused::<Ipv6Addr>(&Type::INET, "022000047f000001", "127.0.0.1");
        refused::<Ipv4Addr>(&Type::INET, "0380001000000000000000000000000000000001", "::1");
        garbage::<IpAddr>(&Type::INET);
    }
}
