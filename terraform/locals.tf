data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition

  # The numbers of the protocol; nothing here repeats one.
  policy = jsondecode(file(coalesce(var.policy_file, "${path.module}/../crates/failover/policy.json")))

  launches = var.standby_mode == "launch"

  # What a standby machine, its disk and its network interface carry. The watchdog finds and ends machines by these.
  standby_tags = {
    Project = var.name
    Role    = "standby"
    Name    = "${var.name}-standby"
  }

  # Names before the things exist: a policy that read them from a function that changes would change with it.
  function_name = "${var.name}-watchdog"
  function_arn  = "arn:${local.partition}:lambda:${var.region}:${local.account}:function:${local.function_name}"
  ec2           = "arn:${local.partition}:ec2:${var.region}:${local.account}"
}
