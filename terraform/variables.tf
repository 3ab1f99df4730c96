variable "name" {
  description = "What everything is called and tagged by. Two bots in one account need two names."
  type        = string
  default     = "relais"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "name: 3 to 31 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "region" {
  description = "The AWS region of everything."
  type        = string
  default     = "eu-west-3"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region: the name of an AWS region, such as eu-west-3."
  }
}

variable "table_read_units" {
  description = "Consistent reads of 4 KiB a second that the table always has. Two sites and the watchdog at rest use about 2.2."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.table_read_units >= 3 && var.table_read_units <= 25 && floor(var.table_read_units) == var.table_read_units
    error_message = "table_read_units: a whole number from 3 (below it a standby is throttled) to 25 (what an account has free)."
  }
}

variable "table_write_units" {
  description = "Writes of 1 KiB a second that the table always has. A holder and the watchdog at rest use about 0.8, a command that writes 10 once."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.table_write_units >= 2 && var.table_write_units <= 25 && floor(var.table_write_units) == var.table_write_units
    error_message = "table_write_units: a whole number from 2 (below it commands wait for each other) to 25 (what an account has free)."
  }
}

variable "table_is_protected" {
  description = "Whether AWS refuses to delete the table. It holds every reminder and tag: switch it off only to take everything down."
  type        = bool
  default     = true
  nullable    = false
}

variable "table_has_backups" {
  description = "Whether the last 35 days can be restored to the second. It is paid by the size of the table: cents a month for a small bot."
  type        = bool
  default     = false
  nullable    = false
}
