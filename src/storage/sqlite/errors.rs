//! SQLite's result codes as kinds of trouble (sqlite.org/rescode.html).

use super::super::StoreError;
use rusqlite::{Error, ErrorCode};

impl From<Error> for StoreError {
    /// As a transaction's outcome: whatever is not known to have failed for good is [`StoreError::Unknown`].
    fn from(error: Error) -> StoreError {
        let text = error.to_string();
        match &error {
            Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DiskFull => StoreError::Full(text),
                ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig => {
                    StoreError::Poisoned(text)
                }
                ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => {
                    StoreError::Unusable(format!("the database is damaged: {text}"))
                }
                _ => StoreError::Unknown(text),
            },
            Error::FromSqlConversionFailure(..)
            | Error::InvalidColumnType(..)
            | Error::IntegralValueOutOfRange(..) => {
                StoreError::Unusable(format!("a row cannot be read: {text}"))
            }
            Error::ToSqlConversionFailure(_) => StoreError::Poisoned(text),
            _ => StoreError::Unknown(text),
        }
    }
}

/// As the outcome of opening: a file that cannot be opened now is of no use, unless it is only busy or full.
pub(super) fn opening(error: Error) -> StoreError {
    let cannot = matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied)
    );
    if cannot { StoreError::Unusable(error.to_string()) } else { StoreError::from(error) }
}
