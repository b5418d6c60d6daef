//! The last way: a separate package next to this one, `tests/fallback-server`, which downloads PostgreSQL by a crate
//! that is far too large for the normal build.

use std::{fs, path::Path, process::Command};

use super::{
    error::{Error, Result},
    folders,
    package::{Package, run},
};

/// The exact versions that are asked for.
const VERSIONS: &[(u32, &str)] =
    &[(14, "14.23.0"), (15, "15.18.0"), (16, "16.14.0"), (17, "17.10.0"), (18, "18.4.0")];

/// The program's work, for one major version.
pub(super) fn package(major: u32) -> Result<Package> {
    let version = VERSIONS.iter().find(|(of, _)| *of == major);
    let &(_, version) = version.ok_or_else(|| Error::new(format!("no PostgreSQL {major} is known")))?;
    Ok(Package {
        name: format!("fallback-{version}"),
        bin: format!("{version}/bin").into(),
        notice: format!("building a downloader for PostgreSQL {version}, once (some minutes)"),
        fill: Box::new(move |folder| {
            let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("fallback-server/Cargo.toml");
            if !manifest.is_file() {
                return Err(Error::new(format!("{} is not there any more", manifest.display())));
            }
            // Not in the source tree, and not in the build folder of whoever runs the tests.
            let build = folder.join("build");
            let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
            let mut cargo = Command::new(cargo);
            cargo.args(["run", "--quiet", "--locked", "--manifest-path"]).arg(&manifest);
            cargo.arg("--target-dir").arg(&build).arg("--").arg(version).arg(folder);
            // The program's library keeps temporary folders; these go with the build.
            folders::make(&build)?;
            cargo.env("TMPDIR", &build);
            let outcome = run(&mut cargo);
            let _ = fs::remove_dir_all(&build);
            outcome
        }),
    })
}
