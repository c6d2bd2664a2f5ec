//! Examples of published documents, one by one and word for word, with addresses and passwords filled in, sent by
//! clients that are not ours.

mod carbon;
