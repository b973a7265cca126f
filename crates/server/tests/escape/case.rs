//! One attack: what is tried, by which program, and what stops it under each kind of server.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::site::{Mode, Site};

/// What an attack came to, or why that is not what it should have come to.
pub type Outcome = Result<(), String>;

/// Something that needs more than one program in one sandbox.
pub type Scene = fn(Arc<Site>) -> BoxFuture<'static, Outcome>;

/// What is said in the table.
#[derive(Debug, Clone, Copy)]
pub enum Verdict {
    /// Stopped, by this.
    Blocked(&'static str),
    /// Not stopped, and what that means.
    Open(&'static str),
}

/// One row of the table and its proof.
pub struct Case {
    /// Names the test.
    pub name: &'static str,
    /// What the program tries, for people.
    pub attack: &'static str,
    /// Under a server that is root.
    pub as_root: Verdict,
    /// Under a server that is an ordinary user.
    pub as_user: Verdict,
    proof: Proof,
    about_limits: bool,
}

enum Proof {
    Program { argv: Vec<String>, as_root: String, as_user: String },
    Scene(Scene),
}

/// What every hostile Python program can use.
const PRELUDE: &str = "\
import ctypes, errno, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    answer = libc.syscall(number, *arguments)
    print('allowed' if answer >= 0 else errno.errorcode[ctypes.get_errno()])
def put(path, text):
    os.write(os.open(path, os.O_WRONLY), text.encode())
def attempt(action, *arguments):
    try:
        action(*arguments)
        print('allowed')
    except OSError as error:
        print(errno.errorcode[error.errno])
";

impl Case {
    fn of(name: &'static str, attack: &'static str, proof: Proof) -> Case {
        let verdict = Verdict::Blocked("");
        Case { name, attack, as_root: verdict, as_user: verdict, proof, about_limits: false }
    }

    /// A Python program that prints what it came to.
    pub fn python(name: &'static str, attack: &'static str, program: &str) -> Case {
        Self::program(name, attack, vec!["python3".into(), "-c".into(), format!("{PRELUDE}{program}")])
    }

    /// A shell script that prints what it came to.
    pub fn shell(name: &'static str, attack: &'static str, script: &str) -> Case {
        Self::program(name, attack, vec!["sh".into(), "-c".into(), script.into()])
    }

    /// One raw system call.
    pub fn syscall(name: &'static str, attack: &'static str, number: libc::c_long, arguments: &str) -> Case {
        Self::python(name, attack, &format!("call({number}, {arguments})"))
    }

    /// Anything else.
    pub fn scene(name: &'static str, attack: &'static str, scene: Scene) -> Case {
        Self::of(name, attack, Proof::Scene(scene))
    }

    fn program(name: &'static str, attack: &'static str, argv: Vec<String>) -> Case {
        Self::of(name, attack, Proof::Program { argv, as_root: String::new(), as_user: String::new() })
    }

    /// What the program then prints, under every server.
    pub fn prints(mut self, text: &str) -> Case {
        if let Proof::Program { as_root, as_user, .. } = &mut self.proof {
            (*as_root, *as_user) = (text.to_owned(), text.to_owned());
        }
        self
    }

    /// What stops it, under every server.
    pub fn blocked_by(mut self, what: &'static str) -> Case {
        (self.as_root, self.as_user) = (Verdict::Blocked(what), Verdict::Blocked(what));
        self
    }

    /// Nothing stops it, under any server.
    pub fn open(mut self, meaning: &'static str) -> Case {
        (self.as_root, self.as_user) = (Verdict::Open(meaning), Verdict::Open(meaning));
        self
    }

    /// What the program prints instead under an ordinary user's server.
    pub fn prints_to_user(mut self, text: &str) -> Case {
        if let Proof::Program { as_user, .. } = &mut self.proof {
            *as_user = text.to_owned();
        }
        self
    }

    /// What stops it instead under an ordinary user's server.
    pub fn for_user(mut self, verdict: Verdict) -> Case {
        self.as_user = verdict;
        self
    }

    /// It is tried under an ordinary user with delegated control groups, too, and comes to what it comes to under root.
    pub fn about_limits(mut self) -> Case {
        self.about_limits = true;
        self
    }

    /// See [`Case::about_limits`].
    pub fn is_about_limits(&self) -> bool {
        self.about_limits
    }

    /// Tries it.
    pub async fn run(self, site: Arc<Site>) -> Outcome {
        let Proof::Program { argv, as_root, as_user } = self.proof else {
            let Proof::Scene(scene) = self.proof else { return Ok(()) };
            return scene(site).await;
        };
        let expected = if site.mode == Mode::User { as_user } else { as_root };
        let sandbox = site.sandbox().await?;
        let seen = sandbox.exec(&argv).await?;
        sandbox.delete().await;
        if seen.stdout.trim() == expected {
            return Ok(());
        }
        Err(format!("expected {expected:?}, saw {seen:?}"))
    }
}

/// Ends a scene with what is wrong.
macro_rules! ensure {
    ($condition:expr, $($said:tt)+) => {
        if !$condition {
            return Err(format!($($said)+));
        }
    };
}
pub(crate) use ensure;
