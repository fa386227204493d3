//! What a command says: its answer, and lines for the person at the terminal.

use std::io::Write as _;

/// Exit code of a command that worked but did not give every answer.
pub(super) const EXIT_PARTIAL: u8 = 2;

/// A line for the person at the terminal, apart from the answer on standard output.
#[expect(
    clippy::print_stderr,
    reason = "the command line talks to a person on standard error"
)]
pub(super) fn tell(line: &str) {
    eprintln!("{line}");
}

/// The answer. A reader that has seen enough of it (`| head`) ends the program, quietly.
pub(super) fn answer(text: &str) {
    if let Err(error) = writeln!(std::io::stdout(), "{text}") {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        tell(&format!("norma: failed to write the answer: {error}"));
        std::process::exit(1);
    }
}
