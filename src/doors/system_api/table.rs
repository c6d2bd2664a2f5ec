//! Every method of the dialect in one table: where it is served, what it takes, who answers. Dispatch, validation and
//! the list of what is served follow from it.

use super::base::Step;
use super::fiscal::Act;
use super::lists::List;
use super::one_c::OneC;
use super::web::Web;

/// Contexts of the subscriber's cabinet, which all have the same methods.
const CABINET: &[&str] = &["web", "cabinet", "asr_cabinet"];

/// One method.
pub(super) struct Method {
    pub contexts: &'static [&'static str],
    /// Models as the documents write them; callers write them in any case, or leave them out where there is one.
    pub models: &'static [&'static str],
    pub name: &'static str,
    pub arguments: &'static [Argument],
    pub task: Task,
}

/// A field of `arg1`; fields that are not named here are not looked at.
pub(super) struct Argument {
    pub name: &'static str,
    pub kind: Kind,
    pub needed: bool,
}

/// What a field holds. Texts and numbers are the same for each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// Digits, with an optional minus; thousands may be spaced.
    Integer,
    /// An amount; the operation reads it.
    Sum,
    /// `dd.mm.yyyy`, `yyyy-mm-dd` or `yyyymmdd`, with or without a time behind it.
    Day,
    /// `1` or `0`, `true` or `false`.
    Flag,
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    List(List),
    Pay(&'static [Act]),
    OneC(OneC),
    Web(Web),
    Base(Step),
}

const fn needed(name: &'static str, kind: Kind) -> Argument {
    Argument { name, kind, needed: true }
}

const fn optional(name: &'static str, kind: Kind) -> Argument {
    Argument { name, kind, needed: false }
}

const fn list(name: &'static str, list: List) -> Method {
    // Its one field, `nas_ip`, has rules of its own.
    Method { contexts: &["collector"], models: &["Abonents"], name, arguments: &[], task: Task::List(list) }
}

const fn pay(context: &'static [&'static str], name: &'static str, acts: &'static [Act]) -> Method {
    Method { contexts: context, models: &["Abonents"], name, arguments: PAYMENT, task: Task::Pay(acts) }
}

const fn one_c(
    model: &'static [&'static str],
    name: &'static str,
    task: OneC,
    arguments: &'static [Argument],
) -> Method {
    Method { contexts: &["api_1c"], models: model, name, arguments, task: Task::OneC(task) }
}

const fn web(name: &'static str, task: Web, arguments: &'static [Argument]) -> Method {
    Method { contexts: CABINET, models: &["Users"], name, arguments, task: Task::Web(task) }
}

const fn base(name: &'static str, step: Step) -> Method {
    Method {
        contexts: &["base"],
        models: super::objects::MODELS,
        name,
        arguments: &[],
        task: Task::Base(step),
    }
}

/// What is missing of these has a token and a text of its own, in the order of the rules.
const PAYMENT: &[Argument] = &[
    optional("pay_operator", Kind::Text),
    optional("contract_number", Kind::Text),
    optional("act", Kind::Text),
    optional("sum_in", Kind::Sum),
    optional("pay_id_str", Kind::Text),
    optional("date", Kind::Text),
    optional("pay_date", Kind::Text),
    optional("reason", Kind::Text),
];

/// A missing one is answered as a session that is over.
const SUID: Argument = optional("suid", Kind::Text);

const ALL_ACTS: &[Act] = &[Act::Pay, Act::Check, Act::CheckAbonent, Act::Add, Act::Cancel];
const DESK_ACTS: &[Act] = &[Act::Pay, Act::Check];

const ABONENTS: &[&str] = &["Abonents"];
const OPERATIONS: &[&str] = &["FinanceOperations"];

pub(super) static METHODS: &[Method] = &[
    list("collector_manager.users_logged", List::Logged),
    list("collector_manager.users_negbal", List::Negbal),
    list("collector_manager.users_blocked", List::Blocked),
    pay(&["asr_fiscal"], "asr_fiscal_manager.act_pay", ALL_ACTS),
    pay(&["webcash"], "asr_fiscal_manager.act_pay", DESK_ACTS),
    pay(&["webcash"], "webcash_manager.act_pay", DESK_ACTS),
    one_c(
        ABONENTS,
        "api_1c_manager.api_1c_get_abonents",
        OneC::Accounts,
        &[
            optional("parent_id", Kind::Integer),
            optional("sync1c", Kind::Flag),
            optional("after", Kind::Integer),
            optional("limit", Kind::Integer),
        ],
    ),
    one_c(
        ABONENTS,
        "api_1c_manager.api_1c_get_abonent_attr",
        OneC::Attributes,
        &[needed("abonent_id", Kind::Integer)],
    ),
    one_c(
        ABONENTS,
        "api_1c_manager.api_1c_get_abonent_users",
        OneC::Users,
        &[needed("abonent_id", Kind::Integer)],
    ),
    one_c(
        ABONENTS,
        "api_1c_manager.api_1c_get_account",
        OneC::Balance,
        &[needed("abonent_id", Kind::Integer)],
    ),
    one_c(
        ABONENTS,
        "api_1c_manager.api_1c_create_abonent",
        OneC::Create,
        &[
            needed("code1c", Kind::Text),
            needed("name", Kind::Text),
            optional("contract_number", Kind::Text),
            optional("parent_id", Kind::Integer),
        ],
    ),
    one_c(
        ABONENTS,
        "api_1c_manager.api_1c_sync_abonent",
        OneC::SyncAccount,
        &[needed("pk", Kind::Integer), optional("code1c", Kind::Text), optional("sync1c", Kind::Flag)],
    ),
    one_c(
        OPERATIONS,
        "api_1c_manager.api_1c_get_fin_opers_with_context",
        OneC::Operations,
        &[
            needed("abonent_id", Kind::Integer),
            optional("op_type", Kind::Integer),
            optional("sdate", Kind::Day),
            optional("edate", Kind::Day),
            optional("sync1c", Kind::Flag),
        ],
    ),
    one_c(
        OPERATIONS,
        "api_1c_manager.api_1c_get_fin_detail",
        OneC::Operation,
        &[needed("op_id", Kind::Integer)],
    ),
    one_c(
        OPERATIONS,
        "api_1c_manager.api_1c_sync_fin_oper",
        OneC::SyncOperation,
        &[
            optional("pk", Kind::Integer),
            needed("code1c", Kind::Text),
            optional("sync1c", Kind::Flag),
            optional("abonent_id", Kind::Integer),
            optional("contract_number", Kind::Text),
            optional("op_summa", Kind::Sum),
            optional("op_date", Kind::Text),
        ],
    ),
    web(
        "web_cabinet.login",
        Web::Login,
        &[needed("login", Kind::Text), needed("passwd", Kind::Text), optional("src_ip", Kind::Text)],
    ),
    web("web_cabinet.try_auto_login", Web::AutoLogin, &[optional("src_ip", Kind::Text)]),
    web("web_cabinet.logout", Web::Logout, &[SUID]),
    web("web_cabinet.user_info", Web::UserInfo, &[SUID]),
    web("web_cabinet.get_user", Web::User, &[SUID]),
    web(
        "web_cabinet.get_pay_log",
        Web::PayLog,
        &[
            SUID,
            optional("start_date", Kind::Day),
            optional("end_date", Kind::Day),
            optional("page_number", Kind::Integer),
            optional("per_page", Kind::Integer),
        ],
    ),
    web("web_cabinet.get_usluga_list", Web::Services, &[SUID]),
    web("web_cabinet.set_user_usluga", Web::AddService, &[SUID, needed("usluga_id", Kind::Text)]),
    web("web_cabinet.remove_user_usluga", Web::RemoveService, &[SUID, needed("usluga_id", Kind::Text)]),
    web(
        "web_cabinet.block_user",
        Web::Pause,
        &[SUID, needed("start_date", Kind::Day), needed("end_date", Kind::Day)],
    ),
    web("web_cabinet.unblock_user", Web::Resume, &[SUID]),
    web(
        "web_cabinet.add_payment_operation",
        Web::Order,
        &[
            SUID,
            optional("src_ip", Kind::Text),
            optional("contract_number", Kind::Text),
            needed("summa_in", Kind::Sum),
            needed("operator", Kind::Text),
        ],
    ),
    web("web_cabinet.get_promise_pay_list", Web::Promises, &[SUID]),
    web("web_cabinet.set_promise_pay", Web::Promise, &[SUID, optional("id", Kind::Integer)]),
    web(
        "web_cabinet.set_user_info",
        Web::SetUser,
        &[
            SUID,
            optional("user_password", Kind::Text),
            optional("sms", Kind::Text),
            optional("email", Kind::Text),
        ],
    ),
    web(
        "web_cabinet.change_password",
        Web::Password,
        &[SUID, needed("passwd", Kind::Text), needed("psw1", Kind::Text), needed("psw2", Kind::Text)],
    ),
    web("web_cabinet.get_vpn_const", Web::Constants, &[SUID]),
    web("web_cabinet.get_fio", Web::Name, &[SUID]),
    web("web_cabinet.get_account_id", Web::AccountId, &[SUID]),
    web("web_cabinet.get_balance", Web::Balance, &[SUID]),
    web("web_cabinet.get_user_tarif", Web::Plan, &[SUID]),
    web("web_cabinet.get_create_date", Web::Created, &[SUID]),
    base("objects.get", Step::Get),
    base("objects.filter", Step::Filter),
    base("objects.set", Step::Set),
    base("objects.save", Step::Save),
];

/// The method of this name in this context.
pub(super) fn find(context: &str, name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name && method.contexts.contains(&context))
}

/// What is served, for those who ask for something else:
/// `context=collector model=Abonents: collector_manager.users_logged, ...; ...`.
pub(super) fn served() -> String {
    let mut parts: Vec<(String, Vec<&str>)> = Vec::new();
    for method in METHODS {
        let contexts =
            format!("context={} model={}", method.contexts.join(" or "), method.models.join(" or "));
        match parts.iter_mut().find(|(known, _)| *known == contexts) {
            Some((_, names)) => names.push(method.name),
            None => parts.push((contexts, vec![method.name])),
        }
    }
    let text: Vec<String> =
        parts.into_iter().map(|(contexts, names)| format!("{contexts}: {}", names.join(", "))).collect();
    text.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_method_stands_once_in_each_context_and_its_arguments_once_in_it() {
        let mut seen = HashSet::new();
        for method in METHODS {
            for context in method.contexts {
                assert!(seen.insert((context, method.name)), "{context} {}", method.name);
            }
            let names: HashSet<&str> = method.arguments.iter().map(|argument| argument.name).collect();
            assert_eq!(names.len(), method.arguments.len(), "{}", method.name);
        }
        assert!(find("webcash", "asr_fiscal_manager.act_pay").is_some());
        assert!(find("collector", "asr_fiscal_manager.act_pay").is_none());
    }

    #[test]
    fn the_page_of_the_dialect_names_every_method() {
        let page = include_str!("../../../docs/system-api.md");
        for method in METHODS {
            let short = method.name.rsplit('.').next().unwrap();
            assert!(
                page.contains(&format!("`{}`", method.name)) || page.contains(&format!("`{short}`")),
                "{short}"
            );
        }
    }
}
