//! The registry.

use crate::shop::{Item, Mood, lamp};
use crate::{Outcome, Tour};
use pg_blocking::Registry;

/// Two connections of one registry: the second knows what the first has looked up.
pub(crate) fn shared(tour: &mut Tour) -> Outcome {
    let config = tour.config()?.registry(Registry::new().with::<Mood>().with::<Item>());
    tour.screen.say(
        "  Types register themselves at first use; a registry shares what was looked up, and prefetches.",
    );
    for connection in ["the first connection", "a second one"] {
        tour.client = config.connect()?;
        let (item, mood): (Item, Mood) = tour
            .step(&format!("{connection} of the registry: select $1::shop.item, $2::mood"), |client| {
                client.query_one("select $1::shop.item, $2::mood", (lamp(), Mood::Ok))
            })?;
        assert_eq!((item, mood), (lamp(), Mood::Ok), "what comes back is what was sent");
    }
    Ok(())
}
