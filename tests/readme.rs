//! What the README says of settings.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use clap::{Arg, CommandFactory};
use playback_service::config::Config;

const README: &str = include_str!("../README.md");

/// `| `PORT` | `8085` | Port to listen on |` of each option, as `--help` has it.
fn row(option: &Arg) -> String {
    let name = option.get_env().unwrap().to_str().unwrap();
    let defaults = option.get_default_values().iter().map(|value| value.to_str().unwrap());
    let default = defaults.map(|value| format!("`{value}`")).collect::<Vec<_>>().join(",");
    format!("| `{name}` | {default} | {} |", option.get_help().unwrap())
}

#[test]
fn the_table_of_settings_is_that_of_help() {
    let command = Config::command();
    let options = command.get_arguments().filter(|option| option.get_env().is_some());
    let expected: Vec<String> = options.map(row).collect();
    let (_, section) = README.split_once("\n## Configuration\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let table: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
    let missing: Vec<_> = expected.iter().filter(|row| !table.contains(&row.as_str())).collect();
    assert!(missing.is_empty(), "these rows belong into the README:\n{missing:#?}");
    let obsolete: Vec<_> = table.iter().filter(|row| !expected.iter().any(|known| known == **row)).collect();
    assert!(obsolete.is_empty(), "these do not:\n{obsolete:#?}");
}
