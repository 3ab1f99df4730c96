//! `bootstrap` of the Lambda function, a custom runtime.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use lambda_runtime::{LambdaEvent, service_fn};
use relais_failover::Timestamp;
use relais_host::exit::BadUsage;
use relais_watchdog_lambda::config::{Config, VARIABLE};
use relais_watchdog_lambda::event::Called;
use relais_watchdog_lambda::function::Function;

/// The watchdog, as Lambda runs it. Its configuration stands in the variable RELAIS_CONFIG.
#[derive(Debug, Parser)]
#[command(name = "watchdog-lambda", version)]
struct Arguments {
    /// Check the configuration, and end.
    #[arg(long)]
    check_config: bool,
}

fn main() -> ExitCode {
    relais_host::command_line::run(std::env::args_os(), |arguments: Arguments| {
        relais_host::trace::init(true);
        let config = Config::from_environment().map_err(|error| BadUsage(error.to_string()))?;
        if arguments.check_config {
            say(&format!("{VARIABLE}: ok"));
            return Ok(());
        }
        // One thread: Lambda gives a fraction of one at this size, and everything here waits for others.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(serve(config))
    })
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let function = Arc::new(Function::new(config));
    let handler = service_fn(|event: LambdaEvent<Called>| {
        let function = Arc::clone(&function);
        async move {
            let deadline = Timestamp::from_millis(event.context.deadline);
            function.invoke(event.payload.reason, deadline).await.map_err(|error| format!("{error:#}"))
        }
    });
    lambda_runtime::run(handler).await.map_err(|error| anyhow::anyhow!("{error}"))
}

#[expect(clippy::print_stdout, reason = "the answer that was asked for")]
fn say(line: &str) {
    println!("{line}");
}
