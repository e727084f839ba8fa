//! `meridian explain`

use super::check::read_fleet;
use super::files::Files;
use super::serve::{manners, places};
use super::{WRONG_INPUT, say};
use crate::clock;
use crate::compile;
use crate::config;
use crate::control::{self, Question};
use crate::dns::name::Name;
use crate::dns::rtype::Type;
use crate::document::{Network, Problem, shown};
use crate::node::{self, FleetRead, Reading};
use std::io::Write;
use std::net::IpAddr;
use std::process::ExitCode;

/// Say what a client is answered, and why.
///
/// Tells what a node with these files answers while all panels are up: where the client is and who says so,
/// the region that serves it, every panel in the order in which it comes for this client, which one is chosen,
/// for how long and for how wide a network. No node needs to run; the code that answers is asked.
///
/// Exit status: 0 there is an answer; 1 there is none (NXDOMAIN, no such type, REFUSED, SERVFAIL); 2 wrong input.
#[derive(Debug, clap::Args)]
pub(super) struct ExplainArgs {
    /// The name that is asked for, such as live.panels.example
    name: String,
    /// The client, as the resolver names it by EDNS Client Subnet: an address, or a network such as 203.0.113.0/24
    #[arg(long, value_name = "ADDRESS|NETWORK")]
    client: Option<String>,
    /// Who asks [default: the client itself]. Without --client it asks without naming one
    #[arg(long, value_name = "ADDRESS")]
    resolver: Option<String>,
    /// A, AAAA, HTTPS, SRV, TXT...
    #[arg(long = "type", value_name = "TYPE", default_value = "A")]
    rtype: String,
    /// Print one JSON object, with all panels
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    files: Files,
}

pub(super) fn explain(args: ExplainArgs) -> ExitCode {
    let wrong = |sentence: String| {
        say(format_args!("meridian: {sentence}"));
        ExitCode::from(WRONG_INPUT)
    };
    let question = match question(&args) {
        Ok(question) => question,
        Err(sentence) => return wrong(sentence),
    };
    let (config, problems) = config::load(&args.files.config());
    tell(&problems);
    let Some(config) = config else { return ExitCode::from(WRONG_INPUT) };
    let fleet_path = args.files.fleet();
    let (fleet, problems) = read_fleet(&fleet_path);
    if fleet.zones.is_empty() && fleet.lost.is_empty() {
        tell(&problems);
        return wrong("nothing of the fleet can be served, so there is nothing to explain".into());
    }
    let fleet = FleetRead { plan: compile::plan::plan(&fleet_path.display().to_string(), fleet), json: None };
    let reading = Reading { fleet: Some(fleet), problems, manners: Some(manners(&config, Vec::new())) };
    let now = clock::now();
    let once = node::once::look(reading, &places(&config.geoip), &question.name, |snapshot| control::geometry(now, snapshot, &question));
    tell(&once.problems);
    let explanation = match control::explain(now, &once.snapshot, &once.fleet, &question) {
        Ok(explanation) => explanation,
        Err(sentence) => return wrong(sentence),
    };
    let text = match args.json {
        true => serde_json::to_string_pretty(&explanation).unwrap_or_default() + "\n",
        false => explanation.to_string(),
    };
    // Whoever closes the pipe early has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    if explanation.is_answered { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What a node would not serve may be why the answer is what it is.
fn tell(problems: &[Problem]) {
    problems.iter().filter(|problem| problem.is_error()).for_each(say);
}

fn question(args: &ExplainArgs) -> Result<Question, String> {
    let name = Name::parse(&args.name).map_err(|error| format!("`{}` is not a name: {error}", shown(&args.name)))?;
    let rtype = rtype(&args.rtype)?;
    let client = args.client.as_deref().map(client).transpose()?;
    let resolver = args.resolver.as_deref().map(|text| {
        let hint = "give the resolver's address, such as --resolver 192.0.2.53";
        text.parse::<IpAddr>().map_err(|_| format!("`{}` is not an address; {hint}", shown(text)))
    });
    let resolver = match (resolver.transpose()?, client) {
        (Some(resolver), _) => resolver,
        (None, Some(client)) if client.prefix() == 0 => {
            return Err(format!("{client} is everybody, so it is the resolver that counts: give its address, --resolver 192.0.2.53"));
        }
        (None, Some(client)) => client.address(),
        (None, None) => return Err("whose answer? Give the client's address or network, such as --client 203.0.113.7".into()),
    };
    // Chance differs each time, as it does in a node.
    Ok(Question::new(name, rtype, client, resolver, getrandom::u64().unwrap_or_default()))
}

fn client(text: &str) -> Result<Network, String> {
    Network::parse(text).map_err(|(what, hint)| match text.contains('/') {
        true => format!("{what}; {hint}"),
        false => format!("`{}` is not an address; write one such as 203.0.113.7, or a network such as 203.0.113.0/24", shown(text)),
    })
}

fn rtype(text: &str) -> Result<Type, String> {
    let Some(rtype) = Type::from_mnemonic(text.as_bytes()) else {
        let meant = Type::meant_by(text.as_bytes()).map(|name| format!("did you mean `{name}`?"));
        let meant = meant.unwrap_or_else(|| "write A, AAAA, HTTPS, SRV, TXT, or a number as TYPE65280".into());
        return Err(format!("`{}` is not a record type; {meant}", shown(text)));
    };
    match rtype.is_meta() && rtype != Type::ANY {
        true => Err(format!("{rtype} is nothing that clients ask for; write A, AAAA, HTTPS, SRV or another type of record")),
        false => Ok(rtype),
    }
}
