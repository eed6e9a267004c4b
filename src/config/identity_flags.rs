//! The flags of the OpenID Connect provider.

use clap::Args;

/// The flags. The client secret comes from the environment only.
#[derive(Args, Default, Clone)]
pub struct IdentitySettings {
    /// Issuer of the OpenID Connect provider that employees sign in through; requires OIDC_CLIENT_ID and OIDC_CLIENT_SECRET
    #[arg(long, env = "OIDC_ISSUER", value_name = "URL")]
    pub oidc_issuer: Option<String>,
    /// Client ID at the provider
    #[arg(long, env = "OIDC_CLIENT_ID", value_name = "ID")]
    pub oidc_client_id: Option<String>,
    /// Name of the provider on the sign-in page; by default its host
    #[arg(long, env = "OIDC_NAME", value_name = "NAME")]
    pub oidc_name: Option<String>,
    /// Scopes to request; by default openid email profile
    #[arg(long, env = "OIDC_SCOPES", value_name = "SCOPES")]
    pub oidc_scopes: Option<String>,
    /// Claim that holds the e-mail address; by default email. For another claim X, only a claim X_verified says that the
    /// address is verified; without it, nobody is linked by their address and OIDC_DOMAINS lets nobody in
    #[arg(long, env = "OIDC_EMAIL_CLAIM", value_name = "CLAIM")]
    pub oidc_email_claim: Option<String>,
    /// Claim that holds the groups; by default groups
    #[arg(long, env = "OIDC_GROUPS_CLAIM", value_name = "CLAIM")]
    pub oidc_groups_claim: Option<String>,
    /// Role of each group, separated by semicolons: GROUP=admin;GROUP=manager;GROUP=staff. The role then follows the groups
    #[arg(long, env = "OIDC_ROLES", value_name = "LIST")]
    pub oidc_roles: Option<String>,
    /// Domains of e-mail addresses that may sign in, separated by commas
    #[arg(long, env = "OIDC_DOMAINS", value_name = "LIST")]
    pub oidc_domains: Option<String>,
    /// Whether somebody unknown becomes an employee at their first sign-in: on or off (the default)
    #[arg(long, env = "OIDC_CREATE", value_name = "on|off")]
    pub oidc_create: Option<String>,
    /// Whether employees may sign in with a password: on (the default), or off for everybody but the break-glass admin
    #[arg(long, env = "OIDC_PASSWORDS", value_name = "on|off")]
    pub oidc_passwords: Option<String>,
}
