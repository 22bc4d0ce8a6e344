//! How are the verbs of every day used? Examples, for `--help` and the manual pages.

use clap::Command;

/// The verbs and their examples: a line each, and after it what it does.
const EXAMPLES: &[(&str, &[(&str, &str)])] = &[
    (
        "status",
        &[
            (
                "sealdesk status",
                "what is late, what is next, what is broken",
            ),
            ("sealdesk status --json | jq .faults", ""),
        ],
    ),
    (
        "case list",
        &[
            ("sealdesk case list", "open cases, newest first"),
            ("sealdesk case list --sort due", "what is due first, first"),
            ("sealdesk case list --late", "whose deadline is over"),
            ("sealdesk case list --assignee rita", "whose case it is"),
            ("sealdesk case list --json | jq -r '.[].id'", ""),
        ],
    ),
    (
        "case show",
        &[
            (
                "sealdesk case show SD-YG2MH6HYPJ",
                "report, letters, journal",
            ),
            ("sealdesk case show SD-YG2MH6HYPJ --full", "quotations too"),
            ("sealdesk case show SD-YG2MH6HYPJ --json | jq .report", ""),
        ],
    ),
    (
        "case timeline",
        &[
            ("sealdesk case timeline SD-YG2MH6HYPJ", ""),
            (
                "sealdesk case timeline SD-YG2MH6HYPJ --markdown > timeline.md",
                "",
            ),
        ],
    ),
    (
        "case reply",
        &[
            ("sealdesk case reply SD-YG2MH6HYPJ", "in your EDITOR"),
            ("sealdesk case reply SD-YG2MH6HYPJ --file answer.txt", ""),
        ],
    ),
    (
        "case note",
        &[
            (
                "sealdesk case note SD-YG2MH6HYPJ 'The same code is in acme-cli.'",
                "",
            ),
            ("sealdesk case note SD-YG2MH6HYPJ < log.txt", ""),
        ],
    ),
    (
        "case set",
        &[
            (
                "sealdesk case set SD-YG2MH6HYPJ --affected 'before 2.3.2' --fixed 2.3.2",
                "",
            ),
            ("sealdesk case set SD-YG2MH6HYPJ --severity high", ""),
        ],
    ),
    (
        "case assign",
        &[("sealdesk case assign SD-YG2MH6HYPJ rita", "")],
    ),
    (
        "case reach",
        &[
            ("sealdesk case reach SD-YG2MH6HYPJ fix", "now"),
            (
                "sealdesk case reach SD-YG2MH6HYPJ fix --at 2026-12-01T16:00Z",
                "",
            ),
            (
                "sealdesk case reach SD-YG2MH6HYPJ fix --undo",
                "it was a mistake",
            ),
        ],
    ),
    (
        "case close",
        &[
            ("sealdesk case close SD-YG2MH6HYPJ resolved", ""),
            (
                "sealdesk case close SD-YG2MH6HYPJ rejected --note 'not our code'",
                "",
            ),
        ],
    ),
    (
        "case release-date",
        &[
            ("sealdesk case release-date SD-YG2MH6HYPJ", "proposes a day"),
            (
                "sealdesk case release-date SD-YG2MH6HYPJ 2026-12-07",
                "agrees on it",
            ),
        ],
    ),
    (
        "case announce",
        &[
            (
                "sealdesk case announcement SD-YG2MH6HYPJ > text",
                "drafts it: fill the gaps",
            ),
            (
                "sealdesk case announce SD-YG2MH6HYPJ --file text",
                "sends it",
            ),
        ],
    ),
    (
        "check",
        &[
            ("sealdesk check", "tries everything for real"),
            ("sealdesk check --config-only", "before a reload"),
        ],
    ),
];

/// The examples of a verb, by its path below the program: `case list`.
pub fn of(verb: &str) -> Option<String> {
    let (_, lines) = EXAMPLES.iter().find(|(path, _)| *path == verb)?;
    let described = lines.iter().filter(|(_, what)| !what.is_empty());
    let widest = described.map(|(line, _)| line.len()).max().unwrap_or(0);
    let written = lines.iter().map(|(line, what)| match *what {
        "" => format!("  {line}\n"),
        what => format!("  {line:<widest$}  {what}\n"),
    });
    Some(written.collect())
}

/// The command, in which the help of each of these verbs ends with its examples.
pub fn with_examples(command: Command) -> Command {
    below(command, "")
}

fn below(command: Command, path: &str) -> Command {
    let command = match of(path) {
        Some(examples) => {
            let more = command.get_after_help().map(|more| format!("{more}\n\n"));
            let more = more.unwrap_or_default();
            command.after_long_help(format!("{more}Examples:\n{}", examples.trim_end()))
        }
        None => command,
    };
    command.mut_subcommands(|verb| {
        let path = format!("{path} {}", verb.get_name());
        below(verb, path.trim_start())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Args;

    fn program() -> Command {
        let verbs = [
            crate::cli::case::CaseArgs::augment_args(Command::new("case")),
            crate::cli::status::StatusArgs::augment_args(Command::new("status")),
            crate::cli::check::Check::augment_args(Command::new("check")),
        ];
        Command::new("sealdesk").subcommands(verbs)
    }

    #[test]
    fn every_example_is_a_command_that_is_understood() {
        for (path, lines) in EXAMPLES {
            for (line, _) in *lines {
                let command = line.split([';', '|', '<', '>']).next().unwrap();
                let words = shlex::split(command).unwrap();
                let parsed = program().try_get_matches_from(words);
                assert!(parsed.is_ok(), "{path}: {line}: {:?}", parsed.err());
            }
            let verb = path.split(' ').next_back().unwrap();
            assert!(lines.iter().any(|(line, _)| line.contains(verb)), "{path}");
        }
    }

    #[test]
    fn help_ends_with_examples_that_fit_the_terminal() {
        let mut program = with_examples(program());
        program.build();
        for (path, _) in EXAMPLES {
            let mut command = &mut program;
            for name in path.split(' ') {
                command = command.find_subcommand_mut(name).unwrap();
            }
            let help = command.render_long_help().to_string();
            assert!(help.contains("\nExamples:\n  sealdesk "), "{help}");
            let examples = of(path).unwrap();
            assert!(examples.lines().all(|line| line.len() <= 80), "{examples}");
        }
    }
}
