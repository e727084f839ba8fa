//! What a change means for clients, in words: for dry runs and for the log.
//!
//! Nothing is reckoned here that the answers are not made of: networks that the atlas knows are put to the rosters of before and after.

use crate::compile::brief::{Known, brief};
use crate::compile::plan::Order;
use crate::compile::service::service;
use crate::fleet::{Conducts, Fleet, PanelId};
use crate::geo::{Atlas, Ranges};
use crate::snapshot::service::Service;
use crate::steer::{Class, Family, Guide, How};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// So many networks tell shares to a few per cent; of IPv4 more, for there are most clients.
const SAMPLES_V4: usize = 1536;
const SAMPLES_V6: usize = 512;
/// Clients of unknown place differ in their slots only.
const SAMPLES_UNKNOWN: usize = 256;
/// A sample of a set with more places than this many takes so much longer, so it is asked with fewer.
const PLACES_FOR_ALL: usize = 32;
/// Of `SAMPLES_V4` and `SAMPLES_V6` together, one in so many at least.
const MAX_STEP: usize = 16;
/// Orders beyond these are not worked out: each takes about a millisecond.
const MAX_ORDERS: usize = 64;
/// What nobody reads is not told.
const MAX_TOLD: usize = 20;
const MAX_LINES: usize = 5;

/// What answers are made of, before or after.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub fleet: &'a Fleet,
    pub conducts: &'a Conducts,
    pub guide: &'a Guide,
}

/// A hostname that the change has to do with. No order: it is not there.
#[derive(Clone, Debug)]
pub(super) struct Touched {
    pub name: String,
    pub before: Option<Order>,
    pub after: Option<Order>,
}

/// One line each; a single one where no client moves.
pub(super) fn effects(old: Side<'_>, new: Side<'_>, touched: &[Touched]) -> Vec<String> {
    let sample = Sample::new(&new.guide.atlas);
    let (groups, beyond) = grouped(touched);
    let mut lines = Vec::new();
    let (mut told, mut untold) = (0, 0);
    for group in &groups {
        let first = group[0];
        let found = told_of(&side(old, &first.before), &side(new, &first.after), &sample);
        if found.is_empty() {
            continue;
        }
        told += 1;
        if told > MAX_TOLD {
            untold += group.len();
            continue;
        }
        let name = match group.len() - 1 {
            0 => first.name.clone(),
            others => format!("{} and {others} more", first.name),
        };
        lines.extend(found.iter().map(|what| format!("{name}: {what}")));
    }
    for (count, what) in [(untold, ""), (beyond, " may have others, which were not worked out")] {
        if count > 0 {
            lines.push(format!("and {count} more {}{what}", if count == 1 { "hostname" } else { "hostnames" }));
        }
    }
    if lines.is_empty() {
        lines.push("no client moves".into());
    }
    lines
}

/// Hostnames with the same order before and the same after, as they come; and how many have orders beyond those worked out.
fn grouped(touched: &[Touched]) -> (Vec<Vec<&Touched>>, usize) {
    let mut groups: Vec<Vec<&Touched>> = Vec::new();
    let mut beyond = 0;
    for one in touched {
        let same = groups.iter().position(|group| group[0].before == one.before && group[0].after == one.after);
        match same {
            Some(at) => groups[at].push(one),
            None if groups.len() < MAX_ORDERS => groups.push(vec![one]),
            None => beyond += 1,
        }
    }
    (groups, beyond)
}

/// Networks of known clients, evenly over all there are.
struct Sample {
    known: Vec<IpAddr>,
    unknown: Vec<IpAddr>,
}

impl Sample {
    fn new(atlas: &Atlas) -> Self {
        let ranges: &Ranges<u32> = atlas.ranges();
        // By networks as resolvers name them: /24, and /48, of which an address's first half has the bits.
        let v4 = evenly(|| runs(ranges.v4(), 1 << 32), SAMPLES_V4);
        let v6 = evenly(|| runs(ranges.v6().map(|(start, value)| (start >> 64, value)), 1 << 64), SAMPLES_V6);
        let mut known: Vec<IpAddr> = v4.into_iter().map(|bits| Ipv4Addr::from_bits(bits as u32).into()).collect();
        known.extend(v6.into_iter().map(|bits| IpAddr::from(Ipv6Addr::from_bits(bits << 64))));
        let unknown = (0..SAMPLES_UNKNOWN as u32).map(|n| Ipv4Addr::from_bits(n << 8).into()).collect();
        Self { known, unknown }
    }
}

/// Start and length of the runs that are known.
fn runs(starts: impl Iterator<Item = (u128, u32)>, end: u128) -> impl Iterator<Item = (u128, u128)> {
    let mut starts = starts.peekable();
    std::iter::from_fn(move || {
        let (start, value) = starts.next()?;
        let next = starts.peek().map_or(end, |(next, _)| *next);
        Some((start, if value == 0 { 0 } else { next - start }))
    })
}

/// `count` of what is in the runs, at equal distances.
fn evenly<I: Iterator<Item = (u128, u128)>>(runs: impl Fn() -> I, count: usize) -> Vec<u128> {
    let all: u128 = runs().map(|(_, length)| length).sum();
    let count = count as u128;
    let place = |n: u128| (2 * n + 1) * all / (2 * count);
    let (mut found, mut before) = (Vec::with_capacity(count as usize), 0);
    for (start, length) in runs() {
        while (found.len() as u128) < count && place(found.len() as u128) < before + length {
            found.push(start + place(found.len() as u128) - before);
        }
        before += length;
    }
    found
}

/// A hostname's service, and what it needs to choose.
struct Asked<'a> {
    side: Side<'a>,
    service: Service,
}

fn side<'a>(side: Side<'a>, order: &Option<Order>) -> Option<Asked<'a>> {
    let order = order.as_ref()?;
    // As if all were well: what is down today need not be when the change counts.
    let brief = brief(side.fleet, order, Known { conducts: side.conducts, conditions: None, now_ms: 0 });
    Some(Asked { side, service: service(side.fleet, order, &brief, side.guide, &mut Arc::new) })
}

impl<'a> Asked<'a> {
    /// The preferred panel for a client of this network. `seed` stands for chance.
    fn first(&self, network: IpAddr, is_known: bool, family: Family, seed: u64) -> Option<&'a str> {
        let (roster, guide) = (&self.service.roster, self.side.guide);
        let class = match roster.class(guide, network).0 {
            Class::Spot(_) if !is_known => Class::Unknown,
            class => class,
        };
        let choice = roster.choose(guide, class, network, family, roster.slot(network, seed), seed);
        choice.members().first().map(|member| {
            let panel = PanelId(roster.members[usize::from(*member)].panel);
            &*self.side.fleet.panel(panel).name
        })
    }

    fn has(&self, family: Family) -> bool {
        self.service.has(family)
    }

    /// Somebody answers. A family is there as well where its panels are all switched off.
    fn is_left(&self) -> bool {
        let serves = |family| self.has(family) && self.service.roster.members.iter().any(|member| !member.weight(family).is_zero());
        FAMILIES.iter().any(|(family, _)| serves(*family))
    }

    /// Families in which each client gets the same.
    fn has_like_families(&self) -> bool {
        self.service.roster.members.iter().all(|member| member.fit.v4 == member.fit.v6)
    }

    fn places(&self) -> usize {
        self.service.roster.stops.len()
    }

    /// A client stays with the panel it has.
    fn is_sticky(&self) -> bool {
        self.service.roster.choice == How::Sticky
    }

    /// Where a client is makes a difference.
    fn minds_place(&self) -> bool {
        self.service.roster.order == crate::steer::Order::Nearest
    }

    /// Who answers how much, the most first.
    fn shares(&self, sample: &Sample) -> String {
        let is_known = !sample.known.is_empty();
        let networks = if is_known { &sample.known } else { &sample.unknown };
        let families: Vec<Family> = FAMILIES.iter().map(|(family, _)| *family).filter(|family| self.has(*family)).collect();
        let mut votes = Votes::default();
        for (n, network) in each(networks, self.places()) {
            for family in &families {
                votes.add(self.first(network, is_known, *family, n));
            }
        }
        let mut told: Vec<String> =
            votes.sorted().iter().map(|(panel, count)| format!("{} {}", shown(*panel), votes.percent(*count))).collect();
        let others = told.len().saturating_sub(MAX_LINES);
        told.truncate(MAX_LINES);
        let whom = if is_known { "known networks" } else { "clients" };
        let others = if others > 0 { format!(" and {others} more") } else { String::new() };
        format!("{}{others} of {whom}", told.join(", "))
    }
}

const FAMILIES: [(Family, &str); 2] = [(Family::V4, "IPv4"), (Family::V6, "IPv6")];

/// All of them, with their numbers; fewer where asking takes long.
fn each(networks: &[IpAddr], places: usize) -> impl Iterator<Item = (u64, IpAddr)> {
    let step = places.div_ceil(PLACES_FOR_ALL).clamp(1, MAX_STEP);
    (0..).zip(networks.iter().copied().step_by(step))
}

/// Counts by what was said.
struct Votes<T> {
    by: BTreeMap<T, usize>,
    all: usize,
}

impl<T> Default for Votes<T> {
    fn default() -> Self {
        Self { by: BTreeMap::new(), all: 0 }
    }
}

impl<T: Ord + Copy> Votes<T> {
    fn add(&mut self, vote: T) {
        *self.by.entry(vote).or_default() += 1;
        self.all += 1;
    }

    fn sorted(&self) -> Vec<(T, usize)> {
        let mut sorted: Vec<(T, usize)> = self.by.iter().map(|(vote, count)| (*vote, *count)).collect();
        sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        sorted
    }

    fn percent(&self, count: usize) -> String {
        match (200 * count + self.all) / (2 * self.all.max(1)) {
            0 => "<1 %".into(),
            100 if count < self.all => ">99 %".into(),
            percent => format!("{percent} %"),
        }
    }
}

fn shown(panel: Option<&str>) -> &str {
    panel.unwrap_or("nobody")
}

/// What there is to tell of one hostname, or of several alike.
fn told_of(before: &Option<Asked<'_>>, after: &Option<Asked<'_>>, sample: &Sample) -> Vec<String> {
    let (before, after) = match (before, after) {
        (None, None) => return Vec::new(),
        (Some(_), None) => return vec!["no longer answered here".into()],
        (None, Some(after)) if after.is_left() => return vec![format!("new, answered by {}", after.shares(sample))],
        (None, Some(_)) => return vec!["new, and there is nobody to answer with".into()],
        (Some(before), Some(after)) => (before, after),
    };
    let mut lines = Vec::new();
    match (before.is_left(), after.is_left()) {
        (false, false) => return Vec::new(),
        (true, false) => return vec!["there is nobody left to answer with".into()],
        (false, true) => return vec![format!("nobody was there to answer with; now answered by {}", after.shares(sample))],
        (true, true) => {
            for (family, word) in FAMILIES {
                match (before.has(family), after.has(family)) {
                    (true, false) => lines.push(format!("has no {word} addresses any more")),
                    (false, true) => lines.push(format!("has {word} addresses now")),
                    _ => {}
                }
            }
        }
    }
    if before.service.ttl != after.service.ttl {
        lines.push(format!("TTL {} s, before {} s", after.service.ttl, before.service.ttl));
    }
    let minds_place = before.minds_place() || after.minds_place();
    let mut moved = Vec::new();
    if !sample.known.is_empty() {
        moved.extend(compared(before, after, &sample.known, "known networks"));
    }
    if sample.known.is_empty() || minds_place {
        moved.extend(compared(before, after, &sample.unknown, "clients whose place is unknown"));
    }
    let room = MAX_LINES.saturating_sub(lines.len()).max(1);
    let more = moved.len().saturating_sub(room);
    if more > 0 {
        moved.truncate(room - 1);
        moved.push(format!("and {} smaller moves", more + 1));
    }
    lines.extend(moved);
    lines
}

/// Who moves where; or, where no client has a panel of its own, who answers how much.
fn compared(before: &Asked<'_>, after: &Asked<'_>, networks: &[IpAddr], whom: &str) -> Vec<String> {
    let mut families: Vec<Family> =
        FAMILIES.iter().map(|(family, _)| *family).filter(|family| before.has(*family) && after.has(*family)).collect();
    if before.has_like_families() && after.has_like_families() {
        families.truncate(1);
    }
    let is_known = whom == "known networks";
    let mut pairs = Votes::default();
    for (n, network) in each(networks, before.places().max(after.places())) {
        for family in &families {
            pairs.add((before.first(network, is_known, *family, n), after.first(network, is_known, *family, n)));
        }
    }
    if before.is_sticky() && after.is_sticky() {
        let moves = pairs.sorted().into_iter().filter(|((from, to), _)| from != to);
        return moves
            .map(|((from, to), count)| format!("{} of {whom} move from {} to {}", pairs.percent(count), shown(from), shown(to)))
            .collect();
    }
    let mut shares: BTreeMap<Option<&str>, [usize; 2]> = BTreeMap::new();
    for ((from, to), count) in &pairs.by {
        shares.entry(*from).or_default()[0] += count;
        shares.entry(*to).or_default()[1] += count;
    }
    let mut shares: Vec<_> = shares.into_iter().collect();
    shares.sort_by_key(|(_, [before, after])| std::cmp::Reverse(before.abs_diff(*after)));
    let percent = |count| if count == 0 { "none".to_owned() } else { pairs.percent(count) };
    let told = shares.into_iter().map(|(panel, [before, after])| (panel, percent(before), percent(after)));
    told.filter(|(_, before, after)| before != after)
        .map(|(panel, before, after)| format!("{} answers {after} of {whom}, before {before}", shown(panel)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{plan, service};
    use crate::document::Network;
    use crate::fleet::{self, Conduct, State};
    use crate::geo::{self, Override};
    use std::path::Path;

    /// Two panels, each in its own half of a small world, and a third far from both.
    const FLEET: &str = r#"
[[panel]]
name = "fra1"
at = [50, 8]
addresses = ["192.0.2.1", "2001:db8::1"]
[[panel]]
name = "nyc1"
at = [40, -74]
addresses = ["192.0.2.2", "2001:db8::2"]
[[panel]]
name = "syd1"
at = [-34, 151]
addresses = ["192.0.2.3", "2001:db8::3"]
[[set]]
name = "s"
panels = ["fra1", "nyc1"]
[[zone]]
name = "x.test"
file = "z"
"#;
    const LIVE: &str = "[[hostname]]\nname = \"live.x.test\"\nset = \"s\"\n";

    /// Three quarters of the known networks are in Europe, one in America.
    fn small() -> Arc<Atlas> {
        let said = |network: &str, at| Override { network: Network::parse(network).unwrap(), at: Some(at), country: None };
        Arc::new(Atlas::new(
            vec![],
            &[said("10.0.0.0/9", (48.0, 2.0)), said("10.128.0.0/10", (52.0, 5.0)), said("10.192.0.0/10", (41.0, -87.0))],
        ))
    }

    struct World {
        fleet: Fleet,
        conducts: Conducts,
        guide: Guide,
    }

    impl World {
        fn new(text: &str, atlas: &Arc<Atlas>) -> Self {
            let (fleet, problems) = fleet::parse("f", text.as_bytes(), Path::new(""));
            assert!(!problems.iter().any(|problem| problem.is_error()), "{problems:?}");
            let guide = service::guide(&fleet, Arc::clone(atlas));
            Self { fleet, conducts: Conducts::new(), guide }
        }

        fn side(&self) -> Side<'_> {
            Side { fleet: &self.fleet, conducts: &self.conducts, guide: &self.guide }
        }

        fn order(&self, name: &str) -> Option<Order> {
            let hostname = self.fleet.hostnames.iter().find(|hostname| hostname.name.to_string().trim_end_matches('.') == name)?;
            Some(plan::order(&self.fleet, hostname))
        }
    }

    /// What every hostname of the two worlds is told of.
    fn between(old: &World, new: &World) -> Vec<String> {
        let names = |world: &World| -> Vec<String> {
            world.fleet.hostnames.iter().map(|hostname| hostname.name.to_string().trim_end_matches('.').to_owned()).collect()
        };
        let mut all = names(old);
        all.extend(names(new).into_iter().filter(|name| old.order(name).is_none()));
        let touched: Vec<Touched> =
            all.into_iter().map(|name| Touched { before: old.order(&name), after: new.order(&name), name }).collect();
        effects(old.side(), new.side(), &touched)
    }

    fn changed(from: &str, to: &str) -> Vec<String> {
        let (before, atlas) = (format!("{FLEET}{LIVE}"), small());
        assert!(before.contains(from), "{from}");
        between(&World::new(&before, &atlas), &World::new(&before.replacen(from, to, 1), &atlas))
    }

    #[test]
    fn who_moves_is_told_in_words() {
        let unknown = |what: &str| format!("live.x.test: {what}");
        for (from, to, expected) in [
            ("at = [50, 8]", "at = [50, 9]", vec!["no client moves".to_owned()]),
            ("addresses = [\"192.0.2.1\", ", "addresses = [\"192.0.2.9\", ", vec!["no client moves".to_owned()]),
            // Americans have another panel now, and so has a half of those of whom nothing is known.
            (
                "panels = [\"fra1\", \"nyc1\"]",
                "panels = [\"fra1\"]",
                vec![
                    unknown("25 % of known networks move from nyc1 to fra1"),
                    unknown("48 % of clients whose place is unknown move from nyc1 to fra1"),
                ],
            ),
            (
                "panels = [\"fra1\", \"nyc1\"]",
                "panels = [\"syd1\"]",
                vec![
                    unknown("75 % of known networks move from fra1 to syd1"),
                    unknown("25 % of known networks move from nyc1 to syd1"),
                    unknown("52 % of clients whose place is unknown move from fra1 to syd1"),
                    unknown("48 % of clients whose place is unknown move from nyc1 to syd1"),
                ],
            ),
            ("set = \"s\"", "set = \"s\"\nttl = 5", vec![unknown("TTL 5 s, before 60 s")]),
            (LIVE, "", vec![unknown("no longer answered here")]),
            (
                "\n[[hostname]]",
                "\n[[hostname]]\nname = \"new.x.test\"\nset = \"s\"\n[[hostname]]",
                vec!["new.x.test: new, answered by fra1 75 %, nyc1 25 % of known networks".to_owned()],
            ),
            (
                "addresses = [\"192.0.2.1\", \"2001:db8::1\"]\n[[panel]]\nname = \"nyc1\"\nat = [40, -74]\naddresses = [\"192.0.2.2\", \"2001:db8::2\"]",
                "addresses = [\"192.0.2.1\"]\n[[panel]]\nname = \"nyc1\"\nat = [40, -74]\naddresses = [\"192.0.2.2\"]",
                vec![unknown("has no IPv6 addresses any more")],
            ),
        ] {
            assert_eq!(changed(from, to), expected, "{to}");
        }
    }

    #[test]
    fn what_operators_want_of_panels_counts() {
        let (atlas, text) = (small(), format!("{FLEET}{LIVE}"));
        let (old, mut new) = (World::new(&text, &atlas), World::new(&text, &atlas));
        let conduct = |state| Conduct { state, shed: 0, is_moving: false };
        new.conducts.insert("fra1".into(), conduct(State::Disabled));
        let found = between(&old, &new);
        assert_eq!(found[0], "live.x.test: 75 % of known networks move from fra1 to nyc1");
        assert_eq!(found.len(), 2, "{found:?}");
        new.conducts.insert("nyc1".into(), conduct(State::Disabled));
        assert_eq!(between(&old, &new), ["live.x.test: there is nobody left to answer with"]);
        assert_eq!(
            between(&new, &old),
            ["live.x.test: nobody was there to answer with; now answered by fra1 75 %, nyc1 25 % of known networks"]
        );
        assert_eq!(between(&new, &new), ["no client moves"]);
        // A hand-over is short of TTL as well.
        new.conducts = [("fra1".to_owned(), Conduct { state: State::Enabled, shed: 1 << 15, is_moving: true })].into();
        let found = between(&old, &new);
        assert_eq!(found[0], "live.x.test: TTL 10 s, before 60 s");
        assert!(found[1].ends_with("% of known networks move from fra1 to nyc1"), "{found:?}");
    }

    #[test]
    fn where_nobody_has_a_panel_of_its_own_shares_are_told() {
        let round = format!("{FLEET}{LIVE}steer = \"round-robin\"\n");
        let atlas = small();
        let (old, new) = (World::new(&round, &atlas), World::new(&round.replace("\"nyc1\"]", "\"nyc1\", \"syd1\"]"), &atlas));
        assert_eq!(
            between(&old, &new),
            [
                "live.x.test: syd1 answers 33 % of known networks, before none",
                "live.x.test: fra1 answers 33 % of known networks, before 50 %",
                "live.x.test: nyc1 answers 33 % of known networks, before 50 %",
            ]
        );
        assert_eq!(between(&new, &new), ["no client moves"]);
    }

    #[test]
    fn without_an_atlas_all_clients_are_of_unknown_place() {
        let (atlas, text) = (Arc::new(Atlas::default()), format!("{FLEET}{LIVE}"));
        let (old, new) = (World::new(&text, &atlas), World::new(&text.replace(", \"nyc1\"]", "]"), &atlas));
        assert_eq!(between(&old, &new), ["live.x.test: 48 % of clients whose place is unknown move from nyc1 to fra1"]);
        let gone = World::new(&text.replace(LIVE, ""), &atlas);
        assert_eq!(between(&gone, &new), ["live.x.test: new, answered by fra1 100 % of clients"]);
    }

    #[test]
    fn hostnames_of_one_order_are_told_of_together() {
        let hostnames = |count: usize, keys: &dyn Fn(usize) -> String| -> String {
            let one = |n: usize| format!("[[hostname]]\nname = \"h{n}.x.test\"\nset = \"s\"\n{}\n", keys(n));
            (0..count).map(one).collect()
        };
        let world = |text: String| World::new(&format!("{FLEET}{text}"), &small());
        let (old, new) = (world(hostnames(42, &|_| String::new())), world(hostnames(42, &|_| "ttl = 5".into())));
        assert_eq!(between(&old, &new), ["h0.x.test and 41 more: TTL 5 s, before 60 s"]);
        // Each another order: some are told of, the others counted.
        let old = world(hostnames(MAX_ORDERS + 3, &|n| format!("ttl = {}", 100 + n)));
        let new = world(hostnames(MAX_ORDERS + 3, &|n| format!("ttl = {}", 200 + n)));
        let found = between(&old, &new);
        assert_eq!(found.len(), MAX_TOLD + 2);
        assert_eq!(found[MAX_TOLD - 1], "h19.x.test: TTL 219 s, before 119 s");
        assert_eq!(
            found[MAX_TOLD..],
            ["and 44 more hostnames".to_owned(), "and 3 more hostnames may have others, which were not worked out".into()]
        );
    }

    #[test]
    fn small_moves_are_counted_and_few_are_not_called_none() {
        let mut votes = Votes::default();
        (0..999).for_each(|_| votes.add("a"));
        votes.add("b");
        assert_eq!([999, 1, 500, 1000].map(|count| votes.percent(count)), [">99 %", "<1 %", "50 %", "100 %"]);
        let panel = |n: usize| format!("[[panel]]\nname = \"p{n}\"\nat = [50, {n}]\naddresses = [\"192.0.2.{}\"]\n", 100 + n);
        let all: String = (0..20).map(panel).collect();
        let names: Vec<String> = (0..20).map(|n| format!("\"p{n}\"")).collect();
        let text = format!("{FLEET}{LIVE}{all}");
        let old = World::new(&text, &small());
        let new = World::new(&text.replace("[\"fra1\", \"nyc1\"]", &format!("[{}]", names.join(", "))), &small());
        let found = between(&old, &new);
        assert_eq!(found.len(), MAX_LINES, "{found:?}");
        assert!(found[0].starts_with("live.x.test: has no IPv6") && found[4].ends_with("smaller moves"), "{found:?}");
    }

    #[test]
    fn networks_are_taken_evenly_from_all_that_is_known() {
        let runs = || [(0u128, 100u128), (100, 0), (300, 300)].into_iter();
        assert_eq!(evenly(runs, 4), [50, 350, 450, 550]);
        assert_eq!(evenly(|| [(7u128, 2u128)].into_iter(), 4), [7, 7, 8, 8]);
        assert!(evenly(std::iter::empty, 4).is_empty());
    }

    #[test]
    fn the_shipped_database_has_clients_of_both_families_everywhere() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(root.join("geoip/city.mmdb")).unwrap();
        let atlas = Arc::new(Atlas::new(vec![geo::read("city.mmdb", bytes).unwrap()], &[]));
        let sample = Sample::new(&atlas);
        assert_eq!(sample.known.len(), SAMPLES_V4 + SAMPLES_V6);
        assert!(sample.known.iter().all(|network| atlas.find(*network).value != 0));
        let text = std::fs::read_to_string(root.join("config/fleet.toml")).unwrap();
        let (old, mut new) = (World::new(&text, &atlas), World::new(&text, &atlas));
        assert_eq!(between(&old, &new), ["no client moves"]);
        new.conducts.insert("fra1".into(), Conduct { state: State::Disabled, shed: 0, is_moving: false });
        let found = between(&old, &new);
        assert!(found.iter().any(|line| line.contains("% of known networks move from fra1 to ams1")), "{found:?}");
        let back = between(&new, &old);
        assert!(back.iter().any(|line| line.contains("% of known networks move from ams1 to fra1")), "{back:?}");
        let of = |name: &str| found.iter().filter(|line| line.starts_with(name)).count();
        assert!(found.iter().all(|line| of(line.split(':').next().unwrap()) <= MAX_LINES));
    }
}
