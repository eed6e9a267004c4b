//! The OpenID Connect provider that employees sign in through: what the environment sets, and the checks that also hold for
//! what an admin enters.

use url::Url;
use zeroize::{Zeroize, Zeroizing};

use crate::config::IdentitySettings;
use crate::config::notices::{Wrong, given};
use crate::http::may_be_called;

/// The scopes that are requested unless others are set.
pub const DEFAULT_SCOPES: &str = "openid email profile";
/// The claim that holds the e-mail address unless another is set.
pub const EMAIL_CLAIM: &str = "email";
/// The claim that holds the groups unless another is set.
pub const GROUPS_CLAIM: &str = "groups";

const LONGEST: usize = 500;
const LONGEST_LIST: usize = 4_000;
const ROLES: [&str; 3] = ["staff", "manager", "admin"];

/// What is entered about a provider, without the client secret. Lists are as they were typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnteredProvider {
    /// The issuer.
    pub issuer: String,
    /// The client ID.
    pub client_id: String,
    /// The name on the sign-in page; empty for the host.
    pub name: String,
    /// The scopes.
    pub scopes: String,
    /// The claim that holds the e-mail address.
    pub email_claim: String,
    /// The claim that holds the groups.
    pub groups_claim: String,
    /// `group=role`, separated by semicolons or line breaks.
    pub roles: String,
    /// Domains, separated by commas, spaces or line breaks.
    pub domains: String,
    /// Whether somebody unknown becomes an employee at their first sign-in.
    pub creates: bool,
    /// Whether employees may sign in with a password.
    pub passwords: bool,
}

/// A provider whose settings are complete and valid.
#[derive(Clone)]
pub struct IdentityProvider {
    /// Its name on pages.
    pub name: String,
    /// Its issuer, exactly as it names itself.
    pub issuer: String,
    /// Our client ID there.
    pub client_id: String,
    /// Our client secret there.
    pub client_secret: Zeroizing<String>,
    /// The scopes to request, separated by spaces.
    pub scopes: String,
    /// The claim that holds the e-mail address.
    pub email_claim: String,
    /// The claim that holds the groups.
    pub groups_claim: String,
    /// Groups and the word of the role that each gives; empty if roles are managed here.
    pub roles: Vec<(String, String)>,
    /// The domains of allowed e-mail addresses, in small letters; empty for all.
    pub domains: Vec<String>,
    /// Whether somebody unknown becomes an employee at their first sign-in.
    pub creates: bool,
    /// Whether employees may sign in with a password.
    pub passwords: bool,
}

impl std::fmt::Debug for IdentityProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdentityProvider").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl EnteredProvider {
    /// The provider that is described. Errors: what is wrong with each field.
    pub fn checked(
        &self,
        client_secret: Option<Zeroizing<String>>,
        private: bool,
    ) -> Result<IdentityProvider, Vec<(&'static str, String)>> {
        let mut wrong: Vec<(&'static str, String)> = Vec::new();
        let mut check = |field, sentence: &str| wrong.push((field, sentence.to_string()));
        let host = match issuer(&self.issuer, private) {
            Ok(host) => host,
            Err(sentence) => {
                check("issuer", sentence);
                String::new()
            }
        };
        if self.client_id.is_empty() || self.client_id.len() > LONGEST {
            check("client-id", "The client ID is missing. The provider gives it to you when you register this server.");
        }
        let client_secret = client_secret.filter(|secret| !secret.is_empty());
        if client_secret.is_none() {
            check("client-secret", "The client secret is missing. The provider gives it to you with the client ID.");
        }
        let scopes = or_default(&self.scopes, DEFAULT_SCOPES);
        if !scopes.split_whitespace().any(|scope| scope == "openid") || scopes.len() > LONGEST {
            check("scopes", "The scopes must contain openid. Separate them by spaces.");
        }
        let roles = roles(&self.roles);
        if let Err(sentence) = &roles {
            check("roles", sentence);
        }
        let domains = domains(&self.domains);
        if domains.is_none() {
            check("domains", "A domain looks like shop.example. Separate several by commas.");
        }
        let is_open = roles.as_ref().is_ok_and(Vec::is_empty) && domains.as_ref().is_some_and(Vec::is_empty);
        if self.creates && is_open {
            check(
                "domains",
                "Enter the allowed domains or the roles of groups. Otherwise everybody whom the provider knows would become an employee.",
            );
        }
        match (client_secret, roles, domains) {
            (Some(client_secret), Ok(roles), Some(domains)) if wrong.is_empty() => Ok(IdentityProvider {
                name: or_default(&self.name, &host).to_string(),
                issuer: self.issuer.clone(),
                client_id: self.client_id.clone(),
                client_secret,
                scopes: scopes.split_whitespace().collect::<Vec<_>>().join(" "),
                email_claim: or_default(&self.email_claim, EMAIL_CLAIM).to_string(),
                groups_claim: or_default(&self.groups_claim, GROUPS_CLAIM).to_string(),
                roles,
                domains,
                creates: self.creates,
                passwords: self.passwords,
            }),
            _ => Err(wrong),
        }
    }
}

fn or_default<'a>(text: &'a str, default: &'a str) -> &'a str {
    match text.trim() {
        "" => default,
        text => text,
    }
}

// The host of an issuer (OpenID Connect Core 1.0 section 1.2: https, without query and fragment).
fn issuer(text: &str, private: bool) -> Result<String, &'static str> {
    let url = Url::parse(text).map_err(|_| "The issuer is not a URL. Example: https://login.shop.example.")?;
    let is_plain = url.query().is_none() && url.fragment().is_none() && text.len() <= LONGEST;
    if !is_plain || !url.username().is_empty() || url.password().is_some() {
        return Err("The issuer must be a URL without a user name, a query and a fragment.");
    }
    match may_be_called(&url, private) {
        true => Ok(url.host_str().unwrap_or_default().to_string()),
        false => Err("The issuer must be https and public. OUTBOUND_PRIVATE=on also allows private addresses."),
    }
}

fn roles(text: &str) -> Result<Vec<(String, String)>, &'static str> {
    if text.len() > LONGEST_LIST {
        return Err("The list of groups is too long.");
    }
    let lines = text.split(['\n', ';']).map(str::trim).filter(|line| !line.is_empty());
    let pair = |line: &str| {
        let (group, role) = line.rsplit_once('=')?;
        let (group, role) = (group.trim(), role.trim().to_lowercase());
        (!group.is_empty() && ROLES.contains(&role.as_str())).then(|| (group.to_string(), role))
    };
    lines
        .map(|line| {
            pair(line)
                .ok_or("Each line is a group and a role: pos-admins=admin. The roles are staff, manager and admin.")
        })
        .collect()
}

fn domains(text: &str) -> Option<Vec<String>> {
    let is_domain = |domain: &str| {
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.');
        domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.') && domain.chars().all(is_name)
    };
    let words = text.split([',', ' ', ';', '\n', '\r']).map(|word| word.trim().trim_start_matches('@').to_lowercase());
    let domains: Vec<String> = words.filter(|word| !word.is_empty()).collect();
    (text.len() <= LONGEST_LIST && domains.iter().all(|domain| is_domain(domain))).then_some(domains)
}

const ISSUER: &str = "--oidc-issuer / OIDC_ISSUER";

// The setting of a field that is wrong.
fn setting(field: &str) -> &'static str {
    match field {
        "issuer" => ISSUER,
        "client-id" => "--oidc-client-id / OIDC_CLIENT_ID",
        "client-secret" => "OIDC_CLIENT_SECRET",
        "scopes" => "--oidc-scopes / OIDC_SCOPES",
        "roles" => "--oidc-roles / OIDC_ROLES",
        _ => "--oidc-domains / OIDC_DOMAINS",
    }
}

/// The provider that the environment sets; none if it sets none.
pub(super) fn provider(
    settings: &IdentitySettings,
    mut client_secret: Option<String>,
    private: bool,
) -> Result<Option<IdentityProvider>, Wrong> {
    let text = |setting: &Option<String>| given(setting).unwrap_or_default().to_string();
    let secret = given(&client_secret).map(|secret| Zeroizing::new(secret.to_string()));
    client_secret.zeroize();
    let mut wrong = Wrong::new();
    let mut switch = |name, setting: &Option<String>, default| match given(setting) {
        None => default,
        Some(text) => super::checks::switch(text).unwrap_or_else(|why| {
            wrong.push((name, why));
            default
        }),
    };
    let entered = EnteredProvider {
        issuer: text(&settings.oidc_issuer),
        client_id: text(&settings.oidc_client_id),
        name: text(&settings.oidc_name),
        scopes: text(&settings.oidc_scopes),
        email_claim: text(&settings.oidc_email_claim),
        groups_claim: text(&settings.oidc_groups_claim),
        roles: text(&settings.oidc_roles),
        domains: text(&settings.oidc_domains),
        creates: switch("--oidc-create / OIDC_CREATE", &settings.oidc_create, false),
        passwords: switch("--oidc-passwords / OIDC_PASSWORDS", &settings.oidc_passwords, true),
    };
    let nothing = EnteredProvider { passwords: true, ..EnteredProvider::default() };
    if wrong.is_empty() && secret.is_none() && entered == nothing {
        return Ok(None);
    }
    match entered.checked(secret, private) {
        Ok(provider) if wrong.is_empty() => Ok(Some(provider)),
        Ok(_) => Err(wrong),
        Err(fields) => {
            wrong.extend(fields.into_iter().map(|(field, sentence)| (setting(field), sentence)));
            Err(wrong)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(issuer: &str) -> IdentitySettings {
        IdentitySettings { oidc_issuer: Some(issuer.into()), ..IdentitySettings::default() }
    }

    #[test]
    fn a_provider_is_set_completely_or_not_at_all() {
        let names = |settings: &IdentitySettings, secret: &str| {
            let checked = provider(settings, Some(secret.into()), false);
            checked.map(|found| found.map(|found| found.name)).map_err(|wrong| {
                assert!(!wrong.iter().any(|(_, why)| why.contains("hunter2")), "{wrong:?}");
                wrong.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
            })
        };

        assert_eq!(names(&IdentitySettings::default(), " "), Ok(None));
        assert_eq!(
            names(&settings("https://login.shop.example"), ""),
            Err(vec!["--oidc-client-id / OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"])
        );
        let mut all = settings("https://login.shop.example/realm");
        all.oidc_client_id = Some("pos".into());
        assert_eq!(names(&all, "hunter2"), Ok(Some("login.shop.example".into())));
        all.oidc_roles = Some("cn=admins,ou=shop=admin; till = staff".into());
        all.oidc_domains = Some("Shop.Example, @other.example".into());
        let checked = provider(&all, Some("hunter2".into()), false).ok().flatten().expect("it is complete");
        let roles = [("cn=admins,ou=shop", "admin"), ("till", "staff")];
        assert_eq!(checked.roles, roles.map(|(group, role)| (group.to_string(), role.to_string())));
        assert_eq!(checked.domains, ["shop.example", "other.example"]);
        assert!(!format!("{checked:?}").contains("hunter2"));

        all.oidc_roles = Some("admins=owner".into());
        all.oidc_domains = None;
        all.oidc_create = Some("perhaps".into());
        assert_eq!(names(&all, "hunter2"), Err(vec!["--oidc-create / OIDC_CREATE", "--oidc-roles / OIDC_ROLES"]));
        (all.oidc_roles, all.oidc_create) = (None, Some("on".into()));
        assert_eq!(names(&all, "hunter2"), Err(vec!["--oidc-domains / OIDC_DOMAINS"]), "open to everybody");
        for issuer in [
            "http://login.shop.example",
            "https://10.0.0.1",
            "https://a@login.shop.example",
            "https://x.example/?a",
            "",
        ] {
            let all = IdentitySettings { oidc_issuer: Some(issuer.into()), oidc_create: None, ..all.clone() };
            assert_eq!(names(&all, "hunter2"), Err(vec![ISSUER]), "{issuer}");
        }
    }
}
