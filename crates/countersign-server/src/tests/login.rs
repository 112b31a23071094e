//! Does a sign-in through a browser keep its rules, asked as terminals and browsers ask?

pub(super) mod provider;

mod scene;

mod terminal;

pub(super) mod browser;

mod course;

mod rules;

mod socket;

mod times;

mod resumed;

mod restarted;

mod pages;

mod claims;

mod cookies;

mod limits;

mod secrets;

mod listening;

mod accounts;
