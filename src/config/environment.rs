//! How the environment is read: what is empty is not set, and errors name variables besides options.

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command};

/// The same command, for which a variable that is empty is as if it were not set: what compose files put together out of other
/// variables often is.
#[must_use]
pub fn without_empty_variables(command: Command) -> Command {
    command.mut_args(without_empty_variable).mut_subcommands(without_empty_variables)
}

fn without_empty_variable(option: Arg) -> Arg {
    let is_empty = |name| std::env::var_os(name).is_some_and(|value| value.is_empty());
    if option.get_env().is_some_and(is_empty) { option.env(Resettable::Reset) } else { option }
}

/// The variables behind the options that `error` names.
pub fn variables_in(error: &clap::Error, command: &Command) -> Vec<String> {
    let named = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(one)) => std::slice::from_ref(one),
        Some(ContextValue::Strings(several)) => several,
        _ => &[],
    };
    let options = command.get_arguments().filter(|option| named.contains(&option.to_string()));
    options.filter_map(|option| Some(option.get_env()?.to_str()?.to_owned())).collect()
}
