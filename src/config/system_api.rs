//! `[system-api]`: the door of pollers, cash desks and 1C.

use super::allow::AllowList;
use super::error::Fault;
use super::secret::{Passwords, read_passwords};
use super::section::Section;
use super::tree::Node;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};

/// Contexts the dialect knows. One that is listed and not yet served answers an error when it is called.
const CONTEXTS: [&str; 8] =
    ["web", "cabinet", "asr_cabinet", "collector", "api_1c", "base", "webcash", "asr_fiscal"];
const CONTEXTS_DEFAULT: [&str; 7] =
    ["web", "cabinet", "collector", "api_1c", "base", "webcash", "asr_fiscal"];
const PORT: u16 = 8082;
const PLACEHOLDER_CHARS_MAX: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemApi {
    pub listen: Vec<SocketAddr>,
    pub allow: AllowList,
    /// The contexts that answer.
    pub contexts: BTreeSet<String>,
    /// Stands for an absent text field of a list line; without white space, not empty.
    pub placeholder: String,
    /// Recurring services, by name, that subscribers may switch on and off in the cabinet.
    pub web_services: BTreeSet<String>,
    /// Codes of payment operators through which the cabinet announces payments.
    pub acquirers: BTreeSet<String>,
    /// `psw` by context; a context that is not here (but for `web`) lets nobody in.
    pub passwords: BTreeMap<String, Passwords>,
}

impl Default for SystemApi {
    fn default() -> SystemApi {
        SystemApi {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))],
            allow: AllowList::loopback(),
            contexts: CONTEXTS_DEFAULT.map(str::to_owned).into(),
            placeholder: "-".to_owned(),
            web_services: BTreeSet::new(),
            acquirers: BTreeSet::new(),
            passwords: BTreeMap::new(),
        }
    }
}

impl SystemApi {
    /// Whether `psw` opens `context`. Only `web` may go without one.
    pub fn opens(&self, context: &str, psw: Option<&str>) -> bool {
        if !self.contexts.contains(context) {
            return false;
        }
        match (self.passwords.get(context), psw) {
            (Some(passwords), Some(psw)) => passwords.accept(psw),
            (None, _) => context == "web",
            (Some(_), None) => false,
        }
    }

    pub(super) fn read(section: &mut Section<'_>) -> SystemApi {
        let mut api = SystemApi::default();
        section
            .listen("listen", &mut api.listen)
            .allow("allow", &mut api.allow)
            .parsed("contexts", &mut api.contexts, &contexts_expected(), contexts)
            .parsed(
                "placeholder",
                &mut api.placeholder,
                "1 to 16 characters without white space",
                placeholder,
            )
            .value("web-services", &mut api.web_services, names)
            .parsed(
                "acquirers",
                &mut api.acquirers,
                "codes of payment operators separated by spaces",
                |text| Some(text.split_whitespace().map(str::to_owned).collect()),
            );
        let mut passwords = section.inner("passwords");
        let secret_files = passwords.secret_files;
        for context in CONTEXTS {
            let mut read = None;
            passwords.value(context, &mut read, |node| read_passwords(node, secret_files).map(Some));
            api.passwords.extend(read.map(|passwords| (context.to_owned(), passwords)));
        }
        passwords.finish();
        api
    }
}

fn contexts_expected() -> String {
    format!("names of contexts separated by spaces, of: {}", CONTEXTS.join(" "))
}

fn contexts(text: &str) -> Option<BTreeSet<String>> {
    text.split_whitespace().map(|name| CONTEXTS.contains(&name).then(|| name.to_owned())).collect()
}

/// Names may have spaces in them, so they stand in a list.
fn names(node: &Node) -> Result<BTreeSet<String>, Fault> {
    const WHAT: &str = "a list of names of services";
    let name = |item: &Node| match item.text(WHAT)?.trim() {
        "" => Err(item.expected(WHAT)),
        name => Ok(name.to_owned()),
    };
    node.list(WHAT)?.iter().map(name).collect()
}

fn placeholder(text: &str) -> Option<String> {
    let plain = |c: char| !c.is_whitespace() && !c.is_control();
    let fits = !text.is_empty() && text.chars().count() <= PLACEHOLDER_CHARS_MAX && text.chars().all(plain);
    fits.then(|| text.to_owned())
}
