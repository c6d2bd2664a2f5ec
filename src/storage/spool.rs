//! TEMPORARY
use crate::model::*;
pub struct Spool;
pub struct SpoolReader;
#[derive(Debug)]
pub struct SpoolError;
impl std::fmt::Display for SpoolError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("x")
    }
}
impl std::error::Error for SpoolError {}
impl Spool {
    pub fn append(&mut self, _e: &[SpoolEntry]) -> Result<SpoolPosition, SpoolError> {
        Err(SpoolError)
    }
}
impl SpoolReader {
    pub fn read(
        &mut self,
        _p: SpoolPosition,
        _m: usize,
    ) -> Result<Vec<(SpoolPosition, SpoolEntry)>, SpoolError> {
        Err(SpoolError)
    }
    pub fn acknowledge(&mut self, _p: SpoolPosition) -> Result<(), SpoolError> {
        Ok(())
    }
}
