variable "watchdog_zip" {
  description = "The watchdog as a zip with the program `bootstrap` for Lambda's provided.al2023 on x86_64."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists(var.watchdog_zip)
    error_message = "watchdog_zip: there is no file ${var.watchdog_zip}. README.md shows how it is built."
  }
}

variable "laptop_health_url" {
  description = "Where the laptop's health is published: https://LAPTOP.TAILNET.ts.net/health."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^(https://[^/?#@\\s]+|http://127[.]0[.]0[.]1:[0-9]+)/[^?#\\s]*$", var.laptop_health_url)) && length(var.laptop_health_url) <= 300
    error_message = "laptop_health_url: an address that begins with https:// and has a path, without user, query or fragment, of at most 300 characters."
  }
}

variable "policy_file" {
  description = "The numbers of the protocol. Those of this repository if null."
  type        = string
  default     = null

  validation {
    condition     = var.policy_file == null ? true : can(jsondecode(file(var.policy_file)).ttl_ms)
    error_message = "policy_file: ${coalesce(var.policy_file, "null")} is no policy of Relais (JSON, see crates/failover/policy.json)."
  }
}

variable "alerts_to_discord" {
  description = "Whether the watchdog also tells a Discord webhook, whose address is then put into the parameter /NAME/alert-webhook by hand."
  type        = bool
  default     = false
  nullable    = false
}

variable "alert_email" {
  description = "Who gets alerts and alarms by e-mail; AWS asks that address for consent first. Nobody if null."
  type        = string
  default     = null

  validation {
    condition     = var.alert_email == null ? true : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", var.alert_email))
    error_message = "alert_email: an e-mail address, or null."
  }
}

variable "log_retention_days" {
  description = "How long the watchdog's log is kept."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365], var.log_retention_days)
    error_message = "log_retention_days: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180 or 365, which are CloudWatch's own steps."
  }
}

variable "standby_alarm_hours" {
  description = "For how many hours the standby may run before somebody is told."
  type        = number
  default     = 12
  nullable    = false

  validation {
    condition     = var.standby_alarm_hours >= 1 && var.standby_alarm_hours <= 168
    error_message = "standby_alarm_hours: from 1 to 168 (a week)."
  }
}

variable "budget_usd" {
  description = "What the whole account may cost a month, in US dollars, before somebody is told: at 80 % of it, and when the forecast exceeds it."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.budget_usd >= 1 && var.budget_usd <= 1000
    error_message = "budget_usd: from 1 to 1000."
  }
}
