//! The layers of the crate (docs/architecture.md): a file imports its own directory and the layers above it in the
//! table. What the table does not say is forbidden; what it allows beside the rule has its reason.

use crate::source::{self, SourceFile};

/// Layer of each directory of `src`. Lower numbers know less.
const LAYERS: &[(&str, u8)] = &[
    ("model", 0),
    ("config", 1),
    ("radius", 1),
    ("rating", 1),
    ("engine", 2),
    ("storage", 2),
    ("directory", 3),
    ("writer", 3),
    ("operations", 4),
    ("doors", 5),
    ("web", 5),
    ("followers", 5),
    ("edge", 5),
    ("enforcement", 5),
    ("observe", 6),
    ("cli", 6),
];

/// Imports within a layer that are meant, each with its reason.
const ALLOWED: &[(&str, &str, &str)] = &[
    ("writer", "directory", "the writer publishes what it has committed"),
    ("doors", "doors::http", "HTTP is the transport that several doors share"),
    ("doors", "doors::report", "reports of enforcers are taken on the control socket and over the network"),
    ("doors", "doors::request_log", "every door's requests are logged in one shape"),
    ("doors", "doors::feed", "the feed is answered on the control socket and over the network"),
    ("doors", "doors::rpc", "JSON-RPC is answered on the control socket and over the network"),
    ("doors", "doors::tls", "TLS is a transport that several doors share"),
    ("web", "doors::http", "pages are served over the transport that the doors share"),
    ("edge", "followers", "an edge is a follower of the centre's feed"),
    ("cli", "observe", "serve starts logs and metrics"),
];

/// A word that stands only where it is listed.
struct Confined {
    word: &'static str,
    /// Files and directories where it may stand, each with its reason.
    only_in: &'static [(&'static str, &'static str)],
}

const CONFINED: &[Confined] = &[
    Confined { word: "rusqlite", only_in: &[("src/storage/sqlite/", "the one place that speaks SQLite")] },
    Confined {
        word: "tokio_postgres",
        only_in: &[("src/storage/postgres/", "the one place that speaks PostgreSQL")],
    },
    Confined { word: "nftnl", only_in: &[("src/enforcement/", "the one place that speaks to nftables")] },
    Confined { word: "nftnl_sys", only_in: &[("src/enforcement/", "the one place that speaks to nftables")] },
    Confined {
        word: "SystemTime::now",
        only_in: &[
            ("src/model/time.rs", "the one clock that everybody is given"),
            ("src/main.rs", "starts with the machine's time"),
            ("src/cli/", "a command runs now"),
            ("src/observe/", "log lines carry the machine's time"),
        ],
    },
    Confined {
        word: "Instant::now",
        only_in: &[
            ("src/main.rs", "measures"),
            ("src/cli/", "measures"),
            ("src/observe/", "measures"),
            ("src/writer/queue.rs", "how long the thread sleeps; no decision depends on it"),
            ("src/writer/ticker.rs", "when a step that failed is tried again; no decision depends on it"),
            ("src/operations/feed.rs", "how long a poll is held; no decision depends on it"),
            ("src/doors/", "time-outs of connections and retransmissions"),
            ("src/web/", "time-outs of connections"),
            ("src/followers/", "time-outs of answers"),
            ("src/edge/", "time-outs of answers"),
            ("src/enforcement/", "pauses between looks at the kernel"),
        ],
    },
];

/// Words that a directory never knows.
const FORBIDDEN: &[(&[&str], &[&str], &str)] = &[
    (
        &["src/model/", "src/config/", "src/radius/", "src/rating/", "src/engine/"],
        &["tokio"],
        "values and rules are computed, not awaited",
    ),
    (
        &[
            "src/model/",
            "src/config/",
            "src/radius/",
            "src/rating/",
            "src/engine/",
            "src/storage/",
            "src/directory/",
            "src/writer/",
            "src/operations/",
        ],
        &["UdpSocket", "TcpStream", "TcpListener", "UnixStream", "UnixListener", "socket2", "httparse"],
        "sockets and protocols belong to the doors",
    ),
    (
        &["src/model/", "src/radius/", "src/rating/", "src/engine/", "src/directory/", "src/operations/"],
        &["std::fs", "File::open", "std::process"],
        "files and processes belong to the store, the configuration and the command line",
    ),
    (&["src/followers/", "src/edge/", "src/enforcement/"], &["Money"], "followers never know money"),
];

#[test]
fn every_import_goes_to_its_own_directory_or_a_lower_layer() {
    let complaints: Vec<String> = source::program().iter().flat_map(forbidden_imports).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn words_stand_only_where_they_belong() {
    let complaints: Vec<String> = source::program().iter().flat_map(misplaced_words).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn every_directory_has_a_layer() {
    for file in source::program() {
        let module = source::module_of(&file.path);
        let Some(directory) = module.first() else { continue };
        assert!(layer(directory).is_some(), "{}: {directory} is not in the table of layers", file.path);
    }
}

fn layer(directory: &str) -> Option<u8> {
    LAYERS.iter().find(|(name, _)| *name == directory).map(|(_, layer)| *layer)
}

fn forbidden_imports(file: &SourceFile) -> Vec<String> {
    let module = source::module_of(&file.path);
    // The map of the crate and the program's start know everything.
    let Some(directory) = module.first() else { return Vec::new() };
    source::named_paths(&file.path, &file.text)
        .iter()
        .filter(|named| !may_import(&module, &named.segments))
        .map(|named| {
            let target = named.segments.join("::");
            format!("{}:{}: {directory} may not use {target}", file.path, named.line)
        })
        .collect()
}

fn may_import(module: &[String], target: &[String]) -> bool {
    let (Some(from), Some(to)) = (module.first(), target.first()) else { return true };
    let allowed = ALLOWED.iter().any(|(user, used, _)| {
        let used: Vec<&str> = used.split("::").collect();
        user == from && target.len() >= used.len() && target.iter().zip(&used).all(|(a, b)| a == b)
    });
    if allowed {
        return true;
    }
    if from == to {
        // Doors do not know each other; the directory's own mod.rs declares them all.
        let other_door =
            from == "doors" && module.len() > 1 && target.len() > 1 && module.get(1) != target.get(1);
        return !other_door || target.get(1).is_some_and(|name| !is_module_name(name));
    }
    match (layer(from), layer(to)) {
        (Some(from), Some(to)) => to < from,
        // Not a directory of ours: a macro or a name that the crate's root exports.
        (_, None) => true,
        (None, _) => false,
    }
}

/// Modules are lower case, types are not.
fn is_module_name(name: &str) -> bool {
    name.chars().all(|c| c.is_lowercase() || c.is_ascii_digit() || c == '_')
}

fn misplaced_words(file: &SourceFile) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut complain = |word: &str, why: &str| {
        for (at, _) in file.text.match_indices(word).filter(|(at, word)| whole_word(&file.text, *at, word)) {
            let line = file.text[..at].matches('\n').count() + 1;
            complaints.push(format!("{}:{line}: {word}: {why}", file.path));
        }
    };
    for confined in CONFINED {
        if !confined.only_in.iter().any(|(place, _)| file.path.starts_with(place)) {
            let places: Vec<&str> = confined.only_in.iter().map(|(place, _)| *place).collect();
            complain(confined.word, &format!("only in {}", places.join(", ")));
        }
    }
    for (places, words, why) in FORBIDDEN {
        if places.iter().any(|place| file.path.starts_with(place)) {
            words.iter().for_each(|word| complain(word, why));
        }
    }
    complaints
}

fn whole_word(text: &str, at: usize, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    !text[..at].chars().next_back().is_some_and(is_part)
        && !text[at + word.len()..].chars().next().is_some_and(is_part)
}

#[test]
fn a_violation_is_named_with_file_line_and_what_is_forbidden() {
    let file = |path: &str, text: &str| SourceFile { path: path.into(), text: text.into() };
    let cases = [
        (
            "src/engine/state.rs",
            "\nuse crate::storage::Store;",
            "src/engine/state.rs:2: engine may not use storage::Store",
        ),
        ("src/model/mod.rs", "use crate::{engine};", "src/model/mod.rs:1: model may not use engine"),
        (
            "src/directory/mod.rs",
            "fn f() { crate::writer::f() }",
            "src/directory/mod.rs:1: directory may not use writer::f",
        ),
        (
            "src/doors/osmp/mod.rs",
            "use super::radius::udp;",
            "src/doors/osmp/mod.rs:1: doors may not use doors::radius::udp",
        ),
        (
            "src/enforcement/mod.rs",
            "use crate::web;",
            "src/enforcement/mod.rs:1: enforcement may not use web",
        ),
    ];
    for (path, text, complaint) in cases {
        assert_eq!(forbidden_imports(&file(path, text)), [complaint]);
    }
    for (path, text) in [
        ("src/doors/osmp/mod.rs", "use super::http::Request; use crate::doors::http; use super::Shared;"),
        ("src/writer/mod.rs", "use crate::directory::Directory;"),
        ("src/web/mod.rs", "use crate::doors::http::Body; use crate::operations::Operations;"),
        ("src/main.rs", "use headgate::cli;"),
    ] {
        assert_eq!(forbidden_imports(&file(path, text)), [] as [&str; 0], "{path}");
    }
    let words =
        misplaced_words(&file("src/engine/fee.rs", "let t = Instant::now();\nuse tokio::sync; MyTcpStream"));
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(words[0].starts_with("src/engine/fee.rs:1: Instant::now: only in src/main.rs"), "{words:?}");
    assert_eq!(words[1], "src/engine/fee.rs:2: tokio: values and rules are computed, not awaited");
}
