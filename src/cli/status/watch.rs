//! The status drawn again and again.

use super::Of;
use crate::cli::api::{Client, Result, Trouble, print};
use std::io::{IsTerminal, Write};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

const EVERY: Duration = Duration::from_secs(2);
/// A terminal that tells no size, or a silly one, has at least these.
const LEAST_ROWS: usize = 10;
const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";
/// Home, without clearing: what is drawn over does not flicker.
const HOME: &str = "\x1b[H";
const CLEAR: &str = "\x1b[2J";
const END_OF_LINE: &str = "\x1b[K";
const END_OF_SCREEN: &str = "\x1b[J";

/// Until Ctrl-C, which ends it with 0. On no terminal each look is printed below the last.
pub(super) fn watch(client: &Client, of: Of<'_>) -> Result<u8> {
    let is_drawn = std::io::stdout().is_terminal() && !client.json;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Trouble::failed(format!("the watch cannot be started: {error}")))?;
    let interrupted = {
        let _inside = runtime.enter();
        signal(SignalKind::interrupt())
    };
    let mut interrupted = interrupted.map_err(|error| Trouble::failed(format!("the watch cannot be started: {error}")))?;
    std::thread::spawn(move || {
        if runtime.block_on(interrupted.recv()).is_some() {
            if is_drawn {
                let _ = write!(std::io::stdout(), "{SHOW_CURSOR}\r\n");
            }
            std::process::exit(0);
        }
    });
    if is_drawn {
        print(&format!("{HIDE_CURSOR}{CLEAR}"))?;
    }
    loop {
        let text = match of.ask(client) {
            Ok(status) if client.json => format!("{status}\n"),
            Ok(status) if is_drawn => frame(&of.lines(&status), rows()),
            Ok(status) => of.lines(&status).iter().flat_map(|line| [line, "\n"]).collect::<String>() + "\n",
            // A node that is starting again is worth waiting for; a wrong token is not.
            Err(Trouble::Told(told)) if is_drawn && matches!(told.exit, crate::cli::UNREACHABLE | crate::cli::FAILED) => {
                frame(&told.lines(), rows())
            }
            Err(trouble) => {
                if is_drawn {
                    print(SHOW_CURSOR)?;
                }
                return Err(trouble);
            }
        };
        print(&text)?;
        // Ctrl-C ends the process from its own thread; one that wakes too early draws too early.
        std::thread::park_timeout(EVERY);
    }
}

fn rows() -> usize {
    rustix::termios::tcgetwinsize(std::io::stdout()).map_or(0, |size| usize::from(size.ws_row)).max(LEAST_ROWS)
}

/// As many lines as the screen has, the last one kept free.
fn frame(lines: &[String], rows: usize) -> String {
    let room = rows - 1;
    let mut frame = HOME.to_owned();
    let fits = lines.len() <= room;
    let shown = if fits { lines.len() } else { room - 1 };
    for line in &lines[..shown] {
        frame += &format!("{line}{END_OF_LINE}\r\n");
    }
    if !fits {
        frame += &format!("and {} lines more{END_OF_LINE}\r\n", lines.len() - shown);
    }
    frame + END_OF_SCREEN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_fits_the_screen() {
        let lines: Vec<String> = (0..10).map(|n| n.to_string()).collect();
        let drawn = frame(&lines, 24);
        assert!(drawn.starts_with("\x1b[H0\x1b[K\r\n1\x1b[K\r\n") && drawn.ends_with("9\x1b[K\r\n\x1b[J"), "{drawn:?}");
        let cut = frame(&lines, 6);
        assert!(cut.ends_with("3\x1b[K\r\nand 6 lines more\x1b[K\r\n\x1b[J"), "{cut:?}");
        assert_eq!(cut.matches("\r\n").count(), 5);
    }
}
