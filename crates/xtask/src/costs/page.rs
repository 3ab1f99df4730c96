//! `docs/costs.md`: the sums as a page for people.

use super::month::{self, HOURS_A_MONTH, Line, Mode, Policy, Use};
use super::prices::{Market, Table};

/// The share of a month in which the laptop is away: the claim's, and a bad one.
pub(crate) const OUTAGES: [f64; 2] = [0.002, 0.01];
/// Nothing has been built yet, so the page shows what the image's size would change.
const IMAGES_GB: [f64; 3] = [0.6, 1.0, 2.0];
/// The machine and the image of the design that is told to cost 0.10 EUR.
const TOLD_MACHINE: &str = "t3.micro";
const TOLD_IMAGE_GB: f64 = 2.0;
const SECONDS_AN_HOUR: f64 = 3_600.0;
/// Where lines of text end.
const WIDTH: usize = 120;

/// What the sums are made of.
pub(crate) struct Costs<'a> {
    pub(crate) table: &'a Table,
    pub(crate) policy: &'a Policy,
}

impl Costs<'_> {
    /// Hours of the machine at a share of outage.
    pub(crate) fn hours(&self, outage: f64) -> f64 {
        month::cloud_hours(outage * HOURS_A_MONTH, self.table.assumed.failovers.value, self.policy)
    }

    /// The hours that the watchdog's budget allows.
    fn budget_hours(&self) -> f64 {
        self.hours(1.0)
    }

    /// A month of the standby and of what the account has free, in USD.
    fn sum(&self, mode: Mode, machine_usd: f64, image_gb: f64, hours: f64) -> f64 {
        let beyond: f64 = self.uses(hours).iter().map(Use::beyond).sum();
        month::sum(&month::standby(self.table, mode, machine_usd, image_gb, hours)) + beyond
    }

    fn uses(&self, hours: f64) -> Vec<Use> {
        month::uses(self.table, self.policy, hours)
    }

    /// The bill of the claim, and beyond it nothing as long as what is free lasts.
    pub(crate) fn claim(&self, outage: f64) -> anyhow::Result<f64> {
        let machine = self.table.machine()?.price.usd;
        Ok(self.sum(Mode::Launch, machine, self.table.assumed.image_gb.value, self.hours(outage)))
    }

    /// The same in an account whose free parts others have used up.
    pub(crate) fn without_free(&self, outage: f64) -> anyhow::Result<f64> {
        let machine = self.table.machine()?.price.usd;
        let (image, hours) = (self.table.assumed.image_gb.value, self.hours(outage));
        let all: f64 = self.uses(hours).iter().map(|used| used.usd).sum();
        Ok(month::sum(&month::standby(self.table, Mode::Launch, machine, image, hours)) + all)
    }

    /// The whole page.
    pub(crate) fn page(&self) -> anyhow::Result<String> {
        let parts = [
            self.head()?,
            self.modes()?,
            self.machines()?,
            self.bill()?,
            self.allowances(),
            self.units(),
            self.assumptions(),
            self.sources(),
        ];
        Ok(parts.concat())
    }

    fn head(&self) -> anyhow::Result<String> {
        let (table, [low, high]) = (self.table, OUTAGES);
        let (image, region) = (table.assumed.image_gb.value, &table.default.region);
        let about = paragraph(&format!(
            "In USD for a month of {HOURS_A_MONTH} hours, without tax, in AWS's region {region}, by the prices at the end of \
             this page. **Nothing has been built or billed yet**: the size of the image is assumed, and so is how often the \
             laptop is away."
        ));
        let hours = paragraph(&format!(
            "An outage of {} is {:.2} h, of {} {:.2} h. With {} failovers a month the machine then runs {:.2} h and {:.2} h: each \
             run lasts longer than its outage by the hand-back's wait of {} s and one call of the watchdog, and none is shorter \
             than {} min (`min_cloud_run_ms`; AWS itself asks for a minute at least). A laptop that is closed every night is no \
             outage of {}: then the watchdog's budget of {} h a month (`cloud_ms_per_month`) is the bound.",
            share(low),
            low * HOURS_A_MONTH,
            share(high),
            high * HOURS_A_MONTH,
            table.assumed.failovers.value,
            self.hours(low),
            self.hours(high),
            self.policy.handback_after_ms / 1_000.0,
            self.policy.min_cloud_run_ms / 60_000.0,
            share(high),
            self.budget_hours(),
        ));
        Ok(format!(
            "<!-- `cargo xtask costs` writes this from docs/prices.json and crates/failover/policy.json; the gate compares. -->\n\
             # What it costs\n\n{about}\n\
             | what | {} outage | {} outage |\n|---|---|---|\n\
             | launch mode, `{}`, images of {image} GB | **{}** | {} |\n\
             | the same in an account whose free parts are used up | {} | {} |\n\n{hours}\n",
            share(low),
            share(high),
            table.default.machine,
            cents(self.claim(low)?),
            cents(self.claim(high)?),
            cents(self.without_free(low)?),
            cents(self.without_free(high)?),
        ))
    }

    fn modes(&self) -> anyhow::Result<String> {
        let (table, [low, high]) = (self.table, OUTAGES);
        let machine = table.machine()?.price.usd;
        let about = paragraph(&format!(
            "`{}`, {} images kept. The image's size is what is used on its disk, not the disk's size.",
            table.default.machine, table.assumed.images_kept.value,
        ));
        let mut text = format!(
            "## By mode and image\n\n{about}\n| mode | image | {} | {} | budget spent |\n|---|---|---|---|---|\n",
            share(low),
            share(high),
        );
        let columns = [self.hours(low), self.hours(high), self.budget_hours()];
        for (mode, name) in [(Mode::Launch, "launch"), (Mode::Stopped, "stopped")] {
            for image in IMAGES_GB {
                let cells = columns.map(|hours| cents(self.sum(mode, machine, image, hours))).join(" | ");
                text += &format!("| {name} | {image} GB | {cells} |\n");
            }
        }
        // The source design as it is told: one image, nothing published, and no minute beside the outage itself.
        let mut told = table.clone();
        (told.assumed.images_kept.value, told.assumed.publications.value) = (1.0, 0.0);
        let micro = table.machine_of(TOLD_MACHINE, Market::OnDemand)?.price.usd;
        let stopped = month::standby(&told, Mode::Stopped, micro, TOLD_IMAGE_GB, low * HOURS_A_MONTH);
        let disk = table.assumed.disk_gb.value;
        let told = paragraph(&format!(
            "The design that Relais grew out of, a stopped `{TOLD_MACHINE}`, is told to cost 0.10 EUR a month. That does not add \
             up: with an image of {TOLD_IMAGE_GB} GB and {} of outage it is {} USD, because a machine that is stopped still pays \
             its volume, {} USD for {disk} GB.",
            share(low),
            cents(month::sum(&stopped)),
            cents(disk * table.prices.disk.usd),
        ));
        Ok(format!("{text}\n{told}\n"))
    }

    fn machines(&self) -> anyhow::Result<String> {
        let (table, [low, high]) = (self.table, OUTAGES);
        let image = table.assumed.image_gb.value;
        let mut parts = Vec::new();
        let mut rows = String::new();
        for machine in &table.prices.machines {
            let columns = [self.hours(low), self.hours(high), self.budget_hours()];
            let cells = columns.map(|hours| cents(self.sum(Mode::Launch, machine.price.usd, image, hours))).join(" | ");
            rows += &format!("| `{}` | {} GiB | {} | {cells} |\n", machine.kind, machine.gib, machine.market.word());
            if machine.market == Market::Spot {
                let whole = table.machine_of(&machine.kind, Market::OnDemand)?.price.usd;
                parts.push(format!("{} of a `{}`'s price", share(machine.price.usd / whole), machine.kind));
            }
        }
        let about = paragraph(&format!(
            "Launch mode, images of {image} GB. K3s asks for 2 GiB of memory for a server (docs.k3s.io, requirements): the machine \
             with less is here for comparison. Spot was {} when it was read, and may be taken back at any time.",
            parts.join(" and "),
        ));
        Ok(format!(
            "## By machine\n\n{about}\n| machine | memory | market | {} | {} | budget spent |\n|---|---|---|---|---|---|\n{rows}\n",
            share(low),
            share(high),
        ))
    }

    fn bill(&self) -> anyhow::Result<String> {
        let (table, hours) = (self.table, self.hours(OUTAGES[0]));
        let (machine, image) = (table.machine()?, table.assumed.image_gb.value);
        let lines = month::standby(table, Mode::Launch, machine.price.usd, image, hours);
        let rows: String =
            lines.iter().map(|Line { what, how, usd }| format!("| {what} | {how} | {usd:.4} |\n")).collect();
        let beyond: f64 = self.uses(hours).iter().map(Use::beyond).sum();
        let failovers = table.assumed.failovers.value;
        let lazily = paragraph(&format!(
            "Volumes made from a snapshot load lazily. A provisioned rate of initialization, which nobody gets without asking for \
             it, would add {} USD for {failovers} starts.",
            cents(failovers * image * table.prices.initialization.usd),
        ));
        Ok(format!(
            "## The claim's sum\n\n| item | how much | USD |\n|---|---|---|\n{rows}\
             | beyond what is free | next table | {beyond:.4} |\n| **sum** | | **{:.4}** |\n\n{lazily}\n",
            month::sum(&lines) + beyond,
        ))
    }

    fn allowances(&self) -> String {
        let about = paragraph(
            "Every account has these each month, for ever, for everything in it together; accounts of one organization share \
             them. Where they are used up, the last column is paid too. A new account's credits are not counted.",
        );
        let mut rows = String::new();
        for used in self.uses(self.hours(OUTAGES[0])) {
            let (mine, free, part) = (grouped(used.used), grouped(used.free), share(used.used / used.free));
            rows += &format!("| {} | {mine} {} | {free} | {part} | {:.2} |\n", used.what, used.unit, used.usd);
        }
        let limit = self.table.assumed.lambda_timeout.value;
        let notes = paragraph(&format!(
            "The Lambda's time is that of a loop of {} s (`passes_ms`) in each minute; if every call lasted to its limit of \
             {limit} s it would be {} GB-seconds. Its secrets must be decrypted once for each start of its environment: in every \
             call it would be {} requests to KMS. Standard parameters of SSM, the table's first 25 GB and AWS's own metrics cost \
             nothing.",
            self.policy.passes_ms / 1_000.0,
            grouped(month::gb_seconds(self.table, limit)),
            grouped(month::decrypted_in_every_call()),
        ));
        format!(
            "## What is free, and how much of it is used\n\n{about}\n\
             | what | used | free | share | USD if nothing is free |\n|---|---|---|---|---|\n{rows}\n{notes}\n"
        )
    }

    fn units(&self) -> String {
        let (measured, has) = (&self.table.measured, self.table.assumed.table_units.value);
        let about = paragraph(&format!(
            "Counted on {} by `{}`: {}. The watchdog there looks all the time, the Lambda for {} of 60 s, so this is an upper \
             bound.",
            measured.on,
            measured.command,
            measured.what,
            self.policy.passes_ms / 1_000.0,
        ));
        let mut rows = String::new();
        for (what, units, seconds) in [
            ("an hour at rest, both sites and the watchdog", measured.two_sites, Some(SECONDS_AN_HOUR)),
            ("an hour at rest, the laptop and the watchdog", measured.one_site, Some(SECONDS_AN_HOUR)),
            ("a failover, from the laptop's death on", measured.failover, Some(measured.failover_s)),
            ("a command that writes (`/remind`)", measured.command_that_writes, None),
            ("the session saved after it, at most once a second", measured.session_saved, None),
            ("a reminder delivered", measured.reminder_delivered, None),
        ] {
            let a_second = seconds.map_or(" | ".to_owned(), |seconds| {
                format!("{:.2} | {:.2}", units.read / seconds, units.write / seconds)
            });
            rows += &format!("| {what} | {} | {} | {a_second} |\n", grouped(units.read), grouped(units.write));
        }
        let left = has - measured.two_sites.write / SECONDS_AN_HOUR;
        let each = measured.command_that_writes.write + measured.session_saved.write;
        let notes = paragraph(&format!(
            "The table has {has} of each a second, and DynamoDB keeps what was not used for 300 s (Developer Guide, burst \
             capacity), at rest {} write units: room for {} commands at once, and for {} an hour on end. Reminders that only \
             wait cost nothing. What the laptop reads goes out to the internet: {} MB an hour, {} GB a month.",
            grouped(left * 300.0),
            grouped((left * 300.0 / each).floor()),
            grouped((left * SECONDS_AN_HOUR / each).floor()),
            measured.laptop_mb,
            grouped(measured.laptop_mb * HOURS_A_MONTH / 1_000.0),
        ));
        format!(
            "## Units of DynamoDB\n\n{about}\n\
             | what | read units | write units | read a second | write a second |\n|---|---|---|---|---|\n{rows}\n{notes}\n"
        )
    }

    fn assumptions(&self) -> String {
        let mut text = String::from("## What is assumed\n\n| what | value | why |\n|---|---|---|\n");
        for (name, assumed) in self.table.assumed.rows() {
            text += &format!("| {name} | {} {} | {} |\n", assumed.value, assumed.unit, assumed.why);
        }
        text + "\n"
    }

    fn sources(&self) -> String {
        let about = paragraph(
            "`read` is the day on which the figure was read at its source, or says that it was not. A price of another region \
             stands in for one that was not at hand.",
        );
        let mut text = format!(
            "## Prices and their sources\n\n{about}\n| what | USD | of | region | source | read |\n|---|---|---|---|---|---|\n"
        );
        for price in self.table.prices.rows() {
            text += &format!(
                "| {} | {} | {} | {} | {} | {} |\n",
                price.what, price.usd, price.unit, price.region, price.source, price.read
            );
        }
        text += "\n| free every month | amount | source | read |\n|---|---|---|---|\n";
        for free in self.table.free.rows() {
            let amount = grouped(free.amount);
            text += &format!("| {} | {amount} {} | {} | {} |\n", free.what, free.unit, free.source, free.read);
        }
        text
    }
}

/// Words in lines, and the end of the last.
pub(crate) fn paragraph(text: &str) -> String {
    let (mut lines, mut width) = (String::new(), 0);
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if width > 0 {
            // A number is not parted from its sign.
            let breaks = width + 1 + length > WIDTH && !word.starts_with('%');
            lines.push(if breaks { '\n' } else { ' ' });
            width = if breaks { 0 } else { width + 1 };
        }
        lines.push_str(word);
        width += length;
    }
    lines + "\n"
}

/// `0.27`.
pub(crate) fn cents(usd: f64) -> String {
    format!("{usd:.2}")
}

/// `0.2 %`.
pub(crate) fn share(part: f64) -> String {
    let percent = part * 100.0;
    let rounded = if percent >= 10.0 { percent.round() } else { (percent * 10.0).round() / 10.0 };
    if rounded == 0.0 && percent > 0.0 { "below 0.1 %".to_owned() } else { format!("{rounded} %") }
}

/// `273,750`; small numbers keep what matters of their fraction.
fn grouped(number: f64) -> String {
    if number < 100.0 {
        return format!("{}", (number * 100.0).round() / 100.0);
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{WIDTH, grouped, paragraph, share};

    #[test]
    fn a_paragraph_keeps_its_words_and_its_width() {
        let words = "word ".repeat(60);
        let text = paragraph(&words);
        assert!(text.lines().all(|line| line.len() <= WIDTH) && text.lines().count() == 3, "{text}");
        assert!(text.split_whitespace().eq(words.split_whitespace()) && text.ends_with("word\n"));
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(
            [grouped(1_000_000.0), grouped(273_750.0), grouped(730.4), grouped(0.083)],
            ["1,000,000", "273,750", "730", "0.08"]
        );
        assert_eq!(
            [share(0.002), share(0.01), share(0.684_4), share(0.000_1)],
            ["0.2 %", "1 %", "68 %", "below 0.1 %"]
        );
    }
}
