//! `ipnet::IpNet`, `Ipv4Net`, `Ipv6Net` <-> `inet` and `cidr`.
//!
//! An `IpNet` keeps an address with bits to the right of its netmask, as an `inet` does: as a parameter it is an `inet`. A
//! `cidr` has no such bits: writing one that has is an error, and `IpNet::trunc` clears them.

use super::adapter::{Adapter, Encode, IsNull};
use super::name::TypeName;
use super::network::{Cidr, Inet};
use super::plan::{Plan, Planner, base_type};
use super::typecaster::{RawValue, Typecaster};
use crate::error::{Error, Result};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use postgres_types::Type;

const INET: TypeName = TypeName::Oid(869);
const CIDR: TypeName = TypeName::Oid(650);

fn is_cidr(type_: &Type) -> bool {
    *base_type(type_) == Type::CIDR
}

fn name_of(type_: &Type) -> TypeName {
    if is_cidr(type_) { CIDR } else { INET }
}

macro_rules! net {
    ($($rust:ty),+) => { $(
        impl Adapter for $rust {
            const TYPE: TypeName = INET;

            fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
                planner.encode_leaf::<Self>(name_of(type_), false, type_)
            }

            fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
                let inet = Inet::new(self.addr().into(), self.prefix_len())?;
                if is_cidr(&to.plan.type_) { Cidr::try_from(inet)?.encode(to) } else { inet.encode(to) }
            }
        }

        impl<'a> Typecaster<'a> for $rust {
            const TYPE: TypeName = INET;

            fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
                planner.leaf::<Self>(name_of(type_), false, type_)
            }

            fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
                let inet = if is_cidr(&raw.plan.type_) { Cidr::decode(raw)?.into() } else { Inet::decode(raw)? };
                let net = IpNet::new(inet.address(), inet.bits())
                    .map_err(|error| Error::decode("not a network").with_source(error))?;
                Self::try_from_net(net)
            }
        }
    )+ };
}

net!(IpNet, Ipv4Net, Ipv6Net);

/// From a network of either family.
trait Family: Sized {
    fn try_from_net(net: IpNet) -> Result<Self>;
}

impl Family for IpNet {
    fn try_from_net(net: IpNet) -> Result<IpNet> {
        Ok(net)
    }
}

impl Family for Ipv4Net {
    fn try_from_net(net: IpNet) -> Result<Ipv4Net> {
        match net {
            IpNet::V4(net) => Ok(net),
            IpNet::V6(_) => Err(other_family("an IPv6", "Ipv4Net")),
        }
    }
}

impl Family for Ipv6Net {
    fn try_from_net(net: IpNet) -> Result<Ipv6Net> {
        match net {
            IpNet::V6(net) => Ok(net),
            IpNet::V4(_) => Err(other_family("an IPv4", "Ipv6Net")),
        }
    }
}

#[cold]
fn other_family(found: &str, rust: &str) -> Error {
    Error::decode(format!("the address is {found} one, which {rust} can't hold")).hint("use IpNet")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Format;
    use crate::types::cases::{Cases, encode, garbage, mismatched, refused};

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn both_forms_are_the_servers() {
        Cases::of(&Type::INET)
            .case(net("10.1.2.3/24"), "021800040a010203", "10.1.2.3/24")
            .case(net("10.1.2.3/32"), "022000040a010203", "10.1.2.3")
            .case("10.1.2.3/8".parse::<Ipv4Net>().unwrap(), "020800040a010203", "10.1.2.3/8");
        Cases::of(&Type::CIDR)
            .case(net("10.1.2.0/24"), "021801040a010200", "10.1.2.0/24")
            .case(net("::/0"), "0300011000000000000000000000000000000000", "::/0")
            .case("::/0".parse::<Ipv6Net>().unwrap(), "0300011000000000000000000000000000000000", "::/0");
    }

    #[test]
    fn host_bits_are_never_dropped() {
        for format in [Format::Binary, Format::Text] {
            let error = encode(&net("10.1.2.3/24"), &Type::CIDR, format).unwrap_err();
            assert!(error.message().contains("to the right of its netmask"), "{error}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        refused::<Ipv4Net>(&Type::CIDR, "0300011000000000000000000000000000000000", "::/0");
        refused::<Ipv6Net>(&Type::INET, "021800040a010203", "10.1.2.3/24");
        mismatched::<IpNet>(&Type::MACADDR);
        garbage::<IpNet>(&Type::INET);
        garbage::<IpNet>(&Type::CIDR);
    }
}
