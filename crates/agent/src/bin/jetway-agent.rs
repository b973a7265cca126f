//! The agent on its own: what tests hand to the local runtime instead of the whole `jetway` binary.

fn main() {
    jetway_agent::run_if_asked();
    eprintln!("jetway-agent is started by `jetway serve`, not by hand");
    std::process::exit(2);
}
