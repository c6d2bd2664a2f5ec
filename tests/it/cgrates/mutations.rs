//! Broken requests: the door answers or closes, and goes on serving others.

use super::{Server, amount, call};

/// A repeatable sequence.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

fn mutated(request: &[u8], random: &mut Random) -> Vec<u8> {
    const SPICE: &[&[u8]] = &[
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"",
        b"\\",
        b",",
        b":",
        b"null",
        b"1e999",
        b"-",
        b"99999999999999999999",
        b"\xff",
        b"\0",
        b"\\ud800",
        b"0001-01-01T00:00:00Z",
        b"9999-12-31T23:59:59.999999999+23:59",
        b"  ",
        b"true",
    ];
    let mut octets = request.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(octets.len() + 1);
        match random.below(4) {
            0 if at < octets.len() => octets[at] ^= 1 << random.below(8),
            1 => {
                octets.truncate(at.max(1));
            }
            2 => {
                let spice = SPICE[random.below(SPICE.len())];
                octets.splice(at..at, spice.iter().copied());
            }
            _ => {
                let end = (at + random.below(12)).min(octets.len());
                octets.drain(at..end);
                octets.push(b'{');
            }
        }
    }
    octets
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_broken_requests_leave_the_door_serving() {
    let server = Server::start().await;
    let descriptor = call("minutosu", "0723045326", "2012-02-08T22:50:00.5Z", "2012-02-08T23:50:21+02:00");
    let methods = [
        "GetCost",
        "Debit",
        "MaxDebit",
        "DebitSeconds",
        "DebitBalance",
        "GetMaxSessionTime",
        "ResetUserBudget",
    ];
    let mut random = Random(2012);
    for n in 0..2_000 {
        let method = methods[n % methods.len()];
        let descriptor = descriptor.replace("\"Tor\":0", "\"Amount\":60.5");
        let request = format!(r#"{{"id":{n},"method":"Responder.{method}","params":[{descriptor}]}}"#);
        let answer = server.raw(&mutated(request.as_bytes(), &mut random)).await;
        // Whatever was answered is whole lines of JSON.
        for line in answer.lines() {
            let line: serde_json::Value = serde_json::from_str(line).expect(line);
            assert!(line.get("error").is_some(), "{line}");
        }
    }
    assert!(
        server
            .call("GetCost", &call("rif", "0256", "2012-02-02T17:30:00Z", "2012-02-02T18:30:00Z"))
            .await
            .is_ok()
    );
    assert_eq!(server.number("DebitBalance", &amount("broker", "", "0")).await, "0");
    let broken = server.fixture.operations.reader.check_books().unwrap();
    assert_eq!(broken, [] as [String; 0]);
}
