//! A laptop that really sleeps: the scene `suspend` with the laptop in a virtual machine that is put into ACPI's S3 while its
//! bot holds the lease. Twice: as it is, and with a bot whose clock is CLOCK_MONOTONIC, which must be caught.
//!
//! The machine is emulated instruction by instruction, so the step needs no right to virtualise and is not quick; yet all
//! that counts there are clocks.

mod initrd;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use crate::debian::{Needed, have, on_path, unpacked};
use crate::drill::shipped;
use crate::files::files;
use crate::gate::Gate;
use crate::process::Log;
use crate::table::Outcome;

const NEEDED: &[Needed] = &[
    Needed::new("qemu-system-x86_64", "qemu-system-x86"),
    Needed::new("busybox", "busybox-static"),
    Needed::new("socat", "socat"),
    Needed::new("setpriv", "util-linux"),
    Needed::new("strip", "binutils"),
];
/// Small, and with the drivers of virtual machines.
const KERNEL: &str = "linux-image-cloud-amd64";
/// Half the protocol's times: enough for an emulated machine, and a minute less.
const PACE: &str = "2";
const BAD_DESIGN: &str = "monotonic-clock";

/// Makes the machine, plays the scene with both bots.
pub(crate) fn run(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    if !cfg!(target_arch = "x86_64") {
        return Ok(Outcome::NotRun("the laptop of this step is an x86_64 machine".to_owned()));
    }
    if let Err(why) = have(gate, log, NEEDED)? {
        return Ok(Outcome::NotRun(why));
    }
    let kernel = match kernel(gate, log)? {
        Ok(kernel) => kernel,
        Err(why) => return Ok(Outcome::NotRun(why)),
    };
    // As the step `mutants` has it: nothing is compiled a second time.
    let built = gate.run_cargo(
        &[
            "build",
            "--locked",
            "--workspace",
            "--features",
            "relais-watchdog-local/aws,relais-watchdog-local/mutants",
            "--bin",
            "watchdog-local",
        ],
        log,
    )?;
    ensure!(built.success, "build the drill: {}", built.ending);
    // What is shipped, as the step `drill` has it. An emulated machine is slow, and a program without optimisation on it so slow
    // that the moment between a look at the lease and the first byte on the wire would be long enough to fall asleep in.
    let program = shipped(gate, log)?;
    let laptop = machine(gate, log, &kernel, &program)?;
    let (sound, words) = play(gate, log, &program, &laptop, &[])?;
    let mut faults = Vec::new();
    if sound["passed"] != true {
        faults.push(format!("the bot as it is: {words}"));
    }
    let program = gate.target.join("debug/watchdog-local");
    let laptop = machine(gate, log, &kernel, &program)?;
    let (broken, words) = play(gate, log, &program, &laptop, &["--mutant", BAD_DESIGN])?;
    // Any other failure would prove nothing about the clock.
    if !words.contains("the laptop tried to speak") {
        faults.push(format!("a bot by CLOCK_MONOTONIC was not seen speaking on its dead lease: {words}"));
    }
    log.say(&format!(
        "asleep in S3 while it held the lease: {} s without a speaker, {} at most; by CLOCK_MONOTONIC: {}",
        sound["outage_ms"].as_f64().unwrap_or(f64::NAN) / 1000.0,
        sound["speakers_max"],
        broken["broken"]
    ))?;
    let failed = faults.len() as u64;
    let note = if failed == 0 { "a sleeping machine, and the bad design caught".to_owned() } else { faults.join("; ") };
    Ok(Outcome::Ran { passed: 2 - failed, failed, note })
}

/// One play of the scene: its report, and what it broke.
fn play(gate: &Gate, log: &Log, program: &Path, laptop: &Path, more: &[&str]) -> anyhow::Result<(Value, String)> {
    let report = gate.reports.join("suspend.json");
    if report.exists() {
        std::fs::remove_file(&report).with_context(|| format!("remove {}", report.display()))?;
    }
    let mut drill = gate.command(program);
    drill.args(["drill", "--scene", "suspend", "--pace", PACE, "--laptop"]).arg(laptop).arg("--json").arg(&report);
    drill.arg("--html").arg(gate.reports.join("suspend.html")).args(more);
    let finished = log.run(drill, None)?;
    let text = std::fs::read_to_string(&report).unwrap_or_default();
    let whole: Value = serde_json::from_str(&text)
        .with_context(|| format!("the drill ended ({}) without a whole report", finished.ending))?;
    let scene = whole["scenes"][0].clone();
    ensure!(scene["scene"] == "suspend", "the drill played something else: {}", scene["scene"]);
    let words = scene["broken"].to_string();
    Ok((scene, words))
}

/// The machine's description, with a fresh initramfs of this build's program.
fn machine(gate: &Gate, log: &Log, kernel: &Kernel, program: &Path) -> anyhow::Result<PathBuf> {
    let folder = gate.target.join("tools/guest");
    std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let small = folder.join("watchdog-local");
    let mut strip = gate.command("strip");
    strip.arg("-o").arg(&small).arg(program);
    let stripped = log.run(strip, None)?;
    ensure!(stripped.success, "strip the program: {}", stripped.ending);
    let initrd = folder.join("initrd.cpio");
    initrd::write(&initrd, &small, &kernel.modules)?;
    let qemu = on_path("qemu-system-x86_64").context("find qemu-system-x86_64")?;
    let described = json!({ "qemu": qemu, "kernel": kernel.image, "initrd": initrd });
    let file = folder.join("laptop.json");
    std::fs::write(&file, described.to_string()).with_context(|| format!("write {}", file.display()))?;
    Ok(file)
}

/// A kernel, unpacked and not installed.
struct Kernel {
    image: PathBuf,
    /// `lib/modules/VERSION`.
    modules: PathBuf,
}

/// Debian's kernel for virtual machines, or why there is none.
fn kernel(gate: &Gate, log: &Log) -> anyhow::Result<Result<Kernel, String>> {
    let folder = match unpacked(gate, log, KERNEL)? {
        Ok(folder) => folder,
        Err(why) => return Ok(Err(why)),
    };
    let is_image =
        |file: &PathBuf| file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"vmlinuz"));
    let image = files(&folder.join("boot"))?.into_iter().find(is_image);
    let versions = ["lib/modules", "usr/lib/modules"].map(|at| folder.join(at)).into_iter().find(|at| at.is_dir());
    match (image, versions.map(|at| files(&at)).transpose()?.and_then(|all| all.into_iter().next())) {
        (Some(image), Some(modules)) => Ok(Ok(Kernel { image, modules })),
        _ => bail!("{} has no kernel with modules", folder.display()),
    }
}
