//! The published vectors of the dialect and properties of the arithmetic. Fixtures are our own, after the facts.

mod costs;
mod fixture;
