//! The program as a process: exit codes, signals, pipes.

use crate::network::{Namespace, wait_until};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

/// A configuration with every network door closed.
struct Installed {
    dir: tempfile::TempDir,
}

impl Installed {
    fn new(more: &str) -> Installed {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().display();
        let text = format!(
            "[server]\nstate-dir = \"{path}/state\"\ncontrol-socket = \"{path}/control.sock\"\n\
             [store]\nurl = \"sqlite:{path}/state/headgate.db\"\n[radius]\nauth = []\nacct = []\n\
             [system-api]\nlisten = []\n[cabinet]\nlisten = []\n[management]\nlisten = []\n[cgrates]\ntcp = []\nhttp = []\n[metrics]\nlisten = []\n\
             [enforcement]\nservers = [\"unix:{path}/control.sock\"]\n{more}\n"
        );
        fs::write(dir.path().join("headgate.toml"), text).unwrap();
        Installed { dir }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn program(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headgate"));
        command.args(words).arg("--config").arg(self.path("headgate.toml")).stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.program(words).output().unwrap()
    }

    fn serve(&self) -> Running {
        let log = fs::File::create(self.path("server.log")).unwrap();
        let server = Running(self.program(&["serve"]).stderr(log).spawn().unwrap());
        wait_until("the server answers", SOON, || self.run(&["status"]).status.success());
        server
    }

    /// How often the right to write was taken.
    fn lease_epoch(&self) -> i64 {
        let store = rusqlite::Connection::open(self.path("state/headgate.db")).unwrap();
        store.query_row("SELECT epoch FROM writer_lease", [], |row| row.get(0)).unwrap()
    }
}

/// Killed when dropped.
struct Running(Child);

impl Running {
    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn holds(path: &Path, text: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|whole| whole.contains(text))
}

#[test]
fn an_enforcer_survives_a_hangup_and_says_that_nothing_is_read_again() {
    let nas = Namespace::new("nas");
    let installed = Installed::new("lan = []");
    let log = installed.path("enforcer.log");
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &nas.name, env!("CARGO_BIN_EXE_headgate"), "enforce", "--config"]);
    command.arg(installed.path("headgate.toml")).stderr(fs::File::create(&log).unwrap());
    let mut enforcer = Running(command.spawn().unwrap());
    wait_until("it has started", SOON, || holds(&log, "no saved state"));
    for _ in 0..2 {
        enforcer.signal("-HUP");
    }
    wait_until("it says so", SOON, || holds(&log, "restart to take a changed configuration"));
    assert_eq!(enforcer.0.try_wait().unwrap(), None);
    enforcer.signal("-TERM");
    assert!(enforcer.0.wait().unwrap().success());
}

#[test]
fn a_command_whose_reader_has_gone_ends_quietly() {
    let installed = Installed::new("");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = installed.program(&["check"]).stdout(writer).output().unwrap();
    assert_eq!((output.status.signal(), said(&output).as_str()), (Some(libc::SIGPIPE), ""));
}

#[test]
fn a_captive_address_that_nobody_reaches_is_refused_with_its_place_by_check_and_enforce() {
    for address in ["127.0.0.1:8080", "0.0.0.0:8080", "[::1]:8080", "[::ffff:127.0.0.1]:8080"] {
        let installed = Installed::new(&format!("captive = \"{address}\""));
        let place = format!("{}:22: enforcement.captive: ", installed.path("headgate.toml").display());
        for command in ["check", "enforce"] {
            let output = installed.run(&[command]);
            assert_eq!(output.status.code(), Some(78), "{command}: {output:?}");
            assert!(said(&output).starts_with(&place), "{command}: {output:?}");
        }
    }
}

#[test]
fn a_second_server_leaves_the_first_ones_lease_alone() {
    let installed = Installed::new("");
    let mut server = installed.serve();
    let epoch = installed.lease_epoch();
    let second = installed.run(&["serve"]);
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    assert!(said(&second).contains("another server answers there"), "{second:?}");
    // Without the socket the spool's lock tells.
    fs::remove_file(installed.path("control.sock")).unwrap();
    let third = installed.run(&["serve"]);
    assert_eq!(third.status.code(), Some(1), "{third:?}");
    assert!(said(&third).contains("another process uses this spool"), "{third:?}");
    assert_eq!(installed.lease_epoch(), epoch);
    assert_eq!(server.0.try_wait().unwrap(), None);
}

const FIRST: &str = "[[subscriber]]\nlogin = \"ivanov\"\npassword = \"x\"\ncontract = \"1001\"\nbalance = \"150.00\"\n\
                     [[account]]\ncontract = \"1002\"\n";

impl Installed {
    /// With two contracts, 1001 with the login `ivanov` and 150.00, 1002 with nothing.
    fn with_two_contracts() -> Installed {
        let installed = Installed::new("");
        let file = installed.path("first.toml");
        fs::write(&file, FIRST).unwrap();
        let loaded = installed.run(&["load", file.to_str().unwrap()]);
        assert!(loaded.status.success(), "{loaded:?}");
        installed
    }

    /// What a command prints with `--json`.
    fn json(&self, words: &[&str]) -> serde_json::Value {
        let output = self.program(words).arg("--json").output().unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What a command says when it fails, with exit code 1.
    fn refusal(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {output:?}");
        said(&output)
    }
}

#[test]
fn money_is_paid_taken_back_refunded_and_moved_and_the_books_hold() {
    let installed = Installed::with_two_contracts();
    let _server = installed.serve();
    let paid = installed.json(&["pay", "ivanov", "50", "--operator", "desk", "--id", "7"]);
    let op = paid["op_id"].to_string();
    let reversed = installed.json(&["reverse", &op, "--reason", "wrong contract", "--key", "r1"]);
    assert_eq!((&reversed["amount"], &reversed["balance"]), (&"50.00".into(), &"150.00".into()));
    assert_eq!(reversed["repeat"], false);
    let again = installed.json(&["reverse", &op, "--reason", "wrong contract", "--key", "r1"]);
    assert_eq!((&again["op_id"], &again["repeat"]), (&reversed["op_id"], &true.into()));
    let other = installed.refusal(&["reverse", &op, "--reason", "another reason", "--key", "r1"]);
    assert!(other.contains("was used for another request"), "{other}");
    let twice = installed.refusal(&["reverse", &op, "--reason", "once more"]);
    assert!(twice.contains("was taken back by operation"), "{twice}");
    assert_eq!(installed.json(&["payments"])[0]["reversed"], true);
    installed.json(&["refund", "1001", "30,50", "--text", "left"]);
    let refused = installed.refusal(&["refund", "1001", "119.51", "--text", "left"]);
    assert!(refused.contains("has only 119.50 of its own"), "{refused}");
    installed.json(&["transfer", "1001", "1002", "19.50", "--text", "mother's"]);
    installed.json(&["correct", "1002", "-0.50", "--text", "rounding"]);
    let ledger = installed.json(&["ledger", "1002"]);
    let lines: Vec<String> = ledger["postings"].as_array().unwrap().iter().map(line).collect();
    assert_eq!(lines, ["correction -0.50 19.00", "move 19.50 19.50"]);
    let none = installed.json(&["ledger", "1002", "--until", "2020-01-01"]);
    assert_eq!(none["postings"].as_array().map(Vec::len), Some(0));
    let books = installed.run(&["books"]);
    assert_eq!((books.status.code(), books.stdout.as_slice()), (Some(0), &b"the books hold\n"[..]));
}

fn line(posting: &serde_json::Value) -> String {
    let member = |key: &str| posting[key].as_str().unwrap_or_default();
    format!("{} {} {}", member("kind"), member("amount"), member("balance"))
}

#[test]
fn books_that_do_not_hold_are_said_with_exit_code_1() {
    let installed = Installed::with_two_contracts();
    let _server = installed.serve();
    let store = rusqlite::Connection::open(installed.path("state/headgate.db")).unwrap();
    store.execute("UPDATE ledger_account SET balance = balance + 1 WHERE name = '1001'", []).unwrap();
    let books = installed.run(&["books"]);
    assert_eq!(books.status.code(), Some(1), "{books:?}");
    let printed = String::from_utf8(books.stdout).unwrap();
    assert!(printed.contains("the balances of money add up to 0.000001 instead of zero"), "{printed}");
}

#[test]
fn a_payment_with_a_key_alone_is_one_payment_and_a_credit_needs_a_term_to_come() {
    let installed = Installed::with_two_contracts();
    let _server = installed.serve();
    let pay = ["pay", "1002", "10", "--key", "desk-5"];
    let first = installed.json(&pay);
    let again = installed.json(&pay);
    assert_eq!((&first["repeat"], &again["repeat"]), (&false.into(), &true.into()));
    assert_eq!((&again["op_id"], &again["pay_id_str"]), (&first["op_id"], &"desk-5".into()));
    let past = installed.refusal(&["credit", "1002", "100", "--until", "2020-01-01"]);
    assert!(past.contains("ended already"), "{past}");
    let nonsense = installed.refusal(&["credit", "1002", "100", "--until", "01.04.2030"]);
    assert!(nonsense.contains("is not a date"), "{nonsense}");
    assert_eq!(installed.json(&["credit", "1002", "100", "--until", "2099-01-01"])["changed"], true);
    assert_eq!(installed.json(&["ledger", "1002"])["available"], "110.00");
}

#[test]
fn a_plan_is_for_one_or_for_those_an_expression_names_and_never_for_both() {
    let installed = Installed::with_two_contracts();
    for words in [
        &["plan", "home-20"][..],
        &["plan", "ivanov", "home-20", "--where", "plan=home-10"],
        &["plan"],
        &["reverse", "seven", "--reason", "x"],
        &["refund", "1001", "5"],
        &["cut"],
    ] {
        assert_eq!(installed.run(words).status.code(), Some(2), "{words:?}");
    }
    let _server = installed.serve();
    let nobody = installed.refusal(&["plan", "--where", "login=petrov and balance>5", "home-20"]);
    assert!(nobody.contains("names nobody"), "{nobody}");
    let unread = installed.refusal(&["plan", "--where", "speed>5", "home-20"]);
    assert!(unread.contains("there is no field \"speed\""), "{unread}");
    let unknown = installed.refusal(&["plan", "ivanov", "home-20"]);
    assert!(unknown.contains("there is no plan \"home-20\""), "{unknown}");
}

#[test]
fn a_month_of_payments_is_stated_totalled_reconciled_and_closed() {
    let installed = Installed::new("");
    let sample =
        "[[subscriber]]\nlogin = \"ivanov\"\npassword = \"x\"\ncontract = \"1001\"\nname = \"Иванов\"\n";
    fs::write(installed.path("sample.toml"), sample).unwrap();
    let _server = installed.serve();
    let run = |words: &[&str], code: i32| {
        let output = installed.run(words);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let sample = installed.path("sample.toml").display().to_string();
    run(&["load", &sample], 0);
    run(&["pay", "ivanov", "150", "--operator", "osmp", "--id", "77"], 0);
    run(&["charge", "ivanov", "40", "--text", "роутер, белый"], 0);

    let days = ["--from", "2020-01-01", "--to", "2100-01-01"];
    let statement = run(&[&["statement", "ivanov", "--format", "csv"], &days[..]].concat(), 0);
    let lines: Vec<&str> = statement.lines().collect();
    assert_eq!((lines.len(), lines[0]), (5, "id,time,kind,amount,balance,day,text,reference,by"));
    assert!(lines[3].contains(",charge,-40.00,110.00,,\"роутер, белый\",,cli:"), "{statement}");
    assert_eq!(lines[4], ",,closing,,110.00,,,,");
    let statement: serde_json::Value =
        serde_json::from_str(&run(&[&["statement", "1001", "--json"], &days[..]].concat(), 0)).unwrap();
    assert_eq!((&statement["opening"], &statement["closing"]), (&"0.00".into(), &"110.00".into()));

    let payments = run(&["payments", "--operator", "osmp", "--reversed=false", "--format", "csv"], 0);
    assert!(payments.starts_with("op_id,time,contract_number,sum_in,pay_operator,pay_id_str,reversed\n"));
    assert!(payments.ends_with(",1001,150.00,osmp,77,false\n"), "{payments}");
    assert_eq!(run(&["payments", "--json", "--sum-from", "151"], 0).trim(), "[]");

    let day = payments.split(',').nth(7).and_then(|time| time.split(' ').next()).unwrap();
    let day = ["--from", day, "--to", day];
    let totals = run(&[&["totals", "--by", "operator", "--format", "csv"], &day[..]].concat(), 0);
    assert!(totals.ends_with(",osmp,1,150.00,0,0.00,150.00\n"), "{totals}");
    run(&[&["totals", "--format", "csv"], &day[..]].concat(), 1);

    let registry = installed.path("registry.csv").display().to_string();
    let reconcile = ["reconcile", &registry, "--operator", "osmp", "--format", "csv"];
    fs::write(&registry, "id;sum;account\n77;150,00;1001\n").unwrap();
    let same = run(&[&reconcile[..], &day[..]].concat(), 0);
    assert_eq!(same.lines().count(), 1, "{same}");
    fs::write(&registry, "id;sum;account\n77;151,00;1001\n").unwrap();
    let differs = run(&[&reconcile[..], &day[..]].concat(), 1);
    assert!(differs.contains("\n2,sum,77,"), "{differs}");

    let closed = run(&["close-month", "2020-01", "--json"], 0);
    assert!(closed.contains("\"acts\": 0"), "{closed}");
    run(&["close-month", "2100-01"], 1);
    run(&["close-month", "2020-13"], 2);
    assert_eq!(run(&["acts", "2020-01", "--format", "csv"], 0).lines().count(), 1);
    run(&["acts", "2100-01"], 1);
}

#[test]
fn rating_data_is_loaded_with_and_without_a_server_and_twice_changes_nothing() {
    let installed = Installed::new("");
    let dir = installed.path("rating");
    fs::create_dir(&dir).unwrap();
    let load = |more: &[&str]| {
        let mut words = vec!["load", "--format", "cgrates", dir.to_str().unwrap()];
        words.extend(more);
        installed.run(&words)
    };
    assert!(said(&load(&[])).contains("expected a directory with ap.json"));
    for (name, text) in ["ap.json", "dest.json", "tp.json", "ub.json"].iter().zip(crate::cgrates::FILES) {
        fs::write(dir.join(name), text).unwrap();
    }
    let told = |output: &Output| String::from_utf8(output.stdout.clone()).unwrap();
    assert!(told(&load(&["--dry-run"])).contains(": 8 added, 0 changed, 0 unchanged (dry run"));
    assert!(told(&load(&[])).contains(": 8 added, 0 changed, 0 unchanged"));
    let _server = installed.serve();
    assert!(told(&load(&[])).contains(": 0 added, 0 changed, 8 unchanged"));
    fs::write(dir.join("ap.json"), "[{\"CstmId\":\"vdf\"}]").unwrap();
    let refused = load(&[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("nothing was loaded: ap.json: element 1: Subject"), "{refused:?}");
}

#[test]
fn who_had_an_address_is_told_as_a_table_and_as_json_and_nobody_is_exit_code_1() {
    let installed = Installed::new("");
    let file = installed.path("first.toml");
    let row = |login: &str, contract: &str, inside: &str| {
        format!(
            "[[subscriber]]\nlogin = \"{login}\"\ncontract = \"{contract}\"\nname = \"Иванов\"\naccess = \"static\"\n\
             ip = \"{inside}\"\nsnat-ip = \"203.0.113.77\"\n"
        )
    };
    fs::write(&file, [row("ivanov", "1001", "10.9.0.2"), row("petrov", "1002", "10.9.0.3")].concat())
        .unwrap();
    assert!(installed.run(&["load", file.to_str().unwrap()]).status.success());
    let _server = installed.serve();
    let told = installed.run(&["who-had", "203.0.113.77"]);
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    let told = String::from_utf8(told.stdout).unwrap();
    for wanted in ["1001", "petrov", "Иванов", "source-nat", "10.9.0.3", "2 subscribers shared it"] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    let answer = installed.json(&["who-had", "10.9.0.3"]);
    let holder = &answer["holders"][0];
    assert_eq!((&holder["contract"], &holder["how"]), (&"1002".into(), &"configured".into()));
    assert_eq!((&holder["online"], &holder["session_id"]), (&true.into(), &"".into()));
    let nobody = installed.refusal(&["who-had", "10.9.0.3", "--at", "2020-01-01 10:00"]);
    assert!(nobody.contains("nobody had 10.9.0.3 at 2020-01-01 10:00:00"), "{nobody}");
    let nonsense = installed.refusal(&["who-had", "10.9.0.3", "--at", "yesterday"]);
    assert!(nonsense.contains("expected 2026-11-03 14:20"), "{nonsense}");
    assert_eq!(installed.run(&["who-had"]).status.code(), Some(2));
}
