//! `headgate operator add|set|list|disable|enable|password|key` and `headgate role list|add|set`

use super::keyed::{Key, say};
use super::output::{print_json, print_table, text};
use super::{CliError, CliResult, Context};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::io::BufRead;

#[derive(Subcommand)]
pub(super) enum Operator {
    /// Make one; its password is generated and printed once
    Add(Add),
    /// Change name, role or company
    Set(Set),
    /// Who there is, with their keys
    List(List),
    /// Shut one out: its sessions and keys end at once
    Disable(One),
    /// Let one in again; its keys are gone
    Enable(One),
    /// Give a new password, generated and printed once; its sessions end
    Password(Password),
    /// Keys for programs
    #[command(subcommand)]
    Key(ApiKey),
}

#[derive(Args)]
pub(super) struct Add {
    /// Letters, digits and . - _ @
    login: String,
    /// `headgate role list` has them
    #[arg(long)]
    role: String,
    /// Full name
    #[arg(long, default_value = "")]
    name: String,
    /// Group whose subscribers alone it sees and changes (a reseller), by name or id
    #[arg(long, value_name = "GROUP", default_value = "")]
    company: String,
    /// An account for programs
    #[arg(long)]
    api: bool,
    #[command(flatten)]
    password: PasswordFrom,
    #[command(flatten)]
    key: Key,
}

#[derive(Args)]
#[group(multiple = false)]
pub(super) struct PasswordFrom {
    /// Read the password from the first line of standard input
    #[arg(long)]
    password_stdin: bool,
    /// No login by password: keys alone
    #[arg(long)]
    no_password: bool,
}

#[derive(Args)]
pub(super) struct Set {
    login: String,
    #[arg(long)]
    name: Option<String>,
    #[arg(long)]
    role: Option<String>,
    /// A group by name or id; empty takes it away
    #[arg(long, value_name = "GROUP")]
    company: Option<String>,
    #[command(flatten)]
    key: Key,
}

#[derive(Args)]
pub(super) struct List {}

#[derive(Args)]
pub(super) struct One {
    login: String,
    #[command(flatten)]
    key: Key,
}

#[derive(Args)]
pub(super) struct Password {
    login: String,
    #[command(flatten)]
    password: PasswordFrom,
    #[command(flatten)]
    key: Key,
}

#[derive(Subcommand)]
pub(super) enum ApiKey {
    /// Make a key, printed once
    Add(AddKey),
    /// End a key at once
    Revoke(RevokeKey),
}

#[derive(Args)]
pub(super) struct AddKey {
    login: String,
    /// What the key is called
    name: String,
    /// Like "payments.write clients.*"; without it the rights that the role has now
    #[arg(long, default_value = "")]
    rights: String,
    /// 2026-12-31 (00:00 of that day) or 2026-12-31 18:00; without it never
    #[arg(long, value_name = "DATE", default_value = "")]
    expires: String,
    #[command(flatten)]
    key: Key,
}

#[derive(Args)]
pub(super) struct RevokeKey {
    login: String,
    /// What the key is called
    name: String,
    #[command(flatten)]
    key: Key,
}

#[derive(Subcommand)]
pub(super) enum Role {
    /// Every role with its rights
    List(List),
    /// Make one
    Add(SetRole),
    /// Give one other rights, at once for everybody who has it
    Set(SetRole),
}

#[derive(Args)]
pub(super) struct SetRole {
    name: String,
    /// Like "payments.write clients.*"; * is all
    rights: String,
    #[command(flatten)]
    key: Key,
}

impl Operator {
    pub fn run(&self, context: &Context) -> CliResult {
        match self {
            Operator::Add(add) => add.run(context),
            Operator::Set(set) => {
                let Set { login, name, role, company, key } = set;
                let params = json!({ "login": login, "name": name, "role": role, "company": company });
                say(context, &key.call(context, "operator.set", params)?, "changed", "was so already");
                Ok(())
            }
            Operator::List(List {}) => list(context),
            Operator::Disable(One { login, key }) => {
                let answer = key.call(context, "operator.disable", json!({ "login": login }))?;
                say(context, &answer, "disabled; its sessions and keys have ended", "was disabled already");
                Ok(())
            }
            Operator::Enable(One { login, key }) => {
                let answer = key.call(context, "operator.enable", json!({ "login": login }))?;
                say(context, &answer, "enabled", "was not disabled");
                Ok(())
            }
            Operator::Password(Password { login, password, key }) => {
                let mut params = json!({ "login": login });
                password.put_into(&mut params)?;
                let answer = key.call(context, "operator.password", params)?;
                say(context, &answer, "the password is changed", "");
                show_secret(context, &answer, "password");
                Ok(())
            }
            Operator::Key(command) => command.run(context),
        }
    }
}

impl Add {
    fn run(&self, context: &Context) -> CliResult {
        let mut params = json!({
            "login": self.login,
            "name": self.name,
            "kind": if self.api { "api" } else { "person" },
            "role": self.role,
            "company": self.company,
        });
        self.password.put_into(&mut params)?;
        let answer = self.key.call(context, "operator.add", params)?;
        say(context, &answer, &format!("operator {} made", self.login), "");
        show_secret(context, &answer, "password");
        Ok(())
    }
}

impl PasswordFrom {
    fn put_into(&self, params: &mut Value) -> CliResult {
        if self.password_stdin {
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line).map_err(CliError::failed)?;
            params["password"] = line.trim_end_matches(['\r', '\n']).into();
        } else if !self.no_password {
            params["generate"] = true.into();
        }
        Ok(())
    }
}

impl ApiKey {
    fn run(&self, context: &Context) -> CliResult {
        match self {
            ApiKey::Add(AddKey { login, name, rights, expires, key }) => {
                let params = json!({ "login": login, "name": name, "rights": rights, "expires": expires });
                let answer = key.call(context, "operator.key.add", params)?;
                if context.json {
                    print_json(&answer);
                    return Ok(());
                }
                println!("key {name} made, with the rights {}", text(answer.get("rights")));
                show_secret(context, &answer, "key");
            }
            ApiKey::Revoke(RevokeKey { login, name, key }) => {
                let params = json!({ "login": login, "name": name });
                say(context, &key.call(context, "operator.key.revoke", params)?, "revoked", "");
            }
        }
        Ok(())
    }
}

/// On a line of its own, so that it is easily taken; JSON has it already.
fn show_secret(context: &Context, answer: &Value, member: &str) {
    let secret = text(answer.get(member));
    if !context.json && !secret.is_empty() {
        println!("{member}, shown this once:\n{secret}");
    }
}

fn list(context: &Context) -> CliResult {
    let mut rows = context.call("operator.list", json!({}))?;
    if context.json {
        print_json(&rows);
        return Ok(());
    }
    for row in rows.as_array_mut().into_iter().flatten() {
        let names = row["keys"].as_array().into_iter().flatten().map(|key| key["name"].clone());
        row["keys"] = names.collect();
    }
    print_table(
        &[
            ("LOGIN", "login"),
            ("NAME", "name"),
            ("KIND", "kind"),
            ("ROLE", "role"),
            ("COMPANY", "company"),
            ("DISABLED", "disabled"),
            ("PASSWORD", "password"),
            ("KEYS", "keys"),
        ],
        &rows,
    );
    Ok(())
}

impl Role {
    pub fn run(&self, context: &Context) -> CliResult {
        match self {
            Role::List(List {}) => {
                let rows = context.call("role.list", json!({}))?;
                match context.json {
                    true => print_json(&rows),
                    false => print_table(&[("ROLE", "name"), ("RIGHTS", "rights")], &rows),
                }
            }
            Role::Add(SetRole { name, rights, key }) => {
                let answer = key.call(context, "role.add", json!({ "name": name, "rights": rights }))?;
                say(context, &answer, "made", "");
            }
            Role::Set(SetRole { name, rights, key }) => {
                let answer = key.call(context, "role.set", json!({ "name": name, "rights": rights }))?;
                say(context, &answer, "changed", "was so already");
            }
        }
        Ok(())
    }
}
