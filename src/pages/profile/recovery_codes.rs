//! New recovery codes for the viewer.

use actix_web::{HttpResponse, web};

use crate::employees::second_factor::{RECOVERY_CODES, renew_recovery_codes};
use crate::error::{Error, Result};
use crate::pages::confirmation::Confirmation;
use crate::pages::profile::app_form::CodesPage;
use crate::pages::profile::second_factor::{HOME, frame};
use crate::web::form::ProtectedForm;
use crate::web::nonce;
use crate::web::page::{RequestContext, Tone, html};
use crate::web::state::State;

/// `GET /settings/profile/second-factor/recovery-codes`
pub async fn form(context: RequestContext) -> Result<HttpResponse> {
    html(Confirmation {
        page: frame(&context, "Create new recovery codes"),
        heading: "Create new recovery codes?".into(),
        text: format!("You get {RECOVERY_CODES} new codes. The codes that you have now stop working."),
        lines: Vec::new(),
        hidden: vec![("nonce".into(), nonce::fresh())],
        option: None,
        action: format!("{HOME}/recovery-codes"),
        back: HOME.into(),
        button: "Create new codes".into(),
    })
}

/// `POST /settings/profile/second-factor/recovery-codes`
pub async fn renew(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let (id, now, client_ip) = (context.viewer.id, context.now(), context.client_ip.clone());
    let sent = form.get("nonce").to_string();
    match app.db.write(move |conn| renew_recovery_codes(conn, id, &sent, &client_ip, now)).await {
        Ok(codes) => CodesPage::new(frame(&context, "Recovery codes"), codes, HOME).answer(),
        Err(Error::Conflict(why)) => context.redirect(Tone::Bad, why, HOME),
        Err(error) => Err(error),
    }
}
