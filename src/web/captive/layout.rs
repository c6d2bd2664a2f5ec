//! The frame that all pages share: head, style, and the pieces they are put together from.
//!
//! One file of HTML that loads nothing, runs nothing and needs nothing newer than HTML 4 forms, because phones show it
//! in small browsers of their own.

use super::super::html::Escaped;
use super::super::texts::Section;
use super::visit::Visit;
use std::fmt::Write;

/// Nothing is loaded, nothing runs, nothing frames the page, and forms go nowhere else.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; \
                                 frame-ancestors 'none'";
/// The device learns by itself that it is let out again.
const REFRESH_SECONDS: u32 = 60;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2530;--dim:#566372;--page:#f3f5f8;--card:#fff;--line:#dce2e9;--mark:#b3261e;\
--act:#0b57d0;--on:#fff;--good:#e3f2e6;--bad:#fbe6e4}\
@media(prefers-color-scheme:dark){:root{--ink:#e8edf3;--dim:#9fb0c1;--page:#10161d;--card:#1a232d;--line:#2c3947;\
--mark:#ff8a80;--act:#a8c7fa;--on:#062e6f;--good:#173a22;--bad:#4a1f1c}}\
*{box-sizing:border-box}\
body{margin:0;padding:1.25rem 1rem;background:#f3f5f8;background:var(--page);color:#1c2530;color:var(--ink);\
font:1.0625rem/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,sans-serif;overflow-wrap:break-word}\
main{max-width:34rem;margin:0 auto;padding:1.5rem;background:#fff;background:var(--card);\
border:1px solid #dce2e9;border-color:var(--line);border-radius:.75rem}\
.who{margin:0 0 .75rem;color:#566372;color:var(--dim);font-weight:600}\
h1{margin:0 0 .75rem;font-size:1.5rem;line-height:1.25}\
h2{margin:1.75rem 0 .5rem;font-size:1.125rem}\
p{margin:0 0 .75rem}\
dl{display:grid;grid-template-columns:fit-content(40%) minmax(0,1fr);gap:.375rem 1rem;align-items:baseline;margin:1.25rem 0 0;padding:1rem 0 0;\
border-top:1px solid #dce2e9;border-color:var(--line)}\
dt{color:#566372;color:var(--dim)}\
dd{margin:0;text-align:right;font-weight:600;overflow-wrap:anywhere}\
.pay{color:#b3261e;color:var(--mark)}\
.pay,.big{font-size:1.375rem}\
ul{margin:0;padding-left:1.25rem}\
ul.ways{padding:0;list-style:none}\
.ways li{margin:0 0 .875rem}\
.ways div{margin:.25rem 0 0}\
.note{color:#566372;color:var(--dim);font-size:.9375rem}\
.said{margin:0 0 1.25rem;padding:.75rem 1rem;border-radius:.5rem;font-weight:600}\
.good{background:#e3f2e6;background:var(--good)}\
.bad{background:#fbe6e4;background:var(--bad)}\
a{color:#0b57d0;color:var(--act)}\
.act{display:block;width:100%;padding:.75rem 1rem;border:0;border-radius:.5rem;background:#0b57d0;background:var(--act);\
color:#fff;color:var(--on);font:inherit;font-weight:600;text-align:center;text-decoration:none;cursor:pointer}\
.aside{padding:.625rem .875rem;border:2px solid #0b57d0;border-color:var(--act);background:none;color:#0b57d0;\
color:var(--act)}\
.back{margin:1.25rem 0 0}\
.act:focus-visible{outline:3px solid #0b57d0;outline-color:var(--ink);outline-offset:2px}\
form{margin:1.25rem 0 0}\
label{display:block;margin:0 0 1rem}\
.foot{max-width:34rem;margin:1rem auto 0;text-align:center;font-size:.9375rem}";

/// A page while it is put together.
pub(super) struct Layout<'a> {
    visit: &'a Visit<'a>,
    provider: &'a str,
    body: String,
    rows: String,
    refresh: bool,
}

impl<'a> Layout<'a> {
    pub fn new(visit: &'a Visit<'a>, provider: &'a str) -> Layout<'a> {
        Layout { visit, provider, body: String::new(), rows: String::new(), refresh: false }
    }

    /// Loads itself again: for pages whose address may be asked for again without harm.
    pub fn refreshed(mut self, refresh: bool) -> Self {
        self.refresh = refresh;
        self
    }

    /// What came of a press.
    pub fn said(&mut self, text: &str, good: bool) {
        let class = if good { "good" } else { "bad" };
        self.put(format_args!("<p class=\"said {class}\">{}</p>", Escaped(text)));
    }

    pub fn heading(&mut self, section: &Section) {
        self.put(format_args!("<h1>{}</h1>", Escaped(section.title)));
        self.paragraph(section.text);
    }

    pub fn subheading(&mut self, text: &str) {
        self.put(format_args!("<h2>{}</h2>", Escaped(text)));
    }

    pub fn paragraph(&mut self, text: &str) {
        if !text.is_empty() {
            self.put(format_args!("<p>{}</p>", Escaped(text)));
        }
    }

    pub fn note(&mut self, text: &str) {
        self.put(format_args!("<p class=\"note\">{}</p>", Escaped(text)));
    }

    /// A link that looks like a button.
    pub fn act(&mut self, url: &str, text: &str) {
        self.put(format_args!("<a class=\"act\" href=\"{}\">{}</a>", Escaped(url), Escaped(text)));
    }

    /// The same, beside others that are better.
    pub fn act_aside(&mut self, url: &str, text: &str) {
        self.put(format_args!("<a class=\"act aside\" href=\"{}\">{}</a>", Escaped(url), Escaped(text)));
    }

    pub fn back(&mut self, url: &str, text: &str) {
        self.put(format_args!("<p class=\"back\"><a href=\"{}\">{}</a></p>", Escaped(url), Escaped(text)));
    }

    /// A row of the list that [`Layout::end_rows`] writes; `class` is ours, name and value are escaped.
    pub fn row(&mut self, name: &str, value: impl AsRef<str>, class: &'static str) {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        // Writing to a String cannot fail.
        let _ = write!(self.rows, "<dt>{}</dt><dd{class}>{}</dd>", Escaped(name), Escaped(value.as_ref()));
    }

    pub fn end_rows(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        if !rows.is_empty() {
            self.put(format_args!("<dl>{rows}</dl>"));
        }
    }

    /// Pieces that are HTML already.
    pub fn put(&mut self, html: std::fmt::Arguments<'_>) {
        let _ = self.body.write_fmt(html);
    }

    pub fn finish(mut self, title: &str) -> String {
        self.end_rows();
        let Layout { visit, provider, body, refresh, .. } = self;
        let (title, texts) = (Escaped(title), visit.texts);
        let refresh = match refresh {
            true => format!("<meta http-equiv=\"refresh\" content=\"{REFRESH_SECONDS}\">"),
            false => String::new(),
        };
        let who = match provider {
            "" => String::new(),
            name => format!("<p class=\"who\">{}</p>", Escaped(name)),
        };
        let other = texts.other();
        format!(
            "<!DOCTYPE html>\n<html lang=\"{language}\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
             {refresh}<meta name=\"robots\" content=\"noindex\"><meta name=\"format-detection\" content=\"telephone=no\">\
             <title>{title}</title><style>{STYLE}</style></head>\
             <body><main>{who}{body}</main>\
             <p class=\"foot\"><a href=\"{link}\" lang=\"{code}\" hreflang=\"{code}\">{name}</a></p></body></html>\n",
            language = texts.language,
            link = Escaped(visit.link_to_other_language()),
            code = other.language,
            name = Escaped(other.own_name()),
        )
    }
}
