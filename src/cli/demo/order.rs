//! What is typed at the prompt.

use super::clients::{self, CLIENTS, Client};
use crate::document::Network;
use crate::stage::Mode;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Order {
    /// An empty line, or a comment.
    Nothing,
    /// By the panels' place in the fleet.
    Set {
        panel: usize,
        mode: Mode,
    },
    HealAll,
    Status,
    Who(Vec<(String, Network)>),
    Wait(Duration),
    Help,
    Quit,
}

/// What an overloaded panel reports, of its capacity.
const FULL_PERCENT: u32 = 150;
/// Of `wait`.
const LONGEST_WAIT: f64 = 3600.0;

/// `panels` are names and capacities. The error is a sentence.
pub(super) fn read(line: &str, panels: &[(String, u32)]) -> Result<Order, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match *words.as_slice() {
        [] => Ok(Order::Nothing),
        [first, ..] if first.starts_with('#') => Ok(Order::Nothing),
        ["help" | "?"] => Ok(Order::Help),
        ["quit" | "exit"] => Ok(Order::Quit),
        ["status"] => Ok(Order::Status),
        ["heal"] | ["heal", "all"] => Ok(Order::HealAll),
        ["who" | "dig"] => Ok(Order::Who(CLIENTS.iter().map(named).collect())),
        ["who" | "dig", ref rest @ ..] => who(&rest.join(" ")),
        ["wait", seconds] => match seconds.parse::<f64>() {
            Ok(seconds) if (0.0..=LONGEST_WAIT).contains(&seconds) => Ok(Order::Wait(Duration::from_secs_f64(seconds))),
            _ => Err(format!("`{seconds}` is no number of seconds up to {LONGEST_WAIT}")),
        },
        [word, panel, ref rest @ ..] => {
            let names = || panels.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
            let found = panels.iter().position(|(name, _)| name == panel);
            // A mistake in the first word is told before one in the second.
            let full = found.map_or(0, |at| u32::try_from(u64::from(panels[at].1) * u64::from(FULL_PERCENT) / 100).unwrap_or(u32::MAX));
            let mode = Mode::read(&[&[word], rest].concat().join(" "), full).map_err(|why| format!("{why}; `help` says more"))?;
            let panel = found.ok_or_else(|| format!("`{panel}` is no panel; there are {}", names()))?;
            Ok(Order::Set { panel, mode })
        }
        [word] => match Mode::read(word, 0) {
            Ok(_) => Err(format!("which panel? Write `{word} {}`", panels.first().map_or("fra1", |(name, _)| name))),
            Err(_) => Err(format!("`{word}` is no command; `help` names all")),
        },
    }
}

fn who(text: &str) -> Result<Order, String> {
    if let Some(client) = clients::find(text) {
        return Ok(Order::Who(vec![named(client)]));
    }
    let cities = CLIENTS.map(|client| client.city).join(", ");
    let network = Network::parse(text).or_else(|wrong| text.parse().map(|ip: std::net::IpAddr| whole(ip)).map_err(|_| wrong));
    let network = network.map_err(|_| format!("`{text}` is neither a city ({cities}) nor a network such as 203.0.113.0/24"))?;
    Ok(Order::Who(vec![(network.to_string(), network)]))
}

fn named(client: &Client) -> (String, Network) {
    (client.city.to_owned(), client.network())
}

fn whole(ip: std::net::IpAddr) -> Network {
    Network::around(ip, if ip.is_ipv4() { 32 } else { 128 })
}

pub(super) fn help() -> String {
    let mut lines = vec!["Breaking a panel, for example `kill fra1` or `status fra1 503`:".to_owned()];
    let form = |form: &str| match form.split_once(' ') {
        Some((word, number)) => format!("{word} PANEL {number}"),
        None => format!("{form} PANEL"),
    };
    lines.extend(Mode::WORDS.iter().map(|(word, what)| format!("  {:<30} {what}", form(word))));
    lines.push("Looking:".into());
    for (word, what) in [
        ("status", "the panels, and who is answered with them"),
        ("who [CITY|NETWORK]", "what clients there are answered; `dig` is the same"),
        ("wait SECONDS", "for scripts: go on after this time"),
        ("heal", "all panels are well again"),
        ("quit", "the end"),
    ] {
        lines.push(format!("  {word:<30} {what}"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panels() -> Vec<(String, u32)> {
        vec![("fra1".into(), 500), ("ams1".into(), 100)]
    }

    #[test]
    fn a_line_is_an_order() {
        for (line, order) in [
            ("", Order::Nothing),
            ("  # kill fra1", Order::Nothing),
            ("kill fra1", Order::Set { panel: 0, mode: Mode::Killed }),
            ("  freeze   ams1 ", Order::Set { panel: 1, mode: Mode::Frozen }),
            ("slow fra1", Order::Set { panel: 0, mode: Mode::Slow { times: 4 } }),
            ("slow fra1 9", Order::Set { panel: 0, mode: Mode::Slow { times: 9 } }),
            ("status fra1 503", Order::Set { panel: 0, mode: Mode::Status(503) }),
            ("overload ams1", Order::Set { panel: 1, mode: Mode::Overloaded { connections: 150 } }),
            ("overload ams1 7", Order::Set { panel: 1, mode: Mode::Overloaded { connections: 7 } }),
            ("heal fra1", Order::Set { panel: 0, mode: Mode::Fine }),
            ("heal", Order::HealAll),
            ("heal all", Order::HealAll),
            ("status", Order::Status),
            ("help", Order::Help),
            ("quit", Order::Quit),
            ("exit", Order::Quit),
            ("wait 1.5", Order::Wait(Duration::from_millis(1500))),
        ] {
            assert_eq!(read(line, &panels()), Ok(order), "{line}");
        }
    }

    #[test]
    fn clients_are_cities_networks_or_addresses() {
        let who = |line: &str| match read(line, &panels()) {
            Ok(Order::Who(clients)) => clients.iter().map(|(name, network)| format!("{name} {network}")).collect::<Vec<_>>().join(", "),
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(who("who paris"), "Paris 212.27.48.0/24");
        assert_eq!(who("dig new york"), "New York 128.59.0.0/24");
        assert_eq!(who("who 203.0.113.0/24"), "203.0.113.0/24 203.0.113.0/24");
        assert!(who("who 2001:db8::1").starts_with("2001:db8::1"));
        assert_eq!(who("who").split(", ").count(), CLIENTS.len());
    }

    #[test]
    fn what_is_no_order_is_told() {
        for (line, expected) in [
            ("burn", "`burn` is no command; `help` names all"),
            ("burn fra1", "`burn` is no mode; there are heal, kill"),
            ("kill", "which panel? Write `kill fra1`"),
            ("kill fra2", "`fra2` is no panel; there are fra1, ams1"),
            ("kill fra1 now", "`kill` takes no number, and `now` follows"),
            ("who atlantis", "`atlantis` is neither a city (Paris, Amsterdam"),
            ("wait long", "`long` is no number of seconds"),
            ("wait -1", "`-1` is no number of seconds"),
            ("wait NaN", "`NaN` is no number of seconds"),
        ] {
            let error = read(line, &panels()).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }

    #[test]
    fn the_help_names_every_mode() {
        let help = help();
        for (form, what) in Mode::WORDS {
            assert!(help.contains(form.split(' ').next().unwrap()) && help.contains(what), "{form}");
        }
    }
}
