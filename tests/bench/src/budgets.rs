//! What ours may cost, and the judgement.

use crate::workload::Workload;

/// The goals for one peer and workload; the limits are [`SLACK`] times as much.
pub struct Budget {
    peer: &'static str,
    workload: Workload,
    pub instructions: Option<f64>,
    pub allocations: f64,
    pub system_calls: Option<f64>,
    /// CPU time, of [`LIMIT`]'s.
    pub cpu: Option<f64>,
}

const SLACK: f64 = 1.3;

/// The peer that does nothing but what must be done.
pub const LIMIT: &str = "raw";

const fn counted(
    peer: &'static str,
    workload: Workload,
    instructions: f64,
    allocations: f64,
    system_calls: Option<f64>,
) -> Budget {
    Budget { peer, workload, instructions: Some(instructions), allocations, system_calls, cpu: None }
}

/// Whose system calls, which are as many as the socket wants, cost more than anything counted.
const fn timed(peer: &'static str, workload: Workload, allocations: f64, cpu: f64) -> Budget {
    Budget { peer, workload, instructions: None, allocations, system_calls: None, cpu: Some(cpu) }
}

const BUDGETS: [Budget; 16] = [
    counted("pg-blocking", Workload::Row, 2_500.0, 2.0, Some(2.0)),
    counted("pg-async", Workload::Row, 5_000.0, 2.0, Some(3.0)),
    counted("pg-blocking", Workload::Owned, 1_650.0, 2.0, None),
    counted("pg-async", Workload::Owned, 1_650.0, 2.0, None),
    counted("pg-blocking", Workload::Borrowed, 700.0, 0.0, None),
    counted("pg-async", Workload::Borrowed, 700.0, 0.0, None),
    counted("pg-blocking", Workload::Inserts, 1_600.0, 0.1, None),
    counted("pg-async", Workload::Inserts, 1_800.0, 0.1, None),
    timed("pg-blocking", Workload::CopyIn, 0.02, 6.0),
    timed("pg-async", Workload::CopyIn, 0.02, 7.0),
    timed("pg-blocking", Workload::CopyOut, 2.02, 1.6),
    timed("pg-async", Workload::CopyOut, 2.02, 1.7),
    counted("pg-blocking", Workload::Nested, 7_000.0, 11.0, None),
    counted("pg-async", Workload::Nested, 7_000.0, 11.0, None),
    // 120 and 125 ns, of 32.
    timed("pg-blocking", Workload::Notifications, 2.02, 3.75),
    timed("pg-async", Workload::Notifications, 2.02, 3.9),
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
