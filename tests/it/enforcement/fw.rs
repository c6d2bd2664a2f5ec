//! `headgate fw` as operators run it: the binary in the NAS's namespace, with and without an enforcer.

use super::enforcer::{Feed, SOON};
use super::table::entry;
use crate::network::{Namespace, Network, echo_udp, echoes, wait_until};
use headgate::model::{AccessMethod, Bandwidth, FeedEntry, Shape, SubscriberId, Verdict};
use serde_json::Value;
use std::fs::File;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_headgate");

/// A NAS with a feed and a configuration file.
struct Site {
    network: Network,
    feed: Feed,
    directory: tempfile::TempDir,
}

impl Site {
    fn new(entries: Vec<FeedEntry>) -> Site {
        let directory = tempfile::tempdir().unwrap();
        let feed = Feed::start(&directory.path().join("control.sock"), "e", &[]);
        feed.put(entries, &[]);
        let site = Site { network: Network::new(), feed, directory };
        site.configure("lan = [\"lan0\"]\nwan = \"wan0\"");
        site
    }

    /// One let through at 5 Mbit/s, one in debt, one blocked.
    fn usual() -> Site {
        let bandwidth = Bandwidth { rate: 5_000, ceil: 8_000, burst: 16, cburst: 32 };
        let site = Site::new(vec![
            FeedEntry {
                subscriber: SubscriberId(7),
                shape: Shape { download: bandwidth, upload: bandwidth },
                access: AccessMethod::Static,
                snat: Some([203, 0, 113, 7].into()),
                ..entry("10.9.0.2/32", Verdict::LetThrough)
            },
            entry("10.9.0.3/32", Verdict::Negbal),
            FeedEntry { subscriber: SubscriberId(9), ..entry("10.9.0.66/32", Verdict::Blocked) },
        ]);
        // What is sent to the subscriber's own source address comes back here.
        site.nas().ip("addr add 203.0.113.7/32 dev wan0");
        site
    }

    fn nas(&self) -> &Namespace {
        &self.network.nas
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("headgate.toml")
    }

    /// Writes section `[enforcement]`.
    fn configure(&self, enforcement: &str) {
        let directory = self.directory.path().display();
        let text = format!(
            "[server]\nstate-dir = \"{directory}\"\ncontrol-socket = \"{directory}/control.sock\"\n\
             [enforcement]\nservers = [\"unix:{directory}/control.sock\"]\nprotect-ports = false\n{enforcement}\n"
        );
        std::fs::write(self.file(), text).unwrap();
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.nas().name, PROGRAM, "--config"]).arg(self.file());
        command.args(words.split(' ')).stdin(Stdio::null());
        command
    }

    fn fw(&self, words: &str) -> Output {
        self.command(&format!("fw {words}")).output().unwrap()
    }

    /// What it printed; it must succeed.
    fn must(&self, words: &str) -> String {
        let output = self.fw(words);
        assert!(output.status.success(), "fw {words}: {}", errors(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, words: &str) -> Value {
        serde_json::from_slice(&self.fw(&format!("{words} --json")).stdout).unwrap()
    }

    /// What it complained of; it must fail with this exit code.
    fn refused(&self, words: &str, code: i32) -> String {
        let output = self.fw(words);
        assert_eq!(output.status.code(), Some(code), "fw {words}: {}", errors(&output));
        errors(&output)
    }

    fn enforce(&self) -> Enforcer {
        let process = self.command("enforce").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let enforcer = Enforcer(process);
        wait_until("it follows", SOON, || {
            let status = self.json_if_any("show");
            status.is_some_and(|s| s["enforcer"]["known"] == true && s["enforcer"]["cursor"] == "e.1")
        });
        enforcer
    }

    fn json_if_any(&self, words: &str) -> Option<Value> {
        serde_json::from_slice(&self.fw(&format!("{words} --json")).stdout).ok()
    }

    /// A saved state and a table, with nobody who keeps them.
    fn enforced_once(&self) {
        let enforcer = self.enforce();
        let saved = self.directory.path().join("enforce.state");
        wait_until("the saved state", SOON, || {
            std::fs::read_to_string(&saved).is_ok_and(|state| state.contains("cursor e.1"))
        });
        enforcer.kill();
    }

    /// The table as nft lists it, counters and all, a line for each set and chain, sorted.
    fn table(&self) -> String {
        let text = String::from_utf8(self.nas().shell("nft list table inet headgate").stdout).unwrap();
        let mut blocks: Vec<String> = text
            .replacen("table inet headgate {", "", 1)
            .split("\n\n")
            .map(|block| {
                let (head, elements) = block.split_once("elements = {").unwrap_or((block, ""));
                let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
                let mut elements: Vec<String> = elements.split([',', '}']).map(words).collect();
                elements.sort();
                format!("{} {}", words(head.trim_end_matches([' ', '\n', '\t', '}'])), elements.join(","))
            })
            .collect();
        // Sets and chains are listed in the order in which they were made.
        blocks.sort();
        blocks.join("\n")
    }

    fn has_rule(&self, text: &str) -> bool {
        self.table().contains(text)
    }
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// `headgate enforce`, killed when dropped.
struct Enforcer(Child);

impl Enforcer {
    /// kill -9.
    fn kill(self) {}
}

impl Drop for Enforcer {
    fn drop(&mut self) {
        // `ip netns exec` becomes the program that it starts.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Another place for the captive page: the table is another one then.
const CHANGED: &str = "lan = [\"lan0\"]\nwan = \"wan0\"\ncaptive = \"10.9.0.1:8081\"";
const CHANGED_RULE: &str = "dnat ip to 10.9.0.1:8081";

#[test]
fn foreign_changes_are_shown_and_mended_from_the_saved_state() {
    let site = Site::usual();
    site.enforced_once();
    assert_eq!(site.must("diff"), "the kernel is as it is wanted\n");
    let nas = site.nas();
    nas.must("nft add element inet headgate captive4 '{ 10.9.0.77, 10.9.0.78 }'");
    nas.must("nft delete element inet headgate blocked4 '{ 10.9.0.66 }'");
    nas.must("tc class change dev lan0 parent 6867:1 classid 6867:17 htb rate 1mbit");
    let output = site.fw("diff");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "set captive4: 2 elements foreign: 10.9.0.77, 10.9.0.78\n\
         set blocked4: 1 elements missing: 10.9.0.66\n\
         device lan0: 1 classes different: 6867:17\n"
    );
    assert_eq!(site.json("diff")["equal"], false);
    assert_eq!(site.must("apply"), "table: 2 elements removed, 1 added\nshaping: 1 classes put, 0 removed\n");
    assert_eq!(site.must("apply"), "nothing was to be done\n");
    assert_eq!(site.json("diff")["equal"], true);
    nas.must("nft insert rule inet headgate forward accept; tc qdisc del dev wan0 root");
    let output = site.fw("diff");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "table: chain forward has 3 rules instead of 2\n\
         device wan0: no root 6867:\n\
         device wan0: 1 classes missing: 6867:17\n"
    );
    site.must("apply");
    site.must("diff");
    nas.must("nft flush ruleset");
    assert_eq!(String::from_utf8_lossy(&site.fw("diff").stdout), "table: there is none\n");
    assert!(site.refused("show", 1).contains("there is no table inet headgate"));
    site.must("apply");
    assert_eq!(nas.set("blocked4").unwrap(), ["10.9.0.66"]);
}

#[test]
fn show_tells_an_address_its_mark_class_counters_and_source_nat() {
    let site = Site::usual();
    let _enforcer = site.enforce();
    echo_udp(&site.network.internet, "203.0.113.2:7000");
    assert!(echoes(&site.network.subscriber, "10.9.0.2:0", "203.0.113.2:7000"));
    let saved = site.directory.path().join("enforce.state");
    wait_until("the saved state", SOON, || saved.exists());
    let view = &site.json("show 10.9.0.2")[0];
    assert_eq!((&view["mark"], &view["set"]), (&"allow".into(), &"down4".into()));
    assert_eq!((&view["subscriber"], &view["source_nat"]), (&7.into(), &"203.0.113.7".into()));
    for (direction, device) in [("down", "lan0"), ("up", "wan0")] {
        let direction = &view[direction];
        assert_eq!(direction["class"], "6867:17");
        assert_eq!((&direction["octets"], &direction["packets"]), (&29.into(), &1.into()), "IP, UDP, 1");
        let shaped = &direction["shaped"];
        assert_eq!(
            (&shaped["device"], &shaped["rate"], &shaped["ceil"]),
            (&device.into(), &5000.into(), &8000.into())
        );
        assert_eq!((&shaped["burst"], &shaped["cburst"]), (&16_384.into(), &32_768.into()));
        assert_eq!(shaped["sent_octets"], 43, "with the Ethernet header");
    }
    let text = site.must("show 10.9.0.2");
    assert!(text.starts_with("10.9.0.2     let through\n"), "{text}");
    assert!(text.contains("class 6867:17 on wan0: rate 5000 ceil 8000 kbit/s"), "{text}");
    assert!(site.must("show 10.9.0.66").contains("blocked"));
    assert!(site.must("show 10.9.0.3").contains("captive"));
    assert!(site.must("show 10.9.0.99").contains("nobody's address"));
    let all = site.must("show");
    assert!(all.contains("3 addresses") && all.contains("captive4"), "{all}");
}

#[test]
fn a_running_enforcer_compares_and_mends_at_once() {
    let site = Site::usual();
    let _enforcer = site.enforce();
    site.must("diff");
    assert_eq!(site.must("apply"), "nothing was to be done\n");
    site.configure(CHANGED);
    for words in ["diff", "apply"] {
        let said = site.refused(words, 1);
        assert!(said.contains("another configuration") && said.contains(": captive;"), "{said}");
    }
}

#[test]
fn a_changed_configuration_that_nobody_confirms_is_taken_back_to_the_last_counter() {
    let site = Site::usual();
    site.enforced_once();
    echo_udp(&site.network.internet, "203.0.113.2:7000");
    assert!(echoes(&site.network.subscriber, "10.9.0.2:0", "203.0.113.2:7000"));
    // What was there before is whatever was there, right or wrong.
    site.nas().must("nft add rule inet headgate forward counter comment stranger");
    site.nas().must("nft add element inet headgate walled4 '{ 203.0.113.10, 203.0.113.16/28, 198.51.100.0-198.51.100.9 }'");
    let before = site.table();
    site.configure(CHANGED);
    let began = Instant::now();
    let trial = site.command("fw apply --confirm --seconds 2").stdout(Stdio::piped()).spawn().unwrap();
    wait_until("the new table", SOON, || site.has_rule(CHANGED_RULE));
    assert!(!site.has_rule("stranger"));
    let output = trial.wait_with_output().unwrap();
    assert!(began.elapsed() >= Duration::from_secs(2));
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("comes back in 2 s"));
    assert_eq!(site.table(), before);
    assert!(before.contains("counter packets 1 bytes 29"), "{before}");
    assert!(site.refused("apply --confirmed", 1).contains("nothing waits to be confirmed"));
}

#[test]
fn what_is_confirmed_from_another_session_stays() {
    let site = Site::usual();
    site.enforced_once();
    site.configure(CHANGED);
    let trial = site.command("fw apply --confirm --seconds 3").stdout(Stdio::null()).spawn().unwrap();
    wait_until("the new table", SOON, || site.has_rule(CHANGED_RULE));
    assert!(site.refused("apply --confirm", 1).contains("another configuration is being tried"));
    assert_eq!(site.must("apply --confirmed"), "confirmed\n");
    let output = trial.wait_with_output().unwrap();
    assert!(output.status.success());
    std::thread::sleep(Duration::from_millis(3_500));
    assert!(site.has_rule(CHANGED_RULE));
    site.must("diff");
}

#[test]
fn an_enforcer_stands_still_meanwhile_and_goes_on_as_before_when_nobody_confirms() {
    let site = Site::usual();
    let _enforcer = site.enforce();
    site.configure(CHANGED);
    let trial = site
        .command("fw apply --confirm --seconds 3")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the new table", SOON, || site.has_rule(CHANGED_RULE));
    assert_eq!(site.json("show")["enforcer"]["still"], true);
    site.feed.change(&[("10.9.0.3/32", Verdict::Blocked)], &[]);
    std::thread::sleep(Duration::from_millis(500));
    assert!(site.has_rule(CHANGED_RULE), "it mends nothing");
    assert_eq!(trial.wait_with_output().unwrap().status.code(), Some(1));
    assert!(!site.has_rule(CHANGED_RULE));
    wait_until("what came meanwhile", SOON, || site.nas().set("blocked4").unwrap().len() == 2);
    site.feed.change(&[("10.9.0.3/32", Verdict::LetThrough)], &[]);
    wait_until("it follows on", SOON, || site.nas().set("down4").unwrap().len() == 2);
}

#[test]
fn an_enforcer_goes_on_with_what_was_confirmed() {
    let site = Site::usual();
    let enforcer = site.enforce();
    site.configure(CHANGED);
    let trial = site.command("fw apply --confirm --seconds 20").stdout(Stdio::null()).spawn().unwrap();
    wait_until("the new table", SOON, || site.has_rule(CHANGED_RULE));
    site.must("apply --confirmed");
    assert!(trial.wait_with_output().unwrap().status.success());
    // The same process, started again in its place: now it is of the file's configuration.
    wait_until("it is back", SOON, || {
        let enforcer = site.json_if_any("show").map(|show| show["enforcer"].clone()).unwrap_or_default();
        enforcer["known"] == true && enforcer["configuration"]["captive"] == "10.9.0.1:8081"
    });
    assert_eq!(site.json("show")["enforcer"]["pid"], enforcer.0.id());
    site.must("diff");
    site.feed.change(&[("10.9.0.3/32", Verdict::Blocked)], &[]);
    wait_until("it follows on", SOON, || site.nas().set("blocked4").unwrap().len() == 2);
    assert!(site.has_rule(CHANGED_RULE));
}

#[test]
fn an_enforcer_that_dies_meanwhile_does_not_keep_the_old_table_from_coming_back() {
    let site = Site::usual();
    let enforcer = site.enforce();
    let before = site.table();
    site.configure(CHANGED);
    let trial = site
        .command("fw apply --confirm --seconds 2")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the new table", SOON, || site.has_rule(CHANGED_RULE));
    enforcer.kill();
    assert_eq!(trial.wait_with_output().unwrap().status.code(), Some(1));
    assert_eq!(site.table(), before);
}

/// Both ends of a new terminal.
fn terminal() -> (File, OwnedFd) {
    let (mut ours, mut theirs) = (-1, -1);
    let nothing = std::ptr::null_mut();
    // SAFETY: writes two descriptors, which are taken over.
    unsafe {
        assert_eq!(libc::openpty(&mut ours, &mut theirs, nothing, nothing.cast(), nothing.cast()), 0);
        // Or the process would hold our end open.
        libc::fcntl(ours, libc::F_SETFD, libc::FD_CLOEXEC);
        (File::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs))
    }
}

/// A trial on a terminal of its own: our end of it, and the process.
fn on_terminal(site: &Site, seconds: u32) -> (File, Child) {
    let (ours, theirs) = terminal();
    let mut command = site.command(&format!("fw apply --confirm --seconds {seconds}"));
    command.stdin(theirs.try_clone().unwrap()).stdout(theirs.try_clone().unwrap()).stderr(theirs);
    // SAFETY: two system calls between fork and exec: a session of its own with this terminal.
    unsafe {
        command.pre_exec(|| {
            libc::setsid();
            libc::ioctl(0, libc::TIOCSCTTY, 0);
            Ok(())
        });
    }
    (ours, command.spawn().unwrap())
}

#[test]
fn enter_on_the_terminal_confirms() {
    let site = Site::usual();
    site.enforced_once();
    site.configure(CHANGED);
    let (mut terminal, mut trial) = on_terminal(&site, 20);
    wait_until("the new table", SOON, || site.has_rule(CHANGED_RULE));
    std::io::Write::write_all(&mut terminal, b"\n").unwrap();
    wait_until("it ends", SOON, || trial.try_wait().unwrap().is_some_and(|status| status.success()));
    assert!(site.has_rule(CHANGED_RULE));
}

#[test]
fn a_terminal_that_is_gone_confirms_nothing_and_the_old_table_comes_back() {
    let site = Site::usual();
    site.enforced_once();
    let before = site.table();
    site.configure(CHANGED);
    let (terminal, mut trial) = on_terminal(&site, 6);
    wait_until("the new table", SOON, || site.has_rule(CHANGED_RULE));
    drop(terminal);
    wait_until("hung up", SOON, || trial.try_wait().unwrap().is_some());
    assert!(site.has_rule(CHANGED_RULE), "the time is not over");
    wait_until("the old table", SOON * 2, || site.table() == before);
}

#[test]
fn what_cannot_be_done_is_said_in_words() {
    let site = Site::usual();
    for words in ["diff", "apply", "apply --confirm"] {
        let said = site.refused(words, 1);
        assert!(said.contains("no enforcer runs, and there is no saved state"), "{said}");
    }
    site.enforced_once();
    site.configure("lan = []");
    assert!(site.refused("diff", 1).contains("of no use: it was made"));
    site.configure("lan = [\"eth 0\"]");
    site.refused("diff", 78);
    site.refused("apply --confirm --confirmed", 2);
    let text = std::fs::read_to_string(site.file()).unwrap();
    std::fs::write(site.file(), text.replace("eth 0", "lan0").replace("control.sock\"\n", "nobody.sock\"\n"))
        .unwrap();
    let mut command = Command::new("setpriv");
    command
        .args(["--inh-caps=-net_admin", "--bounding-set=-net_admin", PROGRAM, "--config"])
        .arg(site.file());
    let output = command.args(["fw", "show"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("CAP_NET_ADMIN is needed"), "{}", errors(&output));
    assert!(site.refused("show nobody", 1).contains("nobody is no address"));
}
