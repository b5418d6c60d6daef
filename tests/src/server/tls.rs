//! Certificates made for one server: nothing is read from disk, and nothing outlives the server.

use std::{
    fs, io,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use super::error::{Error, Result};

/// Which certificates a server with TLS has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// An authority, and a server certificate signed by it for `localhost` and `127.0.0.1`.
    Authority,
    /// One self-signed certificate with `CA:TRUE` that serves as the server's, for `localhost` and `127.0.0.1`.
    SelfSignedCa,
    /// What the quick recipe of PostgreSQL's manual makes (`openssl req -new -x509 -days 365 -nodes`): self-signed,
    /// `CA:TRUE`, a common name (`localhost`) and no alternative names.
    QuickRecipe,
}

/// The certificates of one server, and more for its clients when asked.
///
/// # Drop
/// The files stand in the server's folder and go with it.
#[derive(Debug)]
pub struct Certificates {
    root: String,
    server_certificate: String,
    server_key: String,
    authority: Issuer<'static, KeyPair>,
    folder: PathBuf,
}

/// A certificate that a client shows.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    /// The certificate in PEM.
    pub certificate: String,
    /// Its private key (PKCS #8) in PEM.
    pub key: String,
    /// A file with the certificate.
    pub certificate_path: PathBuf,
    /// A file with the key, closed to other users.
    pub key_path: PathBuf,
}

impl Certificates {
    pub(super) fn make(kind: Tls) -> Result<Certificates> {
        Certificates::try_make(kind).map_err(failed)
    }

    fn try_make(kind: Tls) -> std::result::Result<Certificates, rcgen::Error> {
        let names: &[&str] = if kind == Tls::SelfSignedCa { &["localhost", "127.0.0.1"] } else { &[] };
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let common = if kind == Tls::Authority { "pg-tests authority" } else { "localhost" };
        let mut params = named(names, common)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        if kind == Tls::Authority {
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        }
        let key = KeyPair::generate()?;
        let root = params.self_signed(&key)?.pem();
        let root_key = key.serialize_pem();
        let authority = Issuer::new(params, key);
        let (server_certificate, server_key) = if kind == Tls::Authority {
            let mut params = named(vec!["localhost".to_owned(), "127.0.0.1".to_owned()], "localhost")?;
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            let key = KeyPair::generate()?;
            (params.signed_by(&key, &authority)?.pem(), key.serialize_pem())
        } else {
            (root.clone(), root_key)
        };
        Ok(Certificates { root, server_certificate, server_key, authority, folder: PathBuf::new() })
    }

    /// Writes `root.crt` into the folder of the server.
    pub(super) fn keep_in(&mut self, folder: &Path) -> Result<()> {
        self.folder = folder.to_owned();
        write(&self.root_path(), &self.root, 0o644)
    }

    /// The certificate that clients must trust, in PEM: the authority's, or the server's own.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// A file with [`root`](Certificates::root), for `sslrootcert`.
    pub fn root_path(&self) -> PathBuf {
        self.folder.join("root.crt")
    }

    /// The certificate that the server shows, in PEM.
    pub fn server_certificate(&self) -> &str {
        &self.server_certificate
    }

    pub(super) fn server_key(&self) -> &str {
        &self.server_key
    }

    /// A new certificate for a client, with the user's name as its common name, that the server trusts.
    ///
    /// The server looks at it where a line of `pg_hba.conf` says `cert` or `clientcert=verify-full`.
    ///
    /// # Panics
    /// When it cannot be made or written.
    pub fn client(&self, user: &str) -> ClientCertificate {
        self.try_client(user).unwrap_or_else(|error| panic!("{error}"))
    }

    fn try_client(&self, user: &str) -> Result<ClientCertificate> {
        let make = || -> std::result::Result<(String, String), rcgen::Error> {
            let mut params = named(Vec::new(), user)?;
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            let key = KeyPair::generate()?;
            Ok((params.signed_by(&key, &self.authority)?.pem(), key.serialize_pem()))
        };
        let (certificate, key) = make().map_err(failed)?;
        let file = |end: &str| self.folder.join(format!("client-{}.{end}", user.replace('/', "_")));
        let (certificate_path, key_path) = (file("crt"), file("key"));
        write(&certificate_path, &certificate, 0o644)?;
        write(&key_path, &key, 0o600)?;
        Ok(ClientCertificate { certificate, key, certificate_path, key_path })
    }
}

fn named(alternatives: Vec<String>, common: &str) -> std::result::Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(alternatives)?;
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, common);
    Ok(params)
}

fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    let file = fs::File::options().create(true).write(true).truncate(true).mode(mode).open(path);
    let written: io::Result<()> = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Error::io("write", path, &error))
}

fn failed(error: rcgen::Error) -> Error {
    Error::new(format!("cannot make a certificate: {error}"))
}
