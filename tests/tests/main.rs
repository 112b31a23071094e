//! Do both ends hold what they promise, also against parts that nobody here wrote?
//!
//! One binary: linking is what costs. Each module proves one promise.

// A test ends by a panic, and says why.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod parts;

mod fixtures;

mod wire_form;

mod key_types;

mod selection;

mod openid_provider;

mod provider_clients;

mod provider_sign_in;

mod forwarding;

mod openid_connect;

mod other_clients;

mod mapping;

mod revocation;

mod usages;

mod token_kinds;

mod hostile_tokens;

mod hostile_jwts;

mod kept_inputs;

mod replay;

mod events;

mod refresh;

mod at_rest;

mod crash;

mod token_crash;

mod callers;

mod rotation;

mod hardware_token;

mod hardware_token_cli;

mod hardware_token_lost;

mod command_line;

mod browser_facts;

mod browser_login;

mod browser_pages;

mod browser_console_pages;

mod console_pages;

mod console_journey;

mod browser_provider;

mod browser_attack;

mod browser_agent;

mod browser_cli;

mod tachyon_cli;

mod login_crash;

mod login_nodes;

mod rolling;

mod deployed;

mod watched;

mod idle_sockets;

mod login_sockets;

mod examples;

mod book;

mod checklist;

mod jwt_peers;

mod guard_scene;

mod guard_site;

mod guard_load;

mod guard_provider;

mod guard_outage;

mod guard_frames;

mod guard_callers;

mod tidy;
