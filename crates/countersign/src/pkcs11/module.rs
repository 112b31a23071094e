//! Which PKCS#11 module is meant, and how is it started once in a process?

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
};

use super::{
    Pkcs11Uri,
    token::{Token, TokenName},
    trouble::in_words,
};

/// A module that is loaded, and stays so until the process ends: a library of somebody else is not
/// thrown out while it may have threads.
///
/// `C_Initialize` is the process's, so there is one of these for each file. Whoever uses it holds an
/// [`Access`], and nobody does while it is started anew.
pub(super) struct Module {
    path: PathBuf,
    context: Pkcs11,
    running: RwLock<Running>,
    tokens: Mutex<BTreeMap<TokenName, Arc<Token>>>,
}

/// How a module runs.
struct Running {
    state: State,
    /// Counts its starts. Sessions of an earlier one are worth nothing, and their numbers may be
    /// those of others now.
    generation: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Stopped,
    /// We started it.
    Ours,
    /// We started it, and it bears one caller at a time.
    OursForOne,
    /// The application had started it, so it is not ours to stop.
    Theirs,
}

static MODULES: Mutex<BTreeMap<PathBuf, Arc<Module>>> = Mutex::new(BTreeMap::new());

impl Module {
    /// The module that a URI names; else `default`; else p11-kit's, which knows those of the system.
    pub(super) fn of(uri: &Pkcs11Uri, default: Option<&Path>) -> Result<Arc<Module>, String> {
        let path = named(uri)?
            .or(default.map(Path::to_owned))
            .or_else(|| first_there(PROXIES.into_iter().map(PathBuf::from)))
            .ok_or(
                "no PKCS#11 module is named: give module-path=/PATH in the URI, \
                 or set COUNTERSIGN_PKCS11_MODULE, or install p11-kit",
            )?;
        Module::at(&path)
    }

    fn at(path: &Path) -> Result<Arc<Module>, String> {
        let problem = |problem: &str| format!("PKCS#11 module {}: {problem}", path.display());
        if !path.is_absolute() {
            return Err(problem("is no absolute path"));
        }
        let path_to_it = path.canonicalize().map_err(|_| problem("no such file"))?;
        let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = modules.get(&path_to_it) {
            return Ok(Arc::clone(module));
        }
        let context = Pkcs11::new(&path_to_it).map_err(|error| problem(&in_words(&error)))?;
        let module = Arc::new(Module {
            path: path.to_owned(),
            context,
            running: RwLock::new(Running {
                state: State::Stopped,
                generation: 0,
            }),
            tokens: Mutex::default(),
        });
        modules.insert(path_to_it, Arc::clone(&module));
        Ok(module)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The right to use it, for as long as it is held. Starts it if it does not run.
    pub(super) fn access(&self) -> Result<Access<'_>, String> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        if let State::Ours | State::Theirs = running.state {
            return Ok(Access {
                context: &self.context,
                running: Right::Shared(running),
            });
        }
        drop(running);
        let mut running = self.alone();
        if running.state == State::Stopped {
            self.start(&mut running)?;
        }
        if running.state == State::OursForOne {
            return Ok(Access {
                context: &self.context,
                running: Right::Sole(running),
            });
        }
        drop(running);
        self.access()
    }

    /// Stops and starts it, unless somebody did since `generation`, or it is not ours: many modules
    /// know only the tokens that were there when they were started.
    pub(super) fn restart(&self, generation: u64) -> Result<(), String> {
        let mut running = self.alone();
        if running.generation != generation || running.state == State::Theirs {
            return Ok(());
        }
        // What it answers does not matter: it is to be started in any case.
        let _ = self.context.clone().finalize();
        running.state = State::Stopped;
        self.start(&mut running)
    }

    /// One value for each token, so that all who use a token share its login and its sessions.
    pub(super) fn token(self: &Arc<Module>, name: TokenName) -> Arc<Token> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let token = tokens.entry(name.clone());
        Arc::clone(token.or_insert_with(|| Arc::new(Token::new(Arc::clone(self), name))))
    }

    fn alone(&self) -> RwLockWriteGuard<'_, Running> {
        self.running.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, running: &mut Running) -> Result<(), String> {
        let threads = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        let one_thread = CInitializeArgs::new(CInitializeFlags::empty());
        let started = match self.context.initialize(threads) {
            Err(Error::Pkcs11(RvError::CantLock, _)) => self
                .context
                .initialize(one_thread)
                .map(|()| State::OursForOne),
            started => started.map(|()| State::Ours),
        };
        running.state = match started {
            Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => State::Theirs,
            Err(error) => {
                let path = self.path.display();
                return Err(format!("PKCS#11 module {path}: {}", in_words(&error)));
            }
            Ok(state) => state,
        };
        running.generation += 1;
        Ok(())
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Module").field(&self.path).finish()
    }
}

/// The right to use a module that runs.
pub(super) struct Access<'a> {
    pub(super) context: &'a Pkcs11,
    running: Right<'a>,
}

enum Right<'a> {
    Shared(RwLockReadGuard<'a, Running>),
    Sole(RwLockWriteGuard<'a, Running>),
}

impl Access<'_> {
    pub(super) fn generation(&self) -> u64 {
        match &self.running {
            Right::Shared(running) => running.generation,
            Right::Sole(running) => running.generation,
        }
    }
}

/// Where distributions put p11-kit's proxy, which stands for all modules that are set up there.
const PROXIES: [&str; 6] = [
    "/usr/lib/x86_64-linux-gnu/p11-kit-proxy.so",
    "/usr/lib/aarch64-linux-gnu/p11-kit-proxy.so",
    "/usr/lib64/p11-kit-proxy.so",
    "/usr/lib/p11-kit-proxy.so",
    "/opt/homebrew/lib/p11-kit-proxy.dylib",
    "/usr/local/lib/p11-kit-proxy.dylib",
];

/// Where modules lie that are named without their folder.
const FOLDERS: [&str; 6] = [
    "/usr/lib/x86_64-linux-gnu/pkcs11",
    "/usr/lib/aarch64-linux-gnu/pkcs11",
    "/usr/lib64/pkcs11",
    "/usr/lib/pkcs11",
    "/usr/lib/softhsm",
    "/usr/local/lib/pkcs11",
];

/// By `module-path`, which is a file or a folder, and `module-name` (RFC 7512 §2.3).
fn named(uri: &Pkcs11Uri) -> Result<Option<PathBuf>, String> {
    let in_folder = |folder: &Path, name: &str| {
        first_there([format!("lib{name}.so"), format!("{name}.so")].map(|file| folder.join(file)))
    };
    match (&uri.module_path, &uri.module_name) {
        (None, None) => Ok(None),
        (Some(path), Some(name)) if path.is_dir() => in_folder(path, name).map(Some).ok_or(
            format!("there is no PKCS#11 module {name} in {}", path.display()),
        ),
        (Some(path), _) => Ok(Some(path.clone())),
        (None, Some(name)) if name.contains('/') => {
            Err("module-name is a name alone; a path is given by module-path".to_owned())
        }
        (None, Some(name)) => FOLDERS
            .iter()
            .find_map(|folder| in_folder(Path::new(folder), name))
            .map(Some)
            .ok_or(format!(
                "there is no PKCS#11 module {name} in the usual folders; give its module-path"
            )),
    }
}

fn first_there(paths: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    paths.into_iter().find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(uri: &str) -> String {
        let uri: Pkcs11Uri = uri.parse().expect(uri);
        Module::of(&uri, None).map(|_| ()).expect_err("no module")
    }

    #[test]
    fn a_module_that_is_not_there_or_none_is_named_with_what_is_wrong() {
        assert_eq!(
            refusal("pkcs11:?module-path=/nowhere/module.so"),
            "PKCS#11 module /nowhere/module.so: no such file"
        );
        assert_eq!(
            refusal("pkcs11:?module-path=module.so"),
            "PKCS#11 module module.so: is no absolute path"
        );
        assert_eq!(
            refusal("pkcs11:?module-name=nobody-has-this"),
            "there is no PKCS#11 module nobody-has-this in the usual folders; give its module-path"
        );
        let here = env!("CARGO_MANIFEST_DIR");
        let text = refusal(&format!("pkcs11:?module-path={here}/Cargo.toml"));
        assert!(text.contains("Cargo.toml: it cannot be loaded: "), "{text}");
    }
}
