//! Addresses and networks.

use super::shown_row;
use crate::{AnyRow, Row};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use pg_core::Result;
use pg_core::types::network::{Cidr, Inet, MacAddr, MacAddr8};
use pg_tests::seed::Rng;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Any netmask, often that of one host.
fn any(rng: &mut Rng) -> Inet {
    let bits = u128::from(rng.number()) << 64 | u128::from(rng.number());
    let address = match rng.below(3) {
        0 => IpAddr::V4(Ipv4Addr::from_bits(bits as u32)),
        1 => IpAddr::V6(Ipv6Addr::from_bits(bits)),
        // Runs of zeros, which are abbreviated.
        _ => IpAddr::V6(Ipv6Addr::from_bits(bits & !0 >> rng.below(127) & !0 << rng.below(127))),
    };
    let full = if address.is_ipv4() { 32 } else { 128 };
    let bits = if rng.below(2) == 0 { full } else { rng.below(u64::from(full) + 1) as u8 };
    Inet::new(address, bits).expect("no more bits than it has")
}

fn net(inet: Inet) -> IpNet {
    IpNet::new(inet.address(), inet.bits()).expect("no more bits than it has")
}

/// As ipnet's types, which hold both.
fn as_net<T: Copy + Into<Inet> + TryFrom<Inet> + 'static>(row: Row<T>) -> Row<T> {
    fn back<T: TryFrom<Inet>>(net: IpNet) -> Result<Option<T>> {
        let inet = Inet::new(net.addr(), net.prefix_len())?;
        Ok(Some(T::try_from(inet).ok().expect("what the type can hold")))
    }
    row.written_as("ipnet::IpNet", |value| Some(Box::new(net((*value).into()))))
        .written_as("ipnet::Ipv4Net", |value| match net((*value).into()) {
            IpNet::V4(net) => Some(Box::new(net)),
            IpNet::V6(_) => None,
        })
        .written_as("ipnet::Ipv6Net", |value| match net((*value).into()) {
            IpNet::V4(_) => None,
            IpNet::V6(net) => Some(Box::new(net)),
        })
        .read_as("ipnet::IpNet", |row| back(row.get::<IpNet>()?))
        .read_as("ipnet::Ipv4Net", |row| match row.get::<IpNet>()? {
            IpNet::V4(_) => back(row.get::<Ipv4Net>()?.into()),
            IpNet::V6(_) => Ok(None),
        })
        .read_as("ipnet::Ipv6Net", |row| match row.get::<IpNet>()? {
            IpNet::V4(_) => Ok(None),
            IpNet::V6(_) => back(row.get::<Ipv6Net>()?.into()),
        })
}

pub(super) fn rows() -> Vec<Box<dyn AnyRow>> {
    let inet = Row::new("inet", "IpAddr", |rng| {
        let bits = u128::from(rng.number()) << 64 | u128::from(rng.number());
        let address = match rng.below(3) {
            0 => IpAddr::V4(Ipv4Addr::from_bits(bits as u32)),
            1 => IpAddr::V6(Ipv6Addr::from_bits(bits)),
            _ => IpAddr::V6(Ipv6Addr::from_bits(bits & u128::from(rng.number()) << 16)),
        };
        (address, address.to_string())
    })
    .edges([
        (IpAddr::from([0, 0, 0, 0]), "0.0.0.0"),
        (IpAddr::from([255, 255, 255, 255]), "255.255.255.255"),
        (IpAddr::from([0; 16]), "::"),
        (IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]), "::1"),
        (IpAddr::from([0x2001, 0xdb8, 0, 0, 1, 0, 0, 1]), "2001:db8::1:0:0:1"),
        (IpAddr::from([0, 0, 0, 0, 0, 0xffff, 0x102, 0x304]), "::ffff:1.2.3.4"),
    ])
    .written_as("Ipv4Addr", |address| match address {
        IpAddr::V4(address) => Some(Box::new(address)),
        IpAddr::V6(_) => None,
    })
    .written_as("Ipv6Addr", |address| match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => Some(Box::new(address)),
    })
    .read_as("Ipv4Addr", |row| match row.get::<IpAddr>()? {
        IpAddr::V4(_) => row.get::<Ipv4Addr>().map(|address| Some(address.into())),
        IpAddr::V6(_) => Ok(None),
    })
    .read_as("Ipv6Addr", |row| match row.get::<IpAddr>()? {
        IpAddr::V4(_) => Ok(None),
        IpAddr::V6(_) => row.get::<Ipv6Addr>().map(|address| Some(address.into())),
    });
    let inets = shown_row("inet", "network::Inet", any).edges(
        ["10.1.2.3/24", "0.0.0.0/0", "::/0", "::1.2.3.4", "::2", "fe80::1/64", "::ffff:0.0.0.0/97"]
            .map(|text| (text.parse().expect("an inet"), text)),
    );
    let cidr = shown_row("cidr", "network::Cidr", |rng| any(rng).network()).edges(
        ["0.0.0.0/0", "10.0.0.0/8", "10.1.2.3/32", "::/0", "::1/128", "fe80::/10"]
            .map(|text| (text.parse::<Cidr>().expect("a cidr"), text)),
    );
    let mac = shown_row("macaddr", "network::MacAddr", |rng| {
        let [a, b, c, d, e, f, ..] = rng.number().to_be_bytes();
        MacAddr([a, b, c, d, e, f])
    })
    .edges([(MacAddr([0; 6]), "00:00:00:00:00:00"), (MacAddr([0xff; 6]), "ff:ff:ff:ff:ff:ff")]);
    let mac8 = shown_row("macaddr8", "network::MacAddr8", |rng| MacAddr8(rng.number().to_be_bytes()))
        .edges([(MacAddr8([8, 0, 0x2b, 1, 2, 3, 4, 0xab]), "08:00:2b:01:02:03:04:ab")]);
    vec![Box::new(inet), Box::new(as_net(inets)), Box::new(as_net(cidr)), Box::new(mac), Box::new(mac8)]
}
