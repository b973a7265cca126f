//! Readers between an archive and the disk: they decompress, count against the bounds and compute digests.
//! Must not know: what the bytes mean.

use std::io::{self, BufRead, BufReader, Read};

use sha2::{Digest, Sha256};

use super::{Bounds, ImageError};

/// What is left of an image's bounds.
#[derive(Debug)]
pub struct Budget {
    bounds: Bounds,
    bytes: u64,
    entries: u64,
}

impl Budget {
    /// All of it.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, bytes: bounds.bytes, entries: bounds.entries }
    }

    /// Takes one file, directory or link.
    ///
    /// # Errors
    /// [`ImageError::TooLarge`].
    pub fn entry(&mut self) -> Result<(), ImageError> {
        let spent = ImageError::TooLarge { limit: self.bounds.entries, unit: "files" };
        self.entries = self.entries.checked_sub(1).ok_or(spent)?;
        Ok(())
    }

    /// Takes bytes.
    ///
    /// # Errors
    /// [`ImageError::TooLarge`].
    pub fn bytes(&mut self, count: u64) -> Result<(), ImageError> {
        let spent = ImageError::TooLarge { limit: self.bounds.bytes, unit: "bytes" };
        self.bytes = self.bytes.checked_sub(count).ok_or(spent)?;
        Ok(())
    }

    /// How many bytes are left.
    pub fn left(&self) -> u64 {
        self.bytes
    }
}

/// Hashes what passes.
pub struct Hashing<R> {
    inner: R,
    hash: Sha256,
    count: u64,
    most: u64,
    bounds: Bounds,
}

impl<R: Read> Hashing<R> {
    /// Lets no more through than `budget` has left.
    pub fn new(inner: R, budget: &Budget) -> Self {
        Self { inner, hash: Sha256::new(), count: 0, most: budget.left(), bounds: budget.bounds }
    }

    /// Reads on to the end; the digest of everything and how much it was.
    pub fn finish(mut self) -> io::Result<(String, u64)> {
        io::copy(&mut self, &mut io::sink())?;
        Ok((hex_digest(self.hash), self.count))
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(buffer.get(..count).unwrap_or_default());
        self.count += count as u64;
        if self.count > self.most {
            return Err(ImageError::TooLarge { limit: self.bounds.bytes, unit: "bytes" }.through());
        }
        Ok(count)
    }
}

/// `sha256:` and the digits.
pub fn hex_digest(hash: Sha256) -> String {
    let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

/// The digest of a few bytes.
pub fn digest_of(bytes: &[u8]) -> String {
    hex_digest(Sha256::new_with_prefix(bytes))
}

/// Compares digests.
///
/// # Errors
/// [`ImageError::Digest`].
pub fn check(what: &str, expected: &str, actual: &str) -> Result<(), ImageError> {
    if expected == actual {
        return Ok(());
    }
    Err(ImageError::Digest { what: what.into(), expected: expected.into(), actual: actual.into() })
}

/// A digest that can name a file: SHA-256 in lower-case digits.
///
/// # Errors
/// [`ImageError::Unsupported`].
pub fn digits(digest: &str) -> Result<&str, ImageError> {
    let digits = digest.strip_prefix("sha256:").filter(|digits| {
        digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    });
    digits.ok_or_else(|| ImageError::Unsupported(format!("{digest:?} is no sha256 digest")))
}

/// Decompresses what needs it, by what the bytes begin with.
///
/// # Errors
/// [`ImageError::Unsupported`] for formats that are not read here.
pub fn decompress<'a>(reader: impl Read + 'a) -> Result<Box<dyn Read + 'a>, ImageError> {
    let mut reader = BufReader::with_capacity(64 * 1024, reader);
    let start = reader.fill_buf().map_err(ImageError::io("read the archive"))?;
    Ok(match start {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(reader)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(reader)
                .map_err(|error| ImageError::Unsupported(format!("the archive's zstd stream is broken: {error}")))?;
            Box::new(decoder)
        }
        [0xfd, b'7', b'z', b'X', b'Z', ..] | [b'B', b'Z', b'h', ..] => {
            let text = "archives compressed with xz or bzip2 are not read; decompress it first, e.g. with `xz -d`";
            return Err(ImageError::Unsupported(text.into()));
        }
        _ => Box::new(reader),
    })
}
