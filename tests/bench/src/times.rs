//! What does not repeat: CPU time, taken in rounds in which the peers take turns, on chosen CPUs.

use std::{env, process::Command};

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};

use crate::workload::{Result, Workload};

const ROUNDS: usize = 15;

/// How `sched_setaffinity` calls the caller.
const SELF: Pid = Pid::from_raw(0);

/// The client that the others are compared with.
pub const REFERENCE: &str = "pg-blocking";

#[derive(Debug, Clone, Default)]
pub struct Times {
    /// Nanoseconds of a unit, the median of all rounds.
    pub cpu: f64,
    /// What it takes where [`REFERENCE`] takes 1, the median of all rounds; none when that was not measured.
    pub ratio: Option<f64>,
}

/// The times of these peers, in their order.
pub fn time(
    peers: &[&str],
    workload: Workload,
    place: &[(&str, String)],
    postmaster: Option<u32>,
) -> Result<Vec<Times>> {
    let everywhere = sched_getaffinity(SELF)?;
    pin(workload, postmaster)?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let round: Result<Vec<f64>> = peers.iter().map(|peer| measure(peer, workload, place)).collect();
        rounds.push(round?);
    }
    sched_setaffinity(SELF, &everywhere)?;
    let reference = peers.iter().position(|peer| *peer == REFERENCE);
    let times = |peer: usize| Times {
        cpu: median(rounds.iter().map(|round| round[peer]).collect()),
        ratio: reference.map(|ours| median(rounds.iter().map(|round| round[peer] / round[ours]).collect())),
    };
    Ok((0..peers.len()).map(times).collect())
}

/// Puts the children and the server's backends to come on the first CPU, or for W2 on one each: one query after the
/// other would measure how CPUs wake each other up, and a long answer whether they share one.
fn pin(workload: Workload, postmaster: Option<u32>) -> Result<()> {
    let allowed = sched_getaffinity(SELF)?;
    let mut cpus = (0..CpuSet::count()).filter(|cpu| allowed.is_set(*cpu).unwrap_or(false));
    let client = cpus.next().unwrap_or_default();
    let server = if workload == Workload::Row { client } else { cpus.next().unwrap_or(client) };
    let pin = |process, cpu| {
        let mut only = CpuSet::new();
        only.set(cpu)?;
        sched_setaffinity(process, &only)
    };
    pin(SELF, client)?;
    match postmaster.and_then(|pid| pid.try_into().ok()) {
        Some(pid) => pin(Pid::from_raw(pid), server)?,
        None => eprintln!("the server of DATABASE_URL stays on the CPUs it has"),
    }
    Ok(())
}

/// Nanoseconds of a unit, as a child prints them.
fn measure(peer: &str, workload: Workload, place: &[(&str, String)]) -> Result<f64> {
    let operations = if workload == Workload::Row { 3_000 } else { 10 };
    let output = Command::new(env::current_exe()?)
        .args(["child", peer, workload.word(), &operations.to_string()])
        .envs(place.iter().cloned())
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let nanoseconds: f64 = said.trim().parse().map_err(|_| {
        format!("{peer}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim())
    })?;
    Ok(nanoseconds / f64::from(operations) / f64::from(workload.units()))
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
