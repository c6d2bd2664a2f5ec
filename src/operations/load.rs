//! Loading data files.

use super::{Caller, Operations};
use crate::model::*;
use crate::writer::Rejected;

impl Operations {
    /// Loads one file, all or nothing.
    pub async fn load(
        &self,
        file: DataFile,
        options: LoadOptions,
        caller: impl Into<Caller>,
    ) -> Result<Loaded, Rejected> {
        match self.carry_out(Command::Load { file: Box::new(file), options }, caller).await? {
            (Outcome::Loaded(loaded), _) => Ok(loaded),
            _ => Err(Rejected::Unknown),
        }
    }
}
