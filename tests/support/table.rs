//! The README's table of failures, as tests find it.

#![allow(unreachable_pub, reason = "two test programs use it")]

use std::io::Write as _;

/// Prints `rows` and compares them with those of the README that are `ours`, in their order.
pub fn compare(rows: &[String], ours: impl Fn(&str) -> bool) {
    for row in rows {
        // The test harness keeps back what the macros print.
        let _ = writeln!(std::io::stderr().lock(), "{row}");
    }
    let told: Vec<&str> = told().into_iter().filter(|row| ours(row)).collect();
    for row in rows {
        assert!(told.contains(&row.as_str()), "README.md does not say\n{row}\nbut\n{}", told.join("\n"));
    }
    assert_eq!(told, rows, "README.md says more, or in another order");
}

/// The rows below the heading.
fn told() -> Vec<&'static str> {
    let (_, section) = README.split_once(HEADING).expect("the README has the section");
    let lines = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    lines.take_while(|line| line.starts_with('|')).collect()
}

const README: &str = include_str!("../../README.md");

const HEADING: &str = "\n## When something upstream fails\n";
