//! Addresses.

use crate::types::{AnyRow, Row};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
    .read_as("Ipv4Addr", |row| match row.get::<IpAddr>(0)? {
        IpAddr::V4(_) => row.get::<Ipv4Addr>(0).map(|address| Some(address.into())),
        IpAddr::V6(_) => Ok(None),
    })
    .read_as("Ipv6Addr", |row| match row.get::<IpAddr>(0)? {
        IpAddr::V4(_) => Ok(None),
        IpAddr::V6(_) => row.get::<Ipv6Addr>(0).map(|address| Some(address.into())),
    });
    vec![Box::new(inet)]
}
