//! The lists to the octet. A line that changes here breaks somebody's `cut -d' '`.

use super::Server;

const LOGGED_ON_BRAS1: &str = "\
9.255.255.255 nowhere 0.0.0.0 - 1 0 1 20000 24000 256  10000 12000 128 10.0.0.1 260 130
10.9.0.2 ivanov 198.51.100.7 02:00:00:00:00:01 1 0 0 20000 24000 256  10000 12000 128 10.0.0.1 260 130
10.9.0.3 abonent-2 0.0.0.0 - 1 1 0 1000 1000 16  500 500 16 10.0.0.1 16 16
10.9.0.10 abonent-2 0.0.0.0 - 1 1 0 1000 1000 16  500 500 16 10.0.0.1 16 16
10.9.0.20 1009-b 0.0.0.0 - 1 0 0 1000 1000 16  500 500 16 10.0.0.1 16 16
100.64.0.9 сидоров 0.0.0.0 02:00:00:00:0a:09 1 0 0 -1 -1 0  -1 -1 0 10.0.0.1 0 0
";

const LOGGED_ON_MT1: &str = "\
9.255.255.255 nowhere 0.0.0.0 - 1 0 1 20000 24000 40000  10000 12000 30000 10.0.0.2 15000 7000
10.9.0.5 petrov 0.0.0.0 - 1 0 0 20000 24000 40000  10000 12000 30000 10.0.0.2 15000 7000
";

const NEGBAL: &str = "\
10.9.0.3 abonent-2 0.0.0.0 - 1 1 0 1000 1000 16  500 500 16 10.0.0.1 16 16
10.9.0.6 VIP-5 0.0.0.0 - 0 1 1 20000 24000 40000  10000 12000 30000 10.0.0.2 15000 7000
10.9.0.10 abonent-2 0.0.0.0 - 1 1 0 1000 1000 16  500 500 16 10.0.0.1 16 16
10.9.1.7 ring-7 0.0.0.0 - 1 1 0 0 0 0  0 0 0 10.0.1.0 0 0
";

const BLOCKED: &str = "\
9.255.255.255 nowhere 0.0.0.0 - 1 0 1 20000 24000 256  10000 12000 128 - 260 130
10.9.0.6 VIP-5 0.0.0.0 - 0 1 1 20000 24000 40000  10000 12000 30000 10.0.0.2 15000 7000
";

const NEGBAL_V6: &str = "\
2001:db8::3 abonent-2 0.0.0.0 - 1 1 0 1000 1000 16  500 500 16 10.0.0.1 16 16
2001:db8:3::/48 abonent-2 0.0.0.0 - 1 1 0 1000 1000 16  500 500 16 10.0.0.1 16 16
";

#[tokio::test(flavor = "multi_thread")]
async fn the_lists_have_exactly_these_bytes() {
    let server = Server::start().await;
    for (method, argument, more, expected) in [
        ("users_logged", r#"{"nas_ip":"10.0.0.1"}"#, "", LOGGED_ON_BRAS1),
        ("users_logged", r#"{"nas_ip":"10.0.0.2"}"#, "", LOGGED_ON_MT1),
        ("users_negbal", "{}", "", NEGBAL),
        ("users_negbal", "", "", NEGBAL),
        ("users_blocked", "{}", "", BLOCKED),
        ("users_negbal", "{}", "&family=6", NEGBAL_V6),
        ("users_blocked", "{}", "&family=6", ""),
        ("users_negbal", "{}", "&format=json", NEGBAL),
        // One box of a prefix is asked for: its address is what is printed.
        (
            "users_negbal",
            r#"{"nas_ip":"10.0.1.77"}"#,
            "",
            "10.9.1.7 ring-7 0.0.0.0 - 1 1 0 0 0 0  0 0 0 10.0.1.77 0 0\n",
        ),
        // An address that is no NAS has those who are on none.
        (
            "users_blocked",
            r#"{"nas_ip":"192.0.2.1"}"#,
            "",
            "9.255.255.255 nowhere 0.0.0.0 - 1 0 1 20000 24000 256  10000 12000 128 192.0.2.1 260 130\n",
        ),
    ] {
        let answer = server.list(method, argument, more).await;
        assert_eq!(answer.status, 200, "{method} {argument}: {}", answer.body);
        assert_eq!(answer.body, expected, "{method} {argument} {more}");
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(answer.header("content-length"), Some(expected.len().to_string().as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_has_sixteen_fields_and_two_spaces_before_rate_out() {
    let server = Server::start().await;
    for method in ["users_logged", "users_negbal", "users_blocked"] {
        let answer = server.list(method, "{}", "").await;
        assert!(!answer.body.is_empty());
        for line in answer.body.lines() {
            let cut: Vec<&str> = line.split(' ').collect();
            assert_eq!(cut.len(), 17, "{line}");
            assert_eq!(cut[10], "", "{line}");
            assert!(cut.iter().enumerate().all(|(at, field)| at == 10 || !field.is_empty()), "{line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_placeholder_is_the_configured_one_and_changes_live() {
    let server = Server::start().await;
    let text = super::CONFIG.replace("[system-api]", "[system-api]\n placeholder = \"None\"");
    let config = headgate::config::Config::parse("test", &text).unwrap().system_api;
    server.list("users_blocked", "{}", "").await;
    server.api.reconfigure(config);
    let answer = server.list("users_blocked", "{}", "").await;
    assert!(answer.body.starts_with("9.255.255.255 nowhere 0.0.0.0 None 1 0 1 "), "{}", answer.body);
    assert!(answer.body.contains(" 128 None 260 130\n"), "{}", answer.body);
}
