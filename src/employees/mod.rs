//! The shop's employees: sign-in, passwords, second factors, sessions, one-time links, and what admins change about them.

mod account_mail;
mod argon2id;
mod break_glass;
mod change_employee;
pub mod choice;
mod employee;
mod employee_list;
mod erased_employee;
pub mod failed_sign_ins;
pub mod fresh_sign_in;
mod held_form;
mod invitation;
mod one_time_link;
pub mod password;
pub mod password_hasher;
mod profile;
mod proof;
mod reset_request;
pub mod second_factor;
mod session;
mod set_up;
mod sign_in;
mod sign_in_attempts;
mod state_change;

pub use account_mail::{AccountChange, send_invitation, tell};
pub use break_glass::{BreakGlass, Passwords};
pub use change_employee::{EmployeeChange, change_employee};
pub use employee::{Employee, EmployeeFilter, EmployeeState, NewEmployee};
pub use employee_list::EmployeeSort;
pub use held_form::{HeldForm, SEALED_COLUMNS};
pub use invitation::{create_link, invite, redeem_link};
pub use one_time_link::{OneTimeLink, Purpose, address as link_address};
pub use profile::{SessionsToRevoke, change_password, revoke_sessions};
pub use proof::Proof;
pub use reset_request::{answer_requests, has_requests, request_reset};
pub use session::{ABSOLUTE_TIMEOUT, IDLE_TIMEOUT, NewSession, ProviderSession, SeenSessions, Session};
pub use set_up::{is_set_up, set_up};
pub use sign_in::{KnownDevice, SignInOrigin, sign_in, sign_out};
pub use sign_in_attempts::{Attempt, Attempts, MOST_ROWS};

use crate::activity::Detail;
use crate::time::count;

// What an activity entry records about sessions that an act signed out.
fn signed_out(sessions: usize) -> Detail {
    match sessions {
        0 => Detail::default(),
        n => Detail::note(format!("{} signed out", count(n as i64, "session"))),
    }
}
