//! Each type that a derive can stand for.

use crate::shop::{Email, Mood, Network, Point, lamp};
use crate::{Outcome, Tour};
use pg_blocking::pg_core::types::typecaster::TypecasterOwned;
use pg_blocking::{Adapter, Result};
use std::fmt::Debug;
use std::time::{Duration, UNIX_EPOCH};
use uuid::Uuid;

/// Sends values and arrays of them, and compares what comes back.
pub(crate) fn there_and_back(tour: &mut Tour) -> Outcome {
    tour.screen.sql("select $1::point, $1::point::text");
    let network = |text: &str| text.parse::<Network>();
    both(tour, "point", [Point { x: 48.2, y: 16.4 }, Point { x: -0.0, y: f64::INFINITY }])?;
    both(tour, "inet", [network("10.1.0.0/16")?, network("2001:db8::1")?])?;
    both(tour, "uuid", [Uuid::from_u128(0x6ba7b810_9dad_11d1_80b4_00c04fd430c8), Uuid::nil()])?;
    both(tour, "mood", [Mood::VeryHappy, Mood::Sad])?;
    both(tour, "shop.item", [lamp()])?;
    both(tour, "email", [Email("anna@example.com".to_owned())])?;
    both(tour, "timestamptz", [UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456)])?;
    both(tour, "text", [Some("text".to_owned()), None])?;
    Ok(())
}

/// The first value alone, and all as an array.
fn both<T, const N: usize>(tour: &mut Tour, name: &str, values: [T; N]) -> Result<()>
where
    T: Adapter + TypecasterOwned + Debug + PartialEq + Clone + Send + Sync,
{
    let array = values.to_vec();
    if let Some(value) = values.into_iter().next() {
        one(tour, name, value)?;
    }
    one(tour, &format!("{name}[]"), array)
}

fn one<T>(tour: &mut Tour, name: &str, value: T) -> Result<()>
where
    T: Adapter + TypecasterOwned + Debug + PartialEq + Send + Sync,
{
    let sql = format!("select $1::{name}, $1::{name}::text");
    let (back, text): (T, String) = tour.client.query_one(&sql, (&value,))?;
    assert_eq!(back, value, "what comes back is what was sent");
    tour.screen.value(name, format_args!("{value:?}"), &text);
    Ok(())
}
