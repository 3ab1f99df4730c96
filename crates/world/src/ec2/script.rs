//! Calls that fail on purpose.

use std::collections::VecDeque;

use relais_watchdog::ports::StandbyError;

/// A sort of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Look at the machines.
    Describe,
    /// Switch on.
    Start,
    /// Switch off.
    Stop,
}

/// How a call fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is not carried out, and this is the answer.
    Refuse(StandbyError),
    /// It is carried out, and the answer is lost.
    LoseAnswer,
}

#[derive(Debug, Default)]
pub(super) struct Scripts(VecDeque<Scripted>);

#[derive(Debug)]
struct Scripted {
    call: Call,
    fault: Fault,
    left: u32,
}

impl Scripts {
    pub(super) fn add(&mut self, call: Call, fault: Fault, left: u32) {
        if left > 0 {
            self.0.push_back(Scripted { call, fault, left });
        }
    }

    /// What must happen to this call, if anything.
    pub(super) fn next(&mut self, call: Call) -> Option<Fault> {
        let index = self.0.iter().position(|scripted| scripted.call == call)?;
        let scripted = &mut self.0[index];
        let fault = scripted.fault.clone();
        scripted.left -= 1;
        if scripted.left == 0 {
            self.0.remove(index);
        }
        Some(fault)
    }
}
