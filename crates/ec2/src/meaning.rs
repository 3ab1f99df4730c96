//! What each of EC2's errors means (EC2 API reference, "Error codes"; `docs/protocol.md`, stage 2, errors).

use relais_aws::Fault;
use relais_watchdog::StandbyError;

/// An error, reduced to what is done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// Too many requests: the same again, a little later.
    Throttled,
    /// A fault of the service that passes, or no answer. Every call here may be sent twice.
    Passing(StandbyError),
    /// Nothing of this type in this zone: the next of the list after two tries.
    NoCapacity,
    /// No spot machine for us at all: on-demand.
    SpotRefused(StandbyError),
    /// The same call would fail again.
    Final(StandbyError),
}

impl Meaning {
    /// What the watchdog is told once there is nothing left to try.
    #[must_use]
    pub fn told(self) -> StandbyError {
        match self {
            Self::Throttled => StandbyError::Throttled,
            Self::NoCapacity => StandbyError::InsufficientCapacity,
            Self::Passing(error) | Self::SpotRefused(error) | Self::Final(error) => error,
        }
    }
}

/// Judges an error of any call.
#[must_use]
pub fn meaning(fault: &Fault) -> Meaning {
    match fault {
        Fault::NeverSent(why) => Meaning::Passing(StandbyError::Unavailable(why.clone())),
        Fault::Unanswered(why) => Meaning::Passing(StandbyError::Unanswered(why.clone())),
        Fault::Said { code, status, .. } => said(code, *status, fault),
    }
}

fn said(code: &str, status: u16, fault: &Fault) -> Meaning {
    match code {
        // Somebody else did it, or does it at this moment. A token that was used with other parameters has its machine.
        "IncorrectInstanceState"
        | "IncorrectState"
        | "InvalidInstanceID.NotFound"
        | "IdempotentParameterMismatch"
        | "IdempotentInstanceTerminated" => Meaning::Final(StandbyError::IncorrectInstanceState),
        // `Unsupported`: "the requested instance type is not supported in the requested Availability Zone".
        "InsufficientInstanceCapacity"
        | "InsufficientHostCapacity"
        | "InsufficientReservedInstanceCapacity"
        | "InsufficientCapacity"
        | "InsufficientFreeAddressesInSubnet"
        | "Unsupported" => Meaning::NoCapacity,
        "SpotMaxPriceTooLow" => Meaning::SpotRefused(StandbyError::InsufficientCapacity),
        "MaxSpotInstanceCountExceeded" => Meaning::SpotRefused(StandbyError::LimitExceeded),
        "RequestLimitExceeded"
        | "Throttling"
        | "ThrottlingException"
        | "RequestThrottled"
        | "EC2ThrottledException"
        | "TooManyRequestsException" => Meaning::Throttled,
        "UnauthorizedOperation"
        | "AccessDenied"
        | "AccessDeniedException"
        | "AuthFailure"
        | "AuthFailure.ServiceLinkedRoleCreationNotPermitted"
        | "Blocked"
        | "ExpiredToken"
        | "InvalidClientTokenId"
        | "MissingAuthenticationToken"
        | "OperationNotPermitted"
        | "OptInRequired"
        | "PendingVerification"
        | "RequestExpired"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => Meaning::Final(StandbyError::Unauthorized),
        "InstanceLimitExceeded"
        | "VcpuLimitExceeded"
        | "VolumeLimitExceeded"
        | "MaxIOPSLimitExceeded"
        | "PrivateIpAddressLimitExceeded"
        | "NetworkInterfaceLimitExceeded" => Meaning::Final(StandbyError::LimitExceeded),
        _ if status >= 500 => Meaning::Passing(StandbyError::Unanswered(fault.to_string())),
        _ => Meaning::Final(StandbyError::Unavailable(fault.to_string())),
    }
}
