//! Web servers that count who asks for what, and who only holds a connection.

use crate::node::until;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// As long as the test runs.
pub(crate) struct Counter {
    book: Arc<Mutex<Book>>,
}

#[derive(Default)]
struct Book {
    /// By the place in the list of addresses, from 1 on.
    requests: BTreeMap<(u8, String), usize>,
    /// Open connections without a request.
    idle: Vec<usize>,
}

impl Counter {
    /// At port 8090 of each.
    pub(crate) fn open(addresses: &[&str]) -> Self {
        let book = Arc::new(Mutex::new(Book { idle: vec![0; addresses.len()], ..Book::default() }));
        for (address, n) in addresses.iter().zip(1u8..) {
            let listener = TcpListener::bind((*address, 8090)).unwrap();
            let book = Arc::clone(&book);
            std::thread::spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    let book = Arc::clone(&book);
                    std::thread::spawn(move || serve(stream, n, &book));
                }
            });
        }
        Self { book }
    }

    /// Waits until all of these were asked so often, and nobody anything else.
    pub(crate) fn comes_to(&self, expected: &[(u8, &str, usize)]) {
        let expected: BTreeMap<_, _> = expected.iter().map(|(n, path, count)| ((*n, (*path).to_owned()), *count)).collect();
        until(&format!("{expected:?}"), || self.book.lock().unwrap().requests.clone(), |found| *found == expected);
    }

    pub(crate) fn idle(&self) -> Vec<usize> {
        self.book.lock().unwrap().idle.clone()
    }
}

fn serve(mut stream: TcpStream, n: u8, book: &Mutex<Book>) {
    let at = usize::from(n) - 1;
    book.lock().unwrap().idle[at] += 1;
    let mut head = [0; 4096];
    let length = stream.read(&mut head).unwrap_or(0);
    book.lock().unwrap().idle[at] -= 1;
    let text = String::from_utf8_lossy(&head[..length]);
    let Some(path) = text.split(' ').nth(1) else { return };
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    *book.lock().unwrap().requests.entry((n, path.to_owned())).or_default() += 1;
}
