//! `meridian apply`

use super::api::{Ask, Changing, Client, Confirming, LONG, Reach, Result, Trouble, offer, print, print_json};
use super::gather;
use serde_json::Value;
use std::path::PathBuf;
use std::process::ExitCode;
use ureq::http::Method;

/// Make the fleet be what a file says.
///
/// Reads fleet.toml and the zones it names, shows what would change, and asks. All of it is done or none. What operators said by
/// drain, disable and enable stays. If somebody else changes the fleet in between, nothing is done.
#[derive(Debug, clap::Args)]
pub(super) struct ApplyArgs {
    /// fleet.toml; - is stdin
    #[arg(long, short, value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    confirming: Confirming,
    #[command(flatten)]
    changing: Changing,
    #[command(flatten)]
    reach: Reach,
}

pub(super) fn apply(args: ApplyArgs) -> ExitCode {
    args.reach.run(|client| {
        let fleet = gather::fleet(&args.file)?;
        // The version that the difference is shown against; nobody needs the fleet itself.
        let mut ask = Ask::new(Method::GET, "/v1/fleet").patience(LONG);
        ask.if_none_match = Some("*");
        let version = client.send(ask)?.etag;
        let version =
            version.ok_or_else(|| Trouble::failed("the node does not say which version its fleet has, so nothing was changed"))?;
        let wanted = |dry_run: bool, force: bool| {
            let mut ask = Ask::new(Method::PUT, "/v1/fleet").json(fleet.clone()).patience(LONG);
            ask.query = Changing { dry_run, force }.query();
            ask.if_match = Some(&version);
            client.send(ask)?.json()
        };
        let force = args.changing.force;
        let effect = match wanted(true, force) {
            // What would be taken away is seen best.
            Err(trouble) if trouble.is("shrinks") => {
                if let (false, Ok(effect)) = (client.json, wanted(true, true)) {
                    offer(client, &effect, true, args.confirming)?.err();
                }
                return Err(trouble);
            }
            effect => effect?,
        };
        if let Err(exit) = offer(client, &effect, args.changing.dry_run, args.confirming)? {
            return Ok(exit);
        }
        tell(client, &wanted(false, force)?)
    })
}

fn tell(client: &Client, answer: &Value) -> Result<u8> {
    match client.json {
        true => print_json(answer)?,
        false => {
            print(&format!("done: store revision {}, in the answers since generation {}\n", answer["revision"], answer["generation"]))?
        }
    }
    Ok(0)
}
