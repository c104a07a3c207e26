//! The files of an export: for their owner only, complete or not there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};

use super::{Export, ExportProblem, Format, Options};
use crate::domain::legacy::{
    ChangedRow, CsvFile, CsvLines, Mapping, NewRow, SqlDialect, SqlFile, csv_of_changed, csv_of_new,
};

/// Files that are being written, under another name. Dropped, they are removed.
struct Partial {
    place: PathBuf,
    written_to: PathBuf,
    overwrite: bool,
    is_published: bool,
}

impl Partial {
    fn new(options: &Options) -> Result<Self, ExportProblem> {
        let place = options.out.clone();
        let Some(name) = place.file_name() else {
            let error = io::Error::new(
                io::ErrorKind::InvalidInput,
                "this is not the name of a file",
            );
            return Err(ExportProblem::Output { place, error });
        };
        let mut partial = name.to_owned();
        partial.push(".partial");
        let partial = Self {
            written_to: place.with_file_name(partial),
            place,
            overwrite: options.overwrite,
            is_published: false,
        };
        partial.check()?;
        // What a killed export left may have other permissions.
        partial.remove();
        Ok(partial)
    }

    /// Refuses to replace what is there.
    fn check(&self) -> Result<(), ExportProblem> {
        if !self.overwrite && fs::symlink_metadata(&self.place).is_ok() {
            return Err(ExportProblem::Exists(self.place.clone()));
        }
        Ok(())
    }

    fn failed(&self, error: io::Error) -> ExportProblem {
        ExportProblem::Output {
            place: self.place.clone(),
            error,
        }
    }

    fn remove(&self) {
        let _ = fs::remove_file(&self.written_to);
        let _ = fs::remove_dir_all(&self.written_to);
    }

    fn publish(mut self) -> Result<(), ExportProblem> {
        self.check()?;
        if self.place.is_dir() {
            // Another folder of an export; a folder with anything else stays.
            remove_export(&self.place).map_err(|error| self.failed(error))?;
        }
        fs::rename(&self.written_to, &self.place).map_err(|error| self.failed(error))?;
        self.is_published = true;
        let folder = self
            .place
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = File::open(folder.unwrap_or(Path::new(".")));
        folder
            .and_then(|folder| folder.sync_all())
            .map_err(|error| self.failed(error))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_published {
            self.remove();
        }
    }
}

/// Removes a folder that holds nothing but files of an export.
fn remove_export(folder: &Path) -> io::Result<()> {
    for file in CsvFile::ALL {
        match fs::remove_file(folder.join(file.name())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::remove_dir(folder)
}

fn create(place: &Path) -> io::Result<BufWriter<File>> {
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(place)?;
    Ok(BufWriter::new(file))
}

enum Kind {
    Sql(Box<SqlFile>, BufWriter<File>),
    Csv(Box<Mapping>, Vec<(CsvFile, BufWriter<File>)>),
}

/// An export that is being written.
pub(super) struct Output {
    partial: Partial,
    kind: Kind,
}

/// One that is complete, and not at its place yet.
pub(super) struct Complete(Partial);

impl Complete {
    pub(super) fn publish(self) -> Result<(), ExportProblem> {
        self.0.publish()
    }
}

impl Output {
    pub(super) fn create(
        export: &Export<'_>,
        options: &Options,
        last_import_at: Option<DateTime<Utc>>,
    ) -> Result<Self, ExportProblem> {
        let partial = Partial::new(options)?;
        let kind = match options.format {
            Format::Sql(dialect) => {
                let sql = SqlFile::new(dialect, export.mapping.clone(), export.written, export.now);
                let begin = sql.begin(&about(export, dialect, last_import_at));
                let file = create(&partial.written_to).and_then(|mut file| {
                    file.write_all(begin.as_bytes())?;
                    Ok(file)
                });
                Kind::Sql(Box::new(sql), file.map_err(|error| partial.failed(error))?)
            }
            Format::Csv => {
                let files = tables(&partial.written_to, export.mapping);
                let files = files.map_err(|error| partial.failed(error))?;
                Kind::Csv(Box::new(export.mapping.clone()), files)
            }
        };
        Ok(Self { partial, kind })
    }

    pub(super) fn new_account(&mut self, row: &NewRow) -> Result<(), ExportProblem> {
        let written = match &mut self.kind {
            Kind::Sql(sql, file) => file.write_all(sql.new_account(row).as_bytes()),
            Kind::Csv(_, files) => lines(files, csv_of_new(row)),
        };
        written.map_err(|error| self.partial.failed(error))
    }

    pub(super) fn changed_account(&mut self, row: &ChangedRow) -> Result<(), ExportProblem> {
        let written = match &mut self.kind {
            Kind::Sql(sql, file) => file.write_all(sql.changed_account(row).as_bytes()),
            Kind::Csv(mapping, files) => lines(files, csv_of_changed(row, mapping, false)),
        };
        written.map_err(|error| self.partial.failed(error))
    }

    pub(super) fn erased_account(&mut self, row: &ChangedRow) -> Result<(), ExportProblem> {
        let written = match &mut self.kind {
            Kind::Sql(sql, file) => file.write_all(sql.erased_account(row).as_bytes()),
            Kind::Csv(mapping, files) => lines(files, csv_of_changed(row, mapping, true)),
        };
        written.map_err(|error| self.partial.failed(error))
    }

    /// Completes the files.
    pub(super) fn finish(self) -> Result<Complete, ExportProblem> {
        let Self { partial, kind } = self;
        let complete = || -> io::Result<()> {
            match kind {
                Kind::Sql(sql, mut file) => {
                    file.write_all(sql.end().as_bytes())?;
                    sync(file)
                }
                Kind::Csv(_, files) => {
                    files.into_iter().try_for_each(|(_, file)| sync(file))?;
                    File::open(&partial.written_to)?.sync_all()
                }
            }
        };
        complete().map_err(|error| partial.failed(error))?;
        Ok(Complete(partial))
    }
}

fn sync(mut file: BufWriter<File>) -> io::Result<()> {
    file.flush()?;
    file.get_ref().sync_all()
}

fn tables(folder: &Path, mapping: &Mapping) -> io::Result<Vec<(CsvFile, BufWriter<File>)>> {
    fs::DirBuilder::new().mode(0o700).create(folder)?;
    let files = CsvFile::ALL.into_iter().map(|table| {
        let mut file = create(&folder.join(table.name()))?;
        file.write_all(table.header(mapping).as_bytes())?;
        Ok((table, file))
    });
    files.collect()
}

fn lines(files: &mut [(CsvFile, BufWriter<File>)], lines: CsvLines) -> io::Result<()> {
    for (table, line) in lines {
        let mut known = files.iter_mut();
        if let Some((_, file)) = known.find(|(known, _)| *known == table) {
            file.write_all(line.as_bytes())?;
        }
    }
    Ok(())
}

/// What the file says about itself.
fn about(
    export: &Export<'_>,
    dialect: SqlDialect,
    last_import_at: Option<DateTime<Utc>>,
) -> Vec<String> {
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let imported = last_import_at.map_or_else(|| "never".to_owned(), time);
    let client = match dialect {
        SqlDialect::Postgres => "psql -X -f FILE DATABASE",
        SqlDialect::MySql => "mysql DATABASE < FILE",
        SqlDialect::Sqlite => "sqlite3 DATABASE < FILE",
    };
    vec![
        format!(
            "idgate export django, {}; last import {imported}.",
            time(export.now)
        ),
        "It holds password hashes and personal data.".to_owned(),
        format!("Run it by `{client}`. It is one transaction: after an error nothing has changed."),
        "A second run changes nothing. It ends with a list of what was left out.".to_owned(),
    ]
}
