//! Fetches the files of the GraphiQL page, so that the binary carries them.
//!
//! They come from the directory that `IDGATE_GRAPHIQL` names, else from npm by `web/`'s lock file,
//! once for a target directory. Without npm the build goes on: the page then loads the pinned
//! public copy, and the crate is compiled without `cfg(graphiql_embedded)`.

#![expect(
    clippy::disallowed_methods,
    reason = "a build script is configured by its environment"
)]

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use sha2::{Digest as _, Sha384};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What npm reads; the rest of `web/` is ours and is compiled in.
const NPM_FILES: [&str; 3] = [".npmrc", "package.json", "package-lock.json"];

/// A machine that reaches no registry must not hold up its build for long.
const NPM_PATIENCE: Duration = Duration::from_mins(3);

fn main() {
    println!("cargo::rustc-check-cfg=cfg(graphiql_embedded)");
    println!("cargo::rerun-if-env-changed=IDGATE_GRAPHIQL");
    // A new document in the folder has to be noticed by the derive that embeds it.
    println!("cargo::rerun-if-changed=queries");
    println!("cargo::rerun-if-changed=web/pinned.txt");
    for name in NPM_FILES {
        println!("cargo::rerun-if-changed=web/{name}");
    }
    if let Err(error) = prepare() {
        println!("cargo::error=GraphiQL: {error}");
    }
}

fn prepare() -> Outcome<()> {
    let web = directory("CARGO_MANIFEST_DIR")?.join("web");
    let out = directory("OUT_DIR")?;
    let pinned = read_pinned(&web.join("pinned.txt"))?;
    let files = collect(&web, &out, &pinned)?;
    if let Some(files) = &files {
        println!("cargo::rustc-cfg=graphiql_embedded");
        for (file, bytes) in pinned.iter().zip(files) {
            write_file(&out.join("graphiql").join(&file.path), bytes)?;
        }
    }
    fs::write(out.join("graphiql.rs"), source(&pinned, files.is_some())?)?;
    Ok(())
}

fn directory(variable: &str) -> Outcome<PathBuf> {
    let value = env::var_os(variable).ok_or_else(|| format!("{variable} is not set"))?;
    Ok(PathBuf::from(value))
}

// ── The pinned files ────────────────────────────────────────────────────────────────────────────

struct Pinned {
    integrity: String,
    /// `package@version/path`, as public copies of npm spell it.
    path: String,
}

impl Pinned {
    /// `package/path`, as `node_modules` spells it.
    fn installed(&self) -> Outcome<String> {
        let (package, rest) = self
            .path
            .split_once('@')
            .ok_or("pinned.txt: a version is missing")?;
        let (_version, path) = rest
            .split_once('/')
            .ok_or("pinned.txt: a path is missing")?;
        Ok(format!("{package}/{path}"))
    }

    fn is(&self, bytes: &[u8]) -> bool {
        self.integrity == format!("sha384-{}", BASE64_STANDARD.encode(Sha384::digest(bytes)))
    }
}

fn read_pinned(path: &Path) -> Outcome<Vec<Pinned>> {
    let text = fs::read_to_string(path)?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (integrity, path) = line.split_once(' ').ok_or("pinned.txt: a bad line")?;
            Ok(Pinned {
                integrity: integrity.to_owned(),
                path: path.to_owned(),
            })
        })
        .collect()
}

/// The table that `src/transport/graphiql` includes.
fn source(pinned: &[Pinned], embedded: bool) -> Outcome<String> {
    let mut source = String::from("&[\n");
    for Pinned { integrity, path } in pinned {
        let bytes = if embedded {
            // Relative to the file that this is written to.
            format!("Some(include_bytes!({:?}))", format!("graphiql/{path}"))
        } else {
            "None".to_owned()
        };
        writeln!(
            source,
            "Pinned {{ path: {path:?}, integrity: {integrity:?}, bytes: {bytes} }},"
        )?;
    }
    source.push_str("]\n");
    Ok(source)
}

// ── Where they come from ────────────────────────────────────────────────────────────────────────

/// The files in the order of `pinned`, or `None` where the page has to use the public copy.
fn collect(web: &Path, out: &Path, pinned: &[Pinned]) -> Outcome<Option<Vec<Vec<u8>>>> {
    match env::var_os("IDGATE_GRAPHIQL").filter(|value| !value.is_empty()) {
        Some(value) if value == "skip" => return Ok(None),
        Some(named) => return from_modules(Path::new(&named), pinned).map(Some),
        None => {}
    }
    let cache = target_directory(out).join("graphiql");
    if let Some(files) = from_cache(&cache, pinned) {
        return Ok(Some(files));
    }
    let workshop = out.join("npm");
    if let Err(reason) = install(web, &workshop) {
        println!(
            "cargo::warning=GraphiQL is not embedded: {reason}. Its page will load a public copy. \
             To try again, `touch web/package.json`; to silence this, IDGATE_GRAPHIQL=skip."
        );
        return Ok(None);
    }
    let files = from_modules(&workshop.join("node_modules"), pinned)?;
    fs::remove_dir_all(&workshop)?;
    for (file, bytes) in pinned.iter().zip(&files) {
        write_file(&cache.join(&file.path), bytes)?;
    }
    Ok(Some(files))
}

/// The cache is trusted as far as each file has its digest, so a damaged one is fetched again.
fn from_cache(cache: &Path, pinned: &[Pinned]) -> Option<Vec<Vec<u8>>> {
    let read = |file: &Pinned| fs::read(cache.join(&file.path)).ok();
    pinned
        .iter()
        .map(|file| read(file).filter(|bytes| file.is(bytes)))
        .collect()
}

fn from_modules(modules: &Path, pinned: &[Pinned]) -> Outcome<Vec<Vec<u8>>> {
    let read = |file: &Pinned| {
        let path = modules.join(file.installed()?);
        let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if file.is(&bytes) {
            Ok(bytes)
        } else {
            Err(format!(
                "{} is not the {} of web/pinned.txt",
                path.display(),
                file.path
            )
            .into())
        }
    };
    pinned.iter().map(read).collect()
}

/// Cargo marks the root of the target directory, wherever that is; profiles share what is there.
fn target_directory(out: &Path) -> &Path {
    let root = out
        .ancestors()
        .find(|directory| directory.join("CACHEDIR.TAG").exists());
    root.unwrap_or(out)
}

/// Other builds may write the same file: each writes its own and moves it into place.
fn write_file(path: &Path, bytes: &[u8]) -> Outcome<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut temporary = OsString::from(path);
    temporary.push(format!(".{}", process::id()));
    fs::write(&temporary, bytes)?;
    fs::rename(&temporary, path)?;
    Ok(())
}

// ── npm ─────────────────────────────────────────────────────────────────────────────────────────

/// Installs the packages in a directory of this build's own: the source tree may be read-only.
fn install(web: &Path, workshop: &Path) -> Outcome<()> {
    if workshop.exists() {
        fs::remove_dir_all(workshop)?;
    }
    fs::create_dir_all(workshop)?;
    for name in NPM_FILES {
        // Read and written, as a copy would keep the mode of a read-only file.
        fs::write(workshop.join(name), fs::read(web.join(name))?)?;
    }
    let log = fs::File::create(workshop.join("npm.log"))?;
    let npm = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" })
        .args([
            "ci",
            "--ignore-scripts",
            "--prefer-offline",
            "--loglevel=error",
        ])
        .args([
            "--fetch-retries=1",
            "--fetch-retry-mintimeout=1000",
            "--fetch-timeout=30000",
        ])
        .current_dir(workshop)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .map_err(|error| format!("npm did not start ({error})"))?;
    if wait(npm)? {
        return Ok(());
    }
    let log = fs::read_to_string(workshop.join("npm.log"))?;
    let said = log
        .lines()
        .find(|line| line.starts_with("npm error"))
        .unwrap_or("npm ci failed");
    Err(said.into())
}

/// Whether it succeeded.
fn wait(mut npm: Child) -> Outcome<bool> {
    let started = Instant::now();
    loop {
        if let Some(status) = npm.try_wait()? {
            return Ok(status.success());
        }
        if started.elapsed() > NPM_PATIENCE {
            npm.kill()?;
            npm.wait()?;
            return Err("npm ci took too long".into());
        }
        thread::sleep(Duration::from_millis(100));
    }
}
