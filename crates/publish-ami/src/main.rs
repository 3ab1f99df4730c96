//! `publish-ami`: a raw disk image becomes the AMI that the standby boots from.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use relais_host::exit::BadUsage;
use relais_publish_ami::account::Account;
use relais_publish_ami::arguments::Arguments;
use relais_publish_ami::image::Image;
use relais_publish_ami::progress::Screen;
use relais_publish_ami::publish::{self, Cloud, Job};

/// A role's credentials may have to be fetched over the network.
const CREDENTIALS: Duration = Duration::from_secs(20);
/// What the SDK tells of its search for credentials is pages long; what came of it is in the error.
const QUIET: &str = "warn,aws_config=off";
/// Told to stop, a step has so long to end by itself.
const GRACE: Duration = Duration::from_secs(3);
const STOPPED: &str = "stopped; the same command goes on from there";

fn main() -> ExitCode {
    relais_host::command_line::run(std::env::args_os(), run)
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    relais_host::trace::init_at(arguments.log_json, QUIET);
    let settings = arguments.settings()?;
    let image = Image::open(&arguments.image).map_err(|error| BadUsage(error.to_string()))?;
    let boot_mode = image.boot_mode(settings.boot_mode, settings.architecture);
    let boot_mode = boot_mode.map_err(|error| BadUsage(error.to_string()))?;
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let screen = Screen::stderr();
    let outcome = runtime.block_on(async {
        let config = arguments.connect(CREDENTIALS).await?;
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        let account = Arc::new(Account::new(&config));
        let stop = relais_host::shutdown::token();
        let plan = tokio::task::block_in_place(|| publish::read(&image, &screen, || stop.is_cancelled()))?;
        let cloud = Cloud { registry: &*account, disk: Arc::clone(&account) as _, region };
        let job = Job { settings: &settings, image: &image, plan: &plan, boot_mode, dry_run: arguments.dry_run };
        let stopped = std::pin::pin!(stop.cancelled());
        tokio::select! {
            biased;
            outcome = publish::publish(&cloud, &job, &screen, stopped) => Ok(outcome?),
            // Every step is found again by the next run, so it may end in the middle of one that hangs.
            () = async { stop.cancelled().await; tokio::time::sleep(GRACE).await } => Err(anyhow::anyhow!(STOPPED)),
        }
    })?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&outcome)?);
    } else {
        print!("{outcome}");
    }
    Ok(())
}
