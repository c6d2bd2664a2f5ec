mod accounting;
mod coa;
mod fixture;
mod logins;
