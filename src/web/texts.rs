//! What the pages say, in two languages; every text stands in both by its type.

/// Languages asked for that are looked at.
const LANGUAGES_MAX: usize = 16;

/// All texts of one language.
#[derive(Debug)]
pub(super) struct Texts {
    /// Of the `lang` attribute.
    pub language: &'static str,
    pub contract: &'static str,
    pub login: &'static str,
    pub plan: &'static str,
    pub balance: &'static str,
    pub to_pay: &'static str,
    pub your_address: &'static str,
    pub reason: &'static str,
    pub money: Section,
    pub paused: Section,
    pub blocked: Section,
    pub open: Section,
    pub unknown: Section,
    pub how_to_pay: &'static str,
    pub ways_to_pay: &'static [&'static str],
    pub not_yet_valid: &'static str,
    pub expired: &'static str,
    pub account_closed: &'static str,
    /// Between groups of three digits, and before the fraction.
    pub thousands: char,
    pub point: char,
}

/// What a page of one kind says first.
#[derive(Debug)]
pub(super) struct Section {
    pub title: &'static str,
    pub text: &'static str,
}

pub(super) static ENGLISH: Texts = Texts {
    language: "en",
    contract: "Contract",
    login: "Login",
    plan: "Plan",
    balance: "Balance",
    to_pay: "To pay",
    your_address: "Your address",
    reason: "Reason",
    money: Section {
        title: "There is not enough money on your account",
        text: "Internet access is suspended until the account is topped up. It opens by itself as soon as the \
               payment arrives; nothing needs to be switched off or on.",
    },
    paused: Section {
        title: "Your service is paused",
        text: "It was paused at your own wish. To resume it earlier, contact your provider.",
    },
    blocked: Section {
        title: "Internet access is blocked",
        text: "Please contact your provider and give the contract number.",
    },
    open: Section {
        title: "Internet access is open",
        text: "Your account is in good standing. If a site does not open, load it again.",
    },
    unknown: Section {
        title: "This device is not known yet",
        text: "No contract belongs to this address. Check the connection of your router and its login, or contact \
               your provider and give the address below.",
    },
    how_to_pay: "How to pay",
    ways_to_pay: &[
        "in your bank's application or on its site: choose the provider and enter the contract number",
        "at a payment terminal, by the contract number",
        "at the provider's office",
    ],
    not_yet_valid: "the contract is not valid yet",
    expired: "the contract is no longer valid",
    account_closed: "the contract is closed",
    thousands: ',',
    point: '.',
};

pub(super) static RUSSIAN: Texts = Texts {
    language: "ru",
    contract: "Договор",
    login: "Логин",
    plan: "Тариф",
    balance: "Баланс",
    to_pay: "К оплате",
    your_address: "Ваш адрес",
    reason: "Причина",
    money: Section {
        title: "Недостаточно средств на счёте",
        text: "Доступ в интернет приостановлен до пополнения счёта. Он откроется сам, как только поступит платёж; \
               ничего выключать и включать не нужно.",
    },
    paused: Section {
        title: "Услуга приостановлена",
        text: "Она приостановлена по вашему желанию. Чтобы возобновить её раньше срока, обратитесь к провайдеру.",
    },
    blocked: Section {
        title: "Доступ в интернет заблокирован",
        text: "Обратитесь, пожалуйста, к провайдеру и назовите номер договора.",
    },
    open: Section {
        title: "Доступ в интернет открыт",
        text: "С вашим счётом всё в порядке. Если сайт не открывается, загрузите его ещё раз.",
    },
    unknown: Section {
        title: "Это устройство пока неизвестно",
        text: "С этим адресом не связан ни один договор. Проверьте подключение роутера и логин в его настройках \
               или обратитесь к провайдеру и назовите адрес, указанный ниже.",
    },
    how_to_pay: "Как оплатить",
    ways_to_pay: &[
        "в приложении или на сайте вашего банка: выберите провайдера и введите номер договора",
        "в платёжном терминале по номеру договора",
        "в офисе провайдера",
    ],
    not_yet_valid: "договор ещё не действует",
    expired: "срок действия договора истёк",
    account_closed: "договор закрыт",
    thousands: '\u{a0}',
    point: ',',
};

impl Texts {
    /// The language that an Accept-Language header (RFC 9110 12.5.4) likes best of ours; English when it names none.
    pub fn for_header(header: &str) -> &'static Texts {
        let ranked = header.split(',').take(LANGUAGES_MAX).filter_map(|item| {
            let mut parts = item.split(';').map(str::trim);
            let language = parts.next()?.split('-').next()?.to_ascii_lowercase();
            let weight = parts.find_map(|part| part.strip_prefix("q=")).unwrap_or("1");
            let weight: f32 = weight.parse().ok().filter(|weight| *weight > 0.0)?;
            let texts = [&ENGLISH, &RUSSIAN].into_iter().find(|texts| texts.language == language)?;
            Some((weight, texts))
        });
        // Of equal weights the first; `max_by` would take the last.
        ranked
            .reduce(|best, next| if next.0 > best.0 { next } else { best })
            .map_or(&ENGLISH, |(_, texts)| texts)
    }

    /// `1 234,56 ₽` or `1,234.56 RUB`, from a decimal text and a code of ISO 4217.
    pub fn money(&self, decimal: &str, currency: &str) -> String {
        let (sign, digits) = decimal.strip_prefix('-').map_or(("", decimal), |digits| ("-", digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let mut grouped = String::new();
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                grouped.push(self.thousands);
            }
            grouped.push(digit);
        }
        let fraction = if fraction.is_empty() { String::new() } else { format!("{}{fraction}", self.point) };
        let currency = if currency == "RUB" && self.language == "ru" { "₽" } else { currency };
        format!("{sign}{grouped}{fraction}\u{a0}{currency}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_best_liked_of_ours() {
        for (header, language) in [
            ("", "en"),
            ("ru", "ru"),
            ("ru-RU,ru;q=0.9,en-US;q=0.8", "ru"),
            ("en-US,en;q=0.9,ru;q=0.8", "en"),
            ("de, ru;q=0.2", "ru"),
            ("en;q=0.1, RU;q=0.2", "ru"),
            ("ru;q=0, de", "en"),
            ("ru;q=x", "en"),
            ("*", "en"),
        ] {
            assert_eq!(Texts::for_header(header).language, language, "{header}");
        }
    }

    #[test]
    fn money_is_written_as_people_of_the_language_do() {
        assert_eq!(RUSSIAN.money("-1234567.50", "RUB"), "-1\u{a0}234\u{a0}567,50\u{a0}₽");
        assert_eq!(ENGLISH.money("1234.50", "RUB"), "1,234.50\u{a0}RUB");
        assert_eq!(ENGLISH.money("123", "JPY"), "123\u{a0}JPY");
    }
}
