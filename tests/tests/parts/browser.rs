//! What does a person see and do, in a real Chromium?
//!
//! Every browser has a new profile, so that several stand side by side.

use std::{path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fantoccini::{
    Client, ClientBuilder, Locator,
    actions::{InputSource as _, KeyAction, KeyActions},
    elements::Element,
    error::CmdError,
    key::Key,
    wd::WebDriverCompatibleCommand,
};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use super::{
    HINT,
    driver::{Driver, chromium},
    openssl, root,
    serving::free_address,
};

/// How long a page may take to show what is waited for, on a machine that compiles meanwhile.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked at while waiting.
const GLANCE: Duration = Duration::from_millis(20);

/// What the flags of real-world automation switch off: a browser that talks to nobody but the page's server.
const QUIET: [&str; 12] = [
    "--headless",
    "--no-sandbox", // the tests run as root
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-crash-reporter",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
];

/// One Chromium with one window and a profile of its own.
pub(crate) struct Browser {
    client: Client,
    // After the client: first nobody asks any more, then the processes end, then their folder goes.
    _driver: Driver,
}

/// A screen that pages are looked at on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Screen {
    /// 1280 × 800.
    Desk,
    /// 390 × 844, with fingers.
    Phone,
}

/// What the person told their system to prefer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Light,
    Dark,
}

impl Browser {
    /// Starts one, on a desk.
    pub(crate) async fn start() -> Browser {
        Browser::start_with(&["--no-proxy-server"]).await
    }

    /// Starts one that reaches these hosts and ports of loopback and no others, as if it were on another machine.
    pub(crate) async fn elsewhere(reached: &[String]) -> Browser {
        // By a proxy that is not there.
        let proxy = format!("--proxy-server={}", free_address());
        let beside = format!("--proxy-bypass-list=<-loopback>;{}", reached.join(";"));
        Browser::start_with(&[&proxy, &beside]).await
    }

    /// Starts one for which this name leads to 127.0.0.1, as an attacker's name server can say.
    pub(crate) async fn misled(name: &str) -> Browser {
        let rule = format!("--host-resolver-rules=MAP {name} 127.0.0.1");
        Browser::start_with(&["--no-proxy-server", &rule]).await
    }

    async fn start_with(flags: &[&str]) -> Browser {
        let driver = tokio::task::spawn_blocking(Driver::start)
            .await
            .expect("no panic");
        let profile = format!("--user-data-dir={}", driver.profile().display());
        let flags: Vec<&str> = QUIET
            .iter()
            .chain(flags)
            .copied()
            .chain([profile.as_str()])
            .collect();
        let capabilities = json!({
            "goog:chromeOptions": { "args": flags, "binary": chromium() },
            "timeouts": { "pageLoad": 30_000, "script": 30_000 },
        });
        let Value::Object(capabilities) = capabilities else {
            unreachable!("capabilities are an object")
        };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(driver.address())
            .await
            .unwrap_or_else(|error| panic!("chromium does not start: {error}; {HINT}"));
        // The driver ends with the test; nothing has to be said to it first.
        client.persist().await.expect("the driver answers");
        let browser = Browser {
            client,
            _driver: driver,
        };
        browser.look_on(Screen::Desk, Scheme::Light).await;
        browser
    }

    /// Starts one that takes this TLS certificate for good.
    pub(crate) async fn trusting(certificate: &Path) -> Browser {
        let certificate = certificate.to_str().expect("a path of text");
        let key = openssl(&["x509", "-in", certificate, "-noout", "-pubkey"]);
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("key.pem");
        std::fs::write(&file, key).expect("a file");
        let file = file.to_str().expect("a path of text");
        let spki = openssl(&["pkey", "-pubin", "-in", file, "-outform", "DER"]);
        std::fs::write(file, spki).expect("a file");
        let digest = openssl(&["dgst", "-sha256", "-binary", file]);
        let digest = STANDARD.encode(digest);
        let trust = format!("--ignore-certificate-errors-spki-list={digest}");
        Browser::start_with(&["--no-proxy-server", &trust]).await
    }

    /// Opens an address as if it had been typed: `Sec-Fetch-Site: none`.
    pub(crate) async fn open(&self, url: impl AsRef<str>) {
        let url = url.as_ref();
        if let Err(error) = self.client.goto(url).await {
            panic!("{url} does not open: {error}");
        }
    }

    /// The address of the page.
    pub(crate) async fn url(&self) -> String {
        self.client.current_url().await.expect("a page").into()
    }

    /// The title of the page.
    pub(crate) async fn title(&self) -> String {
        self.client.title().await.expect("a page")
    }

    /// The text that is seen.
    pub(crate) async fn text(&self) -> String {
        match self.client.find(Locator::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// The source of the page as it is now.
    pub(crate) async fn source(&self) -> String {
        self.client.source().await.expect("a page")
    }

    /// Waits for an element to be there and seen.
    pub(crate) async fn see(&self, css: &str) -> Element {
        let mut found = None;
        self.until(&format!("{css} to be seen"), async || {
            found = None;
            for element in self.client.find_all(Locator::Css(css)).await? {
                if element.is_displayed().await? {
                    found = Some(element);
                    break;
                }
            }
            Ok(found.is_some())
        })
        .await;
        found.expect("it was seen")
    }

    /// Whether such an element is there and seen now.
    pub(crate) async fn sees(&self, css: &str) -> bool {
        let Ok(elements) = self.client.find_all(Locator::Css(css)).await else {
            return false;
        };
        for element in elements {
            if element.is_displayed().await.unwrap_or(false) {
                return true;
            }
        }
        false
    }

    /// Waits for the page to say this.
    pub(crate) async fn read(&self, words: &str) {
        self.until(&format!("the page to say {words:?}"), async || {
            Ok(self.text().await.contains(words))
        })
        .await;
    }

    /// Waits for the address to begin like this.
    pub(crate) async fn arrive(&self, beginning: &str) {
        self.until(
            &format!("the address to begin with {beginning}"),
            async || Ok(self.url().await.starts_with(beginning)),
        )
        .await;
    }

    /// Clicks on an element, as soon as it is seen.
    pub(crate) async fn click(&self, css: &str) {
        let element = self.see(css).await;
        if let Err(error) = element.click().await {
            panic!("{css} cannot be clicked: {error}");
        }
    }

    /// Writes into a field, as soon as it is seen.
    pub(crate) async fn write(&self, css: &str, text: &str) {
        let field = self.see(css).await;
        field.clear().await.expect("a field");
        field.send_keys(text).await.expect("a field");
    }

    /// Presses a key.
    pub(crate) async fn press(&self, key: Key) {
        self.strike(&[char::from(key)]).await;
    }

    /// Types where the focus is.
    pub(crate) async fn type_in(&self, text: &str) {
        self.strike(&text.chars().collect::<Vec<_>>()).await;
    }

    async fn strike(&self, keys: &[char]) {
        let mut actions = KeyActions::new("keyboard".to_owned());
        for &value in keys {
            actions = actions
                .then(KeyAction::Down { value })
                .then(KeyAction::Up { value });
        }
        self.client
            .perform_actions(actions)
            .await
            .expect("a keyboard");
    }

    /// What has the focus: its tag, and its label, name or text.
    pub(crate) async fn focus(&self) -> String {
        let focus = "const it = document.activeElement; \
                     return it.tagName.toLowerCase() + ' ' + (it.name || it.textContent.trim());";
        self.run(focus).await.as_str().expect("a text").to_owned()
    }

    /// Moves the focus by Tab until it is on what `focus` calls this; the list of what it met on the way.
    pub(crate) async fn tab_to(&self, wanted: &str) -> Vec<String> {
        let mut met = Vec::new();
        while met.len() < 30 {
            self.press(Key::Tab).await;
            let focus = self.focus().await;
            met.push(focus.clone());
            if focus == wanted {
                return met;
            }
        }
        panic!("Tab never comes to {wanted:?}, only to {met:?}");
    }

    /// Runs a script in the page and answers what it returns.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.run_with(script, Vec::new()).await
    }

    /// The same, with `arguments`.
    pub(crate) async fn run_with(&self, script: &str, arguments: Vec<Value>) -> Value {
        let result = self.client.execute(script, arguments).await;
        result.unwrap_or_else(|error| panic!("{script:?} fails: {error}"))
    }

    /// Runs a script that answers by calling its last argument.
    pub(crate) async fn run_and_wait(&self, script: &str) -> Value {
        self.run_and_wait_with(script, Vec::new()).await
    }

    /// The same, with `arguments` before that.
    pub(crate) async fn run_and_wait_with(&self, script: &str, arguments: Vec<Value>) -> Value {
        let result = self.client.execute_async(script, arguments).await;
        result.unwrap_or_else(|error| panic!("{script:?} fails: {error}"))
    }

    /// Notes in `sessionStorage.seen` when an element is first to be seen, on whichever page of this site that is.
    pub(crate) async fn watch_for(&self, css: &str) {
        // Not by frames: a page behind another window has none.
        let watch = format!(
            "new MutationObserver((_, observer) => {{ \
               if (!document.querySelector({})?.checkVisibility()) return; \
               observer.disconnect(); \
               sessionStorage.setItem('seen', performance.timeOrigin + performance.now()); \
             }}).observe(document, {{ attributes: true, childList: true, subtree: true }})",
            Value::from(css)
        );
        self.devtools(
            "Page.addScriptToEvaluateOnNewDocument",
            json!({ "source": watch }),
        )
        .await;
    }

    /// Lets pages run no script from now on.
    pub(crate) async fn without_script(&self) {
        self.devtools(
            "Emulation.setScriptExecutionDisabled",
            json!({ "value": true }),
        )
        .await;
    }

    /// Sets the size of the window and the preferred colours.
    pub(crate) async fn look_on(&self, screen: Screen, scheme: Scheme) {
        let (width, height, mobile) = match screen {
            Screen::Desk => (1280, 800, false),
            Screen::Phone => (390, 844, true),
        };
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
        let scheme = match scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Takes pictures of the whole page, at the desk and on the phone, light and dark, into `target/screenshots`.
    pub(crate) async fn picture(&self, name: &str) {
        let folder = root().join("target/screenshots");
        std::fs::create_dir_all(&folder).expect("a folder for pictures");
        // A window behind another one is not painted.
        self.devtools("Page.bringToFront", json!({})).await;
        for screen in [Screen::Desk, Screen::Phone] {
            for scheme in [Scheme::Light, Scheme::Dark] {
                self.look_on(screen, scheme).await;
                let whole = json!({ "format": "png", "captureBeyondViewport": true });
                let picture = self.devtools("Page.captureScreenshot", whole).await;
                let picture = picture["data"].as_str().expect("a picture");
                let picture = STANDARD.decode(picture).expect("base64");
                let file = format!("{name}-{screen:?}-{scheme:?}.png").to_lowercase();
                std::fs::write(folder.join(file), picture).expect("a picture is written");
            }
        }
        self.look_on(Screen::Desk, Scheme::Light).await;
    }

    /// Waits for so many windows and tabs to be open.
    pub(crate) async fn until_windows(&self, count: usize) {
        self.until(&format!("{count} windows"), async || {
            Ok(self.client.windows().await?.len() == count)
        })
        .await;
    }

    /// Goes to the window that was opened last, or back to the first.
    pub(crate) async fn to_window(&self, which: usize) {
        let mut windows = self.client.windows().await.expect("windows");
        assert!(which < windows.len(), "there is no window {which}");
        let window = windows.swap_remove(which);
        self.client
            .switch_to_window(window)
            .await
            .expect("a window");
    }

    /// Goes into a frame of the page.
    pub(crate) async fn to_frame(&self, which: u16) {
        self.client.enter_frame(which).await.expect("a frame");
    }

    /// Goes back to the page that holds the frame.
    pub(crate) async fn to_top(&self) {
        self.client.enter_parent_frame().await.expect("a page");
    }

    /// Puts a cookie for this site into the profile, as malware or a neighbouring host would.
    pub(crate) async fn plant_cookie(&self, site: &str, name: &str, value: &str) {
        let cookie = json!({ "url": site, "name": name, "value": value, "path": "/" });
        let planted = self.devtools("Network.setCookie", cookie).await;
        assert_eq!(planted["success"], true, "{planted}");
    }

    /// A command of the DevTools protocol, for what WebDriver has no word for.
    pub(crate) async fn devtools(&self, method: &str, parameters: Value) -> Value {
        let command = Devtools {
            method: method.to_owned(),
            parameters,
        };
        // The driver itself waits for ever.
        match tokio::time::timeout(PATIENCE, self.client.issue_cmd(command)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => panic!("{method} fails: {error}"),
            Err(_) => panic!("{method} does not end"),
        }
    }

    /// Looks again and again until it is so. A page that is being left counts as not yet.
    async fn until(&self, what: &str, mut is_so: impl AsyncFnMut() -> Result<bool, CmdError>) {
        let looking = async {
            let mut glance = tokio::time::interval(GLANCE);
            loop {
                glance.tick().await;
                if let Ok(true) = is_so().await {
                    return;
                }
            }
        };
        if tokio::time::timeout(PATIENCE, looking).await.is_err() {
            panic!(
                "waited in vain for {what}, at {}:\n{}",
                self.url().await,
                self.text().await
            );
        }
    }
}

#[derive(Debug)]
struct Devtools {
    method: String,
    parameters: Value,
}

impl WebDriverCompatibleCommand for Devtools {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!(
            "session/{}/goog/cdp/execute",
            session.unwrap_or_default()
        ))
    }

    fn method_and_body(&self, _url: &url::Url) -> (http::Method, Option<String>) {
        let body = json!({ "cmd": self.method, "params": self.parameters });
        (http::Method::POST, Some(body.to_string()))
    }
}
