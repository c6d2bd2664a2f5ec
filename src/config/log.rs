//! `[log]`: how much is logged, and the log of requests. The rest goes to journald or stderr.

use super::section::Section;
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Requests of the doors, secrets masked; an empty text: none.
    pub runtime_log: Option<PathBuf>,
    pub level: Level,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

impl Level {
    const WORDS: [(&'static str, Level); 5] = [
        ("error", Level::Error),
        ("warn", Level::Warn),
        ("info", Level::Info),
        ("debug", Level::Debug),
        ("trace", Level::Trace),
    ];

    pub fn as_str(self) -> &'static str {
        Level::WORDS.iter().find(|(_, level)| *level == self).map_or("info", |(word, _)| word)
    }
}

impl Default for Log {
    fn default() -> Log {
        Log { runtime_log: Some(PathBuf::from("/var/log/headgate/runtime.log")), level: Level::Info }
    }
}

impl Log {
    pub(super) fn read(section: &mut Section<'_>) -> Log {
        let mut log = Log::default();
        let what = "an absolute path, or \"\" for no such log";
        section
            .parsed("runtime-log", &mut log.runtime_log, what, |text| match text {
                "" => Some(None),
                _ => super::section::absolute_path(text).map(Some),
            })
            .word("level", &mut log.level, &Level::WORDS);
        log
    }
}
