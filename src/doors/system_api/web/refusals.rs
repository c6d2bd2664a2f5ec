//! Refusals of the rules in the words that a subscriber reads. Tokens stay as they are.

use crate::model::Refusal;
use crate::writer::Rejected;

/// The texts of the vendor's catalogue and, where it has none, ours.
const TEXTS: &[(&str, &str)] = &[
    ("account-closed", "Договор закрыт"),
    ("balance-negative", "На счёте не хватает денег; сначала пополните счёт"),
    ("bad-sum", "Неверно введена сумма платежа"),
    ("day-past", "Эта дата уже прошла"),
    ("ends-before-it-begins", "Последний день раньше первого"),
    ("fee-due", "Абонентская плата за сегодня не внесена; сначала пополните счёт"),
    ("not-covered", "Недостаточно средств на счёте"),
    ("not-paused", "Добровольной блокировки нет"),
    ("pause-ends-before-it-begins", "Последний день раньше первого"),
    ("pause-not-in-future", "Добровольная блокировка начинается не раньше завтрашнего дня"),
    ("pause-open", "Добровольная блокировка уже назначена"),
    ("pause-too-long", "Дней добровольной блокировки в этом году больше не осталось"),
    ("promise-not-needed", "Обещанный платёж сейчас не нужен"),
    ("promise-open", "Обещанный платёж уже взят"),
    ("promises-used-up", "Обещанный платёж в этом месяце уже использован"),
    ("service-had", "Услуга уже подключена"),
    ("service-not-found", "Такой услуги нет"),
    ("service-not-had", "Услуга не подключена"),
    ("too-many-services", "Подключено слишком много услуг"),
];

pub(super) fn in_words(rejected: Rejected) -> Rejected {
    match rejected {
        Rejected::Refused(refusal) => Rejected::Refused(translated(refusal)),
        trouble => trouble,
    }
}

fn translated(refusal: Refusal) -> Refusal {
    let known = TEXTS.iter().find(|(token, _)| *token == refusal.token);
    match known {
        Some((_, text)) => Refusal { text: (*text).to_owned(), ..refusal },
        None => refusal,
    }
}
