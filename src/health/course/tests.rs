use super::*;
use crate::fleet::{Asking, CheckKind};

const SECOND: Duration = Duration::from_secs(1);

fn check() -> Check {
    Check {
        name: "c".into(),
        interval: 10 * SECOND,
        degraded_after: 2,
        down_after: 3,
        up_after: 2,
        hold_down: true,
        kind: CheckKind::Tcp { asking: Asking { timeout: 3 * SECOND, confirm: SECOND / 2, watch: true }, port: 80 },
    }
}

fn report(outcome: Outcome) -> Report {
    Report { outcome, took: Duration::ZERO, stream_start: None, live: None }
}

fn bad() -> Report {
    report(Outcome::Bad("broken".into()))
}

fn good() -> Report {
    report(Outcome::Good)
}

fn live(newest: u64, target: Duration) -> Report {
    Report { live: Some(Live { newest, target }), ..good() }
}

/// Takes reports a second apart, and gives the verdicts.
fn verdicts(course: &mut Course, check: &Check, reports: &str) -> String {
    let verdict = |course: &Course| match course.verdict {
        Verdict::Up => 'u',
        Verdict::Degraded => 'd',
        Verdict::Down => 'X',
        _ => '?',
    };
    let take = |(n, word): (usize, char)| {
        let report = match word {
            '+' => good(),
            '-' => bad(),
            '~' => report(Outcome::Weak("slow".into())),
            'a' => report(Outcome::Barred("401".into())),
            _ => report(Outcome::Unasked("no files".into())),
        };
        let now_ms = n as u64 * 1000;
        course.take(check, now_ms, now_ms, &report);
        verdict(course)
    };
    reports.chars().enumerate().map(take).collect()
}

#[test]
fn verdicts_follow_reports() {
    for (reports, expected) in [
        // The first result decides alone.
        ("+", "u"),
        ("-", "X"),
        ("~", "d"),
        // One is logged, two are degraded, three are down; two in a row and it is back.
        ("+---", "uudX"),
        ("+---+-++", "uudXXXXu"),
        ("+---+++", "uudXXuu"),
        // Failures are forgotten by two successes in a row, and not before.
        ("+-+-+-", "uuuddX"),
        ("+-++--+", "uuuuudd"),
        ("+-++---", "uuuuudX"),
        ("+--++", "uuddu"),
        // What is slow serves.
        ("+~~~+", "udddu"),
        ("---~~", "XXXXd"),
        // Other credentials are asked for: no word on whether it serves.
        ("+aaaa+", "uddddu"),
        ("a+", "du"),
        ("---aa++", "XXXXXXu"),
        ("+-a--", "uuddX"),
        // Trouble on this side is no word either.
        ("??+", "??u"),
        ("+-?-?-", "uuuddX"),
        ("---?+?+", "XXXXXXu"),
    ] {
        assert_eq!(verdicts(&mut Course::default(), &check(), reports), expected, "{reports}");
    }
}

#[test]
fn thresholds_are_the_checks_own() {
    let once = Check { degraded_after: 1, down_after: 1, up_after: 1, ..check() };
    assert_eq!(verdicts(&mut Course::default(), &once, "+-+-"), "uXuX");
    let patient = Check { degraded_after: 1, down_after: 5, up_after: 3, hold_down: false, ..check() };
    assert_eq!(verdicts(&mut Course::default(), &patient, "+---+-+-+++-"), "uddddddXXXud");
}

#[test]
fn after_a_failure_it_is_looked_at_again_soon() {
    let (mut course, check) = (Course::default(), check());
    let nexts: Vec<Next> = [good(), bad(), bad(), bad(), bad(), good()].iter().map(|report| course.take(&check, 0, 0, report)).collect();
    let soon = Next::In(500);
    assert_eq!(nexts, [Next::Interval, soon, soon, Next::Interval, Next::Interval, Next::Interval]);
    let quick = Check { interval: SECOND / 10, ..check };
    let mut course = Course::recalled(&quick, Verdict::Up, "");
    assert_eq!(course.take(&quick, 0, 0, &bad()), Next::In(100));
}

#[test]
fn while_failures_count_a_success_is_followed_up_soon() {
    let (mut course, check) = (Course::recalled(&check(), Verdict::Up, ""), check());
    let mut nexts = |reports: &[Report]| reports.iter().map(|report| course.take(&check, 0, 0, report)).collect::<Vec<Next>>();
    let soon = Next::In(500);
    // Two in a row: it is forgotten.
    assert_eq!(nexts(&[bad(), good(), good()]), [soon, soon, Next::Interval]);
    // Every second time: down after five looks, and not after as many intervals.
    assert_eq!(nexts(&[bad(), good(), bad(), good(), bad()]), [soon, soon, soon, soon, Next::Interval]);
    assert_eq!((nexts(&[good()]), course.verdict), (vec![Next::Interval], Verdict::Down));
}

#[test]
fn refused_twice_after_the_watch_broke_is_conclusive() {
    let (check, refused) = (check(), report(Outcome::Refused));
    let mut course = Course::recalled(&check, Verdict::Up, "");
    course.suspect();
    assert_eq!((course.take(&check, 0, 0, &refused), course.verdict), (Next::In(50), Verdict::Up));
    assert_eq!((course.take(&check, 50, 50, &refused), course.verdict), (Next::Interval, Verdict::Down));
    assert_eq!(course.first_failed_ms, Some(0));
    // Without the watch, or refused only once, three failures are needed.
    let mut course = Course::recalled(&check, Verdict::Up, "");
    course.take(&check, 0, 0, &refused);
    course.take(&check, 0, 0, &refused);
    assert_eq!(course.verdict, Verdict::Degraded);
    let mut course = Course::recalled(&check, Verdict::Up, "");
    course.suspect();
    assert_eq!(course.take(&check, 0, 0, &refused), Next::In(50));
    assert_eq!((course.take(&check, 50, 50, &bad()), course.verdict), (Next::In(500), Verdict::Degraded));
    assert_eq!((course.take(&check, 50, 50, &good()), course.verdict), (Next::In(500), Verdict::Degraded));
}

#[test]
fn the_last_word_of_a_process_that_ends_is_not_believed() {
    let (check, refused, again) = (check(), report(Outcome::Refused), Next::In(50));
    // It closes its connections first, and stops listening then: in between it takes a connection, and may even have answered.
    for (word, failures) in [(good(), 0), (bad(), 1)] {
        let mut course = Course::recalled(&check, Verdict::Up, "");
        course.suspect();
        assert_eq!((course.take(&check, 0, 0, &word), course.failures), (again, failures));
        assert_eq!(course.take(&check, 50, 50, &refused), again);
        assert_eq!((course.take(&check, 100, 100, &refused), course.verdict), (Next::Interval, Verdict::Down));
    }
    // It has merely let go of an idle connection, or answers badly for a longer time.
    let mut course = Course::recalled(&check, Verdict::Up, "");
    course.suspect();
    assert_eq!([course.take(&check, 0, 0, &good()), course.take(&check, 50, 50, &good())], [again, Next::Interval]);
    course.suspect();
    assert_eq!([course.take(&check, 0, 0, &bad()), course.take(&check, 50, 50, &bad())], [again, Next::In(500)]);
    assert_eq!((course.failures, course.verdict), (1, Verdict::Up));
}

#[test]
fn a_stream_that_stands_still_fails() {
    let check = check();
    let mut course = Course::default();
    assert_eq!(course.take(&check, 0, 1_000, &live(7, SECOND)), Next::By(7_000));
    assert_eq!(course.take(&check, 0, 6_999, &live(7, SECOND)), Next::By(7_000));
    assert_eq!(course.take(&check, 0, 7_000, &live(7, SECOND)), Next::In(500));
    assert_eq!((course.verdict, course.reason.as_str()), (Verdict::Up, "the playlist has not moved for 6 s"));
    // It starts over: also that is moving.
    assert_eq!(course.take(&check, 0, 7_500, &live(0, SECOND)), Next::In(500));
    // Longer segments have more time.
    assert_eq!(course.take(&check, 0, 8_000, &live(1, 10 * SECOND)), Next::By(38_000));
    assert_eq!(course.take(&check, 0, 38_000, &live(1, 10 * SECOND)), Next::In(500));
    // It has an end now.
    assert_eq!(course.take(&check, 0, 39_000, &good()), Next::In(500));
    assert_eq!(course.take(&check, 0, 99_000, &live(1, SECOND)), Next::By(105_000));
}

#[test]
fn a_stream_that_is_first_seen_while_down_must_move_before_it_counts() {
    let check = check();
    let mut course = Course::recalled(&check, Verdict::Down, "the playlist has not moved for 6 s");
    for now_ms in [0, 1_000, 2_000] {
        course.take(&check, now_ms, now_ms, &live(7, SECOND));
        assert_eq!((course.verdict, course.successes), (Verdict::Down, 0));
    }
    course.take(&check, 3_000, 3_000, &live(8, SECOND));
    course.take(&check, 4_000, 4_000, &live(8, SECOND));
    assert_eq!(course.verdict, Verdict::Up);
    // Nobody's segments last for days.
    course.take(&check, 5_000, 5_000, &live(9, SECOND * 1_000_000));
    assert_eq!(course.take(&check, 185_000, 185_000, &live(9, SECOND * 1_000_000)), Next::In(500));
}

/// Falls at `at_ms`, answers from then on every second, and gives how long it was away.
fn away(course: &mut Course, check: &Check, at_ms: u64) -> u64 {
    for _ in 0..3 {
        course.take(check, at_ms, at_ms, &bad());
    }
    assert_eq!(course.verdict, Verdict::Down);
    let mut now_ms = at_ms;
    while course.verdict == Verdict::Down {
        now_ms += 1000;
        course.take(check, now_ms, now_ms, &good());
    }
    (now_ms - at_ms) / 1000
}

#[test]
fn a_flapping_panel_returns_ever_more_slowly() {
    let check = check();
    let mut course = Course::recalled(&check, Verdict::Up, "");
    let mut now_ms = 0;
    let mut times = |course: &mut Course, pause_s: u64| {
        now_ms += pause_s * 1000;
        let away_s = away(course, &check, now_ms);
        now_ms += away_s * 1000;
        away_s
    };
    let held: Vec<u64> = (0..8).map(|_| times(&mut course, 5)).collect();
    // Usually two successes; from the third fall on twice as long as the last: 2 × 10 s doubled, and five minutes at most.
    assert_eq!(held, [2, 2, 41, 81, 161, 301, 301, 301]);
    // Up for ten minutes, and all is forgotten.
    assert_eq!(times(&mut course, 600), 2);
    let slowly: Vec<u64> = (0..5).map(|_| times(&mut course, 250)).collect();
    assert_eq!(slowly, [2, 41, 81, 161, 301]);
    course.clear_hold();
    assert_eq!(times(&mut course, 5), 2);
    let free = Check { hold_down: false, ..check };
    let mut course = Course::recalled(&free, Verdict::Up, "");
    assert!((0..9).all(|n| away(&mut course, &free, n * 10_000) == 2));
}

#[test]
fn who_reports_by_itself_is_missed_after_so_many_intervals() {
    let check = Check { kind: CheckKind::Heartbeat, ..check() };
    let mut course = Course::default();
    course.silent(&check, 0, 20_000);
    assert_eq!(course.verdict, Verdict::Unknown);
    course.silent(&check, 0, 30_000);
    assert_eq!((course.verdict, course.reason.as_str()), (Verdict::Down, "no report for 30 s"));
    course.beat(&check, 31_000);
    assert_eq!(course.verdict, Verdict::Down);
    course.beat(&check, 41_000);
    assert_eq!((course.verdict, course.failures), (Verdict::Up, 0));
    // A little late, again and again: no more than that.
    for n in 5..50 {
        course.silent(&check, n * 10_000, n * 10_000 + 10_500);
        assert_eq!((course.verdict, course.failures), (Verdict::Up, 1));
        course.beat(&check, n * 10_000 + 10_600);
        assert_eq!((course.verdict, course.failures), (Verdict::Up, 0));
    }
    course.silent(&check, 600_000, 620_000);
    assert_eq!(course.verdict, Verdict::Degraded);
    course.silent(&check, 600_000, 630_000);
    assert_eq!((course.verdict, course.first_failed_ms), (Verdict::Down, Some(610_000)));
}

#[test]
fn what_an_earlier_run_knew_goes_on() {
    let check = check();
    assert_eq!(verdicts(&mut Course::recalled(&check, Verdict::Up, ""), &check, "--+++"), "uddu".to_owned() + "u");
    assert_eq!(verdicts(&mut Course::recalled(&check, Verdict::Down, "gone"), &check, "+-++"), "XXXu");
}
