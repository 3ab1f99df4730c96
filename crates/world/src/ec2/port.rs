//! The small EC2 as the watchdog sees it.

use async_trait::async_trait;
use relais_watchdog::ports::{Machine, MachineId, Standby, StandbyError};

use super::machine::{Accepted, Fleet};
use super::script::{Call, Fault};
use super::{Ec2Event, Shared, SmallEc2};

/// The durations in [`Machine`] are of the rehearsal's own time, as is a policy that was paced for it.
#[async_trait]
impl Standby for SmallEc2 {
    async fn describe(&self) -> Result<Vec<Machine>, StandbyError> {
        let config = &self.shared.config;
        let remembered = config.pace.real(config.remembered);
        self.shared.call(Call::Describe, |fleet| Ok(fleet.described(remembered)))
    }

    async fn start(&self, token: &str) -> Result<(), StandbyError> {
        let mut begun = None;
        let answer = self.shared.call(Call::Start, |fleet| {
            begun = Some(fleet.start(self.shared.config.mode, token)?);
            Ok(())
        });
        if let Some(Accepted::Began(id, life)) = begun {
            self.shared.boot(id, life);
        }
        answer
    }

    async fn stop(&self, machine: &MachineId) -> Result<(), StandbyError> {
        let mut begun = None;
        let answer = self.shared.call(Call::Stop, |fleet| {
            begun = Some(fleet.stop(self.shared.config.mode, machine)?);
            Ok(())
        });
        if let Some(Accepted::Began(id, life)) = begun {
            self.shared.shut_down(id, life);
        }
        answer
    }
}

impl Shared {
    /// Carries a call out as the scripts have it, and writes refusals down.
    fn call<T>(&self, call: Call, work: impl FnOnce(&mut Fleet) -> Result<T, StandbyError>) -> Result<T, StandbyError> {
        if self.closed.is_cancelled() {
            return Err(StandbyError::Unavailable("the rehearsal is over".to_owned()));
        }
        let mut fleet = self.lock();
        let answer = match fleet.scripts.next(call) {
            Some(Fault::Refuse(error)) => Err(error),
            Some(Fault::LoseAnswer) => match work(&mut fleet) {
                Ok(_) => {
                    fleet.note(None, Ec2Event::AnswerLost { call });
                    return Err(StandbyError::Unanswered("the answer was lost".to_owned()));
                }
                Err(error) => Err(error),
            },
            None => work(&mut fleet),
        };
        if let Err(error) = &answer {
            fleet.note(None, Ec2Event::Refused { call, error: error.to_string() });
        }
        answer
    }
}
