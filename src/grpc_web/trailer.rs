//! The block of header-like lines that ends a gRPC-web response (and opens a `grpc-websockets` one).
//! Lenient in what real proxies do: any case, odd spacing, repeated keys, bare line feeds, no final line end.
//! Must not know: what a status means.

use super::frame::{HEAD_LEN, Head, MAX_MESSAGE_LEN};

/// Name and value pairs, names in lower case, in order, repeats kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trailers(Vec<(String, String)>);

impl Trailers {
    /// Reads a block. A line without a colon says nothing and is skipped.
    #[must_use]
    pub fn parse(block: &[u8]) -> Self {
        let text = String::from_utf8_lossy(block);
        let line = |line: &str| {
            let (name, value) = line.split_once(':')?;
            let name = name.trim();
            (!name.is_empty()).then(|| (name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        Self(text.split(['\r', '\n']).filter_map(line).collect())
    }

    /// The first value of `name` (lower case).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// All pairs in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// The header-like block that `bytes` start with, if they hold all of it.
#[must_use]
pub fn leading_block(bytes: &[u8]) -> Option<Trailers> {
    let (head, rest) = bytes.split_first_chunk::<HEAD_LEN>()?;
    let Head { block, len } = Head::parse(*head, MAX_MESSAGE_LEN).ok()?;
    rest.get(..len).filter(|_| block).map(Trailers::parse)
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Trailers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into().to_ascii_lowercase(), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_proxies_write() {
        let block =
            b"Grpc-Status:0\r\ngrpc-message :  all good \r\nx-a: 1\r\nX-A: 2\nno colon here\r\n: no name\r\nlast: end";
        let trailers = Trailers::parse(block);
        assert_eq!(trailers.get("grpc-status"), Some("0"));
        assert_eq!(trailers.get("grpc-message"), Some("all good"));
        assert_eq!(trailers.get("last"), Some("end"));
        let repeated: Vec<_> = trailers.iter().filter(|(name, _)| *name == "x-a").map(|(_, value)| value).collect();
        assert_eq!(repeated, ["1", "2"]);
        assert_eq!(trailers.iter().count(), 5);
    }

    #[test]
    fn a_value_may_contain_colons() {
        assert_eq!(Trailers::parse(b"grpc-message: a: b\r\n").get("grpc-message"), Some("a: b"));
    }

    #[test]
    fn a_leading_block_is_read_only_when_it_is_whole() {
        let mut bytes = vec![0x80, 0, 0, 0, 14];
        bytes.extend_from_slice(b"grpc-status: 7\0more");
        assert_eq!(leading_block(&bytes).unwrap().get("grpc-status"), Some("7"));
        assert!(leading_block(&bytes[..18]).is_none());
        bytes[0] = 0;
        assert!(leading_block(&bytes).is_none());
        assert!(leading_block(&[]).is_none());
    }

    #[test]
    fn an_empty_block_has_no_pairs() {
        assert_eq!(Trailers::parse(b"").iter().count(), 0);
        assert_eq!(Trailers::parse(b"\r\n\r\n").iter().count(), 0);
    }
}
