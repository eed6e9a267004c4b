//! Where this installation sends notices: by e-mail, to a webhook, both, or nowhere (the default).

use clap::Args;
use zeroize::Zeroize;

use crate::config::smtp::{Smtp, smtp};
use crate::config::webhook::{Webhook, webhook};

/// The flags. The secrets that belong to them come from the environment only.
#[derive(Args, Default, Clone)]
pub struct NoticeSettings {
    /// Sender of notices by e-mail; requires SMTP_URL
    #[arg(long, env = "NOTICES_FROM", value_name = "ADDRESS")]
    pub notices_from: Option<String>,
    /// Recipients of notices by e-mail, separated by commas; requires SMTP_URL
    #[arg(long, env = "NOTICES_TO", value_name = "LIST")]
    pub notices_to: Option<String>,
    /// URL that receives notices by HTTP POST; requires WEBHOOK_SECRET
    #[arg(long, env = "WEBHOOK_URL", value_name = "URL", hide_env_values = true)]
    pub webhook_url: Option<String>,
}

/// The secrets from the environment, overwritten in memory when dropped.
#[derive(Default)]
pub struct NoticeSecrets {
    /// The mail server, with user name and password.
    pub smtp_url: Option<String>,
    /// The key that webhook messages are signed with.
    pub webhook_secret: Option<String>,
}

impl Drop for NoticeSecrets {
    fn drop(&mut self) {
        self.smtp_url.zeroize();
        self.webhook_secret.zeroize();
    }
}

/// The channels this installation sends notices to.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    /// The mail server, the sender and the recipients.
    pub smtp: Option<Smtp>,
    /// The webhook and its signing key.
    pub webhook: Option<Webhook>,
}

impl Notices {
    /// Validates the settings; `private` says whether private addresses may be called. Errors: each invalid setting with
    /// the reason, but never its value, which may contain a secret.
    pub fn from_settings(
        settings: &NoticeSettings,
        secrets: &NoticeSecrets,
        private: bool,
    ) -> Result<Notices, Vec<(&'static str, String)>> {
        let mut wrong = Vec::new();
        let smtp = smtp(settings, secrets, &mut wrong);
        let webhook = webhook(settings, secrets, private, &mut wrong);
        if wrong.is_empty() { Ok(Notices { smtp, webhook }) } else { Err(wrong) }
    }
}

/// What the transaction of an act needs in order to write a notice: which channels the environment sets up, and the origin
/// that links begin with.
#[derive(Clone, Debug, Default)]
pub struct Channels {
    /// Whether the environment sets up e-mail.
    pub email: bool,
    /// Whether the environment sets up a webhook.
    pub webhook: bool,
    /// The public origin, for links.
    pub origin: String,
}

pub(super) type Wrong = Vec<(&'static str, String)>;

// Deployment templates often set variables to an empty string: treat that as not set.
pub(super) fn given(setting: &Option<String>) -> Option<&str> {
    setting.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn checked(smtp_url: &str, from: &str, to: &str, webhook: (&str, &str)) -> Result<Notices, Vec<&'static str>> {
        let some = |text: &str| Some(text.to_string());
        let settings = NoticeSettings { notices_from: some(from), notices_to: some(to), webhook_url: some(webhook.0) };
        let secrets = NoticeSecrets { smtp_url: some(smtp_url), webhook_secret: some(webhook.1) };
        let names = |wrong: Vec<(&'static str, String)>| wrong.into_iter().map(|(name, _)| name).collect();
        Notices::from_settings(&settings, &secrets, false).map_err(names)
    }

    #[test]
    fn nothing_set_is_nothing_sent_and_half_a_group_is_named() {
        let none = checked("", " ", "", ("", "")).expect("nothing is wrong with nothing");
        assert!(none.smtp.is_none() && none.webhook.is_none());

        let half =
            checked("", "pos@shop.example", "", ("https://hooks.example/x", "")).expect_err("two groups are half set");
        assert_eq!(half, ["SMTP_URL", "--notices-to / NOTICES_TO", "WEBHOOK_SECRET"]);
        let other =
            checked("smtp://mail.example", "", "ada@shop.example", ("", SECRET)).expect_err("and so they are here");
        assert_eq!(other, ["--notices-from / NOTICES_FROM", "--webhook-url / WEBHOOK_URL"]);
    }

    #[test]
    fn what_is_wrong_is_named_without_its_value() {
        let settings = NoticeSettings {
            notices_from: Some("nobody".into()),
            notices_to: Some("ada@shop.example, hunter2".into()),
            webhook_url: Some("http://hooks.example/hunter2".into()),
        };
        let secrets = NoticeSecrets {
            smtp_url: Some("smtp://pos:hunter2@mail.example?tls=none".into()),
            webhook_secret: Some("hunter2".into()),
        };

        let wrong = Notices::from_settings(&settings, &secrets, true).expect_err("all are wrong");

        let names: Vec<&str> = wrong.iter().map(|(name, _)| *name).collect();
        let from = "--notices-from / NOTICES_FROM";
        let to = "--notices-to / NOTICES_TO";
        assert_eq!(names, ["SMTP_URL", from, to, "--webhook-url / WEBHOOK_URL", "WEBHOOK_SECRET"]);
        assert!(!wrong.iter().any(|(_, why)| why.contains("hunter2")), "{wrong:?}");
    }
}
