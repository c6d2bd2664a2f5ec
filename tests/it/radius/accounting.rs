//! Accounting over real sockets: what is answered is on disk.

use super::fixture::{Options, System};
use super::logins::{bench, radclient};
use headgate::model::{AccountingKind, Usage};

fn packet(status: &str, more: &str) -> String {
    format!(
        "User-Name = ivanov, Acct-Session-Id = \"81000001\", Acct-Status-Type = {status}, \
         Framed-IP-Address = 10.9.0.2, Calling-Station-Id = \"02-00-00-00-0A-01\", NAS-Port-Id = \"eth1\" {more}"
    )
}

fn account(system: &System, status: &str, more: &str) {
    let answer = radclient(system.acct(), "acct", &packet(status, more));
    assert!(answer.contains("Received Accounting-Response"), "{answer}");
}

#[test]
fn an_answered_record_is_on_disk_with_gigawords_delay_and_prefixes() {
    let mut system = System::new();
    account(
        &system,
        "Interim-Update",
        ", Acct-Input-Octets = 5, Acct-Input-Gigawords = 1, Acct-Output-Octets = 7, \
         Acct-Output-Gigawords = 2, Acct-Session-Time = 60, Acct-Delay-Time = 30, \
         Framed-IPv6-Prefix = 2001:db8:7::/64, Delegated-IPv6-Prefix = 2001:db8:1::/56",
    );
    let records = system.records();
    let [record] = records.as_slice() else { panic!("{records:?}") };
    let usage = Usage { download_octets: (2 << 32) + 7, upload_octets: (1 << 32) + 5 };
    assert_eq!((record.kind, record.usage, record.has_usage), (AccountingKind::Interim, usage, true));
    let late = system.operations.clock.now().since(record.event_time).as_secs();
    assert!((30..40).contains(&late), "{late}");
    assert_eq!(record.mac.map(|mac| mac.to_string()), Some("02:00:00:00:0a:01".into()));
    assert_eq!((record.nas_port_id.as_str(), record.ipv6_prefixes.len()), ("eth1", 2));
    let inner = system.operations.directory.read();
    let ivanov = inner.login("ivanov").unwrap().id();
    assert_eq!(record.subscriber, Some(ivanov));
    assert_eq!(inner.sessions_of(ivanov).count(), 1, "presence follows the flush");
}

#[test]
fn class_names_the_subscriber_whatever_name_the_nas_writes() {
    let mut system = System::new();
    let accept = radclient(system.auth(), "auth", "User-Name = ivanov, User-Password = hello");
    let class = accept.lines().find_map(|line| line.trim().strip_prefix("Class = ")).unwrap();
    let answer = radclient(
        system.acct(),
        "acct",
        &format!(
            "User-Name = \"IVANOV@isp\", Acct-Session-Id = \"1\", Acct-Status-Type = Start, Class = {class}"
        ),
    );
    assert!(answer.contains("Received Accounting-Response"), "{answer}");
    let ivanov = system.operations.directory.read().login("ivanov").unwrap().id();
    assert_eq!(system.records()[0].subscriber, Some(ivanov));
}

#[test]
fn accounting_on_ends_the_sessions_of_that_nas() {
    let system = System::new();
    account(&system, "Start", "");
    assert_eq!(system.operations.directory.read().open_session_count(), 1);
    let answer =
        radclient(system.acct(), "acct", "Acct-Status-Type = Accounting-On, Acct-Session-Id = \"0\"");
    assert!(answer.contains("Received Accounting-Response"), "{answer}");
    assert_eq!(system.operations.directory.read().open_session_count(), 0);
}

#[test]
fn the_generator_finds_every_life_cycle_answered_once_and_recorded_once() {
    let mut system = System::new();
    let report = bench(
        system.acct(),
        "--mode acct --count 5000 --sessions 100 --dup-percent 30 --acct-msg-auth --users 100",
    );
    assert_eq!((report.faults(), report.replies, report.lost), (0, 5000, 0), "{report:?}");
    assert_eq!(system.records().len(), 5000);
    assert_eq!(system.count("accounting_responses"), 5000);
}

#[test]
fn what_cannot_be_recorded_is_not_answered_and_a_repeat_is_a_new_request() {
    let system = System::with(Options::default());
    system.recorder.stop();
    let nas = System::nas_socket("127.0.0.1");
    let mut request = Vec::new();
    let mut writer = headgate::radius::codec::RequestWriter::accounting(&mut request, 1);
    writer.attribute_u32(headgate::radius::codec::dictionary::ACCT_STATUS_TYPE, 7).unwrap();
    writer.finish(&headgate::radius::codec::SharedSecret::new(b"testing123"));
    for _ in 0..2 {
        nas.send_to(&request, system.acct()).unwrap();
        assert!(nas.recv(&mut [0; 64]).is_err());
    }
    assert_eq!(system.count("accounting_dropped"), 2);
    assert_eq!(system.count("duplicate_requests"), 0);
}
