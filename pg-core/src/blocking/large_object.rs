//! Large objects with plain methods, and as what std reads, writes and seeks in.

use super::complete::complete;
use crate::error::Result;
use crate::session::Session;
use crate::streams::LargeObject;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// [`LargeObject`] as a [`Read`], [`Write`] and [`Seek`].
#[derive(Debug)]
#[must_use = "what is written to it is complete after close() or flush()"]
pub struct BlockingLargeObject<'s, S: Session>(pub(super) LargeObject<'s, S>);

impl<S: Session> BlockingLargeObject<'_, S> {
    /// [`LargeObject::tell`]: where the next byte is read or written.
    pub fn tell(&self) -> u64 {
        self.0.tell()
    }

    /// [`LargeObject::size`]: how many bytes it has.
    pub fn size(&mut self) -> Result<u64> {
        complete(self.0.size())
    }

    /// [`LargeObject::truncate`]: makes it so long.
    pub fn truncate(&mut self, size: u64) -> Result<()> {
        complete(self.0.truncate(size))
    }

    /// [`LargeObject::close`]: flushes and closes it.
    pub fn close(self) -> Result<()> {
        complete(self.0.close())
    }

    /// [`LargeObject::write_all_of`]: all that a source gives.
    pub fn write_all_of(&mut self, source: impl Read + Send) -> Result<u64> {
        complete(self.0.write_all_of(source))
    }

    /// [`LargeObject::write_to`]: all that is left.
    pub fn write_to(&mut self, sink: impl Write + Send) -> Result<u64> {
        complete(self.0.write_to(sink))
    }
}

impl<S: Session> Read for BlockingLargeObject<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        complete(self.0.read(buffer)).map_err(io::Error::other)
    }
}

impl<S: Session> Write for BlockingLargeObject<'_, S> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        complete(self.0.write(data)).map_err(io::Error::other)
    }

    fn flush(&mut self) -> io::Result<()> {
        complete(self.0.flush()).map_err(io::Error::other)
    }
}

impl<S: Session> Seek for BlockingLargeObject<'_, S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        complete(self.0.seek(to)).map_err(io::Error::other)
    }
}
