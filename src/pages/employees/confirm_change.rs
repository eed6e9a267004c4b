//! Confirmations of what an admin does to an employee's sign-in: lock, archive and reset the password, with what stops.

use actix_web::{HttpResponse, web};

use crate::access::offboarding::OffboardingImpact;
use crate::error::Result;
use crate::id::EmployeeKey;
use crate::pages::confirmation::{Confirmation, some_names};
use crate::pages::employees::{HOME, path};
use crate::time::count;
use crate::web::nonce;
use crate::web::page::{RequestContext, Section, html};
use crate::web::state::State;

// What a confirmation says: the title, the button, and the text from the name and the impact.
struct Words {
    title: &'static str,
    act: &'static str,
    button: &'static str,
    text: fn(&str) -> String,
}

/// `GET /settings/employees/{employee}/lock`
pub async fn lock_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
) -> Result<HttpResponse> {
    let words = Words {
        title: "Lock",
        act: "lock",
        button: "Lock",
        text: |name| {
            format!(
                "{name} is signed out and cannot sign in. The access they authorized stops working until you unlock them. \
                 Nothing is deleted. When somebody leaves, offboard them instead."
            )
        },
    };
    html(confirmation(&context, &app, *id, &words).await?)
}

/// `GET /settings/employees/{employee}/archive`
pub async fn archive_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
) -> Result<HttpResponse> {
    let words = Words {
        title: "Archive",
        act: "archive",
        button: "Archive",
        text: |name| {
            format!(
                "{name} is signed out, cannot sign in and is hidden from the list of employees. The access they authorized \
                 stops working, and works again if you restore them. To revoke it, offboard them first."
            )
        },
    };
    html(confirmation(&context, &app, *id, &words).await?)
}

/// `GET /settings/employees/{employee}/link`: before a password reset.
pub async fn reset_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<EmployeeKey>,
) -> Result<HttpResponse> {
    let words = Words {
        title: "Reset password",
        act: "link",
        button: "Create reset link",
        text: |name| {
            format!(
                "{name} is signed out everywhere, and you get a link by which they choose a new password. The access they \
                 authorized keeps working: if somebody else knew the password, revoke it too."
            )
        },
    };
    let mut page = confirmation(&context, &app, *id, &words).await?;
    page.hidden.push(("nonce".into(), nonce::fresh()));
    let hint = "Every app they authorized, and the connections, must be authorized again. You cannot undo this.";
    page.option = Some(("revoke", "Also revoke all access they authorized", hint.into()));
    html(page)
}

async fn confirmation(context: &RequestContext, app: &State, id: EmployeeKey, words: &Words) -> Result<Confirmation> {
    let now = context.now();
    let impact = app.db.read(move |conn| OffboardingImpact::of(conn, id, now)).await?;
    let (name, tokens) = (impact.employee.name, impact.tokens);
    let mut lines = vec![
        ("Sessions signed out", count(impact.sessions as i64, "session")),
        ("Refresh tokens", tokens.detail.refresh_tokens.to_string()),
        ("API keys", tokens.detail.api_keys.to_string()),
    ];
    if !impact.connections.is_empty() {
        let names = some_names(&impact.connections, false);
        lines.push(("Connections, which keep working", names));
    }
    lines.push(("Access last used", context.times.ago(tokens.last_used_at).text));
    Ok(Confirmation {
        page: context.page(words.title, Section::Employees).breadcrumb(HOME, "Employees").breadcrumb(path(id), &name),
        heading: match words.act {
            "link" => format!("Reset the password of {name}?"),
            _ => format!("{} {name}?", words.title),
        },
        text: (words.text)(&name),
        lines,
        hidden: Vec::new(),
        option: None,
        action: format!("{}/{}", path(id), words.act),
        back: path(id),
        button: words.button.into(),
    })
}
