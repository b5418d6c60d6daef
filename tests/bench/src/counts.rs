//! What repeats: instructions and allocations by callgrind, system calls by strace, each as the difference of two runs
//! of a child.

use std::{
    collections::{BTreeMap, HashMap},
    env, fs, io,
    path::Path,
    process::{Command, Stdio},
};

use crate::workload::{Result, Workload};

/// The figures of a peer; none where the tool is not installed.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Of a unit.
    pub instructions: Option<f64>,
    /// Of a unit.
    pub allocations: Option<f64>,
    /// Of an operation, by name, most first.
    pub system_calls: Option<Vec<(String, f64)>>,
}

/// What a run made, by name.
type Tally = BTreeMap<String, u64>;

pub fn count(peer: &str, workload: Workload, place: &[(&str, String)]) -> Result<Counts> {
    let folder = env::current_exe()?.with_file_name("profiles");
    fs::create_dir_all(&folder)?;
    let difference = |tool: Tool| -> Result<Option<Vec<(String, f64)>>> {
        let (few, many) = if workload == Workload::Row { (200, 2_200) } else { (1, 1 + tool.answers) };
        let operations = f64::from(many - few);
        let file = folder.join(format!("{}.{}.{peer}", tool.program, workload.word()));
        let (Some(less), Some(more)) =
            (tool.run(peer, workload, few, place, &file)?, tool.run(peer, workload, many, place, &file)?)
        else {
            return Ok(None);
        };
        let each = |(name, more): (String, u64)| {
            let less = less.get(&name).copied().unwrap_or_default();
            (name, (more as f64 - less as f64) / operations)
        };
        let mut each: Vec<_> = more.into_iter().map(each).filter(|(_, calls)| calls.abs() >= 0.005).collect();
        each.sort_by(|one, other| other.1.total_cmp(&one.1));
        Ok(Some(each))
    };
    let callgrind = difference(CALLGRIND)?;
    let of_a_unit = |wanted: &str| {
        let tally = callgrind.as_ref()?;
        let found = tally.iter().find(|(name, _)| name == wanted).map_or(0.0, |(_, each)| *each);
        Some(found / f64::from(workload.units()))
    };
    Ok(Counts {
        instructions: of_a_unit(INSTRUCTIONS),
        allocations: of_a_unit(ALLOCATIONS),
        system_calls: difference(STRACE)?,
    })
}

struct Tool {
    program: &'static str,
    options: &'static [&'static str],
    /// The option that names its output.
    output: &'static str,
    /// How many operations of many rows to count: one is slow for callgrind, and differs from the other for strace.
    answers: u32,
    read: fn(&str) -> Tally,
}

const CALLGRIND: Tool = Tool {
    program: "valgrind",
    options: &["--tool=callgrind", "--quiet"],
    output: "--callgrind-out-file=",
    answers: 2,
    read: read_callgrind,
};

const STRACE: Tool =
    Tool { program: "strace", options: &["-f", "-c"], output: "--output=", answers: 30, read: read_strace };

impl Tool {
    /// None when the tool is not installed.
    fn run(
        &self,
        peer: &str,
        workload: Workload,
        n: u32,
        place: &[(&str, String)],
        file: &Path,
    ) -> Result<Option<Tally>> {
        let output = Command::new(self.program)
            .args(self.options)
            .arg(format!("{}{}", self.output, file.display()))
            .arg(env::current_exe()?)
            .args(["child", peer, workload.word(), &n.to_string()])
            .envs(place.iter().cloned())
            .stdin(Stdio::null())
            .output();
        let output = match output {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            output => output?,
        };
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{} of {peer}: {}: {said}", self.program, output.status).into());
        }
        Ok(Some((self.read)(&fs::read_to_string(file)?)))
    }
}

const INSTRUCTIONS: &str = "instructions";
const ALLOCATIONS: &str = "allocations";

/// Callgrind's profile: `fn=(7) name` opens a function, `cfn=(9) name` one that it calls, `calls=N ..` says how often;
/// a name stands only where its number is first seen.
fn read_callgrind(profile: &str) -> Tally {
    const ALLOCATORS: [&str; 6] =
        ["malloc", "calloc", "realloc", "memalign", "posix_memalign", "aligned_alloc"];
    let mut allocators = HashMap::new();
    let mut is_allocator = |function: &str| -> bool {
        let (number, name) = function.split_once(' ').unwrap_or((function, ""));
        *allocators.entry(number.to_owned()).or_insert_with(|| ALLOCATORS.contains(&name))
    };
    let (mut caller, mut callee) = (false, false);
    let (mut instructions, mut allocations) = (0, 0);
    for line in profile.lines() {
        match line.split_once('=') {
            Some(("fn", function)) => caller = is_allocator(function),
            Some(("cfn", function)) => callee = is_allocator(function),
            // An allocator that calls another is still one allocation.
            Some(("calls", calls)) if callee && !caller => allocations += first_number(calls),
            _ => {
                if let Some(total) = line.strip_prefix("totals:").or_else(|| line.strip_prefix("summary:")) {
                    instructions = first_number(total);
                }
            }
        }
    }
    Tally::from([(INSTRUCTIONS.to_owned(), instructions), (ALLOCATIONS.to_owned(), allocations)])
}

/// The table of `strace -c`: share, seconds, time of a call, calls, perhaps errors, name.
fn read_strace(table: &str) -> Tally {
    let row = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (calls, name) = (words.get(3)?.parse().ok()?, words.last()?);
        (*name != "total").then(|| ((*name).to_owned(), calls))
    };
    table.lines().filter_map(row).collect()
}

fn first_number(text: &str) -> u64 {
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or_default()
}
