//! A door that leads to one of several panels: what a certificate that was exchanged looks like from outside.

use std::io::copy;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::Mutex;

/// Connections that are open stay where they are.
pub(crate) struct Switch {
    to: Arc<Mutex<String>>,
}

impl Switch {
    /// It listens as long as the test runs.
    pub(crate) fn open(at: &str, to: &str) -> Self {
        let listener = TcpListener::bind(at).unwrap();
        let to = Arc::new(Mutex::new(to.to_owned()));
        let here = Arc::clone(&to);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let far = TcpStream::connect(&*here.lock().unwrap()).unwrap();
                let (near_too, far_too) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                std::thread::spawn(move || carry(near, far));
                std::thread::spawn(move || carry(far_too, near_too));
            }
        });
        Self { to }
    }

    pub(crate) fn turn(&self, to: &str) {
        to.clone_into(&mut self.to.lock().unwrap());
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    let _ = copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
