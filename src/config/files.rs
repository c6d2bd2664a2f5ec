//! The files of a configuration, merged into one tree.

use super::error::{ConfigError, Origin};
use super::tree::{Source, Table, merge};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Octets of one file.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Files of `conf.d`.
const CONF_D_FILES_MAX: usize = 256;

/// The main file, which must be there, and `conf.d/*.toml` beside it in order of their names.
pub(super) fn read_all(path: &Path) -> Result<Table, Vec<ConfigError>> {
    let mut tree = Table::new();
    let mut errors = Vec::new();
    for file in [path.to_owned()].into_iter().chain(conf_d(path).map_err(|error| vec![error])?) {
        let name = file.display().to_string();
        match read_file(&file).map_err(|error| vec![error]).and_then(|text| read_text(&name, &text)) {
            Ok(table) => merge(&mut tree, table),
            Err(found) => errors.extend(found),
        }
    }
    if errors.is_empty() { Ok(tree) } else { Err(errors) }
}

pub(super) fn read_text(file: &str, text: &str) -> Result<Table, Vec<ConfigError>> {
    let source = Source::new(file, text);
    source.parse().map(|document| source.table(&document))
}

/// Names with a dot in front are editors' and packagers' leftovers.
fn conf_d(path: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let directory = path.parent().unwrap_or(Path::new("")).join("conf.d");
    let fail = |why: String| ConfigError::new(&Origin::whole(directory.display().to_string()), "", why);
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(e) => return Err(fail(e.to_string())),
    };
    let mut files = Vec::new();
    for entry in entries {
        let file = entry.map_err(|e| fail(e.to_string()))?.path();
        let hidden = file.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && file.extension().is_some_and(|extension| extension == "toml") {
            files.push(file);
        }
        if files.len() > CONF_D_FILES_MAX {
            return Err(fail(format!("expected at most {CONF_D_FILES_MAX} files")));
        }
    }
    files.sort();
    Ok(files)
}

fn read_file(path: &Path) -> Result<String, ConfigError> {
    let fail = |why: &str| ConfigError::new(&Origin::whole(path.display().to_string()), "", why);
    let file = File::open(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => fail("there is no such file; give another with --config FILE"),
        _ => fail(&e.to_string()),
    })?;
    let mut content = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut content).map_err(|e| fail(&e.to_string()))?;
    if u64::try_from(content.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(fail("expected a file of at most 1 MiB"));
    }
    String::from_utf8(content).map_err(|e| {
        let line =
            e.as_bytes().iter().take(e.utf8_error().valid_up_to()).filter(|b| **b == b'\n').count() + 1;
        ConfigError { line, ..fail("not UTF-8 text") }
    })
}
