//! `meridian explain`

use super::api::{Ask, Client, Door, Result as Came, Trouble, finish, line, print, print_json};
use super::check::read_fleet;
use super::files::Files;
use super::serve::{manners, places};
use super::{FAILED, say};
use crate::clock;
use crate::compile;
use crate::config;
use crate::control::{self, Explanation, Question};
use crate::dns::name::Name;
use crate::dns::rtype::Type;
use crate::document::{Network, Problem, shown};
use crate::node::{self, FleetRead, Reading};
use std::net::IpAddr;
use std::process::ExitCode;
use ureq::http::Method;

/// Say what a client is answered, and why.
///
/// Tells where the client is and who says so, the region that serves it, every panel in the order in which it comes for this client,
/// which one is chosen, for how long and for how wide a network. The running node is asked, as it answers now; with --files (or --config,
/// or --fleet) it is what a node with these files answers while all panels are up, and no node needs to run.
///
/// Exit status: 0 there is an answer; 1 there is none (NXDOMAIN, no such type, REFUSED, SERVFAIL); the others as for all commands.
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
    /// Explain what files say instead of asking the node
    #[arg(long)]
    files: bool,
    #[command(flatten)]
    read: Files,
    #[command(flatten)]
    door: Door,
}

pub(super) fn explain(args: ExplainArgs) -> ExitCode {
    let json = args.door.json;
    finish(
        json,
        question(&args).map_err(Trouble::wrong).and_then(|question| match args.files || args.read.are_named() {
            true => from_files(&args.read, &question, json),
            false => from_node(&args.door.client(None)?, &args, &question),
        }),
    )
}

fn from_node(client: &Client, args: &ExplainArgs, question: &Question) -> Came<u8> {
    let mut ask = Ask::new(Method::GET, "/v1/explain").with("name", question.name.to_string()).with("type", question.rtype.to_string());
    let named = [("client", &args.client), ("resolver", &args.resolver)];
    ask.query.extend(named.into_iter().filter_map(|(key, text)| Some((key, text.clone()?))));
    let answer = client.send(ask)?.json()?;
    let explanation = serde_json::from_value::<Explanation>(answer.clone());
    let explanation =
        explanation.map_err(|error| Trouble::failed(format!("the node explains in another way than this version knows: {error}")));
    match client.json {
        true => print_json(&answer)?,
        // Names in it are others' words.
        false => print(
            &explanation
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default()
                .lines()
                .flat_map(|said| [line(said), "\n".into()])
                .collect::<String>(),
        )?,
    }
    Ok(if explanation?.is_answered { 0 } else { FAILED })
}

fn from_files(files: &Files, question: &Question, json: bool) -> Came<u8> {
    let (config, problems) = config::load(&files.config());
    let Some(config) = config else { return Err(Trouble::problems(&problems)) };
    tell(&problems);
    let fleet_path = files.fleet();
    let (fleet, problems) = read_fleet(&fleet_path);
    if fleet.zones.is_empty() && fleet.lost.is_empty() {
        tell(&problems);
        return Err(Trouble::wrong("nothing of the fleet can be served, so there is nothing to explain"));
    }
    let fleet = FleetRead { plan: compile::plan::plan(&fleet_path.display().to_string(), fleet), json: None };
    let reading = Reading { fleet: Some(fleet), problems, manners: Some(manners(&config, Vec::new())) };
    let now = clock::now();
    let once = node::once::look(reading, &places(&config.geoip), &question.name, |snapshot| control::geometry(now, snapshot, question));
    tell(&once.problems);
    let explanation = control::explain(now, &once.snapshot, &once.fleet, question).map_err(Trouble::wrong)?;
    let text = match json {
        true => serde_json::to_string_pretty(&explanation).unwrap_or_default() + "\n",
        false => explanation.to_string(),
    };
    print(&text)?;
    Ok(if explanation.is_answered { 0 } else { FAILED })
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
