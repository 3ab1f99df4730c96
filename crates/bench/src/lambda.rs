//! A function under a small Runtime API and beside a small AWS: for the watchdog's tests, and for measuring it beside a
//! handler in Python.

pub mod account;
pub mod compare;
pub mod rival;
pub mod sandbox;
