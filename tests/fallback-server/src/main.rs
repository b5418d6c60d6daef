//! `fallback-server VERSION FOLDER` downloads exactly this PostgreSQL into `FOLDER/VERSION` and checks it. The harness
//! then runs `initdb` and `postgres` as it does with any other programs.

use std::{env, path::PathBuf, process::ExitCode, time::Duration};

use postgresql_embedded::{Settings, Status, VersionReq, blocking::PostgreSQL};

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let (Some(version), Some(folder)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: fallback-server VERSION FOLDER");
        return ExitCode::FAILURE;
    };
    let Ok(exactly) = VersionReq::parse(&format!("={version}")) else {
        eprintln!("{version:?} is no version such as 18.4.0");
        return ExitCode::FAILURE;
    };
    let mut settings = Settings::new();
    settings.version = exactly;
    settings.installation_dir = PathBuf::from(folder);
    settings.timeout = Some(Duration::from_secs(60));
    let mut postgresql = PostgreSQL::new(settings);
    // setup() also runs initdb, which refuses to run as root; what counts here is whether the programs are there.
    let outcome = postgresql.setup();
    if postgresql.status() == Status::NotInstalled {
        eprintln!("PostgreSQL {version} could not be downloaded: {outcome:?}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
