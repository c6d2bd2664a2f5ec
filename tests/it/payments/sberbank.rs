//! Protocol 1 of Sberbank, to the octet.

use super::{Server, element};

const CHECK: &str = "/sber?ACTION=check&ACCOUNT=1_1001";
const PAY: &str =
    "/sbrf.php?ACTION=payment&ACCOUNT=1_1001&AMOUNT=100.45&PAY_ID=A7&PAY_DATE=06.04.2026_14:19:58";

#[tokio::test(flavor = "multi_thread")]
async fn a_check_says_who_it_is_and_what_is_owed() {
    let server = Server::start().await;
    assert_eq!(
        server.get(CHECK).await.body,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><response><CODE>0</CODE><MESSAGE>OK</MESSAGE>\
         <FIO>И. Иванов</FIO><BALANCE>150.00</BALANCE><REC_SUM>0.00</REC_SUM></response>"
    );
    let debtor = server.get(&CHECK.replace("1001", "roga")).await.body;
    assert_eq!(element(&debtor, "REC_SUM"), Some("20.50"), "{debtor}");
    // Zeros that the operator's client left out.
    let padded = server.get(&CHECK.replace("1_1001", "42")).await.body;
    assert_eq!(element(&padded, "FIO"), Some("Сидоров"), "{padded}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_has_code_8_with_the_originals_id_date_and_amount() {
    let server = Server::start().await;
    let first = server.get(PAY).await.body;
    let operation = element(&first, "EXT_ID").unwrap();
    let answer = |code: u8, message: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><response><CODE>{code}</CODE><MESSAGE>{message}</MESSAGE>\
             <EXT_ID>{operation}</EXT_ID><REG_DATE>06.04.2026_14:20:00</REG_DATE><AMOUNT>100.45</AMOUNT></response>"
        )
    };
    assert_eq!(first, answer(0, "OK"));
    server.fixture.clock.set(crate::fixture::NOW.saturating_add(std::time::Duration::from_secs(3600)));
    let lower = PAY.replace("ACTION", "action").replace("PAY_ID", "pay_id").replace("AMOUNT", "Amount");
    for repeat in [PAY, &lower] {
        assert_eq!(server.get(repeat).await.body, answer(8, "Платеж уже проведен"));
    }
    assert_eq!(server.fixture.balance("1001"), "250.45");
    let other = server.get(&PAY.replace("100.45", "100.46")).await.body;
    assert_eq!((element(&other, "CODE"), element(&other, "EXT_ID")), (Some("9"), None), "{other}");
}
