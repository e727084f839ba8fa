//! HAProxy's statistics: the CSV of its page and of its socket (management guide, section 9.1).

use crate::clock;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// All proxies, frontends only, any server.
const SHOW: &[u8] = b"show stat -1 1 -1\n";

/// Current sessions of all frontends: what backends have came through one of them.
pub(super) fn sessions(csv: &str) -> Result<u64, String> {
    let mut lines = csv.lines().filter(|line| !line.trim().is_empty());
    let header = lines.next().and_then(|line| line.strip_prefix("# ")).ok_or("it is not HAProxy's statistics as CSV")?;
    let column = |name: &str| fields(header).iter().position(|field| field == name).ok_or_else(|| format!("there is no column {name}"));
    let (row, current) = (column("svname")?, column("scur")?);
    let mut sum = None::<u64>;
    for line in lines {
        let fields = fields(line);
        if fields.get(row).is_some_and(|name| name == "FRONTEND") {
            let sessions = fields.get(current).and_then(|field| field.parse::<u64>().ok()).ok_or("a frontend without its sessions")?;
            sum = Some(sum.unwrap_or(0).saturating_add(sessions));
        }
    }
    sum.ok_or_else(|| "it has no frontend".into())
}

/// Fields in quotes may hold commas, and two quotes for one.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    let mut letters = line.trim_end_matches('\r').chars().peekable();
    while let (Some(letter), Some(last)) = (letters.next(), fields.last_mut()) {
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => last.extend(letters.next()),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            letter => last.push(letter),
        }
    }
    fields
}

/// The statistics by the stats socket.
pub(super) fn ask(path: &Path, patience: Duration, most: u64) -> Result<String, String> {
    let until_ms = clock::now().mono_ms + patience.as_millis() as u64;
    let told = |error: std::io::Error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => format!("no answer within {} ms", patience.as_millis()),
        ErrorKind::PermissionDenied => "this user may not use the socket; give it the socket's group".into(),
        _ => error.to_string(),
    };
    let mut socket = UnixStream::connect(path).map_err(told)?;
    socket.set_write_timeout(Some(patience)).and_then(|()| socket.write_all(SHOW)).map_err(told)?;
    let mut answer = Vec::new();
    let mut part = [0; 16 << 10];
    loop {
        // Byte by byte it might last for ever.
        let left = Duration::from_millis(until_ms.saturating_sub(clock::now().mono_ms).max(1));
        let read = socket.set_read_timeout(Some(left)).and_then(|()| socket.read(&mut part)).map_err(told)?;
        answer.extend_from_slice(&part[..read]);
        match read {
            0 => break,
            _ if answer.len() as u64 > most => return Err("the answer is too long".into()),
            _ if clock::now().mono_ms >= until_ms => return Err(told(ErrorKind::TimedOut.into())),
            _ => {}
        }
    }
    String::from_utf8(answer).map_err(|_| "the answer is no text".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: &str = "\
# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight,desc,
stats,FRONTEND,,,1,2,4000,9,1,1,0,0,0,,,,,OPEN,,,
live,FRONTEND,,,311,500,4000,9000,1,1,0,0,0,,,,,OPEN,,\"viewers, \"\"live\"\"\",
streams,s1,0,0,200,250,,4500,1,1,,0,,0,0,0,0,UP,1,,
streams,BACKEND,0,0,311,500,400,9000,1,1,0,0,,0,0,0,0,UP,1,,

";

    #[test]
    fn the_sessions_of_all_frontends_are_added_up() {
        assert_eq!(sessions(CSV), Ok(312));
        assert_eq!(sessions("# scur,\"a,b\",svname\r\n5,\"x,FRONTEND\",FRONTEND\r\n7,FRONTEND,BACKEND\r\n"), Ok(5));
    }

    #[test]
    fn other_texts_are_told() {
        for (text, expected) in [
            ("", "not HAProxy's"),
            ("Unknown command\n", "not HAProxy's"),
            ("<html>", "not HAProxy's"),
            ("# pxname,scur\n", "no column svname"),
            ("# pxname,svname\n", "no column scur"),
            ("# pxname,svname,scur\n", "no frontend"),
            ("# pxname,svname,scur\nx,BACKEND,1\n", "no frontend"),
            ("# pxname,svname,scur\nx,FRONTEND,\n", "without its sessions"),
            ("# pxname,svname,scur\nx,FRONTEND\n", "without its sessions"),
            ("# pxname,svname,scur\nx,FRONTEND,-3\n", "without its sessions"),
        ] {
            let error = sessions(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
        assert_eq!(fields("a,\"b"), ["a", "b"]);
    }
}
