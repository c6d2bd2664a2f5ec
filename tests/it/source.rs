//! The project's own sources as the tests of the house look at them: files, code without comments, strings and tests,
//! and the paths that the code names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// One file below the project's root.
pub struct SourceFile {
    /// With forward slashes, from the root: `src/engine/mod.rs`.
    pub path: String,
    pub text: String,
}

/// A path that the code names, from the crate's root: `crate::doors::http` is `["doors", "http"]`.
#[derive(Debug, PartialEq, Eq)]
pub struct NamedPath {
    pub line: usize,
    pub segments: Vec<String>,
}

/// Every file under `directory` with one of these extensions, in order of path.
pub fn files(directory: &str, extensions: &[&str]) -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut waiting = vec![root.join(directory)];
    while let Some(path) = waiting.pop() {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if name != "target" && !name.starts_with(".git") {
                waiting.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
        } else if path.extension().and_then(|e| e.to_str()).is_some_and(|e| extensions.contains(&e)) {
            found.push(path);
        }
    }
    found.sort();
    found.iter().map(|path| read(root, path)).collect()
}

fn read(root: &Path, path: &PathBuf) -> SourceFile {
    let text = std::fs::read(path).unwrap();
    SourceFile {
        path: path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/"),
        text: String::from_utf8_lossy(&text).into_owned(),
    }
}

/// Sources of the program itself: what is compiled only for tests is left out, files and passages alike.
pub fn program() -> Vec<SourceFile> {
    let mut sources = files("src", &["rs"]);
    let tests: BTreeSet<String> = sources.iter().flat_map(test_modules).collect();
    let is_test = |path: &str| {
        tests.iter().any(|module| {
            path.strip_prefix(module.as_str()).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        })
    };
    sources.retain(|file| !is_test(&file.path));
    for file in &mut sources {
        file.text = without_tests(&code(&file.text));
    }
    sources
}

/// Where the modules lie that a file declares for tests only, without `.rs`.
fn test_modules(file: &SourceFile) -> Vec<String> {
    let directory = match file.path.strip_suffix("/mod.rs") {
        Some(directory) => directory.to_owned(),
        None => file.path.trim_end_matches(".rs").replace("src/lib", "src").replace("src/main", "src"),
    };
    let text = code(&file.text);
    text.match_indices("#[cfg(test)]")
        .filter_map(|(at, attribute)| {
            let item = text[at + attribute.len()..].trim_start();
            let item = item.strip_prefix("pub(super) ").unwrap_or(item).strip_prefix("mod ")?;
            let (name, _) = item.split_once(';').filter(|(name, _)| !name.contains(['{', ' ']))?;
            Some(format!("{directory}/{name}"))
        })
        .collect()
}

/// The text with comments and the insides of strings blanked out; every line stays where it is.
pub fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = skipped_length(rest, out.chars().next_back());
        let taken = if skipped == 0 { c.len_utf8() } else { skipped };
        let (piece, tail) = rest.split_at(taken);
        if skipped == 0 {
            out.push(c);
        } else {
            out.extend(piece.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        }
        rest = tail;
    }
    out
}

/// Length of the comment, string or character that `rest` begins with; 0 when it begins with code.
fn skipped_length(rest: &str, before: Option<char>) -> usize {
    let to = |end: Option<usize>| end.unwrap_or(rest.len());
    if rest.starts_with("//") {
        return to(rest.find('\n'));
    }
    if rest.starts_with("/*") {
        return to(rest.find("*/").map(|end| end + 2));
    }
    if rest.starts_with('"') {
        return quoted_length(rest, '"');
    }
    let word_before = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with('r') && !word_before {
        let hashes = rest[1..].bytes().take_while(|b| *b == b'#').count();
        if rest[1 + hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let open = hashes + 2;
            return to(rest[open..].find(&end).map(|at| open + at + end.len()));
        }
    }
    // A character and not a lifetime: 'x' or an escape.
    let mut chars = rest.chars();
    if chars.next() == Some('\'') {
        let escape = rest[1..].starts_with('\\');
        if escape || chars.nth(1) == Some('\'') {
            return quoted_length(rest, '\'');
        }
    }
    0
}

fn quoted_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// Blanks out items marked `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    while let Some(start) = out.find("#[cfg(test)]") {
        let end = item_end(&out, start);
        let blank: String = out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
    }
    out
}

/// Where the item that starts at `start` ends: after its closing brace or semicolon.
fn item_end(code: &str, start: usize) -> usize {
    let mut depth = 0usize;
    for (at, c) in code[start..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && (c == '}' || c == ';') {
            return start + at + 1;
        }
    }
    code.len()
}

/// The module that a file of `src` is: `src/doors/http/mod.rs` is `["doors", "http"]`.
pub fn module_of(path: &str) -> Vec<String> {
    let path = path.strip_prefix("src/").unwrap_or(path);
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.split('/').filter(|part| !matches!(*part, "lib" | "main")).map(str::to_owned).collect()
}

/// Every `crate::`, `headgate::` and `super::` path in a file's code, groups in braces taken apart.
pub fn named_paths(path: &str, code: &str) -> Vec<NamedPath> {
    let mut found = Vec::new();
    for root in ["crate::", "headgate::", "super::"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ':')) {
                continue;
            }
            let mut base = if root == "super::" { module_of(path) } else { Vec::new() };
            let mut rest = &code[at..];
            while let Some(tail) = rest.strip_prefix("super::") {
                base.pop();
                rest = tail;
            }
            rest = rest.strip_prefix("crate::").or(rest.strip_prefix("headgate::")).unwrap_or(rest);
            let line = code[..at].matches('\n').count() + 1;
            expand(base, rest, &mut |segments| found.push(NamedPath { line, segments }));
        }
    }
    found.sort_by_key(|named| named.line);
    found
}

/// Follows one path; a group in braces gives one path for each of its members.
fn expand(mut base: Vec<String>, rest: &str, found: &mut dyn FnMut(Vec<String>)) {
    let rest = rest.trim_start();
    if let Some(group) = rest.strip_prefix('{') {
        let mut depth = 0usize;
        let mut start = 0;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    if !group[start..at].trim().is_empty() {
                        expand(base.clone(), &group[start..at], found);
                    }
                    start = at + 1;
                    if c == '}' {
                        return;
                    }
                }
                _ => {}
            }
        }
        return;
    }
    let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (word, tail) = rest.split_at(length);
    if word.is_empty() || word == "self" {
        return found(base);
    }
    base.push(word.to_owned());
    match tail.strip_prefix("::") {
        Some(tail) => expand(base, tail, found),
        None => found(base),
    }
}

#[test]
fn comments_strings_and_tests_are_no_code() {
    let text = "use a; // crate::b\nlet s = \"crate::c \\\" x\"; /* crate::d */ let q = '\"';\nlet r = r#\"crate::e\"#;\n\
                #[cfg(test)]\nmod tests {\n    use crate::f;\n}\nfn g<'a>(x: &'a str) { crate::h::i(x) }\n";
    let code = without_tests(&code(text));
    assert_eq!(code.lines().count(), text.lines().count());
    let paths = named_paths("src/model/mod.rs", &code);
    assert_eq!(paths, [NamedPath { line: 8, segments: vec!["h".into(), "i".into()] }]);
}

#[test]
fn groups_and_parents_are_followed_to_their_modules() {
    let text = "use crate::{doors::{http, radius::udp}, model::*};\nuse super::super::cgrates::X;\nuse super::mine;\n";
    let named: Vec<String> = named_paths("src/doors/system_api/request.rs", text)
        .iter()
        .map(|named| format!("{} {}", named.line, named.segments.join("::")))
        .collect();
    let wanted = [
        "1 doors::http",
        "1 doors::radius::udp",
        "1 model",
        "2 doors::cgrates::X",
        "3 doors::system_api::mine",
    ];
    assert_eq!(named, wanted);
}
