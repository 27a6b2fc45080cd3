//! The program `odpm`.

fn main() -> std::process::ExitCode {
    odpm::cli::main()
}
