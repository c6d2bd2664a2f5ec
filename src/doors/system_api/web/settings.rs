//! What subscribers change about themselves: password, phone, e-mail.

use super::{Visitor, done};
use crate::doors::http::Response;
use crate::doors::system_api::SystemApi;
use crate::doors::system_api::arguments::Fields;
use crate::model::{AccountRow, DataFile, LoadOptions, Refusal, SecretText, SubscriberRow};
use crate::writer::Rejected;

/// Shortest password that a subscriber may choose, characters.
const PASSWORD_CHARS_MIN: usize = 6;
/// What User-Password carries (RFC 2865 section 5.2).
const PASSWORD_OCTETS_MAX: usize = 128;
const CONTACT_CHARS_MAX: usize = 100;

impl SystemApi {
    pub(super) async fn set_user(
        &self,
        visitor: &Visitor<'_>,
        fields: &Fields,
    ) -> Result<Response, Rejected> {
        let (password, phone, email) =
            (fields.find("user_password"), fields.find("sms"), fields.find("email"));
        if password.is_none() && phone.is_none() && email.is_none() {
            let text = "user_password: is missing; expected user_password, sms or email";
            return Err(Refusal::new("missing-argument", text).into());
        }
        let mut file = DataFile::default();
        if let Some(password) = password {
            file.subscriber.push(with_password(visitor, password)?);
        }
        if phone.is_some() || email.is_some() {
            let phone = phone.map(phone_number).transpose()?;
            let email = email.map(mail_address).transpose()?;
            let contract = visitor.found.account.contract.clone();
            file.account.push(AccountRow { contract, phone, email, ..AccountRow::default() });
        }
        self.write(visitor, file).await?;
        if password.is_some() {
            self.cabinet.sessions.close_others(visitor.entry.id(), visitor.suid);
        }
        Ok(done("Данные изменены"))
    }

    /// Ours: asks for the old password too.
    pub(super) async fn change_password(
        &self,
        visitor: &Visitor<'_>,
        fields: &Fields,
    ) -> Result<Response, Rejected> {
        let (logins, login) = (&self.cabinet.logins, visitor.login());
        if !logins.allows(login, visitor.now) {
            let text = "Слишком много неудачных попыток; попробуйте через 5 минут";
            return Err(Refusal::new("too-many-attempts", text).into());
        }
        if fields.text("psw1") != fields.text("psw2") {
            return Err(Refusal::new("passwords-differ", "Пароли не совпадают").into());
        }
        if !self.proves(&visitor.entry, fields.text("passwd")).await? {
            logins.count(login, visitor.now);
            return Err(Refusal::new("wrong-password", "Неверный логин или пароль").into());
        }
        let row = with_password(visitor, fields.text("psw1"))?;
        let file = DataFile { subscriber: vec![row], ..DataFile::default() };
        self.write(visitor, file).await?;
        self.cabinet.sessions.close_others(visitor.entry.id(), visitor.suid);
        Ok(done("Пароль изменён"))
    }

    async fn write(&self, visitor: &Visitor<'_>, file: DataFile) -> Result<(), Rejected> {
        let changes = &self.cabinet.changes;
        if !changes.allows(visitor.login(), visitor.now) {
            let text = "Слишком много изменений; попробуйте через час";
            return Err(Refusal::new("too-many-changes", text).into());
        }
        changes.count(visitor.login(), visitor.now);
        self.operations.load(file, LoadOptions::default(), visitor.actor()).await.map(|_| ())
    }
}

fn with_password(visitor: &Visitor<'_>, password: &str) -> Result<SubscriberRow, Refusal> {
    let fits = password.chars().count() >= PASSWORD_CHARS_MIN
        && password.len() <= PASSWORD_OCTETS_MAX
        && !password.chars().any(char::is_control);
    if !fits {
        let text = format!("Пароль должен быть не короче {PASSWORD_CHARS_MIN} знаков и не длиннее 128 байт");
        return Err(Refusal::new("bad-password", text));
    }
    let login = visitor.login().to_owned();
    Ok(SubscriberRow { login, password: Some(SecretText::new(password)), ..SubscriberRow::default() })
}

fn phone_number(text: &str) -> Result<String, Refusal> {
    let allowed = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '(' | ')' | ' ');
    let digits = text.chars().filter(char::is_ascii_digit).count();
    if text.chars().count() > CONTACT_CHARS_MAX || digits < 5 || !text.chars().all(allowed) {
        return Err(Refusal::new("bad-phone", "Номер телефона указан неверно"));
    }
    Ok(text.to_owned())
}

fn mail_address(text: &str) -> Result<String, Refusal> {
    let plain = text.chars().all(|c| !c.is_whitespace() && !c.is_control());
    let shaped = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    if text.chars().count() > CONTACT_CHARS_MAX || !plain || !shaped {
        return Err(Refusal::new("bad-email", "Адрес электронной почты указан неверно"));
    }
    Ok(text.to_owned())
}
