//! Carries out acts: says what would happen, asks, and carries out one after the other, each in one transaction.

use std::io::{BufRead, IsTerminal, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::commands::access::failure::{FAILED, Failure, INTERRUPTED, NOT_CONFIRMED, Result};
use crate::commands::access::interrupt::Interrupt;
use crate::commands::access::print;
use crate::commands::access::source::{Done, Noun, Planned, Rows, Source, Verb};
use crate::config::access_cli::Confirm;
use crate::config::access_filters::Pairs;
use crate::text::one_line;
use crate::time::{count, thousands};

// How often a line says how far long work is.
const TOLD_EVERY: Duration = Duration::from_secs(1);
// Tokens that are listed at once.
const AT_ONCE: usize = 50;

/// Carries out an act on each of these.
pub(super) fn act(
    source: &mut dyn Source,
    verb: &Verb,
    names: &[String],
    confirm: &Confirm,
    is_json: bool,
) -> Result<()> {
    // Every name is looked up before anything changes.
    let mut planned: Vec<Planned> = Vec::new();
    for name in names {
        let one = source.plan(verb, name)?;
        if !planned.iter().any(|other| other.id == one.id) {
            planned.push(one);
        }
    }
    let [one] = planned.as_slice() else {
        return act_on_many(source, planned, confirm, is_json);
    };
    if !confirm.dry_run {
        ask(source, &one.question(), confirm)?;
    }
    let Done { message, changed, mut object } = source.carry_out(one, confirm.dry_run)?;
    let message = match (confirm.dry_run, changed) {
        (true, true) => one.would(),
        (true, false) => message,
        (false, _) => format!("{message}{}", followed_up(source)),
    };
    match is_json {
        true => {
            object["changed"] = changed.into();
            object["dry_run"] = confirm.dry_run.into();
            object["message"] = message.into();
            print::object(&object, true, &source.times())
        }
        false => print::written(writeln!(std::io::stdout(), "{}", one_line(&message))),
    }
}

// The act is done whatever comes of this.
fn followed_up(source: &mut dyn Source) -> String {
    source.follow_up().unwrap_or_else(|failure| format!(" {}", failure.problems.join(" ")))
}

/// Revokes all tokens that match. Those that are created after the question are kept.
pub(super) fn revoke_matching(
    source: &mut dyn Source,
    noun: Noun,
    filters: &Pairs,
    confirm: &Confirm,
    is_json: bool,
) -> Result<()> {
    let is_choice = |(name, _): &&(&str, String)| *name != "sort" && (noun == Noun::Tokens || *name != "type");
    if filters.iter().filter(is_choice).count() == 0 {
        return Err(Failure::wrong_use("--all-matching: add at least one filter, such as --client or --usage"));
    }
    // A filter without text matches everything, such as one from a variable of a script that is not set.
    if let Some((name, _)) = filters.iter().find(|(_, value)| value.trim().is_empty()) {
        return Err(Failure::wrong_use(format!("--{name} is empty, so it would match everything")));
    }
    let mut ids = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let Rows { items, next } = source.list(noun, filters, after.as_deref(), AT_ONCE)?;
        ids.extend(items.iter().filter_map(|item| Some(item["id"].as_str()?.to_string())));
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let (sentence, consequence) = (String::new(), String::new());
    let planned = |id| Planned {
        verb: Verb::RevokeToken,
        id,
        sentence: sentence.clone(),
        consequence: consequence.clone(),
        seen: None,
        foreseen: Value::Null,
    };
    act_on_many(source, ids.into_iter().map(planned).collect(), confirm, is_json)
}

#[derive(Default)]
struct Progress {
    done: Vec<Value>,
    // Tokens that were revoked by others in the meantime.
    gone: usize,
}

// Only tokens are named many at a time.
fn act_on_many(source: &mut dyn Source, planned: Vec<Planned>, confirm: &Confirm, is_json: bool) -> Result<()> {
    let total = planned.len();
    let tokens = count(total as i64, "token");
    if total > 0 && !confirm.dry_run {
        ask(source, &format!("Revoke {tokens}? This cannot be undone."), confirm)?;
    }
    let interrupt = Interrupt::watch();
    let (mut progress, mut told, mut stopped) = (Progress::default(), Instant::now(), None);
    for one in &planned {
        if interrupt.is_asked() {
            stopped = Some((INTERRUPTED, "Stopped with Ctrl-C".to_string()));
            break;
        }
        match source.carry_out(one, confirm.dry_run) {
            Ok(Done { object, .. }) => progress.done.push(object),
            Err(failure) if failure.is_gone() => progress.gone += 1,
            Err(failure) => {
                stopped = Some((FAILED, format!("Stopped: {}", failure.problems.join("; "))));
                break;
            }
        }
        if told.elapsed() >= TOLD_EVERY {
            told = Instant::now();
            eprintln!("Revoked {} of {tokens}.", thousands(progress.done.len() as i64));
        }
    }
    let revoked = count(progress.done.len() as i64, "token");
    let mut message = match (total, confirm.dry_run) {
        (0, _) => "No token matches.".to_string(),
        (_, true) => format!("Would revoke {revoked}. Nothing was changed (--dry-run)."),
        (_, false) => format!("Revoked {revoked}."),
    };
    if progress.gone > 0 {
        message.push_str(&format!(" {} revoked by others meanwhile.", count(progress.gone as i64, "token")));
    }
    if is_json {
        let object = json!({
            "dry_run": confirm.dry_run,
            "matched": total,
            "revoked": progress.done.len(),
            "already_revoked": progress.gone,
            "complete": stopped.is_none(),
            "tokens": progress.done,
            "message": message,
        });
        print::object(&object, true, &source.times())?;
    }
    match stopped {
        Some((code, why)) => {
            let revoked = thousands(progress.done.len() as i64);
            Err(Failure::new(code, format!("{why}. Revoked {revoked} of {tokens}; each is revoked as a whole.")))
        }
        None if is_json => Ok(()),
        None => print::written(writeln!(std::io::stdout(), "{message}")),
    }
}

// Asks on the terminal, and says on which server. Errors: there is none, or the answer is not yes.
fn ask(source: &dyn Source, question: &str, confirm: &Confirm) -> Result<()> {
    if confirm.yes {
        return Ok(());
    }
    let on = source.server().map_or_else(String::new, |server| format!("On {server}: "));
    let question = one_line(&format!("{on}{question}"));
    if !std::io::stdin().is_terminal() {
        let why =
            format!("not confirmed: add --yes, because this does not run on a terminal. It would ask: {question}");
        return Err(Failure::new(NOT_CONFIRMED, why));
    }
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    match (read, answer.trim().to_lowercase().as_str()) {
        (Ok(_), "y" | "yes") => Ok(()),
        _ => Err(Failure::new(NOT_CONFIRMED, "not confirmed: nothing was changed")),
    }
}
