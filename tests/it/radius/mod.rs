mod fixture;
mod logins;
