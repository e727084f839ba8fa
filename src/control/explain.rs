//! An answer and why it is what it is.

use super::fixed;
use super::heard::{Heard, Record, status};
use super::question::Question;
use super::steered::Scene;
use super::words::plain;
use crate::answer::{Ask, Over, Verdict, Why, explained};
use crate::clock::Now;
use crate::dns::name::Name;
use crate::dns::rtype::Type;
use crate::dns::wire::rcode;
use crate::document::Network;
use crate::fleet::Fleet;
use crate::snapshot::path::Path;
use crate::snapshot::{Serving, Snapshot};
use crate::steer::{Geometry, Order};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The longest answer there is, so that nothing is cut off.
const LONGEST: usize = 65_535;

/// In the words of `/v1/explain`.
#[derive(Debug, Deserialize, Serialize)]
pub struct Explanation {
    pub name: String,
    #[serde(rename = "type")]
    pub rtype: String,
    /// The network that the resolver names.
    pub client: Option<String>,
    pub resolver: IpAddr,
    pub status: String,
    /// The addresses in it.
    pub answer: Vec<IpAddr>,
    /// The first of those chosen.
    pub panel: Option<String>,
    pub panels: Vec<String>,
    pub ttl: Option<u32>,
    /// None: the answer carries none.
    pub scope: Option<u8>,
    pub generation: u64,
    /// Whoever asked has something now: records, or an alias whose target others know.
    #[serde(rename = "answered")]
    pub is_answered: bool,
    pub records: Vec<Shown>,
    pub steps: Vec<Step>,
}

/// A record of the answer, as text.
#[derive(Debug, Deserialize, Serialize)]
pub struct Shown {
    pub name: String,
    #[serde(rename = "type")]
    pub rtype: String,
    pub ttl: u32,
    pub data: String,
}

/// One thing that made the answer what it is: the facts, and a sentence.
#[derive(Debug, Deserialize, Serialize)]
pub struct Step {
    #[serde(flatten)]
    pub facts: Facts,
    pub text: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Facts {
    Alias {
        from: String,
        to: String,
    },
    Hostname {
        hostname: String,
        zone: Option<String>,
    },
    Client {
        network: Option<String>,
        resolver: IpAddr,
        /// `[dns].ecs_from` has the resolver.
        believed: bool,
        /// Whose place counts.
        by: Cow<'static, str>,
    },
    Place {
        known: bool,
        source: Option<String>,
        country: Option<String>,
        subdivision: Option<String>,
        continents: Vec<Cow<'static, str>>,
        latitude: Option<f64>,
        longitude: Option<f64>,
        asn: Option<u32>,
    },
    Region {
        region: Option<String>,
    },
    Set {
        set: String,
        steer: Cow<'static, str>,
        spread_km: f64,
        fence: Cow<'static, str>,
        sticky: bool,
        answers: u8,
    },
    Tier(Tiered),
    /// Panels that no tier of the ranking has.
    Out {
        panels: Vec<Ranked>,
    },
    Hints {
        ipv4: Vec<String>,
        ipv6: Vec<String>,
    },
    /// What is the same for everybody.
    Zone {
        zone: Option<String>,
    },
    /// Why there is no answer.
    Nothing {
        status: String,
    },
    Ttl {
        ttl: u32,
    },
    Scope {
        scope: Option<u8>,
        network: Option<String>,
    },
}

/// A tier of the ranking for this client.
#[derive(Debug, Deserialize, Serialize)]
pub struct Tiered {
    /// From 1.
    pub tier: usize,
    /// `chosen`, `handed-on`, `empty`, `waiting`, or `told` where all tiers are in the answer.
    pub state: Cow<'static, str>,
    /// The share of its clients that it keeps.
    pub keeps: f64,
    pub slot: Option<u16>,
    pub panels: Vec<Ranked>,
}

/// A panel in a ranking.
#[derive(Debug, Deserialize, Serialize)]
pub struct Ranked {
    pub panel: String,
    pub region: Option<String>,
    /// The operator's.
    pub tier: u16,
    pub distance_km: Option<f64>,
    /// Effective.
    pub weight: f64,
    pub state: Cow<'static, str>,
    /// Where it is not up: what it is, and why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verdict: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    pub chosen: bool,
    /// Which one it is in the order of the client's slot, from 1.
    pub turn: Option<usize>,
    /// Why it is not in the running.
    pub out: Option<String>,
    pub text: String,
}

/// Asks the code that answers, and tells why it said what it said. `fleet` is the one that the snapshot was made of.
/// The error is a sentence: the server's own answer could not be read.
pub fn explain(now: Now, snapshot: &Snapshot, fleet: &Fleet, question: &Question) -> Result<Explanation, String> {
    let (heard, why) = ask(now, snapshot, question)?;
    let serving = serving(snapshot, question);
    let mut steps = if question.rtype == Type::CNAME { Vec::new() } else { aliases(&heard) };
    let scene = why.zip(serving).and_then(|(why, serving)| Scene::new(snapshot, fleet, question, &heard, why, serving));
    let panels = match &scene {
        Some(scene) => scene.tell(&mut steps),
        None => {
            fixed::tell(snapshot, fleet, question, &heard, serving, &mut steps);
            Vec::new()
        }
    };
    let records = || heard.answer.iter();
    let leads_out = || !heard.answer.is_empty() && !is_inside(serving, &heard.end(&question.name));
    let soa = heard.authority.iter().find(|record| record.rtype == Type::SOA).map(|record| record.ttl);
    let is_answered = heard.rcode == rcode::NOERROR && (heard.has_end(question.rtype) || leads_out());
    let ttl = if is_answered { records().map(|record| record.ttl).min() } else { soa };
    steps.extend(ttl.map(|ttl| Step { facts: Facts::Ttl { ttl }, text: lifetime(ttl, is_answered, scene.as_ref()) }));
    steps.push(scope(snapshot, question, &heard, scene.as_ref()));
    Ok(Explanation {
        name: plain(&question.name),
        rtype: question.rtype.to_string(),
        client: question.client.map(|network| network.to_string()),
        resolver: question.resolver,
        status: status(heard.rcode),
        answer: records().filter_map(address).collect(),
        panel: panels.first().cloned(),
        panels,
        ttl,
        scope: heard.scope,
        generation: snapshot.generation,
        is_answered,
        records: records().map(shown).collect(),
        steps,
    })
}

/// The ranking that an answer comes from, for whoever has a chart of it to draw.
pub fn geometry(now: Now, snapshot: &Snapshot, question: &Question) -> Option<Arc<Geometry>> {
    let (_, why) = ask(now, snapshot, question).ok()?;
    let Some(Serving::Zone(_, services)) = serving(snapshot, question) else { return None };
    let roster = &services.of_hostname(why?.hostname)?.roster;
    (roster.order == Order::Nearest).then(|| Arc::clone(&roster.geometry))
}

fn ask(now: Now, snapshot: &Snapshot, question: &Question) -> Result<(Heard, Option<Why>), String> {
    let packet = question.packet();
    // Over TCP, so that all of the answer is seen; it is the same.
    let ask = Ask { bytes: &packet, peer: SocketAddr::new(question.resolver, 0), over: Over::Tcp, seed: question.seed, path: None };
    let mut out = vec![0; LONGEST];
    let fault = || format!("the answer for {} can't be read: a fault of meridian's own, please report it with the zone", question.name);
    let (verdict, why) = explained(now, snapshot, &ask, &mut out);
    match verdict {
        Verdict::Reply(reply) => Ok((Heard::read(&out[..reply.len]).ok_or_else(fault)?, why)),
        Verdict::Drop => Err(fault()),
    }
}

fn serving<'s>(snapshot: &'s Snapshot, question: &Question) -> Option<&'s Serving> {
    snapshot.zones.answering(&Path::read(question.name.wire())?, question.rtype)
}

/// The zone that answers has the name too.
pub(super) fn is_inside(serving: Option<&Serving>, name: &Name) -> bool {
    serving.is_some_and(|zone| Name::from_wire(zone.apex()).is_ok_and(|apex| name.is_at_or_below(&apex)))
}

fn aliases(heard: &Heard) -> Vec<Step> {
    let told = heard.answer.iter().filter_map(|record| {
        let (from, to) = (plain(&record.name), plain(&record.target().filter(|_| matches!(record.rtype, Type::CNAME | Type::DNAME))?));
        let text = match record.rtype {
            Type::CNAME => format!("{from} is an alias (CNAME) of {to}"),
            _ => format!("names below {from} are renamed to {to} (DNAME)"),
        };
        Some(Step { facts: Facts::Alias { from, to }, text })
    });
    told.collect()
}

fn address(record: &Record) -> Option<IpAddr> {
    match record.rtype {
        Type::A => <[u8; 4]>::try_from(&*record.data).ok().map(IpAddr::from),
        Type::AAAA => <[u8; 16]>::try_from(&*record.data).ok().map(IpAddr::from),
        _ => None,
    }
}

fn shown(record: &Record) -> Shown {
    Shown { name: plain(&record.name), rtype: record.rtype.to_string(), ttl: record.ttl, data: record.shown() }
}

fn lifetime(ttl: u32, is_answered: bool, scene: Option<&Scene<'_>>) -> String {
    match (is_answered, scene) {
        (false, _) => format!("{ttl} s, for which resolvers remember that there is nothing (the zone's SOA)"),
        (_, Some(scene)) if scene.is_changing(ttl) => {
            format!("{ttl} s, the hostname's `ttl_changing`: a panel of its set hands its clients over")
        }
        (_, Some(_)) => format!("{ttl} s, the hostname's `ttl`"),
        (_, None) => format!("{ttl} s, as the zone's file has it"),
    }
}

fn scope(snapshot: &Snapshot, question: &Question, heard: &Heard, scene: Option<&Scene<'_>>) -> Step {
    let Some(scope) = heard.scope else {
        let text = match question.client {
            None => "none: the resolver named no client network",
            Some(_) if !snapshot.manners.believes(question.resolver) => "none: what this resolver says of clients is not believed",
            Some(_) => "none in this answer",
        };
        return Step { facts: Facts::Scope { scope: None, network: None }, text: text.into() };
    };
    let network = question.client.map(|client| Network::around(client.address(), scope).to_string());
    let because = match scene.and_then(|scene| scene.width(scope)) {
        Some(because) => because,
        None if question.client.is_some_and(|client| client.prefix() == 0) => {
            "the resolver wants its client's network to play no part".into()
        }
        None => "the same for everybody".into(),
    };
    Step { facts: Facts::Scope { scope: Some(scope), network }, text: format!("/{scope}: {because}") }
}
