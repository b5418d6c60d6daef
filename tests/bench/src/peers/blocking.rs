//! Ours: pg-blocking.

use std::hint::black_box;

use pg_blocking::Config;

use crate::{
    child::{Place, Rounds},
    workload::{ALL_ROWS, KEY, ONE_ROW, Result, User, UserRef, Workload},
};

pub fn run(workload: Workload, rounds: Rounds) -> Result<Option<User>> {
    let mut client = Config::new(&Place::get()?.url())?.connect()?;
    let mut last = None;
    for () in rounds {
        match workload {
            Workload::Row => last = Some(black_box(client.query_one::<User>(ONE_ROW, (KEY,))?)),
            Workload::Owned => last = black_box(client.query::<User>(ALL_ROWS, ())?).pop(),
            Workload::Borrowed => {
                let mut rows = client.stream(ALL_ROWS, ())?;
                while let Some(row) = rows.next_row()? {
                    let user = black_box(row.get::<UserRef<'_>>()?);
                    if user.is_last() {
                        last = Some(user.to_user());
                    }
                }
            }
        }
    }
    Ok(last)
}
