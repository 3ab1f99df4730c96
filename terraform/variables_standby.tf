variable "standby_mode" {
  description = "launch: the watchdog makes a machine from a template and ends it, so nothing but a snapshot is paid at rest. stopped: one machine that it starts and stops, paid by its disk at rest."
  type        = string
  default     = "launch"
  nullable    = false

  validation {
    condition     = contains(["launch", "stopped"], var.standby_mode)
    error_message = "standby_mode: launch or stopped."
  }
}

variable "ami_from" {
  description = "How the published image is found: parameter (what /NAME/ami says, so a step back is possible) or tag (the newest with the tags of this project)."
  type        = string
  default     = "parameter"
  nullable    = false

  validation {
    condition     = contains(["parameter", "tag"], var.ami_from)
    error_message = "ami_from: parameter or tag."
  }
}

variable "architecture" {
  description = "The processors of the published image."
  type        = string
  default     = "x86_64"
  nullable    = false

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture: x86_64 or arm64."
  }
}

variable "instance_types" {
  description = "What the standby may be, the most wanted first; the others are for when a zone has no more of it. K3s with ArgoCD needs 2 GiB of memory."
  type        = list(string)
  default     = ["t3a.small", "t3.small"]
  nullable    = false

  validation {
    condition     = length(var.instance_types) >= 1 && length(var.instance_types) <= 4
    error_message = "instance_types: one to four types."
  }

  validation {
    condition     = alltrue([for type in var.instance_types : can(regex("^[a-z][a-z0-9-]+\\.[a-z0-9]+$", type))])
    error_message = "instance_types: names of EC2 types, such as t3.small."
  }

  # A family with a g after its generation has Graviton processors.
  validation {
    condition     = alltrue([for type in var.instance_types : can(regex("^[a-z]+[0-9]+g", type)) == (var.architecture == "arm64")])
    error_message = "instance_types: ${join(", ", var.instance_types)} cannot all run an image for ${var.architecture}. arm64 needs types such as t4g.small, x86_64 such as t3.small."
  }
}

variable "spot_first" {
  description = "Whether the watchdog asks for a spot machine before it pays the full price. Only in mode launch; spot can be taken away at two minutes' notice."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.spot_first || var.standby_mode == "launch"
    error_message = "spot_first: only with standby_mode = \"launch\"; a machine that is kept stopped has no spot price."
  }
}

variable "root_volume_gib" {
  description = "Size of the standby's disk in GiB. At least the size of the image."
  type        = number
  default     = 8
  nullable    = false

  validation {
    condition     = var.root_volume_gib >= 4 && var.root_volume_gib <= 64 && floor(var.root_volume_gib) == var.root_volume_gib
    error_message = "root_volume_gib: a whole number from 4 to 64."
  }
}

variable "volume_initialization_mib_per_second" {
  description = "How fast the disk is filled from the snapshot, so that first reads are not slow: 100 to 300, paid by the gigabyte at every launch. Not asked for if null. Only in mode launch."
  type        = number
  default     = null

  validation {
    condition     = var.volume_initialization_mib_per_second == null ? true : var.volume_initialization_mib_per_second >= 100 && var.volume_initialization_mib_per_second <= 300 && floor(var.volume_initialization_mib_per_second) == var.volume_initialization_mib_per_second
    error_message = "volume_initialization_mib_per_second: a whole number from 100 to 300, or null."
  }

  validation {
    condition     = var.volume_initialization_mib_per_second == null || var.standby_mode == "launch"
    error_message = "volume_initialization_mib_per_second: only with standby_mode = \"launch\"; a machine that is kept stopped has its disk filled already."
  }
}
