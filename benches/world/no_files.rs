//! For zones that include nothing.

use meridian::dns::master::Loader;

pub(crate) struct NoFiles;

impl Loader for NoFiles {
    fn load(&mut self, _: &str, _: &str) -> Result<(String, Vec<u8>), String> {
        Err("no files here".into())
    }
}
