use super::*;

use Family::{Down, None as Lacks, Up};
use State::{Disabled, Draining, Enabled};
use proptest::prelude::*;

const LIMITS: Limits = Limits { panic: 0.0, overflow: 0.5 };
const ONE: u32 = 65_536;
const HALF: u32 = ONE / 2;

/// A panel with an IPv4 address only.
fn panel(weight: f64, state: State, v4: Family) -> Standing {
    Standing { weight, state, v4, v6: Lacks, slow_start: WHOLE, shed: 0 }
}

fn dual(v4: Family, v6: Family) -> Standing {
    Standing { v6, ..panel(1.0, Enabled, v4) }
}

fn shedding(shed: u32, slow_start: u32) -> Standing {
    Standing { slow_start, shed, ..panel(1.0, Enabled, Up) }
}

fn v4(verdict: &Verdict) -> Vec<u32> {
    verdict.fits.iter().map(|fit| fit.v4.units()).collect()
}

fn v6(verdict: &Verdict) -> Vec<u32> {
    verdict.fits.iter().map(|fit| fit.v6.units()).collect()
}

#[test]
fn weight_is_what_operators_health_and_load_leave_of_it() {
    let fit = |weight, open| Fit { v4: Weight::new(weight), v6: Weight::ZERO, full: 2 * ONE, up: 2 * ONE, open };
    let other = panel(1.0, Enabled, Up);
    let two = panel(2.0, Enabled, Up);
    for (what, standing, right) in [
        ("fit", two, fit(2.0, ONE)),
        ("slow start", Standing { slow_start: ONE / 8, ..two }, fit(0.25, ONE)),
        ("shedding", Standing { shed: ONE / 4, ..two }, fit(1.5, ONE / 4 * 3)),
        ("both", Standing { shed: HALF, slow_start: HALF, ..two }, fit(0.5, HALF)),
        ("shares over one", Standing { shed: 0, slow_start: u32::MAX, ..two }, fit(2.0, ONE)),
        ("all shed", Standing { shed: u32::MAX, ..two }, fit(0.0, 0)),
        ("draining", Standing { state: Draining, ..two }, fit(0.0, 0)),
        ("down", Standing { v4: Down, ..two }, Fit { up: 0, ..fit(0.0, 0) }),
        ("draining and down", Standing { v4: Down, state: Draining, ..two }, Fit { up: 0, ..fit(0.0, 0) }),
        ("disabled", Standing { state: Disabled, ..two }, Fit { full: 0, up: 0, ..fit(0.0, 0) }),
        ("without addresses", Standing { v4: Lacks, ..two }, Fit { full: 0, up: 0, ..fit(0.0, 0) }),
    ] {
        let verdict = judge(&[standing, other], &LIMITS);
        assert_eq!(verdict.fits[0], right, "{what}");
        assert_eq!(verdict.fits[1], Fit { v4: Weight::ONE, v6: Weight::ZERO, full: ONE, up: ONE, open: ONE }, "{what}");
        assert_eq!((verdict.v4_waived, verdict.v6_waived), (Waived::default(), Waived::default()), "{what}");
    }
}

#[test]
fn constraints_are_given_up_in_order_until_somebody_has_weight() {
    let slow = Waived { slow_start: true, ..Waived::default() };
    let shed = Waived { shed: true, ..slow };
    let draining = Waived { draining: true, ..shed };
    let weight = Waived { weight: true, ..Waived::default() };
    let health = Waived { health: true, ..Waived::default() };
    let (on, off) = (panel(1.0, Enabled, Up), panel(1.0, Enabled, Down));
    let drained = panel(1.0, Draining, Up);
    let cold = shedding(0, 0);
    for (what, members, right, waived) in [
        ("nothing", vec![on, off, drained, cold], vec![ONE, 0, 0, 0], Waived::default()),
        ("slow start", vec![cold, shedding(HALF, 0), shedding(ONE, 0), drained], vec![ONE, HALF, 0, 0], slow),
        ("shed", vec![shedding(ONE, ONE), shedding(ONE, HALF), drained, off], vec![ONE, ONE, 0, 0], shed),
        ("draining", vec![drained, off, panel(1.0, Draining, Down), panel(1.0, Disabled, Up)], vec![ONE, 0, 0, 0], draining),
        ("draining before weight 0", vec![drained, panel(0.0, Enabled, Up)], vec![ONE, 0], draining),
        ("weight 0 before health", vec![off, panel(0.0, Enabled, Up), panel(0.0, Draining, Up)], vec![0, ONE, 0], weight),
        ("health", vec![off, panel(3.0, Enabled, Down)], vec![ONE, 3 * ONE], health),
        ("health before draining", vec![off, panel(1.0, Draining, Down)], vec![ONE, 0], health),
        (
            "health and draining",
            vec![panel(1.0, Draining, Down), panel(1.0, Disabled, Up)],
            vec![ONE, 0],
            Waived { health: true, ..draining },
        ),
        ("health and not weight 0", vec![off, panel(0.0, Enabled, Down)], vec![ONE, 0], health),
        ("equals", vec![panel(0.0, Enabled, Up), panel(0.0, Enabled, Up), panel(0.0, Draining, Up)], vec![ONE, ONE, 0], weight),
        ("equals by health", vec![panel(0.0, Enabled, Up), panel(0.0, Enabled, Down)], vec![ONE, 0], weight),
        ("equals without health", vec![panel(0.0, Enabled, Down); 2], vec![ONE; 2], Waived { health: true, ..weight }),
    ] {
        let verdict = judge(&members, &LIMITS);
        assert_eq!((v4(&verdict), verdict.v4_waived), (right, waived), "{what}");
    }
}

#[test]
fn a_set_of_disabled_panels_gives_nobody_weight() {
    for members in [vec![], vec![Standing { state: Disabled, ..dual(Up, Down) }; 3]] {
        let verdict = judge(&members, &Limits { panic: 1.0, ..LIMITS });
        assert!(v4(&verdict).into_iter().chain(v6(&verdict)).all(|weight| weight == 0));
        assert_eq!((verdict.has_v4, verdict.has_v6), (!members.is_empty(), !members.is_empty()));
        assert!(!verdict.v4_dead && !verdict.v6_dead);
    }
}

#[test]
fn at_or_below_panic_health_is_ignored_and_nothing_else() {
    let set = |up: usize, down: usize| [vec![panel(0.1, Enabled, Up); up], vec![panel(0.1, Enabled, Down); down]].concat();
    for (panic, up, down, ignored) in [
        (0.0, 1, 9, false),
        (0.0, 0, 9, true),
        (0.3, 4, 6, false),
        (0.3, 3, 7, true),
        (0.29, 3, 7, false),
        (1.0, 3, 0, true),
        (f64::NAN, 0, 2, true),
    ] {
        let verdict = judge(&set(up, down), &Limits { panic, ..LIMITS });
        assert_eq!(verdict.v4_waived, Waived { health: ignored, ..Waived::default() }, "{panic}: {up} of {}", up + down);
        let serving = v4(&verdict).iter().filter(|weight| **weight > 0).count();
        assert_eq!(serving, if ignored { up + down } else { up }, "{panic}");
        // Whoever is not looked at counts as up: tiers keep their clients.
        let counted = verdict.fits.iter().filter(|fit| fit.up == fit.full).count();
        assert_eq!(counted, if ignored { up + down } else { up }, "{panic}");
    }
    let half = Limits { panic: 0.5, ..LIMITS };
    // By weight: two of three are down, and not half of the weight.
    let heavy = [panel(3.0, Enabled, Up), panel(1.0, Enabled, Down), panel(1.0, Enabled, Down)];
    assert_eq!(v4(&judge(&heavy, &half)), [3 * ONE, 0, 0]);
    // Draining panels count, disabled ones don't; neither is given anything.
    let drained = [panel(1.0, Enabled, Up), panel(1.0, Draining, Up), panel(1.0, Enabled, Down)];
    assert_eq!(v4(&judge(&drained, &half)), [ONE, 0, 0]);
    let disabled = [panel(1.0, Enabled, Up), panel(1.0, Disabled, Up), panel(1.0, Enabled, Down)];
    assert_eq!(v4(&judge(&disabled, &half)), [ONE, 0, ONE]);
    // A panel is up by any of its addresses.
    let partly = [dual(Down, Up), dual(Up, Down), dual(Down, Down)];
    assert_eq!((v4(&judge(&partly, &half)), v6(&judge(&partly, &half))), (vec![0, ONE, 0], vec![ONE, 0, 0]));
    // Load is not health.
    let loaded = [shedding(HALF, HALF), panel(1.0, Enabled, Down)];
    assert_eq!(v4(&judge(&loaded, &half)), [ONE / 4, ONE]);
    // While only a panel of weight 0 lives, it is not lost among the dead.
    assert_eq!(v4(&judge(&[panel(1.0, Enabled, Down), panel(0.0, Enabled, Up)], &half)), [0, ONE]);
}

#[test]
fn a_family_is_dead_when_only_the_other_lives() {
    let (down, ill) = (dual(Down, Down), dual(Up, Down));
    for (what, members, dead) in [
        ("both live", vec![dual(Up, Up), down], [false, false]),
        ("one panel each", vec![dual(Up, Down), dual(Down, Up)], [false, false]),
        ("v6 is dead", vec![ill, ill, down], [false, true]),
        ("v4 is dead", vec![dual(Down, Up), down], [true, false]),
        ("all is dead", vec![down, down], [false, false]),
        ("there is no v6", vec![panel(1.0, Enabled, Up)], [false, false]),
        ("the only v4 is disabled", vec![panel(1.0, Disabled, Up), dual(Lacks, Up)], [true, false]),
        ("v4 lives by a drain", vec![Standing { state: Draining, ..ill }, down], [false, true]),
        ("v4 lives by weight 0", vec![Standing { weight: 0.0, ..ill }, down], [false, true]),
    ] {
        for panic in [0.0, 1.0] {
            let verdict = judge(&members, &Limits { panic, ..LIMITS });
            assert_eq!([verdict.v4_dead, verdict.v6_dead], dead, "{what}");
            let has = |family: Which| members.iter().any(|member| family.of(member) != Lacks);
            assert_eq!([verdict.has_v4, verdict.has_v6], [has(Which::V4), has(Which::V6)], "{what}");
            assert_eq!(v4(&verdict).iter().any(|weight| *weight > 0), verdict.has_v4 && !verdict.v4_dead, "{what}");
            assert_eq!(v6(&verdict).iter().any(|weight| *weight > 0), verdict.has_v6 && !verdict.v6_dead, "{what}");
        }
    }
    // Nothing lives: both are tried.
    assert_eq!(v6(&judge(&[down, panel(1.0, Enabled, Down)], &LIMITS)), [ONE, 0]);
}

#[test]
fn who_serves_after_load_or_weight_was_given_up_keeps_its_clients() {
    let all_shed = judge(&[shedding(ONE, ONE), shedding(ONE, ONE)], &LIMITS);
    assert!(all_shed.fits.iter().all(|fit| fit.open == ONE) && all_shed.calm);
    // Measured among equals, one of two is up.
    let backup = judge(&[panel(5.0, Enabled, Down), panel(0.0, Enabled, Up)], &LIMITS);
    assert_eq!(backup.fits.iter().map(|fit| (fit.full, fit.up)).collect::<Vec<_>>(), [(ONE, 0), (ONE, ONE)]);
}

#[test]
fn it_is_calm_while_nothing_makes_a_tier_hand_clients_on() {
    let on = panel(1.0, Enabled, Up);
    for (what, member, calm) in [
        ("fit", on, true),
        ("slow start", shedding(0, HALF), true),
        ("draining", panel(1.0, Draining, Up), true),
        ("disabled", panel(1.0, Disabled, Down), true),
        ("weight 0, down", panel(0.0, Enabled, Down), true),
        ("down", panel(1.0, Enabled, Down), false),
        ("shedding", shedding(1, ONE), false),
        ("all shed, so that it serves nobody", shedding(ONE, ONE), true),
    ] {
        assert_eq!(judge(&[on, member], &LIMITS).calm, calm, "{what}");
    }
    assert!(judge(&[on, panel(1.0, Enabled, Down)], &Limits { overflow: 0.0, ..LIMITS }).calm);
}

#[test]
fn a_tier_keeps_its_clients_down_to_overflow_and_then_ever_fewer() {
    for (up, full, open, overflow, right) in [
        (10, 10, ONE, HALF, ONE),
        (5, 10, ONE, HALF, ONE),
        (4, 10, ONE, HALF, 52_428),
        (1, 4, ONE, HALF, HALF),
        (0, 10, ONE, HALF, 0),
        (0, 10, ONE, 0, ONE),
        (0, 0, ONE, HALF, ONE),
        (10, 10, HALF, HALF, HALF),
        (1, 4, HALF, HALF, HALF / 2),
        (9, 10, ONE, ONE, 58_982),
        (3, 10, ONE, share(0.3), ONE),
        (1, 1, u32::MAX, HALF, ONE),
        (u64::MAX - 1, u64::MAX, ONE, ONE, ONE - 1),
        (1, u64::MAX, ONE, u32::MAX, 0),
    ] {
        assert_eq!(kept(up, full, open, overflow), right, "{up} of {full}, {open} open, {overflow}");
    }
}

fn standings() -> impl Strategy<Value = Vec<Standing>> {
    let weight = prop_oneof![Just(0.0), Just(1.0), 0.0..10_000.0];
    let state = prop_oneof![3 => Just(Enabled), 1 => Just(Draining), 1 => Just(Disabled)];
    let family = || prop_oneof![Just(Lacks), Just(Down), Just(Up)];
    let part = || prop_oneof![Just(0), Just(ONE), 0..=ONE];
    let standing = (weight, state, family(), family(), part(), part()).prop_map(|(weight, state, v4, v6, slow_start, shed)| Standing {
        weight,
        state,
        v4,
        v6,
        slow_start,
        shed,
    });
    proptest::collection::vec(standing, 0..6)
}

fn limits() -> impl Strategy<Value = Limits> {
    (prop_oneof![Just(0.0), 0.0..=1.0], 0.0..=1.0).prop_map(|(panic, overflow)| Limits { panic, overflow })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn somebody_has_weight_unless_all_are_disabled(members in standings(), limits in limits()) {
        let verdict = judge(&members, &limits);
        let usable = |family: Which| members.iter().any(|member| member.state != Disabled && family.of(member) != Lacks);
        let serves = [v4(&verdict), v6(&verdict)].map(|weights| weights.iter().any(|weight| *weight > 0));
        prop_assert_eq!(serves[0], usable(Which::V4) && !verdict.v4_dead);
        prop_assert_eq!(serves[1], usable(Which::V6) && !verdict.v6_dead);
        prop_assert!(!(verdict.v4_dead && verdict.v6_dead));
        for (member, fit) in members.iter().zip(&verdict.fits) {
            prop_assert!(member.state != Disabled || (fit.v4.is_zero() && fit.v6.is_zero() && fit.full == 0));
            prop_assert!(member.v4 != Lacks || fit.v4.is_zero());
            prop_assert!(member.v6 != Lacks || fit.v6.is_zero());
            prop_assert!(fit.up == fit.full || fit.up == 0);
        }
    }

    #[test]
    fn nothing_is_given_up_while_somebody_has_weight(members in standings(), limits in limits()) {
        let verdict = judge(&members, &Limits { panic: 0.0, ..limits });
        let fit = |member: &Standing| {
            member.state == Enabled && member.v4 == Up && member.weight > 0.0 && member.slow_start > 0 && member.shed < ONE
        };
        if members.iter().any(fit) {
            prop_assert_eq!(verdict.v4_waived, Waived::default());
            for (member, judged) in members.iter().zip(&verdict.fits) {
                prop_assert_eq!(!judged.v4.is_zero(), fit(member));
            }
        }
    }

    #[test]
    fn families_are_judged_alike(members in standings(), limits in limits()) {
        let turned: Vec<Standing> = members.iter().map(|member| Standing { v4: member.v6, v6: member.v4, ..*member }).collect();
        let (verdict, other) = (judge(&members, &limits), judge(&turned, &limits));
        prop_assert_eq!((v4(&verdict), v6(&verdict)), (v6(&other), v4(&other)));
        prop_assert_eq!((verdict.v4_dead, verdict.v6_dead, verdict.calm), (other.v6_dead, other.v4_dead, other.calm));
        prop_assert_eq!((verdict.v4_waived, verdict.v6_waived), (other.v6_waived, other.v4_waived));
    }

    #[test]
    fn while_a_family_lives_the_other_does_not_touch_its_weights(members in standings(), others in standings()) {
        let changed: Vec<Standing> =
            members.iter().enumerate().map(|(at, member)| Standing { v6: others.get(at).map_or(Lacks, |other| other.v6), ..*member }).collect();
        let living = members.iter().any(|member| member.v4 == Up && member.state != Disabled && member.weight > 0.0);
        prop_assert!(!living || v4(&judge(&members, &LIMITS)) == v4(&judge(&changed, &LIMITS)));
    }

    #[test]
    fn it_is_calm_only_if_every_tier_that_serves_keeps_all(members in standings(), limits in limits(), tier: u8) {
        let verdict = judge(&members, &limits);
        let fits: Vec<&Fit> = verdict.fits.iter().enumerate().filter(|(at, _)| tier >> at & 1 == 1).map(|(_, fit)| fit).collect();
        let sum = |part: fn(&Fit) -> u32| fits.iter().map(|fit| u64::from(part(fit))).sum::<u64>();
        let keeps = kept(sum(|fit| fit.up), sum(|fit| fit.full), fits.iter().map(|fit| fit.open).max().unwrap_or(0), share(limits.overflow));
        let serves = fits.iter().any(|fit| !fit.v4.is_zero() || !fit.v6.is_zero());
        prop_assert!(!verdict.calm || !serves || keeps == WHOLE);
    }
}
