//! `publish-ami`: a raw disk image becomes the AMI that the standby boots from.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use relais_aws::{ConnectError, Place};
use relais_host::exit::BadUsage;
use relais_publish_ami::account::Account;
use relais_publish_ami::arguments::Arguments;
use relais_publish_ami::image::Image;
use relais_publish_ami::progress::Screen;
use relais_publish_ami::publish::{self, Cloud, Job};

/// A role's credentials may have to be fetched over the network.
const CREDENTIALS: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    relais_host::command_line::run(std::env::args_os(), run)
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    relais_host::trace::init_at(arguments.log_json, "warn");
    let settings = arguments.settings()?;
    let image = Image::open(&arguments.image).map_err(|error| BadUsage(error.to_string()))?;
    let boot_mode = image.boot_mode(settings.boot_mode, settings.architecture);
    let boot_mode = boot_mode.map_err(|error| BadUsage(error.to_string()))?;
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let screen = Screen::stderr();
    let outcome = runtime.block_on(async {
        let place = Place { region: arguments.region.clone(), endpoint: arguments.endpoint.clone() };
        let config = place.connect(CREDENTIALS).await.map_err(unreachable)?;
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        let account = Arc::new(Account::new(&config));
        let stop = relais_host::shutdown::token();
        let plan = tokio::task::block_in_place(|| publish::read(&image, &screen, || stop.is_cancelled()))?;
        let cloud = Cloud { registry: &*account, disk: Arc::clone(&account) as _, region };
        let job = Job { settings: &settings, image: &image, plan: &plan, boot_mode, dry_run: arguments.dry_run };
        let stopped = std::pin::pin!(stop.cancelled());
        anyhow::Ok(publish::publish(&cloud, &job, &screen, stopped).await?)
    })?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&outcome)?)
    } else {
        print!("{outcome}")
    }
    Ok(())
}

fn unreachable(error: ConnectError) -> BadUsage {
    BadUsage(match error {
        ConnectError::NoRegion { .. } => "no region: name it with --region or in AWS_REGION".to_owned(),
        ConnectError::NoCredentials(_) | ConnectError::Late => error.to_string(),
    })
}
