use relais_moment::{zone, zones_like};

#[test]
fn a_zone_is_found_in_any_case_and_spelled_as_the_database_has_it() {
    for name in ["europe/paris", "EUROPE/PARIS", "Europe/Paris"] {
        assert_eq!(zone(name).unwrap().iana_name(), Some("Europe/Paris"));
    }
    assert_eq!(zone("utc").unwrap().iana_name(), Some("UTC"));
}

#[test]
fn what_is_no_iana_name_is_no_zone() {
    for name in ["", "local", "Paris", "CET-1CEST", "+02:00", "../etc/passwd", "/etc/localtime", "Europe/", "Mars/Base"]
    {
        assert_eq!(zone(name).unwrap_err().0, name);
    }
}

#[test]
fn cities_come_before_names_that_only_contain_what_was_typed() {
    assert_eq!(zones_like("par", 3), ["Europe/Paris", "America/Paramaribo"], "the common one first");
    assert_eq!(zones_like("Réunion", 3), ["Indian/Reunion"]);
    assert_eq!(zones_like("paris", 3), ["Europe/Paris"]);
    assert_eq!(zones_like("new y", 3), ["America/New_York"]);
    assert_eq!(zones_like("europe/l", 25)[..2], ["Europe/London", "Europe/Lisbon"]);
    assert!(zones_like("aris", 25).contains(&"Europe/Paris"));
}

#[test]
fn nothing_typed_offers_a_few_and_never_more_than_asked_for() {
    assert!(zones_like("", 25).contains(&"Europe/Paris"));
    assert_eq!(zones_like("", 2).len(), 2);
    assert_eq!(zones_like("a", 25).len(), 25);
    assert!(zones_like("no such place", 25).is_empty());
    for name in zones_like("america", 200) {
        assert!(zone(name).is_ok(), "{name}");
    }
}
