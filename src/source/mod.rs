//! Where inputs are, and what they are.

pub mod checkout;
