//! Who is watched: one idle connection a target, and no more than so many.

use super::Heard;
use super::vigil;
use crate::health::{Target, Vigil};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;

#[derive(Debug)]
pub(super) struct Watch {
    vigils: usize,
    runtime: Handle,
    heard: UnboundedSender<Heard>,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    posts: HashMap<Target, Post>,
    /// Second connections, open while one replaces another.
    spares: usize,
    /// Of the last post: one that was replaced says nothing any more.
    number: u64,
}

#[derive(Debug)]
struct Post {
    number: u64,
    task: AbortHandle,
}

impl Watch {
    pub(super) fn new(vigils: usize, runtime: Handle, heard: UnboundedSender<Heard>) -> Self {
        Self { vigils, runtime, heard, book: Mutex::default() }
    }

    pub(super) fn begin(self: &Arc<Self>, vigil: Vigil) {
        let mut book = self.book.lock();
        let target = vigil.target;
        let before = book.posts.remove(&target);
        if book.posts.len() + book.spares < self.vigils {
            book.number += 1;
            let number = book.number;
            let sentry = Sentry { watch: Arc::clone(self), target, number };
            let task = self.runtime.spawn(vigil::keep(vigil, sentry)).abort_handle();
            book.posts.insert(target, Post { number, task });
        } else {
            let _ = self.heard.send(Heard::Unwatched { target });
        }
        drop(book);
        // What ends there may want the book.
        if let Some(before) = before {
            before.task.abort();
        }
    }

    pub(super) fn end(&self, target: Target) {
        let post = self.book.lock().posts.remove(&target);
        if let Some(post) = post {
            post.task.abort();
        }
    }

    /// Nothing more is said.
    pub(super) fn close(&self) {
        self.book.lock().posts.clear();
    }
}

/// A task's place in the book. When it goes, however it goes, the place is free.
#[derive(Debug)]
pub(super) struct Sentry {
    watch: Arc<Watch>,
    target: Target,
    number: u64,
}

impl Sentry {
    pub(super) fn target(&self) -> Target {
        self.target
    }

    /// Said under the lock, so that nothing is heard of a vigil after its end.
    pub(super) fn tell(&self, heard: Heard) {
        let book = self.watch.book.lock();
        if self.holds(&book) {
            let _ = self.watch.heard.send(heard);
        }
    }

    /// The last word.
    pub(super) fn leave(self, heard: Heard) {
        self.go(heard);
    }

    /// Room for a second connection, until it is dropped.
    pub(super) fn spare(&self) -> Option<Spare> {
        let mut book = self.watch.book.lock();
        let room = book.posts.len() + book.spares < self.watch.vigils;
        room.then(|| {
            book.spares += 1;
            Spare(Arc::clone(&self.watch))
        })
    }

    fn go(&self, heard: Heard) {
        let mut book = self.watch.book.lock();
        if self.holds(&book) {
            book.posts.remove(&self.target);
            let _ = self.watch.heard.send(heard);
        }
    }

    fn holds(&self, book: &Book) -> bool {
        book.posts.get(&self.target).is_some_and(|post| post.number == self.number)
    }
}

/// Also when its task fails.
impl Drop for Sentry {
    fn drop(&mut self) {
        self.go(Heard::Unwatched { target: self.target });
    }
}

#[derive(Debug)]
pub(super) struct Spare(Arc<Watch>);

impl Drop for Spare {
    fn drop(&mut self) {
        self.0.book.lock().spares -= 1;
    }
}
