//! Starts a server, says where it is, and waits to be killed: what a test of the harness runs in a process of its own.

fn main() {
    #[cfg(unix)]
    {
        use pg_tests::server::{Options, Server};
        let server = Server::start(Options::new()).unwrap_or_else(|error| panic!("{error}"));
        let (pid, folder) =
            (server.pid().unwrap_or_default(), server.folder().unwrap_or(std::path::Path::new("")));
        println!("child: {pid} {}", folder.display());
        std::thread::sleep(std::time::Duration::from_secs(60));
    }
}
