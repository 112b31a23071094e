//! Are granted tokens believed exactly as long, and for as much, as they should be?

use super::token_scene as scene;

mod belief;

mod ended;

mod narrowed;

mod rotated;

mod given_back;

mod remembered;

mod uses;

mod signed;

mod by_secret;

mod asked;

mod nodes;

mod equal_work;

mod both_forms;

mod listed;

mod callers;

mod canary;
