//! How does a test get a platform that people sign in to?

use std::{
    io::Read,
    process::{Child, Stdio},
};

use crate::{
    interrupted::{Serving, free_address},
    person::Person,
    typist::Typist,
    world::{Home, Ran},
};

/// A home with profiles, and a platform whose account is `dev`.
pub(crate) struct Place {
    pub(crate) home: Home,
    pub(crate) issuer: String,
    pub(crate) password: String,
    address: String,
    store: String,
    settings: String,
    serving: Option<Serving>,
}

/// Where `dev` keeps all of it, below the home.
const DATA: &str = ".local/share/countersign/dev/";
/// Its store.
pub(crate) const FILE: &str = ".local/share/countersign/dev/platform.sqlite";

impl Place {
    pub(crate) fn new() -> Place {
        Place::with("")
    }

    /// With settings of the platform.
    pub(crate) fn with(settings: &str) -> Place {
        let home = Home::new();
        let address = free_address();
        home.run(&format!("dev --once --listen {address}")).ok();
        let password = std::fs::read_to_string(home.path().join(DATA).join("account.password"));
        let mut place = Place {
            home,
            issuer: format!("http://{address}"),
            password: password.unwrap().trim().to_owned(),
            address,
            store: format!("url = \"sqlite:{FILE}\""),
            settings: settings.to_owned(),
            serving: None,
        };
        place.starts();
        place
    }

    /// Starts the platform, again.
    pub(crate) fn starts(&mut self) {
        let settings = format!(
            "[store]\n{}\n[secrets]\nfile = \"{DATA}secrets.toml\"\n{}",
            self.store, self.settings
        );
        let serving = Serving::at(&self.home, &self.issuer, &self.address, &settings);
        self.serving = Some(serving);
    }

    /// From the next start on it has these settings of the store.
    pub(crate) fn remembers_in(&mut self, store: &str) {
        store.clone_into(&mut self.store);
    }

    /// Ends the platform as by kill -9; what it has said.
    pub(crate) fn stops(&mut self) -> String {
        let Some(mut serving) = self.serving.take() else {
            return String::new();
        };
        let _ = serving.process.kill();
        serving.end().1.join("\n")
    }

    pub(crate) fn run(&self, line: &str) -> Ran {
        self.home.run(line)
    }

    /// Somebody at a terminal who signs in here.
    pub(crate) fn logs_in(&self, options: &str) -> Typist {
        Typist::start(&self.home, &format!("login {} {options}", self.issuer))
    }

    /// The same from where there is no terminal.
    pub(crate) fn logs_in_unseen(&self, options: &str) -> Child {
        let mut command = self
            .home
            .command(&format!("login {} {options}", self.issuer));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// A person who opens the address, and is signed in as `dev`.
    pub(crate) fn person_at(&self, url: &str) -> (Person, crate::person::Page) {
        let mut person = Person::new();
        let review = person.signs_in(url, "dev", &self.password);
        (person, review)
    }

    /// Signs in over loopback, with nothing to be asked.
    pub(crate) fn is_signed_in(&self, options: &str) {
        let mut typist = self.logs_in(&format!("--as dev {options}"));
        let url = address(&mut typist);
        let (mut person, review) = self.person_at(&url);
        person.allows_here(&review);
        typist.end().ok();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(serving) = &mut self.serving {
            let _ = serving.process.kill();
            let _ = serving.process.wait();
        }
    }
}

/// The address that a terminal shows.
pub(crate) fn address(typist: &mut Typist) -> String {
    typist.wait_for("sign in at: ");
    typist.rest_of_line()
}

/// The address that a process without a terminal shows.
pub(crate) fn address_of(process: &mut Child) -> String {
    let mut said = String::new();
    let pipe = process.stderr.as_mut().unwrap();
    // Byte by byte, so that what follows stays in the pipe.
    while !said.ends_with('\n') || !said.contains("sign in at: ") {
        let mut byte = [0];
        assert_eq!(pipe.read(&mut byte).unwrap(), 1, "no address: {said}");
        said.push(char::from(byte[0]));
    }
    let (_, url) = said.split_once("sign in at: ").unwrap();
    url.trim().to_owned()
}

/// How a process ended.
pub(crate) fn ended(process: Child) -> Ran {
    let output = process.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// What a program reads of a sign-in.
pub(crate) fn events(ran: &Ran) -> Vec<serde_json::Value> {
    let lines = ran.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).expect(line))
        .collect()
}
