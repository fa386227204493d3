//! The child process in which the tests' gateway reads uploads; in the product the norma binary is that child.

fn main() -> std::process::ExitCode {
    // The program's name and the subcommand come first.
    norma_pipeline::run_child(std::env::args_os().skip(2))
}
