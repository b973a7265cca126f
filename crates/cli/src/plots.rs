//! Images that code shows: on the terminal where it says that it can, else in files. Must not know: what ran.

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use jetway::code::CodeResult;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    stdio::{stdin, stdout},
};

use crate::{output, raw_mode::RawMode};

/// Both protocols are asked about, and last what every terminal answers: nobody has to wait for one that is silent.
const QUESTIONS: &[u8] = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[>q\x1b[c";
const PATIENCE: Duration = Duration::from_millis(500);
/// As much as one message of the kitty protocol carries.
const KITTY_CHUNK: usize = 4096;

/// How images are shown.
pub struct Plots {
    /// Where they are saved even if they can be shown.
    folder: Option<PathBuf>,
    screen: Option<Screen>,
    count: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Screen {
    Kitty,
    Iterm,
}

impl Plots {
    /// Saved in this folder, or else shown here where the terminal can, or else saved in the current one.
    pub fn new(folder: Option<PathBuf>) -> Self {
        let screen = if folder.is_none() { Screen::ask() } else { None };
        Self { folder, screen, count: 0 }
    }

    /// Shows or saves the image of a result. False: it has none.
    pub fn show(&mut self, result: &CodeResult) -> Result<bool> {
        let binary = |mime: &str| result.binary.get(mime).cloned();
        let found = [("image/png", "png"), ("image/jpeg", "jpg"), ("image/gif", "gif"), ("application/pdf", "pdf")]
            .into_iter()
            .find_map(|(mime, extension)| Some((binary(mime)?, extension)))
            .or_else(|| Some((result.text("image/svg+xml")?.to_owned().into(), "svg")));
        let Some((image, extension)) = found else { return Ok(false) };
        match self.screen {
            Some(Screen::Kitty) if extension == "png" => draw_kitty(&image)?,
            Some(Screen::Iterm) if extension != "svg" && extension != "pdf" => draw_iterm(&image)?,
            _ => self.save(&image, extension)?,
        }
        Ok(true)
    }

    fn save(&mut self, image: &[u8], extension: &str) -> Result<()> {
        let folder = self.folder.clone().unwrap_or_default();
        if !folder.as_os_str().is_empty() {
            std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        }
        loop {
            self.count += 1;
            let path = folder.join(format!("plot-{}.{extension}", self.count));
            // Never over something that is there.
            match std::fs::File::create_new(&path) {
                Ok(mut file) => {
                    file.write_all(image).with_context(|| path.display().to_string())?;
                    output::tell(&format!("plot saved as {}", path.display()));
                    return Ok(());
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(anyhow::Error::new(error).context(path.display().to_string())),
            }
        }
    }
}

fn draw_kitty(png: &[u8]) -> Result<()> {
    let encoded = STANDARD.encode(png);
    let chunks: Vec<_> = encoded.as_bytes().chunks(KITTY_CHUNK).collect();
    let mut drawn = Vec::with_capacity(encoded.len() + 64);
    for (index, chunk) in chunks.iter().enumerate() {
        let head = if index == 0 { "a=T,f=100,q=2," } else { "" };
        let more = u8::from(index + 1 < chunks.len());
        drawn.extend_from_slice(format!("\x1b_G{head}m={more};").as_bytes());
        drawn.extend_from_slice(chunk);
        drawn.extend_from_slice(b"\x1b\\");
    }
    drawn.push(b'\n');
    output::print_bytes(&drawn)
}

fn draw_iterm(image: &[u8]) -> Result<()> {
    let (size, encoded) = (image.len(), STANDARD.encode(image));
    output::print(&format!("\x1b]1337;File=inline=1;size={size}:{encoded}\x07\n"))
}

impl Screen {
    /// Asks the terminal what it can. `None` for one that cannot, or where there is none.
    fn ask() -> Option<Self> {
        let there = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        if !there || std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
            return None;
        }
        let _raw = RawMode::enter().ok()?;
        rustix::io::write(stdout(), QUESTIONS).ok()?;
        Self::of(&answers())
    }

    fn of(answers: &[u8]) -> Option<Self> {
        let has = |text: &[u8]| answers.windows(text.len()).any(|part| part == text);
        if has(b"_Gi=31;OK") {
            return Some(Self::Kitty);
        }
        (has(b"iTerm2") || has(b"WezTerm")).then_some(Self::Iterm)
    }
}

/// Everything up to the answer to the last question, or what came until patience ended.
fn answers() -> Vec<u8> {
    let mut heard = Vec::new();
    let limit = Timespec::try_from(PATIENCE).ok();
    let keyboard = stdin();
    loop {
        let mut waiting = [PollFd::new(&keyboard, PollFlags::IN)];
        if !poll(&mut waiting, limit.as_ref()).is_ok_and(|count| count > 0) {
            return heard;
        }
        let mut buffer = [0; 256];
        match rustix::io::read(stdin(), &mut buffer) {
            Ok(count @ 1..) => heard.extend_from_slice(&buffer[..count]),
            _ => return heard,
        }
        // ESC [ ? … c
        let begun = heard.windows(3).rposition(|part| part == b"\x1b[?");
        if begun.is_some_and(|at| heard[at..].contains(&b'c')) {
            return heard;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Screen;

    #[test]
    fn a_terminal_is_what_it_says() {
        assert_eq!(Screen::of(b"\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.40)\x1b\\\x1b[?62;c"), Some(Screen::Kitty));
        assert_eq!(Screen::of(b"\x1bP>|iTerm2 3.5.0\x1b\\\x1b[?62;4c"), Some(Screen::Iterm));
        assert_eq!(Screen::of(b"\x1bP>|XTerm(390)\x1b\\\x1b[?64;c"), None);
        assert_eq!(Screen::of(b""), None);
    }
}
