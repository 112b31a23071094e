//! What does an answer in XML say, if it is one that has nothing but elements and text?
//!
//! What makes XML dangerous or long is not read: no document type, so no entities of one's own; no
//! comments, no CDATA, no processing instructions but the first line.

/// The texts of an answer, each by the names of the elements around it.
pub(super) struct Answer {
    texts: Vec<(String, String)>,
}

/// More than any answer that makes sense has.
const MAX_DEPTH: usize = 8;
const MAX_TEXTS: usize = 64;

impl Answer {
    /// Reads it; `None` when it is anything else.
    pub(super) fn read(body: &[u8]) -> Option<Answer> {
        let mut rest = std::str::from_utf8(body).ok()?.trim();
        if let Some(declared) = rest.strip_prefix("<?xml ") {
            rest = declared.split_once("?>")?.1.trim_start();
        }
        let mut open: Vec<&str> = Vec::new();
        let mut texts = Vec::new();
        while let Some(tag) = rest.strip_prefix('<') {
            let (tag, after) = tag.split_once('>')?;
            let (text, next) = after.split_at(after.find('<').unwrap_or(after.len()));
            if let Some(name) = tag.strip_prefix('/') {
                if open.pop()? != name.trim_end() || !text.trim().is_empty() {
                    return None;
                }
            } else if let Some(empty) = tag.strip_suffix('/') {
                name_of(empty)?;
            } else {
                open.push(name_of(tag)?);
                if !text.trim().is_empty() {
                    texts.push((open.join("/"), unescaped(text.trim())?));
                }
            }
            let is_over = open.is_empty();
            if open.len() > MAX_DEPTH || texts.len() > MAX_TEXTS || is_over && !next.is_empty() {
                return None;
            }
            rest = next;
        }
        (rest.is_empty() && open.is_empty() && !body.is_empty()).then_some(Answer { texts })
    }

    /// The text at a path; `None` when there is none, or more than one.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        let mut found = self.texts.iter().filter(|(at, _)| at == path);
        let text = found.next().map(|(_, text)| text.as_str());
        text.filter(|_| found.next().is_none())
    }
}

/// The name at the beginning of a tag; what attributes say does not matter here.
fn name_of(tag: &str) -> Option<&str> {
    let name = tag.split_ascii_whitespace().next()?;
    let is_name = tag.starts_with(name) && name.chars().all(|c| c.is_ascii_alphanumeric());
    is_name.then_some(name)
}

fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        let (entity, after) = after.split_once(';')?;
        plain.push_str(before);
        plain.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            number => {
                let number = number.strip_prefix('#')?;
                let code = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(code)?
            }
        });
        rest = after;
    }
    plain.push_str(rest);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_by_the_elements_around_it() {
        let answer = Answer::read(
            b"<?xml version=\"1.0\"?>\n<A xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n \
              <B><C>1 &lt; 2 &amp; &#51;&#x34;</C><D/></B>\n <B><E> e </E></B></A>\n",
        )
        .unwrap();
        assert_eq!(answer.text("A/B/C"), Some("1 < 2 & 34"));
        assert_eq!(answer.text("A/B/E"), Some("e"));
        assert_eq!(answer.text("C"), None);
        assert_eq!(answer.text("A/B"), None);
    }

    #[test]
    fn a_text_that_comes_twice_is_none() {
        let answer = Answer::read(b"<A><B>1</B><B>2</B></A>").unwrap();
        assert_eq!(answer.text("A/B"), None);
    }

    #[test]
    fn what_is_more_than_elements_and_text_is_no_answer() {
        for wrong in [
            "",
            "text",
            "<A>",
            "<A></B>",
            "</A>",
            "<A></A><B></B>",
            "<A></A>text",
            "<A><B></A></B>",
            "<A><B></B>text</A>",
            "<A>&lol;</A>",
            "<A>&lt</A>",
            "<A>&#xd800;</A>",
            "<!DOCTYPE A [<!ENTITY x \"y\">]><A>&x;</A>",
            "<A><![CDATA[x]]></A>",
            "<A><!-- x --></A>",
            "<A><?x ?></A>",
            "< A></A>",
            "<A",
            "<a:A></a:A>",
            "<A><A><A><A><A><A><A><A><A>x</A></A></A></A></A></A></A></A></A>",
        ] {
            assert!(Answer::read(wrong.as_bytes()).is_none(), "{wrong}");
        }
        assert!(Answer::read(b"<A>\xff</A>").is_none());
    }
}
