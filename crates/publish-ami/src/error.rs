//! What can go wrong, and the way out of it.

use std::io;
use std::path::PathBuf;

use relais_aws::Fault;

/// A call that AWS refused, or that was not answered however often it was tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {fault}{}", way(call, fault))]
pub struct Refused {
    /// The permission that the call needs, which is its name too: `ebs:StartSnapshot`.
    pub call: &'static str,
    /// What was said.
    pub fault: Fault,
}

impl Refused {
    /// AWS's code for it; empty if it said nothing.
    #[must_use]
    pub fn code(&self) -> &str {
        match &self.fault {
            Fault::Said { code, .. } => code,
            Fault::NeverSent(_) | Fault::Unanswered(_) => "",
        }
    }
}

const AGAIN: &str = "; the same command goes on from where this one ended";

/// The way out.
fn way(call: &str, fault: &Fault) -> String {
    let Fault::Said { code, status, .. } = fault else {
        return format!("; is the network up, and the region right?{}", AGAIN.replacen(';', " Then", 1));
    };
    match code.as_str() {
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
            // A resource that is made with tags asks for this one too.
            let tags = matches!(call, "ebs:StartSnapshot" | "ec2:RegisterImage");
            format!("; allow {call}{} to whom these credentials belong", if tags { " and ec2:CreateTags" } else { "" })
        }
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => format!("; renew the credentials{AGAIN}"),
        "AuthFailure"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => {
            "; AWS does not know these credentials: are they of this account, and is this machine's clock right?"
                .to_owned()
        }
        "ServiceQuotaExceededException" | "SnapshotLimitExceeded" => {
            "; remove snapshots that nobody needs, or ask AWS for a higher quota".to_owned()
        }
        "ConcurrentLimitExceededException" | "PendingSnapshotLimitExceeded" | "ConcurrentSnapshotLimitExceeded" => {
            format!("; wait until other snapshots are done{AGAIN}")
        }
        "ResourceNotFoundException" if call == "ebs:PutSnapshotBlock" => {
            "; the snapshot is gone: run the same again, which begins a new one".to_owned()
        }
        _ if passes(fault) || *status >= 500 => AGAIN.to_owned(),
        _ => String::new(),
    }
}

/// Whether the same call may succeed a little later (EBS direct APIs, `PutSnapshotBlock`: retry 5xx and throttling).
pub(crate) fn passes(fault: &Fault) -> bool {
    let Fault::Said { code, status, .. } = fault else { return true };
    *status >= 500
        || *status == 429
        || matches!(
            code.as_str(),
            "RequestThrottledException"
                | "RequestThrottled"
                | "ThrottlingException"
                | "Throttling"
                | "RequestLimitExceeded"
                | "TooManyRequestsException"
                | "TooManyUpdates"
                | "RequestTimeout"
                | "RequestTimeoutException"
        )
}

/// Why an image was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// AWS did not do it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The image could not be read to its end.
    #[error("{}: {why}", path.display())]
    Unreadable {
        /// The image.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// The image is not what was planned any more.
    #[error("{}: block {block} changed while it was sent; let the build end, and run the same again", path.display())]
    Changed {
        /// The image.
        path: PathBuf,
        /// Which block.
        block: u32,
    },
    /// The volume is smaller than the image.
    #[error("--volume-gib {asked} is less than the image needs: {least} or more")]
    TooSmall {
        /// What was asked for.
        asked: u32,
        /// The least, GiB.
        least: u32,
    },
    /// The file for going on later is in the way.
    #[error("{}: {why}", path.display())]
    Resume {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Told to stop.
    #[error("stopped with {done} of {all} blocks sent; the same command goes on from there")]
    Stopped {
        /// Blocks that AWS has.
        done: usize,
        /// Blocks to send.
        all: usize,
    },
    /// AWS gave a snapshot up.
    #[error("snapshot {id} failed ({why}); run the same again, which begins a new one")]
    SnapshotFailed {
        /// `snap-…`.
        id: String,
        /// AWS's words.
        why: String,
    },
    /// AWS gave an image up.
    #[error("image {id} cannot be used ({why}); deregister it and run the same again")]
    ImageFailed {
        /// `ami-…`.
        id: String,
        /// AWS's words.
        why: String,
    },
    /// It takes longer than it ever should.
    #[error("{what} is still pending after {minutes} min; run the same again later, it goes on from there")]
    Late {
        /// What is waited for.
        what: String,
        /// How long it was waited for.
        minutes: u64,
    },
    /// The name belongs to another image.
    #[error(
        "the name {name} is taken by {id}, whose {what} is {theirs}, not {ours}; give another --version or deregister it"
    )]
    NameTaken {
        /// The name.
        name: String,
        /// `ami-…`.
        id: String,
        /// What is different.
        what: &'static str,
        /// Its value there.
        theirs: String,
        /// What it should be.
        ours: String,
    },
    /// A block was cut differently from what the service knows.
    #[error("AWS asks for blocks of {0} bytes; this program knows 524288 only: a newer version of it is needed")]
    BlockSize(i64),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: &str, status: u16) -> Fault {
        Fault::Said { code: code.to_owned(), status, message: "why".to_owned() }
    }

    fn words(call: &'static str, fault: Fault) -> String {
        Refused { call, fault }.to_string()
    }

    #[test]
    fn a_missing_permission_is_named() {
        assert_eq!(
            words("ebs:PutSnapshotBlock", said("AccessDeniedException", 403)),
            "ebs:PutSnapshotBlock: AccessDeniedException: why; allow ebs:PutSnapshotBlock to whom these credentials belong"
        );
        assert!(words("ec2:RegisterImage", said("UnauthorizedOperation", 403)).contains("and ec2:CreateTags to"));
    }

    #[test]
    fn every_refusal_with_a_way_out_names_it() {
        for (code, way) in [
            ("ExpiredTokenException", "renew the credentials"),
            ("AuthFailure", "does not know these credentials"),
            ("ServiceQuotaExceededException", "remove snapshots"),
            ("ConcurrentLimitExceededException", "wait until"),
            ("RequestThrottledException", "goes on from where"),
            ("ResourceNotFoundException", "begins a new one"),
        ] {
            assert!(words("ebs:PutSnapshotBlock", said(code, 400)).contains(way), "{code}");
        }
        let silent = words("ebs:StartSnapshot", Fault::Unanswered("no answer".to_owned()));
        assert!(silent.contains("is the network up") && silent.contains("goes on"), "{silent}");
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for fault in [said("RequestThrottledException", 400), said("Whatever", 503), said("", 429)] {
            assert!(passes(&fault), "{fault}");
        }
        assert!(passes(&Fault::Unanswered(String::new())) && passes(&Fault::NeverSent(String::new())));
        for fault in
            [said("ValidationException", 400), said("AccessDeniedException", 403), said("ConflictException", 409)]
        {
            assert!(!passes(&fault), "{fault}");
        }
    }
}
