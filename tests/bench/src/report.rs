//! The table of a workload: a line for each peer, and beside the figures of ours their budgets.

use std::cell::Cell;

use crate::{
    budgets::{LIMIT, RIVALS, Verdict, budget},
    counts::Counts,
    times::{REFERENCE, Times},
    workload::Workload,
};

/// What was measured of a peer.
pub struct Line {
    pub peer: &'static str,
    pub counts: Counts,
    pub times: Option<Times>,
}

impl Line {
    pub fn new(peer: &'static str) -> Line {
        Line { peer, counts: Counts::default(), times: None }
    }
}

/// Prints it and says whether no budget is overrun.
pub fn print(workload: Workload, lines: &[Line]) -> bool {
    let holds = Cell::new(true);
    let judged = |figure: f64, goal: Option<f64>, decimals: i32| match goal {
        Some(goal) => {
            let verdict = Verdict::of(figure, goal, decimals);
            holds.set(holds.get() && verdict != Verdict::Over);
            [number(figure, decimals), format!("of {} {}", number(goal, decimals), verdict.word())]
        }
        None => [number(figure, decimals), String::new()],
    };
    let mut table: Vec<Vec<String>> = vec![
        ["peer", "instructions", "", "allocations", "", "system calls", "", "CPU ns"]
            .map(str::to_owned)
            .into(),
    ];
    let heads = [&format!("{REFERENCE} = 1"), "", &format!("{LIMIT} = 1"), "", "which system calls"];
    table[0].extend(heads.map(str::to_owned));
    for line in lines {
        let goal = budget(line.peer, workload);
        let mut row = vec![line.peer.to_owned()];
        let mut add = |figure: Option<f64>, goal: Option<f64>, decimals: i32| {
            row.extend(
                figure.map_or([String::new(), String::new()], |figure| judged(figure, goal, decimals)),
            );
        };
        let calls = line.counts.system_calls.as_ref();
        add(line.counts.instructions, goal.and_then(|goal| goal.instructions), 0);
        add(line.counts.allocations, goal.map(|goal| goal.allocations), 2);
        add(
            calls.map(|calls| calls.iter().map(|call| call.1).sum()),
            goal.and_then(|goal| goal.system_calls),
            2,
        );
        row.push(line.times.as_ref().map_or(String::new(), |times| number(times.cpu, 0)));
        let ratio = line.times.as_ref().and_then(|times| times.ratio);
        row.push(ratio.map_or(String::new(), |ratio| number(ratio, 2)));
        row.push(match (goal, ratio) {
            (Some(_), Some(ratio)) => {
                let ahead = ahead(ratio, lines);
                holds.set(holds.get() && ahead.is_ok());
                ahead.unwrap_or_else(|rivals| rivals)
            }
            _ => String::new(),
        });
        let over = line.times.as_ref().and_then(|times| times.over_limit);
        row.extend(
            over.map_or([String::new(), String::new()], |over| {
                judged(over, goal.and_then(|goal| goal.cpu), 2)
            }),
        );
        let names = calls.into_iter().flatten().map(|(name, calls)| format!("{name} {}", number(*calls, 2)));
        row.push(names.collect::<Vec<_>>().join(", "));
        table.push(row);
    }
    println!("\n{}", workload.title());
    lay_out(table);
    holds.get()
}

/// Whether one of ours with this ratio is ahead of all rivals that were measured.
fn ahead(ratio: f64, lines: &[Line]) -> Result<String, String> {
    let rivals = lines.iter().filter(|line| RIVALS.contains(&line.peer));
    let rivals = rivals.filter_map(|line| Some((line.peer, line.times.as_ref()?.ratio?)));
    let (behind, ahead): (Vec<_>, Vec<_>) = rivals.partition(|(_, rival)| *rival <= ratio);
    match (behind.is_empty(), ahead.is_empty()) {
        (true, true) => Ok(String::new()),
        (true, false) => Ok("ahead PASS".to_owned()),
        _ => {
            Err(format!("behind {} OVER", behind.iter().map(|rival| rival.0).collect::<Vec<_>>().join(", ")))
        }
    }
}

/// With a comma between the thousands.
fn number(figure: f64, decimals: i32) -> String {
    let text = format!("{figure:.*}", usize::try_from(decimals).unwrap_or_default());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (at, digit) in whole.char_indices() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

/// Numbers to the right, words to the left, columns without anything left out.
fn lay_out(table: Vec<Vec<String>>) {
    let columns = table[0].len();
    let width = |column: usize| table.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let is_empty = |column: usize| table[1..].iter().all(|row| row[column].is_empty());
    for row in &table {
        let mut line = String::new();
        for column in (0..columns).filter(|column| !is_empty(*column)) {
            let (cell, width) = (&row[column], width(column));
            let is_figure =
                table[1..].iter().any(|row| row[column].starts_with(|c: char| c.is_ascii_digit()));
            line += &if is_figure { format!("{cell:>width$}  ") } else { format!("{cell:<width$}  ") };
        }
        println!("{}", line.trim_end());
    }
}
