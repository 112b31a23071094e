//! What must not leave this process when it crashes?

use rustix::process::{Resource, Rlimit, setrlimit};

/// Keys and tokens are in our memory, so it is not written to a core file, and other processes of
/// the same user may not attach. Where the system says no, the command still does its work.
pub(crate) fn leave_no_core_dump() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
    #[cfg(target_os = "linux")]
    {
        let _ =
            rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    }
}
