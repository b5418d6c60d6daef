//! Addresses: `IpAddr`, `Ipv4Addr`, `Ipv6Addr` <-> `inet`.
//!
//! An `inet` may carry a narrower netmask, `10.1.2.3/24`, which these types can't tell: that is an error, never dropped
//! silently. `host(column)` in the query drops it, [`Inet`] keeps it. `cidr`, a network, is another type:
//! [`Cidr`](super::Cidr).

use super::super::adapter::{Adapter, Encode, IsNull};
use super::super::name::TypeName;
use super::super::typecaster::{RawValue, Typecaster};
use super::inet::{IPV4, IPV6, Inet};
use crate::error::{Error, Result};
use crate::message::Format;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const INET: TypeName = TypeName::Oid(869);

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
        let inet = Inet::decode(raw)?;
        match inet.is_host() {
            true => Ok(inet.address()),
            false => Err(Error::decode(format!(
                "the address has a netmask of {} bits, which the Rust type can't tell",
                inet.bits()
            ))
            .hint("`host(column)::inet` in the query drops the netmask; Inet keeps it")),
        }
    }
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
