use chrono::{DateTime, Utc};
use domain::settings::email::TimeOfDay;
use store::clock::Quiet;

use crate::World;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn until(text: &str) -> Quiet {
    Quiet::Until(at(text))
}

/// Zone, window and moments with what is to be answered.
async fn expect(world: &World, zone: &str, [from, to]: [&str; 2], moments: &[(&str, Quiet)]) {
    let [from, to] = [from, to].map(|time| TimeOfDay::try_from(time.to_owned()).unwrap());
    for (now, expected) in moments {
        let found = world.store().quiet_until(&zone.parse().unwrap(), &from, &to, at(now)).await.unwrap();
        assert_eq!(found, *expected, "{zone} {from}-{to} at {now}");
    }
}

#[tokio::test]
async fn a_window_over_midnight_is_quiet_on_both_sides_of_it() {
    let world = World::new().await;
    expect(
        &world,
        "Europe/Berlin",
        ["21:00", "08:00"],
        &[
            ("2026-11-25T19:59:59Z", Quiet::No),
            ("2026-11-25T20:00:00Z", until("2026-11-26T07:00:00Z")),
            ("2026-11-25T23:30:00.5Z", until("2026-11-26T07:00:00Z")),
            ("2026-11-26T06:59:59.999Z", until("2026-11-26T07:00:00Z")),
            ("2026-11-26T07:00:00Z", Quiet::No),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_window_within_a_day_and_an_empty_one() {
    let world = World::new().await;
    expect(
        &world,
        "Asia/Kolkata",
        ["13:00", "14:15"],
        &[
            ("2026-06-01T07:29:59Z", Quiet::No),
            ("2026-06-01T07:30:00Z", until("2026-06-01T08:45:00Z")),
            ("2026-06-01T08:45:00Z", Quiet::No),
        ],
    )
    .await;
    expect(&world, "Asia/Kolkata", ["13:00", "13:00"], &[("2026-06-01T07:30:00Z", Quiet::No)]).await;
    expect(&world, "UTC", ["00:00", "23:59"], &[("2026-06-01T00:00:00Z", until("2026-06-01T23:59:00Z"))]).await;
}

#[tokio::test]
async fn a_night_in_which_clocks_change_ends_when_the_clock_says_so() {
    let world = World::new().await;
    let night = ["22:00", "07:00"];
    // An hour shorter, and an hour longer.
    expect(&world, "Europe/Berlin", night, &[("2026-03-28T21:00:00Z", until("2026-03-29T05:00:00Z"))]).await;
    expect(&world, "Europe/Berlin", night, &[("2026-10-24T20:00:00Z", until("2026-10-25T06:00:00Z"))]).await;
    expect(&world, "America/New_York", night, &[("2026-03-08T03:00:00Z", until("2026-03-08T11:00:00Z"))]).await;
    expect(&world, "America/New_York", night, &[("2026-11-01T02:00:00Z", until("2026-11-01T12:00:00Z"))]).await;
}

#[tokio::test]
async fn an_end_that_the_clock_skips_is_when_it_has_skipped_it() {
    let world = World::new().await;
    expect(
        &world,
        "Europe/Berlin",
        ["22:00", "02:30"],
        &[("2026-03-29T00:59:59Z", until("2026-03-29T01:00:00Z")), ("2026-03-29T01:00:00Z", Quiet::No)],
    )
    .await;
    expect(&world, "America/New_York", ["22:00", "02:30"], &[("2026-03-08T06:59:00Z", until("2026-03-08T07:00:00Z"))])
        .await;
}

#[tokio::test]
async fn in_an_hour_that_comes_twice_it_is_quiet_whenever_the_clock_shows_so() {
    let world = World::new().await;
    expect(
        &world,
        "Europe/Berlin",
        ["22:00", "02:30"],
        &[
            ("2026-10-25T00:15:00Z", until("2026-10-25T00:30:00Z")),
            ("2026-10-25T00:45:00Z", Quiet::No),
            ("2026-10-25T01:15:00Z", until("2026-10-25T01:30:00Z")),
            ("2026-10-25T01:30:00Z", Quiet::No),
        ],
    )
    .await;
    expect(
        &world,
        "America/New_York",
        ["01:30", "06:00"],
        &[
            ("2026-11-01T05:45:00Z", until("2026-11-01T06:00:00Z")),
            ("2026-11-01T06:15:00Z", Quiet::No),
            ("2026-11-01T06:30:00Z", until("2026-11-01T11:00:00Z")),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_day_that_a_place_has_left_out_is_no_night() {
    let world = World::new().await;
    // Apia went from the 29th of December to the 31st.
    expect(
        &world,
        "Pacific/Apia",
        ["21:00", "08:00"],
        &[
            ("2011-12-30T09:00:00Z", until("2011-12-30T18:00:00Z")),
            ("2026-07-01T09:00:00Z", until("2026-07-01T19:00:00Z")),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_zone_that_postgres_does_not_know_is_not_taken_for_a_failure() {
    let world = World::new().await;
    for zone in ["Mars/Base", "Europe/Berlinn", "Mars/Base+3", "Etc/Nowhere"] {
        expect(&world, zone, ["21:00", "08:00"], &[("2026-11-25T20:00:00Z", Quiet::UnknownZone)]).await;
    }
    expect(&world, "Etc/GMT+3", ["21:00", "08:00"], &[("2026-11-25T20:00:00Z", Quiet::No)]).await;
}

#[tokio::test]
async fn a_date_is_that_of_the_place() {
    let world = World::new().await;
    for (zone, expected) in [
        ("Asia/Tokyo", Some("2026-11-23")),
        ("America/New_York", Some("2026-11-22")),
        ("UTC", Some("2026-11-22")),
        ("Nowhere/At_All", None),
        ("Nowhere/At+3", None),
    ] {
        let date = world.store().local_date(&zone.parse().unwrap(), at("2026-11-22T23:00:00Z")).await.unwrap();
        assert_eq!(date.map(|date| date.to_string()).as_deref(), expected, "{zone}");
    }
}
