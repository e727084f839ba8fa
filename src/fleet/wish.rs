//! What operators want of panels beside what the fleet says, and what that means at a time.

use super::State;
use std::collections::BTreeMap;

/// A hand-over goes in so many steps, so that answers change seldom.
const STEPS: u64 = 16;
/// All, in the units of `Conduct::shed`.
const WHOLE: u64 = 1 << 16;

/// Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    pub panel: String,
    pub state: State,
    pub since_s: u64,
    /// A drain hands its clients over until then.
    pub over_s: Option<u64>,
    /// From then on the fleet's own word counts again.
    pub until_s: Option<u64>,
}

/// How a panel is to be treated now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conduct {
    pub state: State,
    /// What of its clients others have by now, in 1/65,536.
    pub shed: u32,
    /// Its clients are on the move.
    pub is_moving: bool,
}

/// By panel; those without a wish are not in it.
pub type Conducts = BTreeMap<String, Conduct>;

/// What the wishes come to at `now_s`, and when that changes next.
pub fn conducts(wishes: &[Wish], now_s: u64) -> (Conducts, Option<u64>) {
    let mut conducts = Conducts::new();
    let mut next: Option<u64> = None;
    for wish in wishes {
        let (conduct, change) = wish.conduct(now_s);
        if let Some(conduct) = conduct {
            conducts.insert(wish.panel.clone(), conduct);
        }
        next = [next, change].into_iter().flatten().min();
    }
    (conducts, next)
}

impl Wish {
    /// None once it is over. With when that changes next.
    fn conduct(&self, now_s: u64) -> (Option<Conduct>, Option<u64>) {
        if self.until_s.is_some_and(|until| until <= now_s) {
            return (None, None);
        }
        let settled = Conduct { state: self.state, shed: 0, is_moving: false };
        let over = self.over_s.filter(|over| self.state == State::Draining && now_s < *over && self.since_s < *over);
        let Some(over) = over else { return (Some(settled), self.until_s) };
        let whole = over - self.since_s;
        let step = now_s.saturating_sub(self.since_s).saturating_mul(STEPS) / whole;
        let conduct = Conduct { state: State::Enabled, shed: (step * WHOLE / STEPS) as u32, is_moving: true };
        // The first second in which the next step is reached.
        let next = self.since_s + (whole * (step + 1)).div_ceil(STEPS);
        (Some(conduct), Some(self.until_s.map_or(next, |until| until.min(next))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(state: State, over_s: Option<u64>, until_s: Option<u64>) -> Wish {
        Wish { panel: "p".into(), state, since_s: 1000, over_s, until_s }
    }

    #[test]
    fn a_wish_holds_until_it_ends() {
        for state in [State::Enabled, State::Draining, State::Disabled] {
            let wish = wish(state, None, Some(1060));
            let settled = Some(Conduct { state, shed: 0, is_moving: false });
            assert_eq!(wish.conduct(1000), (settled, Some(1060)));
            assert_eq!(wish.conduct(1059), (settled, Some(1060)));
            assert_eq!(wish.conduct(1060), (None, None));
            // A clock that was set back does no harm.
            assert_eq!(wish.conduct(1), (settled, Some(1060)));
        }
    }

    #[test]
    fn a_drain_hands_over_step_by_step() {
        let wish = wish(State::Draining, Some(1160), None);
        let mut now = 1000;
        let mut shed = Vec::new();
        loop {
            let (conduct, next) = wish.conduct(now);
            let conduct = conduct.unwrap();
            shed.push(conduct.shed);
            assert_eq!(conduct.is_moving, now < 1160);
            let Some(next) = next else { break assert_eq!(conduct.state, State::Draining) };
            assert!(next > now, "{next} after {now}");
            // Nothing changes in between.
            assert_eq!(wish.conduct(next - 1).0, Some(conduct));
            now = next;
        }
        assert_eq!(shed, (0..16).map(|step| step * 4096).chain([0]).collect::<Vec<u32>>());
    }

    #[test]
    fn short_and_long_hand_overs_come_to_an_end() {
        for over in [1, 2, 7, 15, 17, 1 << 32] {
            let wish = wish(State::Draining, Some(1000 + over), None);
            let mut now = 1000;
            let steps = std::iter::from_fn(|| {
                now = wish.conduct(now).1?;
                Some(now)
            });
            assert_eq!(steps.last(), Some(1000 + over));
        }
        assert_eq!(wish(State::Disabled, Some(1160), None).conduct(1001).0.unwrap().state, State::Disabled);
    }

    #[test]
    fn the_next_change_is_the_soonest() {
        let other = Wish { panel: "q".into(), ..wish(State::Disabled, None, Some(1005)) };
        let (conducts, next) = conducts(&[wish(State::Draining, Some(1160), None), other], 1000);
        assert_eq!((conducts.len(), next), (2, Some(1005)));
    }
}
