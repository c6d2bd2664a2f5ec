//! The examples of the systems whose callers come to us, one by one, as their documents have them, with addresses and
//! passwords filled in: what a script that was written from the document gets here.

mod carbon;
mod cgrates;
