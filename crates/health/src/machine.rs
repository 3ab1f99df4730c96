//! How the machine is, for operators: its memory, load, disk and power, read from the kernel when the page is asked for.
//! A container sees all of it without a right of its own. What cannot be read is left out, never shown as zero.

use std::path::Path;

use relais_host::clock;
use rustix::fs::statvfs;

/// Reads everything and shows it; `state_dir` is where the state lives.
pub fn show(state_dir: &Path) {
    let machine = Machine::read(Path::new("/"), state_dir);
    let gauges = [
        ("machine_memory_total_bytes", machine.memory_total),
        ("machine_memory_available_bytes", machine.memory_available),
        ("machine_load1", machine.load),
        ("machine_processors", machine.processors),
        ("machine_disk_size_bytes", machine.disk_size),
        ("machine_disk_free_bytes", machine.disk_free),
        ("machine_on_battery", machine.on_battery),
        ("machine_battery_ratio", machine.battery),
    ];
    for (name, value) in gauges {
        if let Some(value) = value {
            metrics::gauge!(name).set(value);
        }
    }
    metrics::gauge!("machine_up_seconds").set(clock::now().as_millis() as f64 / 1000.0);
}

/// What was read.
#[derive(Debug, Default, PartialEq)]
struct Machine {
    memory_total: Option<f64>,
    memory_available: Option<f64>,
    load: Option<f64>,
    processors: Option<f64>,
    disk_size: Option<f64>,
    disk_free: Option<f64>,
    on_battery: Option<f64>,
    battery: Option<f64>,
}

impl Machine {
    /// From the file systems of the kernel below `root`.
    fn read(root: &Path, state_dir: &Path) -> Self {
        let text = |file: &str| std::fs::read_to_string(root.join(file)).unwrap_or_default();
        let memory = text("proc/meminfo");
        let disk = statvfs(state_dir).ok();
        let supplies = supplies(&root.join("sys/class/power_supply"));
        let charges = || supplies.iter().filter_map(|supply| supply.charge);
        Self {
            memory_total: kibibytes(&memory, "MemTotal"),
            memory_available: kibibytes(&memory, "MemAvailable"),
            load: text("proc/loadavg").split_whitespace().next().and_then(|first| first.parse().ok()),
            processors: std::thread::available_parallelism().ok().map(|count| count.get() as f64),
            disk_size: disk.as_ref().map(|disk| (disk.f_blocks.saturating_mul(disk.f_frsize)) as f64),
            disk_free: disk.as_ref().map(|disk| (disk.f_bavail.saturating_mul(disk.f_frsize)) as f64),
            // A machine without a battery is not told to be on one.
            on_battery: charges().next().map(|_| {
                let mains = supplies.iter().any(|supply| supply.online == Some(true));
                if mains { 0.0 } else { 1.0 }
            }),
            battery: charges().reduce(f64::min),
        }
    }
}

/// A line of `/proc/meminfo`, in bytes.
fn kibibytes(memory: &str, name: &str) -> Option<f64> {
    let rest = memory.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let count: f64 = rest.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(count * 1024.0)
}

/// One source of power (Linux, Documentation/ABI/testing/sysfs-class-power).
struct Supply {
    /// Of mains: whether it is plugged in.
    online: Option<bool>,
    /// Of a battery: how full it is, 0 to 1.
    charge: Option<f64>,
}

fn supplies(folder: &Path) -> Vec<Supply> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.ok()?.path();
        let text = |file: &str| std::fs::read_to_string(path.join(file)).ok().map(|text| text.trim().to_owned());
        // A mouse has a battery too.
        let own = text("scope").is_none_or(|scope| scope != "Device");
        let battery = text("type")? == "Battery";
        own.then(|| Supply {
            online: text("online").filter(|_| !battery).map(|online| online != "0"),
            charge: text("capacity").filter(|_| battery).and_then(|text| Some(text.parse::<f64>().ok()? / 100.0)),
        })
    };
    entries.filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (file, text) in files {
            let path = root.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn a_laptop_tells_its_memory_load_and_battery() {
        let root = tempfile::tempdir().unwrap();
        write(
            root.path(),
            &[
                ("proc/meminfo", "MemTotal:        2048 kB\nMemFree:  1 kB\nMemAvailable:    1024 kB\n"),
                ("proc/loadavg", "0.50 0.40 0.30 1/100 4242\n"),
                ("sys/class/power_supply/AC/type", "Mains\n"),
                ("sys/class/power_supply/AC/online", "0\n"),
                ("sys/class/power_supply/BAT0/type", "Battery\n"),
                ("sys/class/power_supply/BAT0/capacity", "81\n"),
                ("sys/class/power_supply/BAT1/type", "Battery\n"),
                ("sys/class/power_supply/BAT1/capacity", "40\n"),
                ("sys/class/power_supply/mouse/type", "Battery\n"),
                ("sys/class/power_supply/mouse/scope", "Device\n"),
                ("sys/class/power_supply/mouse/capacity", "5\n"),
            ],
        );
        let machine = Machine::read(root.path(), root.path());
        assert_eq!((machine.memory_total, machine.memory_available), (Some(2_097_152.0), Some(1_048_576.0)));
        assert_eq!((machine.load, machine.on_battery, machine.battery), (Some(0.5), Some(1.0), Some(0.4)));
        assert!(machine.disk_size >= machine.disk_free && machine.disk_size.is_some());
        write(root.path(), &[("sys/class/power_supply/AC/online", "1\n")]);
        assert_eq!(Machine::read(root.path(), root.path()).on_battery, Some(0.0));
    }

    #[test]
    fn what_a_machine_does_not_have_is_left_out() {
        let root = tempfile::tempdir().unwrap();
        let machine = Machine::read(root.path(), &root.path().join("none"));
        let known = Machine { processors: machine.processors, ..Machine::default() };
        assert_eq!(machine, known);
    }
}
