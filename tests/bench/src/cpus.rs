//! Which CPUs the measured client and the server run on.

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};

use crate::workload::{Result, Workload};

/// How the system calls name their caller.
const SELF: Pid = Pid::from_raw(0);

/// The first two CPUs that this process may use.
pub struct Cpus(usize, usize);

impl Cpus {
    pub fn get() -> Result<Cpus> {
        let allowed = sched_getaffinity(SELF)?;
        let mut cpus = (0..CpuSet::count()).filter(|cpu| allowed.is_set(*cpu).unwrap_or(false));
        let first = cpus.next().unwrap_or_default();
        Ok(Cpus(first, cpus.next().unwrap_or(first)))
    }

    /// Puts the children and backends to come on one CPU for W1, so that no answer is there before it is waited for
    /// and no CPU has to wake the other up; and on one each for the others, where both work at a time.
    pub fn pin(&self, workload: Workload, postmaster: Option<u32>) -> Result<()> {
        let pin = |process, cpu| {
            let mut only = CpuSet::new();
            only.set(cpu)?;
            sched_setaffinity(process, &only)
        };
        pin(SELF, self.0)?;
        match postmaster.and_then(|pid| pid.try_into().ok()) {
            Some(pid) => pin(Pid::from_raw(pid), if workload == Workload::Row { self.0 } else { self.1 })?,
            None => eprintln!("the server of DATABASE_URL stays on the CPUs it has"),
        }
        Ok(())
    }
}
