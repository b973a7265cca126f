//! The keys that leave a terminal and let it run on, as docker names and reads them. Must not know: what is left.

use std::{fmt, str::FromStr};

/// Keys that detach when they are typed one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetachKeys(Vec<u8>);

impl DetachKeys {
    /// Nothing that is typed detaches.
    pub fn none() -> Self {
        Self(Vec::new())
    }
}

impl FromStr for DetachKeys {
    type Err = String;

    /// `ctrl-p,ctrl-q`; empty for none.
    fn from_str(text: &str) -> Result<Self, String> {
        let key = |name: &str| match (name.as_bytes(), name.strip_prefix("ctrl-").map(str::as_bytes)) {
            ([plain @ b'!'..=b'~'], _) => Ok(*plain),
            // What Ctrl makes of a key: its five lower bits.
            (_, Some([letter @ (b'a'..=b'z' | b'@' | b'[' | b'\\' | b']' | b'^' | b'_')])) => Ok(*letter & 0x1f),
            _ => Err(format!(
                "{name:?} is no key; e.g. ctrl-p,ctrl-q: one character each, or ctrl- and one of a-z @ [ \\ ] ^ _"
            )),
        };
        match text {
            "" => Ok(Self::none()),
            keys => keys.split(',').map(key).collect::<Result<_, _>>().map(Self),
        }
    }
}

impl fmt::Display for DetachKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, key) in self.0.iter().enumerate() {
            let comma = if nth == 0 { "" } else { "," };
            match key {
                plain @ b'!'..=b'~' => write!(f, "{comma}{}", char::from(*plain))?,
                control => write!(f, "{comma}ctrl-{}", char::from(control | 0x40).to_ascii_lowercase())?,
            }
        }
        Ok(())
    }
}

/// Looks for them in what is typed.
pub struct Watch {
    keys: DetachKeys,
    /// How many of them were typed, and are held back until the next key tells.
    held: usize,
}

impl Watch {
    /// Nothing was typed yet.
    pub fn new(keys: DetachKeys) -> Self {
        Self { keys, held: 0 }
    }

    /// What of these keys is for the other end, and whether they detach; what comes after that is nobody's.
    pub fn typed(&mut self, chunk: &[u8]) -> (Vec<u8>, bool) {
        let DetachKeys(keys) = &self.keys;
        let mut passed = Vec::with_capacity(self.held + chunk.len());
        if keys.is_empty() {
            passed.extend(chunk);
            return (passed, false);
        }
        for &byte in chunk {
            let mut typed = keys[..self.held].to_vec();
            typed.push(byte);
            // The longest end of it that the keys begin with may still become them; what is before it cannot.
            let away = (0..typed.len()).find(|&from| keys.starts_with(&typed[from..])).unwrap_or(typed.len());
            passed.extend(&typed[..away]);
            self.held = typed.len() - away;
            if self.held == keys.len() {
                self.held = 0;
                return (passed, true);
            }
        }
        (passed, false)
    }
}

#[cfg(test)]
mod tests {
    use super::{DetachKeys, Watch};

    #[test]
    fn keys_are_named_as_docker_names_them() {
        for (text, bytes) in
            [("ctrl-p,ctrl-q", &b"\x10\x11"[..]), ("a", b"a"), ("ctrl-@,ctrl-\\,~", b"\0\x1c~"), ("", b"")]
        {
            let keys: DetachKeys = text.parse().unwrap();
            assert_eq!((keys.0.as_slice(), keys.to_string().as_str()), (bytes, text));
        }
        for wrong in ["ctrl-", "ctrl-P", "ctrl-pq", "ab", ",", "ctrl-p,", "é", " "] {
            assert!(wrong.parse::<DetachKeys>().unwrap_err().contains("e.g. ctrl-p,ctrl-q"), "{wrong}");
        }
    }

    #[test]
    fn everything_else_arrives_also_what_began_like_them() {
        let read = |keys: &str, chunks: &[&[u8]]| {
            let mut watch = Watch::new(keys.parse().unwrap());
            let (mut passed, mut detached) = (Vec::new(), false);
            for chunk in chunks {
                assert!(!detached);
                let (more, now) = watch.typed(chunk);
                passed.extend(more);
                detached = now;
            }
            (passed, detached)
        };
        let docker = "ctrl-p,ctrl-q";
        assert_eq!(read(docker, &[b"ls\r\x10\x11rest"]), (b"ls\r".to_vec(), true));
        assert_eq!(read(docker, &[b"\x10", b"\x11"]), (vec![], true));
        assert_eq!(read(docker, &[b"\x10", b"x\x11"]), (b"\x10x\x11".to_vec(), false));
        assert_eq!(read(docker, &[b"\x10\x10", b"\x11"]), (b"\x10".to_vec(), true));
        assert_eq!(read("a,a,b", &[b"aaab"]), (b"a".to_vec(), true));
        assert_eq!(read("", &[b"\x10\x11"]), (b"\x10\x11".to_vec(), false));
    }
}
