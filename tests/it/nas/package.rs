//! The script as it is shipped.

use super::poller::script;
use std::path::Path;
use std::process::Command;

#[test]
fn shellcheck_finds_nothing_in_the_script() {
    let output = Command::new("shellcheck")
        .args(["--external-sources", "--shell=sh", "nas-poll.sh"])
        .current_dir(script().parent().unwrap())
        .output()
        .expect("shellcheck is installed by make test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_package_holds_the_script_with_all_its_parts_and_the_pages_about_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest: toml::Table = std::fs::read_to_string(root.join("Cargo.toml")).unwrap().parse().unwrap();
    let assets = manifest["package"]["metadata"]["deb"]["assets"].as_array().unwrap();
    let asset = |source: &str| -> (String, String) {
        let found = assets.iter().find(|asset| asset[0].as_str() == Some(source));
        let found = found.unwrap_or_else(|| panic!("{source} is not in the package"));
        (found[1].as_str().unwrap().to_owned(), found[2].as_str().unwrap().to_owned())
    };
    let is = |target: &str, mode: &str| (target.to_owned(), mode.to_owned());
    assert_eq!(asset("packaging/nas-poll.sh"), is("usr/share/headgate/", "755"));
    assert_eq!(asset("packaging/nas-poll.d/*.sh"), is("usr/share/headgate/nas-poll.d/", "644"));
    assert_eq!(asset("docs/nas/*.md"), is("usr/share/doc/headgate/docs/nas/", "644"));
    let text = std::fs::read_to_string(script()).unwrap();
    for part in text.lines().filter_map(|line| line.strip_prefix(". \"$parts/")?.split('"').next()) {
        assert!(root.join("packaging/nas-poll.d").join(part).is_file(), "{part}");
    }
}
