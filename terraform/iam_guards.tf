# Where machines are launched: what must never happen, whatever else the role is ever given; and the right that only the
# spot price needs.
locals {
  machines_guarded = concat(
    [
      {
        Sid       = "NeverWithoutOurTemplate"
        Effect    = "Deny"
        Action    = ["ec2:RunInstances"]
        Resource  = "${local.ec2}:instance/*"
        Condition = { ArnNotEquals = local.from_our_template.ArnEquals }
      },
      {
        Sid       = "NeverTagsLater"
        Effect    = "Deny"
        Action    = ["ec2:CreateTags"]
        Resource  = "*"
        Condition = { StringNotEquals = { "ec2:CreateAction" = "RunInstances" } }
      },
      {
        Sid      = "NeverTakesTags"
        Effect   = "Deny"
        Action   = ["ec2:DeleteTags"]
        Resource = "*"
      },
    ],
    var.spot_first ? [
      {
        # The request stands beside the machine, whose own conditions hold all the same.
        Sid      = "AsksForSpot"
        Effect   = "Allow"
        Action   = ["ec2:RunInstances"]
        Resource = "${local.ec2}:spot-instances-request/*"
      },
    ] : [],
  )

  machines_of_mode = { launch = local.machines_launched, stopped = local.machines_kept }
}
