//! The file that a tree is kept in: records, one after the other, each with a single name and never a path.
//! Must not know: file systems.

use std::io::{self, Read, Write};

/// First bytes of every saved tree.
const MAGIC: &[u8; 8] = b"JWTREE1\n";

/// Longest name, link target, attribute name; the kernel's own limits are below.
const MAX_TEXT: usize = 4096;
/// Largest attribute value; the kernel's own limit.
const MAX_VALUE: usize = 64 * 1024;
const MAX_ATTRIBUTES: usize = 1024;

/// Owner, mode, time, attributes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meta {
    /// Permission bits with the special ones.
    pub mode: u32,
    /// As seen inside.
    pub uid: u32,
    /// As seen inside.
    pub gid: u32,
    /// Seconds of the last change.
    pub seconds: i64,
    /// Nanoseconds of the last change.
    pub nanos: u32,
    /// Extended attributes.
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// The tree's own directory; the first record.
    Root(Meta),
    /// Go into a directory.
    Enter(Vec<u8>, Meta),
    /// Go back up.
    Leave,
    /// A file; its data follow. The number is its own if it has several names, else 0.
    File(Vec<u8>, Meta, u32),
    /// Data of the current file come next: where they belong and how many.
    Data(u64, u32),
    /// The current file's whole size.
    Size(u64),
    /// A further name of a file.
    Again(Vec<u8>, u32),
    /// A symbolic link and what it says.
    Symlink(Vec<u8>, Meta, Vec<u8>),
    /// A named pipe.
    Pipe(Vec<u8>, Meta),
    /// The end: entries and bytes, by which a cut file is told from a whole one.
    End(u64, u64),
}

/// Begins a file.
pub fn begin(to: &mut impl Write) -> io::Result<()> {
    to.write_all(MAGIC)
}

/// Checks that it is one of ours.
pub fn expect(from: &mut impl Read) -> io::Result<()> {
    let mut magic = [0; 8];
    from.read_exact(&mut magic)?;
    if &magic == MAGIC { Ok(()) } else { Err(broken("it is no saved tree")) }
}

/// Writes one record.
pub fn write(to: &mut impl Write, record: &Record) -> io::Result<()> {
    match record {
        Record::Root(meta) => {
            to.write_all(b"R")?;
            write_meta(to, meta)
        }
        Record::Enter(name, meta) => named(to, b'D', name, meta),
        Record::Leave => to.write_all(b"U"),
        Record::File(name, meta, number) => {
            named(to, b'F', name, meta)?;
            to.write_all(&number.to_le_bytes())
        }
        Record::Data(offset, count) => {
            to.write_all(b"d")?;
            to.write_all(&offset.to_le_bytes())?;
            to.write_all(&count.to_le_bytes())
        }
        Record::Size(size) => {
            to.write_all(b"e")?;
            to.write_all(&size.to_le_bytes())
        }
        Record::Again(name, number) => {
            to.write_all(b"H")?;
            text(to, name, MAX_TEXT)?;
            to.write_all(&number.to_le_bytes())
        }
        Record::Symlink(name, meta, target) => {
            named(to, b'L', name, meta)?;
            text(to, target, MAX_TEXT)
        }
        Record::Pipe(name, meta) => named(to, b'P', name, meta),
        Record::End(entries, bytes) => {
            to.write_all(b"Z")?;
            to.write_all(&entries.to_le_bytes())?;
            to.write_all(&bytes.to_le_bytes())
        }
    }
}

/// Reads one record. Names are single and harmless, whoever wrote the file.
pub fn read(from: &mut impl Read) -> io::Result<Record> {
    let [tag] = array(from)?;
    Ok(match tag {
        b'R' => Record::Root(read_meta(from)?),
        b'D' => Record::Enter(name(from)?, read_meta(from)?),
        b'U' => Record::Leave,
        b'F' => Record::File(name(from)?, read_meta(from)?, number(from)?),
        b'd' => Record::Data(long(from)?, number(from)?),
        b'e' => Record::Size(long(from)?),
        b'H' => Record::Again(name(from)?, number(from)?),
        b'L' => Record::Symlink(name(from)?, read_meta(from)?, bytes(from, MAX_TEXT)?),
        b'P' => Record::Pipe(name(from)?, read_meta(from)?),
        b'Z' => Record::End(long(from)?, long(from)?),
        _ => return Err(broken("it has a record that nobody writes")),
    })
}

fn named(to: &mut impl Write, tag: u8, name: &[u8], meta: &Meta) -> io::Result<()> {
    to.write_all(&[tag])?;
    text(to, name, MAX_TEXT)?;
    write_meta(to, meta)
}

fn write_meta(to: &mut impl Write, meta: &Meta) -> io::Result<()> {
    let Meta { mode, uid, gid, seconds, nanos, attributes } = meta;
    for word in [mode, uid, gid, nanos] {
        to.write_all(&word.to_le_bytes())?;
    }
    to.write_all(&seconds.to_le_bytes())?;
    to.write_all(&(attributes.len().min(MAX_ATTRIBUTES) as u32).to_le_bytes())?;
    for (name, value) in attributes.iter().take(MAX_ATTRIBUTES) {
        text(to, name, MAX_TEXT)?;
        text(to, value, MAX_VALUE)?;
    }
    Ok(())
}

fn read_meta(from: &mut impl Read) -> io::Result<Meta> {
    let (mode, uid, gid, nanos) = (number(from)?, number(from)?, number(from)?, number(from)?);
    let seconds = i64::from_le_bytes(array(from)?);
    let count = number(from)? as usize;
    if count > MAX_ATTRIBUTES {
        return Err(broken("an entry has too many attributes"));
    }
    let attributes = (0..count).map(|_| Ok((bytes(from, MAX_TEXT)?, bytes(from, MAX_VALUE)?)));
    let attributes = attributes.collect::<io::Result<_>>()?;
    Ok(Meta { mode: mode & 0o7777, uid, gid, seconds, nanos: nanos % 1_000_000_000, attributes })
}

fn text(to: &mut impl Write, text: &[u8], most: usize) -> io::Result<()> {
    if text.len() > most {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a name is longer than a saved tree holds"));
    }
    to.write_all(&(text.len() as u32).to_le_bytes())?;
    to.write_all(text)
}

fn bytes(from: &mut impl Read, most: usize) -> io::Result<Vec<u8>> {
    let count = number(from)? as usize;
    if count > most {
        return Err(broken("it has a longer text than anybody writes"));
    }
    let mut bytes = vec![0; count];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A single name: not a path, not a way up.
fn name(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let name = bytes(from, MAX_TEXT)?;
    let plain = !name.is_empty() && name != b"." && name != b".." && !name.contains(&b'/') && !name.contains(&0);
    if plain { Ok(name) } else { Err(broken("it has an entry whose name is a path")) }
}

fn number(from: &mut impl Read) -> io::Result<u32> {
    Ok(u32::from_le_bytes(array(from)?))
}

fn long(from: &mut impl Read) -> io::Result<u64> {
    Ok(u64::from_le_bytes(array(from)?))
}

fn array<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The file is not what a save leaves.
pub fn broken(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the saved tree is damaged: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta() -> Meta {
        let attributes = vec![(b"user.a".to_vec(), b"\0\xff".to_vec())];
        Meta { mode: 0o4755, uid: 1, gid: 2, seconds: -3, nanos: 4, attributes }
    }

    #[test]
    fn every_record_comes_back_as_it_was() {
        let name = || b"a\n\xff".to_vec();
        let records = [
            Record::Root(meta()),
            Record::Enter(name(), meta()),
            Record::File(name(), meta(), 7),
            Record::Data(1 << 40, 0),
            Record::Size(1 << 50),
            Record::Again(name(), 7),
            Record::Symlink(name(), meta(), b"../../etc".to_vec()),
            Record::Pipe(name(), meta()),
            Record::Leave,
            Record::End(6, 0),
        ];
        let mut bytes = Vec::new();
        records.iter().for_each(|record| write(&mut bytes, record).unwrap());
        let mut from = bytes.as_slice();
        for record in &records {
            assert_eq!(&read(&mut from).unwrap(), record);
        }
        assert!(from.is_empty());
        for cut in 0..bytes.len() {
            let mut from = &bytes[..cut];
            while read(&mut from).is_ok() {}
        }
    }

    #[test]
    fn a_name_that_is_a_path_is_refused() {
        for bad in ["..", ".", "", "a/b", "/etc/passwd", "../x", "a\0b"] {
            for record in [
                Record::Enter(bad.into(), meta()),
                Record::File(bad.into(), meta(), 0),
                Record::Again(bad.into(), 1),
                Record::Symlink(bad.into(), meta(), b"x".to_vec()),
                Record::Pipe(bad.into(), meta()),
            ] {
                let mut bytes = Vec::new();
                write(&mut bytes, &record).unwrap();
                let error = read(&mut bytes.as_slice()).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{record:?}");
            }
        }
    }

    #[test]
    fn a_record_that_promises_too_much_is_refused_before_anything_is_made() {
        for bytes in
            [&b"L\xff\xff\xff\xff"[..], b"R\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff", b"?"]
        {
            assert_eq!(read(&mut &bytes[..]).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }
}
