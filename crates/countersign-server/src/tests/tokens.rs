//! Are tokens granted, seen, rotated, imported and revoked as the management API says?

use super::token_scene as scene;

mod granting;

mod listing;

mod origin;

mod changing;

mod rotating;

mod revoking;

mod importing;

mod secrecy;
