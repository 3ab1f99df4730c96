# What the watchdog may do with machines. Every right names our template, our network or our tags; the guards (Deny) hold
# whatever else the role is ever given.
locals {
  from_our_template = { ArnEquals = { "ec2:LaunchTemplate" = one(aws_launch_template.standby[*].arn) } }
  subnet_arns       = aws_subnet.standby[*].arn

  machines_seen = [
    {
      # EC2 knows no narrower resource for looking.
      Sid      = "LooksAtMachines"
      Effect   = "Allow"
      Action   = ["ec2:DescribeInstances"]
      Resource = "*"
    },
    {
      Sid    = "NeverAnothersMachine"
      Effect = "Deny"
      Action = concat(
        ["ec2:RebootInstances", "ec2:StartInstances", "ec2:StopInstances"],
        local.launches ? ["ec2:TerminateInstances"] : [],
      )
      Resource = "*"
      Condition = {
        StringNotEquals = { "aws:ResourceTag/Project" = var.name }
      }
    },
  ]

  of_our_standby = {
    StringEquals = {
      "aws:ResourceTag/Project" = local.standby_tags.Project
      "aws:ResourceTag/Role"    = local.standby_tags.Role
    }
  }

  machines_kept = [
    {
      Sid       = "SwitchesOurMachine"
      Effect    = "Allow"
      Action    = ["ec2:StartInstances", "ec2:StopInstances"]
      Resource  = "${local.ec2}:instance/*"
      Condition = local.of_our_standby
    },
    {
      Sid      = "NeverMoreMachines"
      Effect   = "Deny"
      Action   = ["ec2:CreateTags", "ec2:DeleteTags", "ec2:RunInstances", "ec2:TerminateInstances", "iam:PassRole"]
      Resource = "*"
    },
  ]

  machines_launched = concat(
    [
      {
        Sid      = "LaunchesOurMachine"
        Effect   = "Allow"
        Action   = ["ec2:RunInstances"]
        Resource = "${local.ec2}:instance/*"
        Condition = merge(local.from_our_template, {
          StringEquals = {
            "ec2:InstanceType"       = var.instance_types
            "ec2:MetadataHttpTokens" = "required"
            "aws:RequestTag/Project" = local.standby_tags.Project
            "aws:RequestTag/Role"    = local.standby_tags.Role
          }
          NumericEquals = { "ec2:MetadataHttpPutResponseHopLimit" = "1" }
        })
      },
      {
        Sid      = "FromOurImage"
        Effect   = "Allow"
        Action   = ["ec2:RunInstances"]
        Resource = "arn:${local.partition}:ec2:${var.region}::image/*"
        Condition = merge(local.from_our_template, {
          StringEquals = { "aws:ResourceTag/Project" = var.name, "aws:ResourceTag/Role" = "image" }
        })
      },
      {
        Sid       = "InOurNetwork"
        Effect    = "Allow"
        Action    = ["ec2:RunInstances"]
        Resource  = concat(local.subnet_arns, [aws_security_group.standby.arn])
        Condition = local.from_our_template
      },
      {
        Sid       = "WithItsInterface"
        Effect    = "Allow"
        Action    = ["ec2:RunInstances"]
        Resource  = "${local.ec2}:network-interface/*"
        Condition = { ArnEquals = merge(local.from_our_template.ArnEquals, { "ec2:Subnet" = local.subnet_arns }) }
      },
      {
        # Not a large or a quick disk, which is paid for, and none in plain text.
        Sid      = "WithItsDisk"
        Effect   = "Allow"
        Action   = ["ec2:RunInstances"]
        Resource = "${local.ec2}:volume/*"
        Condition = merge(local.from_our_template, {
          StringEquals          = { "ec2:VolumeType" = "gp3" }
          NumericLessThanEquals = { "ec2:VolumeSize" = tostring(var.root_volume_gib) }
          Bool                  = { "ec2:Encrypted" = "true" }
        })
      },
      {
        Sid      = "WithOurTemplate"
        Effect   = "Allow"
        Action   = ["ec2:RunInstances"]
        Resource = one(aws_launch_template.standby[*].arn)
      },
      {
        # What is tagged is what is being made: a machine that exists never becomes ours.
        Sid      = "TagsWhatItMakes"
        Effect   = "Allow"
        Action   = ["ec2:CreateTags"]
        Resource = [for kind in ["instance", "volume", "network-interface"] : "${local.ec2}:${kind}/*"]
        Condition = {
          StringEquals                = { "ec2:CreateAction" = "RunInstances", "aws:RequestTag/Project" = var.name }
          "ForAllValues:StringEquals" = { "aws:TagKeys" = concat(keys(local.standby_tags), ["RelaisStart"]) }
        }
      },
      {
        Sid       = "GivesItsRole"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = aws_iam_role.standby.arn
        Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
      },
      {
        Sid       = "EndsOurMachine"
        Effect    = "Allow"
        Action    = ["ec2:TerminateInstances"]
        Resource  = "${local.ec2}:instance/*"
        Condition = local.of_our_standby
      },
    ],
    local.machines_guarded,
  )
}
