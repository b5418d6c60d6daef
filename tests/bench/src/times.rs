//! What does not repeat: CPU time, taken in rounds in which the peers take turns.

use std::{env, process::Command};

use crate::{
    budgets::LIMIT,
    workload::{Result, Workload},
};

const ROUNDS: usize = 15;

/// The client that the others are compared with.
pub const REFERENCE: &str = "pg-blocking";

#[derive(Debug, Clone, Default)]
pub struct Times {
    /// Nanoseconds of a unit, the median of all rounds.
    pub cpu: f64,
    /// What it takes where [`REFERENCE`] takes 1, the median of all rounds; none when that was not measured.
    pub ratio: Option<f64>,
    /// The same beside [`LIMIT`].
    pub over_limit: Option<f64>,
}

/// The times of these peers, in their order.
pub fn time(peers: &[&str], workload: Workload, place: &[(&str, String)]) -> Result<Vec<Times>> {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let round: Result<Vec<f64>> = peers.iter().map(|peer| measure(peer, workload, place)).collect();
        rounds.push(round?);
    }
    let beside = |peer: usize, other: &str| {
        let other = peers.iter().position(|peer| *peer == other)?;
        Some(median(rounds.iter().map(|round| round[peer] / round[other]).collect()))
    };
    let times = |peer: usize| Times {
        cpu: median(rounds.iter().map(|round| round[peer]).collect()),
        ratio: beside(peer, REFERENCE),
        over_limit: beside(peer, LIMIT),
    };
    Ok((0..peers.len()).map(times).collect())
}

/// Nanoseconds of a unit, as a child prints them.
fn measure(peer: &str, workload: Workload, place: &[(&str, String)]) -> Result<f64> {
    let operations = if workload == Workload::Row { 10_000 } else { 10 };
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
