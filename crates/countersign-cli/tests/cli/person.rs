//! How does a test be a person with a browser, on a machine that has none?

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
};

use url::Url;

/// A browser with its cookies, and whoever sits in front of it.
#[derive(Default)]
pub(crate) struct Person {
    cookies: BTreeMap<String, String>,
    /// Every address that was gone to.
    pub(crate) history: Vec<Url>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) status: u16,
    pub(crate) location: Option<Url>,
    pub(crate) body: String,
}

impl Person {
    pub(crate) fn new() -> Person {
        Person::default()
    }

    /// Opens the address, signs in by the form of the platform, and sees what is asked.
    #[track_caller]
    pub(crate) fn signs_in(&mut self, url: &str, name: &str, password: &str) -> Page {
        let review = self.tries_to_sign_in(url, name, password);
        assert!(review.url.path().ends_with("/review"), "{review:?}");
        review
    }

    /// The same, where it leads to no question.
    pub(crate) fn tries_to_sign_in(&mut self, url: &str, name: &str, password: &str) -> Page {
        let page = self.goes_to(&url.parse().unwrap());
        let page = self.posts(&page, "/sign-in", &[("name", name), ("password", password)]);
        self.follows(page)
    }

    /// Presses Allow; where the value is to be brought.
    #[track_caller]
    pub(crate) fn allows(&mut self, review: &Page) -> Url {
        let page = self.posts(review, "/allow", &[]);
        assert_eq!(page.status, 303, "{page:?}");
        page.location.unwrap()
    }

    /// Presses Allow, and the browser brings the value to the terminal; the page after that.
    #[track_caller]
    pub(crate) fn allows_here(&mut self, review: &Page) -> Page {
        let loopback = self.allows(review);
        assert_eq!(loopback.host_str(), Some("127.0.0.1"));
        let page = self.goes_to(&loopback);
        assert_eq!(page.status, 303, "{page:?}");
        assert_eq!(page.location.as_ref().unwrap().query(), None);
        self.follows(page)
    }

    /// Presses Allow, sees that the terminal is not there, and has a code shown.
    #[track_caller]
    pub(crate) fn gets_a_code(&mut self, review: &Page) -> String {
        let loopback = self.allows(review);
        let mut page = match loopback.host_str() == review.url.host_str()
            && loopback.path().starts_with("/login/")
        {
            true => self.goes_to(&loopback), // there is no other way than the code
            false => {
                let waiting = self.goes_to(&review.url);
                let page = self.posts(&waiting, "/code", &[]);
                self.follows(page)
            }
        };
        page.body = page.body.replace("<wbr>", "");
        let code = page.between("<p class=\"code\">", "</p>");
        let code = code.split_once('>').unwrap().1;
        code.split('<').next().unwrap().trim().to_owned()
    }

    /// Says that somebody else started this.
    #[track_caller]
    pub(crate) fn reports(&mut self, review: &Page) -> Page {
        let page = self.posts(review, "/report", &[]);
        self.follows(page)
    }

    pub(crate) fn goes_to(&mut self, url: &Url) -> Page {
        self.sends("GET", url, "")
    }

    /// Posts a form of a page to where a button leads.
    fn posts(&mut self, page: &Page, to: &str, fields: &[(&str, &str)]) -> Page {
        let token = page.between("name=\"token\" value=\"", "\"");
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("token", &token).extend_pairs(fields);
        let path = page.url.path();
        let path = path.strip_suffix("/review").unwrap_or(path);
        let url = page.url.join(&format!("{path}{to}")).unwrap();
        self.sends("POST", &url, &form.finish())
    }

    fn follows(&mut self, mut page: Page) -> Page {
        while let Some(location) = page.location.take() {
            page = self.goes_to(&location);
        }
        page
    }

    fn sends(&mut self, method: &str, url: &Url, body: &str) -> Page {
        self.history.push(url.clone());
        let (host, port) = (url.host_str().unwrap(), url.port().unwrap());
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        let mut request = format!(
            "{method} {target} HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n\
             accept: text/html\r\nsec-fetch-site: {}\r\n",
            if method == "GET" {
                "none"
            } else {
                "same-origin"
            }
        );
        if !cookies.is_empty() {
            request += &format!("cookie: {}\r\n", cookies.join("; "));
        }
        if method == "POST" {
            let origin = url.origin().ascii_serialization();
            request += &format!(
                "origin: {origin}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                 content-length: {}\r\n",
                body.len()
            );
        }
        let mut connection = TcpStream::connect((host, port)).unwrap();
        connection
            .write_all(format!("{request}\r\n{body}").as_bytes())
            .unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        self.reads(url, &answer)
    }

    fn reads(&mut self, url: &Url, answer: &str) -> Page {
        let (head, body) = answer.split_once("\r\n\r\n").expect(answer);
        let mut lines = head.lines();
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .unwrap();
        let mut page = Page {
            url: url.clone(),
            status: status.parse().unwrap(),
            location: None,
            body: body.to_owned(),
        };
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            match name.to_ascii_lowercase().as_str() {
                "location" => page.location = Some(url.join(value).unwrap()),
                "set-cookie" => {
                    let cookie = value.split(';').next().unwrap();
                    let (name, value) = cookie.split_once('=').unwrap();
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
                _ => {}
            }
        }
        page
    }
}

impl Page {
    /// What stands between two texts.
    #[track_caller]
    pub(crate) fn between(&self, before: &str, after: &str) -> String {
        let rest = self.body.split_once(before);
        let found = rest.and_then(|(_, rest)| rest.split_once(after));
        found
            .unwrap_or_else(|| panic!("no {before:?} in {self:?}"))
            .0
            .to_owned()
    }
}
