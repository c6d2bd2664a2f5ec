//! The published vectors of the dialect and properties of the arithmetic. Fixtures are our own, after the facts.

mod budgets;
mod costs;
mod descriptors;
mod fixture;
mod intervals;
mod loading;
mod properties;
mod readings;
mod sessions;
