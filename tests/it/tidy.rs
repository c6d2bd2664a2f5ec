//! The habits of the house, checked on every source: what a reader should not have to look for.

use crate::source::{self, SourceFile};

/// A file past this wants to be two.
const LINES_MAX: usize = 600;

/// Text that no file may hold. Written in two parts, so that this file does not hold it either.
const BANNED: &[(&str, &str)] = &[
    (concat!("todo", "!("), "finish it or leave it out"),
    (concat!("unimplemented", "!("), "finish it or leave it out"),
    (concat!("FIX", "ME"), "mend it, or write it down where users look"),
    (concat!("XX", "X:"), "mend it, or write it down where users look"),
    (concat!("#[ig", "nore"), "a test that does not run proves nothing"),
    (concat!("dbg", "!("), "log it, or take it out"),
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("/ro", "ot/"), "a path of one machine"),
    (concat!("/ho", "me/"), "a path of one machine"),
];

/// Where `unsafe` may stand: a file, or a directory with its slash. Each with what safe Rust does not give.
const UNSAFE: &[(&str, &str)] = &[
    ("src/cli/bench/enforcement/gate.rs", "a netlink socket that only listens"),
    ("src/cli/bench/net.rs", "recvmmsg, sendmmsg and epoll for the load generators"),
    ("src/cli/bench/process.rs", "sysconf"),
    ("src/cli/bench/subject.rs", "kill"),
    ("src/doors/radius/", "recvmmsg and sendmmsg with the address that was asked"),
    ("src/enforcement/netlink/", "netlink sockets and libnftnl's attributes"),
    ("src/enforcement/probes/interfaces.rs", "names, flags and hardware addresses of interfaces"),
    ("src/enforcement/probes/sockets.rs", "packet sockets and their filter"),
    ("src/radius/auth/crypt.rs", "crypt_r of libcrypt"),
    ("src/radius/lanes/", "AVX2 instructions, behind a check that the processor has them"),
    ("src/model/time.rs", "adjtimex: whether the clock is synchronised"),
    ("src/storage/spool/segment.rs", "posix_fallocate"),
    ("src/cli/namespaces.rs", "setns and geteuid"),
    ("src/cli/mod.rs", "signal: SIGPIPE's default for commands that print"),
    ("src/cli/fw/trial.rs", "setsid and signal: who reverts outlives the terminal"),
    ("src/cli/load.rs", "setuid and setgid, so that the service can use what root loads"),
    ("src/enforcement/watcher.rs", "its test makes a network namespace"),
    ("tests/it/enforcement/feed.rs", "a test gives up its capabilities"),
    ("tests/it/enforcement/fw.rs", "openpty: a terminal that goes away"),
    ("tests/it/network.rs", "setns for network namespaces"),
];

const TEXTS: &[&str] =
    &["rs", "toml", "md", "sql", "sh", "html", "css", "js", "service", "socket", "yml", "yaml", "txt"];

fn everything() -> Vec<SourceFile> {
    source::files("", TEXTS)
}

fn sources() -> Vec<SourceFile> {
    ["src", "tests"].iter().flat_map(|directory| source::files(directory, &["rs"])).collect()
}

fn assert_none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn no_file_is_longer_than_six_hundred_lines() {
    let long = sources().into_iter().filter_map(|file| {
        let lines = file.text.lines().count();
        (lines > LINES_MAX).then(|| format!("{}: {lines} lines, at most {LINES_MAX}", file.path))
    });
    assert_none(long.collect());
}

#[test]
fn every_directory_says_first_what_it_is_for() {
    let opens = |path: &str| {
        path.ends_with("/mod.rs") || matches!(path, "src/lib.rs" | "src/main.rs" | "tests/it/main.rs")
    };
    let silent = sources().into_iter().filter(|file| opens(&file.path) && !file.text.starts_with("//! "));
    assert_none(silent.map(|file| format!("{}: opens without //!", file.path)).collect());
}

#[test]
fn nothing_unfinished_and_no_path_of_one_machine_is_left_in_a_file() {
    assert_none(everything().iter().flat_map(banned).collect());
}

fn banned(file: &SourceFile) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        for (text, why) in BANNED.iter().filter(|(text, _)| line.contains(text)) {
            complaints.push(format!("{}:{}: {text}: {why}", file.path, number + 1));
        }
    }
    complaints
}

#[test]
fn lines_have_no_trailing_spaces_and_files_end_with_a_line_end() {
    let mut complaints = Vec::new();
    for file in everything() {
        for (number, line) in file.text.split('\n').enumerate() {
            if line.ends_with([' ', '\t', '\r']) {
                complaints.push(format!("{}:{}: space at the end of the line", file.path, number + 1));
            }
        }
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            complaints.push(format!("{}: no line end at the end", file.path));
        }
    }
    assert_none(complaints);
}

#[test]
fn unsafe_code_stands_only_in_the_files_named_for_it() {
    let mut complaints = Vec::new();
    for file in sources() {
        let code = source::code(&file.text);
        let words = || code.split(|c: char| !c.is_alphanumeric() && c != '_');
        let named = UNSAFE.iter().any(|(place, _)| match place.ends_with('/') {
            true => file.path.starts_with(place),
            false => file.path == *place,
        });
        let has = words().any(|word| word == "unsafe");
        if has && !named {
            complaints.push(format!("{}: unsafe, and not in the list of files that may", file.path));
        }
        if !has && UNSAFE.iter().any(|(place, _)| file.path == *place) {
            complaints.push(format!("{}: named for unsafe, and has none; take it off the list", file.path));
        }
    }
    assert_none(complaints);
}

/// Where the deliberate faults stand that `tests/it/kill9/` must find.
const MUTANTS: &str = "src/writer/mutants.rs";

#[test]
fn deliberate_faults_are_in_development_builds_only() {
    let files = source::files("src", &["rs"]);
    assert!(files.iter().any(|file| file.path == MUTANTS), "{MUTANTS} has moved");
    assert_none(files.iter().filter(|file| file.path != MUTANTS).flat_map(unguarded_mutants).collect());
    let manifest = source::files("", &["toml"]).into_iter().find(|file| file.path == "Cargo.toml").unwrap();
    assert!(!manifest.text.contains("debug-assertions"), "a profile decides by itself what it asserts");
}

/// Lines that name a mutant without the guard on the line before.
fn unguarded_mutants(file: &SourceFile) -> Vec<String> {
    let code = source::code(&file.text);
    let mut complaints = Vec::new();
    let mut before = "";
    for (number, line) in code.lines().map(str::trim).enumerate() {
        if line.to_lowercase().contains("mutant") && before != "#[cfg(debug_assertions)]" {
            complaints.push(format!("{}:{}: a mutant, also in a release build", file.path, number + 1));
        }
        before = line;
    }
    complaints
}

#[test]
fn a_mutant_without_its_guard_is_named_with_file_and_line() {
    let file = |text: &str| SourceFile { path: "src/x.rs".into(), text: text.into() };
    assert_eq!(unguarded_mutants(&file("    #[cfg(debug_assertions)]\n    mutant: Mutant,\n")).len(), 0);
    let found = unguarded_mutants(&file("use a::b;\nmod mutants;\n"));
    assert_eq!(found, ["src/x.rs:2: a mutant, also in a release build"]);
}

#[test]
fn a_banned_text_is_named_with_file_and_line() {
    let text = format!("fn f() {{\n    {}\n}}\n", concat!("todo", "!()"));
    let file = SourceFile { path: "src/x.rs".into(), text };
    assert_eq!(banned(&file), [concat!("src/x.rs:2: todo", "!(: finish it or leave it out")]);
}
