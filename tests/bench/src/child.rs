//! The measured process: `pg-bench child PEER WORKLOAD N` connects, runs the operation once to warm up and then N
//! times, checks the last row, and prints the CPU time of the N.
//!
//! The server comes by `PGHOST` (the folder of its socket), `PGPORT`, `PGUSER` and `PGDATABASE`.

use std::{env, time::Duration};

use nix::{
    sys::time::TimeSpec,
    time::{ClockId, clock_gettime},
};

use crate::{
    peers,
    workload::{Result, WORKLOADS},
};

pub fn run(mut arguments: impl Iterator<Item = String>) -> Result<()> {
    let mut next = || arguments.next().ok_or("child PEER WORKLOAD N");
    let (peer, workload, n) = (next()?, next()?, next()?.parse()?);
    let peer = peers::PEERS.iter().find(|known| known.name == peer).ok_or("no such peer")?;
    let workload = WORKLOADS.into_iter().find(|known| known.word() == workload).ok_or("no such workload")?;
    let last = (peer.run)(workload, Rounds { left: n, clock: Clock::Cold })?;
    if last != Some(workload.last()) {
        return Err(format!("{} read {last:?} and not {:?}", peer.name, workload.last()).into());
    }
    Ok(())
}

/// Where the server is, as the environment says.
pub struct Place {
    pub dir: String,
    pub port: String,
    pub user: String,
    pub database: String,
}

impl Place {
    pub fn get() -> Result<Place> {
        let word = |name| env::var(name).map_err(|_| format!("{name} is not set"));
        Ok(Place {
            dir: word("PGHOST")?,
            port: word("PGPORT")?,
            user: word("PGUSER")?,
            database: word("PGDATABASE")?,
        })
    }

    pub fn url(&self) -> String {
        let Place { dir, port, user, database } = self;
        format!("postgres:///{database}?host={dir}&port={port}&user={user}&sslmode=disable")
    }
}

/// One item for each operation to run: the first warms up, the clock runs over the others.
pub struct Rounds {
    left: u32,
    clock: Clock,
}

enum Clock {
    Cold,
    Warm,
    Since(Duration),
}

impl Iterator for Rounds {
    type Item = ();

    fn next(&mut self) -> Option<()> {
        match self.clock {
            Clock::Since(since) if self.left == 0 => {
                println!("{}", (cpu_time() - since).as_nanos());
                return None;
            }
            Clock::Since(_) => self.left -= 1,
            Clock::Warm => {
                self.left -= 1;
                self.clock = Clock::Since(cpu_time());
            }
            Clock::Cold => self.clock = Clock::Warm,
        }
        Some(())
    }
}

/// User and system time of this process so far.
fn cpu_time() -> Duration {
    let clock = ClockId::CLOCK_PROCESS_CPUTIME_ID;
    clock_gettime(clock).unwrap_or(TimeSpec::new(0, 0)).into()
}
