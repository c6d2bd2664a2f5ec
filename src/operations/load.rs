//! Loading data files.

use super::Operations;
use crate::model::*;
use crate::writer::Rejected;

impl Operations {
    /// Loads one file, all or nothing.
    pub async fn load(&self, file: DataFile, options: LoadOptions, actor: Actor) -> Result<Loaded, Rejected> {
        match self.writer.call(Command::Load { file: Box::new(file), options }, actor).await? {
            Outcome::Loaded(loaded) => Ok(loaded),
            _ => Err(Rejected::Unknown),
        }
    }
}
