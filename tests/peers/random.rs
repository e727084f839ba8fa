//! Random zones from a seed: few labels, so that everything collides with everything.

use super::questions::Dice;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

const LABELS: [&str; 9] = ["a", "b", "c", "d", "*", "w", "ns", "_tcp", "x-1"];
/// Labels that a careless reader splits, folds or cuts wrongly.
const ODD: [&str; 5] = [r"\000", r"a\.b", r"\032\255", "-", "sixty-three-bytes-is-the-most-that-a-label-of-any-name-may-have"];
/// Long names are allowed, but what is put before them must still fit.
const LONGEST_OWNER: usize = 180;
const TTLS: [u32; 4] = [60, 300, 3600, 86_400];

/// Labels from the leaf up, relative to the apex; empty is the apex.
type Owner = Vec<String>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Cname,
    Dname,
    Cut,
}

struct Draft<'a> {
    apex: String,
    family: &'a [String],
    kinds: BTreeMap<Owner, Kind>,
    lines: BTreeSet<String>,
    ttls: BTreeMap<(Owner, &'static str), u32>,
}

/// A family of zones: one, its child (delegated or not), its grandchild, and one beside it. Name and text of each.
pub(crate) fn family(nth: usize, dice: &mut Dice) -> Vec<(String, String)> {
    let top = format!("r{nth}.test");
    let mut names = vec![top.clone(), format!("s{nth}.test")];
    if dice.chance(70) {
        let child = format!("{}.{top}", *dice.pick(&["a", "b", "k", "c.b"]));
        if dice.chance(40) {
            names.push(format!("{}.{child}", *dice.pick(&["a", "d.w"])));
        }
        names.push(child);
    }
    // NSD keeps all zones in one tree and refuses what one of them has below a DNAME of another.
    loop {
        let drafts: Vec<Draft> = names.iter().map(|name| draft(name, &names, dice)).collect();
        let dnames: Vec<String> = drafts.iter().flat_map(|d| d.owners(|kind| kind == Kind::Dname)).collect();
        let is_sound =
            drafts.iter().flat_map(|d| d.owners(|_| true)).all(|owner| dnames.iter().all(|dname| !owner.ends_with(&format!(".{dname}"))));
        if is_sound {
            return drafts.iter().map(|d| (d.apex.clone(), d.text(dice))).collect();
        }
    }
}

fn draft<'a>(apex: &str, family: &'a [String], dice: &mut Dice) -> Draft<'a> {
    let mut draft = Draft { apex: apex.into(), family, kinds: BTreeMap::new(), lines: BTreeSet::new(), ttls: BTreeMap::new() };
    draft.kinds.insert(Vec::new(), Kind::Plain);
    // BIND loads no zone whose own name servers have no address in it.
    let server = vec!["ns".to_owned()];
    let name = draft.full(&server);
    draft.put(&Vec::new(), "NS", &name, dice);
    draft.put(&server, "A", "192.0.2.53", dice);
    draft.kinds.insert(server, Kind::Plain);
    for nth in 0..dice.below(3) {
        draft.put(&Vec::new(), "NS", &format!("ns{nth}.nobody.example."), dice);
    }
    draft.plain(&Vec::new(), dice);
    for _ in 0..10 + dice.below(40) {
        draft.owner(dice);
    }
    draft
}

impl Draft<'_> {
    /// One more owner, if the zone stays sound with it.
    fn owner(&mut self, dice: &mut Dice) {
        let mut owner = if dice.chance(40) { self.known(dice) } else { Vec::new() };
        for _ in 0..=dice.below(3) {
            let from = if dice.chance(5) { &ODD[..] } else { &LABELS[..] };
            owner.insert(0, (*dice.pick(from)).into());
        }
        let kind = match dice.below(100) {
            0..=14 => Kind::Cname,
            15..=21 => Kind::Dname,
            22..=36 => Kind::Cut,
            _ => Kind::Plain,
        };
        let is_below_dname = (1..=owner.len()).any(|n| self.kinds.get(&owner[n..]) == Some(&Kind::Dname));
        let has_below = self.kinds.keys().any(|known| known.len() > owner.len() && known.ends_with(&owner));
        let here = self.kinds.get(&owner).copied();
        let is_wild = owner.first().is_some_and(|label| label == "*");
        let sound = match kind {
            _ if self.full(&owner).len() > LONGEST_OWNER || is_below_dname || here == Some(Kind::Cname) => false,
            Kind::Plain => true,
            Kind::Cname => here.is_none(),
            // RFC 4592 §4.4 leaves a DNAME at a wildcard open, and BIND refuses NS there.
            Kind::Dname => here.is_none() && !has_below && !is_wild,
            Kind::Cut => here != Some(Kind::Dname) && !is_wild && owner != ["ns"],
        };
        if !sound {
            return;
        }
        match kind {
            Kind::Plain => self.plain(&owner, dice),
            Kind::Cname => {
                let target = self.target(dice);
                self.put(&owner, "CNAME", &target, dice);
            }
            Kind::Dname => {
                let target = self.target(dice);
                self.put(&owner, "DNAME", &target, dice);
                if dice.chance(40) {
                    self.plain(&owner, dice);
                }
            }
            Kind::Cut => self.cut(&owner, dice),
        }
        let kept = if here == Some(Kind::Cut) || here == Some(Kind::Dname) { here.unwrap_or(kind) } else { kind };
        self.kinds.insert(owner, kept);
    }

    fn plain(&mut self, owner: &Owner, dice: &mut Dice) {
        for _ in 0..=dice.below(3) {
            let (rtype, data) = match dice.below(20) {
                0..=4 => ("A", format!("192.0.2.{}", dice.below(4))),
                5..=7 => ("AAAA", format!("2001:db8::{}", dice.below(4))),
                8 => ("TXT", format!("\"{}\" \"text\"", "t".repeat(dice.below(200)))),
                9..=10 => ("MX", format!("{} {}", dice.below(3), self.target(dice))),
                11..=12 => ("SRV", format!("0 {} 80 {}", dice.below(3), self.target(dice))),
                13 => ("TYPE65280", "\\# 2 cafe".into()),
                14 => ("HTTPS", format!("{} {}", dice.below(2), self.target(dice))),
                15 => ("NAPTR", format!("1 {} \"{}\" \"\" \"\" {}", dice.below(3), dice.pick(&["a", "s", ""]), self.target(dice))),
                16 => ("KX", format!("1 {}", self.target(dice))),
                17 => ("PTR", self.target(dice)),
                18 => return self.many(owner, dice),
                _ => ("DS", format!("{} 13 2 {}", dice.below(9), "ab".repeat(32))),
            };
            // DS belongs to the parent: BIND will not have it at an apex, nor (by mistake) at its name server.
            if rtype != "DS" || !(owner.is_empty() || *owner == ["ns"]) {
                self.put(owner, rtype, &data, dice);
            }
        }
    }

    /// A set that is too big for a datagram, or nearly.
    fn many(&mut self, owner: &Owner, dice: &mut Dice) {
        let is_text = dice.chance(30);
        for nth in 0..5 + dice.below(60) {
            if is_text {
                self.put(owner, "TXT", &format!("\"{nth} {}\"", "t".repeat(100)), dice);
            } else {
                self.put(owner, "A", &format!("198.51.100.{nth}"), dice);
            }
        }
    }

    fn cut(&mut self, owner: &Owner, dice: &mut Dice) {
        let many = if dice.chance(10) { 14 } else { 3 };
        for nth in 0..=dice.below(many) {
            if dice.chance(50) {
                let mut server = owner.clone();
                server.insert(0, format!("ns{nth}"));
                let name = self.full(&server);
                self.put(owner, "NS", &name, dice);
                for (rtype, data) in [("A", format!("203.0.113.{nth}")), ("AAAA", format!("2001:db8:1::{nth}"))] {
                    if dice.chance(60) {
                        self.put(&server, rtype, &data, dice);
                        self.kinds.entry(server.clone()).or_insert(Kind::Plain);
                    }
                }
            } else {
                let target = self.target(dice);
                self.put(owner, "NS", &target, dice);
            }
        }
        if dice.chance(30) {
            self.put(owner, "DS", &format!("7 13 2 {}", "cd".repeat(32)), dice);
        }
    }

    fn known(&self, dice: &mut Dice) -> Owner {
        let known: Vec<&Owner> = self.kinds.keys().collect();
        (*dice.pick(&known)).clone()
    }

    /// A name for rdata: mostly one that is there, or nearly; sometimes in another zone, sometimes nobody's.
    fn target(&self, dice: &mut Dice) -> String {
        match dice.below(20) {
            0 => ".".into(),
            1 => "www.nobody.example.".into(),
            2..=5 => format!("{}.{}.", dice.pick(&LABELS), dice.pick(self.family)),
            6 => format!("{}.", dice.pick(self.family)),
            7..=14 => self.full(&self.known(dice)),
            _ => {
                let mut owner = self.known(dice);
                owner.insert(0, (*dice.pick(&LABELS)).into());
                self.full(&owner)
            }
        }
    }

    fn owners(&self, wanted: impl Fn(Kind) -> bool) -> Vec<String> {
        self.kinds.iter().filter(|(_, kind)| wanted(**kind)).map(|(owner, _)| self.full(owner)).collect()
    }

    fn text(&self, dice: &mut Dice) -> String {
        let (ttl, minimum) = (dice.pick(&TTLS), dice.pick(&TTLS));
        let mut text = format!("$ORIGIN {}.\n@ {ttl} IN SOA ns hostmaster 1 3600 900 604800 {minimum}\n", self.apex);
        for line in &self.lines {
            writeln!(text, "{line}").expect("writing to a string");
        }
        text
    }

    fn full(&self, owner: &[String]) -> String {
        owner.iter().map(|label| format!("{label}.")).collect::<String>() + &self.apex + "."
    }

    fn put(&mut self, owner: &Owner, rtype: &'static str, data: &str, dice: &mut Dice) {
        let ttl = *self.ttls.entry((owner.clone(), rtype)).or_insert(*dice.pick(&TTLS));
        let line = format!("{} {ttl} IN {rtype} {data}", self.full(owner));
        // The same name in both spellings must still be one name.
        self.lines.insert(if rtype == "A" && dice.chance(10) { line.to_ascii_uppercase() } else { line });
    }
}
