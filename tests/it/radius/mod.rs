mod accounting;
mod fixture;
mod logins;
