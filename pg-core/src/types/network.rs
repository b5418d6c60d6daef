//! Network addresses: std's `IpAddr`, `Ipv4Addr` and `Ipv6Addr` for `inet` without a netmask, and [`Inet`], [`Cidr`],
//! [`MacAddr`], [`MacAddr8`], which hold all that the SQL types hold. Manual: "Network Address Types".

mod addresses;
mod inet;
mod mac;

pub use inet::{Cidr, Inet};
pub use mac::{MacAddr, MacAddr8};
