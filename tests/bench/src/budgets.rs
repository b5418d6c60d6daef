//! What ours may cost, and the judgement.

use crate::workload::Workload;

/// The goals for one peer and workload; the limits are [`SLACK`] times as much.
pub struct Budget {
    peer: &'static str,
    workload: Workload,
    pub instructions: f64,
    pub allocations: f64,
    pub system_calls: Option<f64>,
}

const SLACK: f64 = 1.3;

#[rustfmt::skip]
const BUDGETS: [Budget; 8] = [
    Budget { peer: "pg-blocking", workload: Workload::Row, instructions: 2_500.0, allocations: 2.0, system_calls: Some(2.0) },
    Budget { peer: "pg-async", workload: Workload::Row, instructions: 5_000.0, allocations: 2.0, system_calls: Some(3.0) },
    Budget { peer: "pg-blocking", workload: Workload::Owned, instructions: 1_650.0, allocations: 2.0, system_calls: None },
    Budget { peer: "pg-async", workload: Workload::Owned, instructions: 1_650.0, allocations: 2.0, system_calls: None },
    Budget { peer: "pg-blocking", workload: Workload::Borrowed, instructions: 700.0, allocations: 0.0, system_calls: None },
    Budget { peer: "pg-async", workload: Workload::Borrowed, instructions: 700.0, allocations: 0.0, system_calls: None },
    Budget { peer: "pg-blocking", workload: Workload::Nested, instructions: 7_000.0, allocations: 11.0, system_calls: None },
    Budget { peer: "pg-async", workload: Workload::Nested, instructions: 7_000.0, allocations: 11.0, system_calls: None },
];

/// Those whom ours must be ahead of in CPU time.
pub const RIVALS: [&str; 3] = ["libpq", "postgres", "tokio-postgres"];

pub fn budget(peer: &str, workload: Workload) -> Option<&'static Budget> {
    BUDGETS.iter().find(|budget| budget.peer == peer && budget.workload == workload)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    Within,
    Over,
}

impl Verdict {
    /// Judges a figure as it is printed, with so many decimals.
    pub fn of(figure: f64, goal: f64, decimals: i32) -> Verdict {
        let unit = 10_f64.powi(decimals);
        let figure = (figure * unit).round() / unit;
        if figure <= goal {
            Verdict::Pass
        } else if figure <= goal * SLACK {
            Verdict::Within
        } else {
            Verdict::Over
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Verdict::Pass => "PASS",
            Verdict::Within => "within 1.3x",
            Verdict::Over => "OVER",
        }
    }
}
