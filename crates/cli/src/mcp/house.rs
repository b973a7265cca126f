//! The sandboxes of one conversation: its own, those that it created, and their interpreters; all gone at its end.
//! Must not know: the protocol.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jetway::{Client, Error, Sandbox, SandboxOptions, Session, code::Code, sandbox::StopOptions};

/// Cheap to clone; clones are the same house.
#[derive(Clone)]
pub struct House {
    session: Session,
    own: Sandbox,
    known: Arc<Mutex<HashMap<String, (Sandbox, Code)>>>,
}

impl House {
    /// Whose own sandbox, when it is needed, is like this, or is one that is there.
    pub fn new(client: &Client, options: SandboxOptions, existing: Option<Sandbox>) -> Result<Self, Error> {
        let session = Session::new(client, SandboxOptions::default());
        let own = match existing {
            Some(sandbox) => sandbox,
            None => session.sandbox(options)?,
        };
        Ok(Self { session, own, known: Arc::default() })
    }

    /// How the server is called.
    pub fn client(&self) -> &Client {
        self.session.client()
    }

    /// A new one, which ends with the conversation.
    pub async fn create(&self, options: SandboxOptions) -> Result<Sandbox, Error> {
        let sandbox = self.session.sandbox(options)?;
        sandbox.wait(None).await?;
        self.keep(sandbox.start().await?, sandbox.clone());
        Ok(sandbox)
    }

    /// The one with this id, or the conversation's own.
    pub async fn find(&self, id: Option<&str>) -> Result<Sandbox, Error> {
        Ok(self.known(id).await?.0)
    }

    /// The interpreters of that one.
    pub async fn code(&self, id: Option<&str>) -> Result<Code, Error> {
        Ok(self.known(id).await?.1)
    }

    async fn known(&self, id: Option<&str>) -> Result<(Sandbox, Code), Error> {
        let id = match id {
            Some(id) => id.to_owned(),
            None => self.own.start().await?,
        };
        if let Some(known) = self.lock().get(&id) {
            return Ok(known.clone());
        }
        let sandbox = match self.own.id().as_ref() == Some(&id) {
            true => self.own.clone(),
            false => Sandbox::from_id(self.client(), &id).await?,
        };
        Ok(self.keep(id, sandbox))
    }

    /// Ends one.
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        Sandbox::delete_by_id(self.client(), id, StopOptions::default()).await?;
        self.lock().remove(id);
        Ok(())
    }

    /// Ends all that the conversation created.
    pub async fn close(&self) -> Result<(), Error> {
        self.session.close(StopOptions::default().graceful_shutdown(std::time::Duration::ZERO)).await
    }

    fn keep(&self, id: String, sandbox: Sandbox) -> (Sandbox, Code) {
        let code = sandbox.code();
        self.lock().entry(id).or_insert((sandbox, code)).clone()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Sandbox, Code)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
