//! Finds what a command names on a server, as on the database: by its name, otherwise by its id.

use crate::access::named_token::TokenName;
use crate::commands::access::failure::{Failure, Result};
use crate::commands::access::remote::{PAGE, Remote, items, path, refused};
use crate::commands::access::source::Noun;
use crate::text::{fold, one_line};

// What has a name: by its e-mail address, which is unique, or by its name.
#[derive(Default)]
struct Found {
    unique: Option<String>,
    named: Vec<String>,
}

impl Remote {
    /// The id of what has this name.
    pub(super) fn id_of(&self, noun: Noun, name: &str) -> Result<String> {
        let name = name.trim();
        if matches!(noun, Noun::Tokens | Noun::Keys) {
            let id = TokenName::parse(name).map(|id| id.to_string());
            return id.ok_or_else(|| {
                Failure::wrong_use("on a server, name a token by its ID as the list prints it, such as r12")
            });
        }
        if noun == Noun::Attention {
            return Ok(name.into());
        }
        let nothing = || Failure::not_found(format!("nothing is called {}", one_line(name)));
        if name.is_empty() {
            return Err(nothing());
        }
        let mut found = Found::default();
        self.look_for(noun, (name, ""), &mut found)?;
        if noun == Noun::Employees {
            // Without a state, the list is of those who are not archived.
            self.look_for(noun, (name, "archived"), &mut found)?;
        }
        match (found.unique, found.named.as_slice()) {
            (Some(id), _) => Ok(id),
            (None, [id]) => Ok(id.clone()),
            (None, []) if is_number(name) => Ok(name.into()),
            (None, []) => Err(nothing()),
            (None, several) => {
                Err(Failure::wrong_use(format!("several have this name: use an ID: {}", several.join(", "))))
            }
        }
    }

    // Goes through a list to its end: the filter finds parts of names, and the exact one may be on any page.
    fn look_for(&self, noun: Noun, (name, state): (&str, &str), found: &mut Found) -> Result<()> {
        let (folded, limit) = (fold(name), PAGE.to_string());
        let mut after: Option<String> = None;
        loop {
            let mut pairs = vec![("name", name), ("limit", limit.as_str())];
            pairs.extend(Some(("state", state)).filter(|_| !state.is_empty()));
            pairs.extend(after.as_deref().map(|cursor| ("cursor", cursor)));
            let page = match self.answer("GET", &[path(noun)], &pairs, None)? {
                (200..=299, page) => page,
                // Staff may not list employees, but name themselves by their number.
                (403, _) if is_number(name) => return Ok(()),
                (status, problem) => return Err(refused(status, &problem)),
            };
            let next = page["next_cursor"].as_str().map(String::from);
            for item in items(page) {
                let is = |key: &str| item[key].as_str().is_some_and(|text| fold(text) == folded);
                let id = item["id"].to_string();
                if is("email") {
                    found.unique = Some(id);
                } else if is("name") && !found.named.contains(&id) {
                    found.named.push(id);
                }
            }
            match next {
                Some(next) if Some(&next) != after.as_ref() => after = Some(next),
                _ => return Ok(()),
            }
        }
    }
}

fn is_number(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}
