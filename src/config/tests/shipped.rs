//! The configuration file of the package: it says nothing, and shows everything.

use super::*;

const SHIPPED: &str = include_str!("../../../config/headgate.toml");

/// Keys of the sample that have one value, or none that anything acts on: the shipped file offers choices only.
const NOT_SHIPPED: [&str; 3] = ["server.role", "server.min-free", "radius.radsec"];
/// Dialects are for those who have read docs/payments.md.
const DIALECTS: &str = "payments.dialect";

/// The shipped file with those settings uncommented that `keep` takes. Prose has a blank after its `#`.
fn uncommented(keep: impl Fn(&str) -> bool) -> String {
    let setting = |line: &'static str| {
        line.strip_prefix('#').filter(|text| !text.is_empty() && !text.starts_with(' ') && keep(text))
    };
    SHIPPED.lines().map(|line| setting(line).unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_shipped_file_says_nothing_until_somebody_uncomments_it() {
    assert!(SHIPPED.lines().all(|line| line.is_empty() || line.starts_with('#')));
    assert_eq!(read(SHIPPED), Ok(Config::default()));
}

#[test]
fn the_shipped_file_with_every_setting_uncommented_is_right() {
    let tree = files::read_text(FILE, &uncommented(|_| true)).unwrap();
    // The secrets that it names are files of the machine that it will be installed on.
    let config = Config::from_tree(&tree, &SecretFiles::Unread).unwrap();
    assert!(config.system_api.passwords.contains_key("collector"));
    assert_eq!(config.enforcement.walled_garden.len(), 2);
}

#[test]
fn what_the_shipped_file_shows_as_default_is_the_default() {
    let text = uncommented(|setting| !setting.contains("# e.g."));
    assert_eq!(read(&text), Ok(Config::default()));
    let settings = text.lines().filter(|line| !line.starts_with('#') && line.contains(" = ")).count();
    assert!(settings >= 24, "{settings}");
}

#[test]
fn every_key_with_a_choice_stands_in_the_shipped_file() {
    let text = uncommented(|_| true);
    let mut shown = Vec::new();
    let mut section = "";
    for line in text.lines() {
        if let Some((name, _)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            section = name.trim_start_matches('[');
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            shown.push(format!("{section}.{key}"));
        }
    }
    for_each_key(|section, key, _| {
        let key = format!("{section}.{key}");
        let left_out = NOT_SHIPPED.contains(&key.as_str()) || section.starts_with(DIALECTS);
        assert!(shown.contains(&key) != left_out, "{key}");
    });
}
