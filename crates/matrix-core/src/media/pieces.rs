//! A stream's pieces as a reader, for what decrypts and hashes on a thread of its own.

use std::io::{Error, Read, Result};

use tokio::sync::mpsc;

/// Pieces under way between the two sides.
pub(super) const UNDER_WAY: usize = 8;
/// Bytes of a piece that is read from disk.
pub(super) const PIECE: usize = 64 * 1024;

/// Reads what the other side sends; ends when it says so, and fails when it just goes away.
pub(super) struct Pieces<B> {
    pieces: mpsc::Receiver<Option<B>>,
    piece: Option<B>,
    at: usize,
    ended: bool,
}

impl<B: AsRef<[u8]>> Pieces<B> {
    pub fn new(pieces: mpsc::Receiver<Option<B>>) -> Self {
        Self {
            pieces,
            piece: None,
            at: 0,
            ended: false,
        }
    }
}

impl<B: AsRef<[u8]>> Read for Pieces<B> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        loop {
            if let Some(piece) = &self.piece {
                let rest = &piece.as_ref()[self.at..];
                if !rest.is_empty() {
                    let n = rest.len().min(into.len());
                    into[..n].copy_from_slice(&rest[..n]);
                    self.at += n;
                    return Ok(n);
                }
            }
            if self.ended {
                return Ok(0);
            }
            (self.piece, self.at) = (None, 0);
            match self.pieces.blocking_recv() {
                Some(Some(piece)) => self.piece = Some(piece),
                Some(None) => self.ended = true,
                None => return Err(Error::other("the stream broke off")),
            }
        }
    }
}
