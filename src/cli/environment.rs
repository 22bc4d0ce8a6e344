//! What does the environment say for every verb? Where the config is.

use clap::Command;

/// The variable that names the config file where no flag does.
pub const CONFIG_VARIABLE: &str = "SEALDESK_CONFIG";

/// The command, in which every `--config` may be said by `SEALDESK_CONFIG` too.
pub fn with_environment(command: Command) -> Command {
    command
        .mut_args(|arg| {
            if arg.get_id() == "config" {
                // A manual must not hold the path of whoever made it.
                arg.env(CONFIG_VARIABLE).hide_env_values(true)
            } else {
                arg
            }
        })
        .mut_subcommands(with_environment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Args;

    #[test]
    fn every_config_flag_is_a_variable_too_and_help_says_so() {
        let verbs = [
            crate::cli::run::Run::augment_args(Command::new("run")),
            crate::cli::case::CaseArgs::augment_args(Command::new("case")),
            crate::cli::key::Key::augment_args(Command::new("key")),
        ];
        let mut program = with_environment(Command::new("sealdesk").subcommands(verbs));
        program.build();
        let mut seen = 0;
        let mut waiting = vec![program];
        while let Some(command) = waiting.pop() {
            waiting.extend(command.get_subcommands().cloned());
            let mut configs = command
                .get_arguments()
                .filter(|arg| arg.get_id() == "config");
            let Some(config) = configs.next() else {
                continue;
            };
            seen += 1;
            assert_eq!(
                config.get_env(),
                Some(std::ffi::OsStr::new(CONFIG_VARIABLE)),
                "{}",
                command.get_name()
            );
            let help = command.clone().render_long_help().to_string();
            assert!(help.contains("[env: SEALDESK_CONFIG]"), "{help}");
        }
        assert!(seen > 20, "only {seen} verbs have a config");
    }
}
