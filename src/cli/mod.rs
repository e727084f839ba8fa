//! shim
use crate::compile::plan::{Plan, ZonePlan};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

pub fn run() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let args: Vec<String> = std::env::args().collect();
    let get = |k: &str| args.iter().position(|a| a == k).map(|i| PathBuf::from(&args[i + 1]));
    let config = get("--config").unwrap();
    let fleet = get("--fleet").unwrap_or(config.with_file_name("fleet.toml"));
    let c: toml::Value = toml::from_str(&std::fs::read_to_string(&config).unwrap()).unwrap();
    let listen = c["dns"]["listen"].as_array().unwrap().iter().map(|v| v.as_str().unwrap().parse().unwrap()).collect();
    let name = c["node"]["name"].as_str().unwrap().to_owned();
    let options = crate::node::Options {
        transport: crate::transport::Options { listen, workers: 0, tcp: Default::default() },
        admin: "127.0.0.1:0".parse().unwrap(),
    };
    let reader = Box::new(move || {
        let f: toml::Value = toml::from_str(&std::fs::read_to_string(&fleet).unwrap()).unwrap();
        let zones = f["zone"].as_array().unwrap().iter().map(|z| {
            let name = crate::dns::name::Name::parse(z["name"].as_str().unwrap()).unwrap();
            Arc::new(ZonePlan { name, file: fleet.parent().unwrap().join(z["file"].as_str().unwrap()), steered: vec![] })
        });
        crate::node::Reading {
            plan: Plan { file: "fleet".into(), zones: zones.collect(), sets: vec![] },
            problems: vec![],
            manners: Some(crate::snapshot::Manners { name: name.clone(), version: "meridian 0.1.0".into(), cookie_secrets: vec![[1; 16]], ..Default::default() }),
            files: vec![fleet.clone()],
        }
    });
    crate::node::run(&options, reader).unwrap()
}
