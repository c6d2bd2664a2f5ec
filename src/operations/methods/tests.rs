use super::*;

#[test]
fn every_method_has_one_name_and_says_what_it_does() {
    let names: Vec<&str> = all().map(|method| method.name).collect();
    let unique: std::collections::BTreeSet<&&str> = names.iter().collect();
    assert_eq!(unique.len(), names.len(), "{names:?}");
    for method in all() {
        assert!(method.summary.ends_with('.'), "{}", method.name);
    }
}
