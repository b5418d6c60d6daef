//! What goes wrong, as it is shown.

use crate::{Outcome, Tour};
use pg_blocking::{Error, ErrorKind, Result};

/// A statement that the server refuses, a row that the struct can't hold, a value that a domain doesn't take.
pub(crate) fn with_carets(tour: &mut Tour) -> Outcome {
    let typo = tour
        .client
        .query::<(String, i64)>("select name,\n       pirce\nfrom unnest($1::shop.item[])", ("{}",));
    show(tour, "A column that doesn't exist:", typo, ErrorKind::Server)?;

    let wrong_type = tour.client.query::<(String, i64)>("select name, created from guest", ());
    show(tour, "A column of another type:", wrong_type, ErrorKind::Decode)?;

    let null =
        tour.client.query::<(String, crate::shop::Point)>("select name, home from guest order by name", ());
    show(tour, "A NULL that nobody expected:", null, ErrorKind::Decode)?;

    let domain = tour.client.execute("update guest set mail = $1", ("nonsense",));
    show(tour, "A value that the domain doesn't take:", domain, ErrorKind::Server)?;

    tour.step("and the connection goes on: client.ping()?", |client| client.ping())?;
    Ok(())
}

fn show<T>(tour: &Tour, what: &str, outcome: Result<T>, expected: ErrorKind) -> Result<()> {
    match outcome {
        Err(error) if error.kind() == expected => {
            tour.screen.say(&format!("  {what}"));
            tour.screen.block(error);
            Ok(())
        }
        Err(error) => Err(error),
        Ok(_) => Err(Error::new(ErrorKind::Usage, "this should have failed")),
    }
}
