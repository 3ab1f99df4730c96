# Who the watchdog is to AWS. What it may do with machines depends on the mode: iam_machines.tf.
resource "aws_iam_role" "watchdog" {
  name        = "${var.name}-watchdog"
  path        = "/${var.name}/"
  description = "The watchdog of ${var.name}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Functions"
        Effect    = "Allow"
        Action    = ["sts:AssumeRole"]
        Principal = { Service = "lambda.amazonaws.com" }
      },
    ]
  })
}

resource "aws_iam_role_policy" "watchdog" {
  name = "looks-and-tells"
  role = aws_iam_role.watchdog.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "ItsMemory"
          Effect   = "Allow"
          Action   = ["dynamodb:GetItem", "dynamodb:PutItem"]
          Resource = aws_dynamodb_table.state.arn
          Condition = {
            "ForAllValues:StringEquals" = { "dynamodb:LeadingKeys" = local.partitions_of_watchdog }
          }
        },
        {
          Sid      = "LooksAtLeaseAndHistory"
          Effect   = "Allow"
          Action   = ["dynamodb:Query"]
          Resource = aws_dynamodb_table.state.arn
          Condition = {
            "ForAllValues:StringEquals" = { "dynamodb:LeadingKeys" = ["BOARD", "EVENT"] }
          }
        },
        {
          # Holds whatever else it is given: who switches machines never says who may speak.
          Sid      = "NeverTheLease"
          Effect   = "Deny"
          Action   = ["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
          Resource = aws_dynamodb_table.state.arn
          Condition = {
            "ForAnyValue:StringLike" = { "dynamodb:LeadingKeys" = local.partitions_of_bots }
          }
        },
        {
          Sid      = "TellsPeople"
          Effect   = "Allow"
          Action   = ["sns:Publish"]
          Resource = aws_sns_topic.alerts.arn
        },
        {
          Sid      = "WritesItsLog"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "${aws_cloudwatch_log_group.watchdog.arn}:log-stream:*"
        },
      ],
      local.policy_of_secrets.watchdog,
    )
  })
}

resource "aws_iam_role_policy" "watchdog_machines" {
  name = "machines"
  role = aws_iam_role.watchdog.name

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.machines_seen, local.machines_of_mode[var.standby_mode])
  })
}

# Who the schedule is to AWS: whoever may start the one function.
resource "aws_iam_role" "schedule" {
  name        = "${var.name}-schedule"
  path        = "/${var.name}/"
  description = "The schedule of ${var.name}'s watchdog"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # Not on behalf of somebody else's schedule (EventBridge Scheduler documentation, confused deputy: by group).
        Sid       = "OurSchedules"
        Effect    = "Allow"
        Action    = ["sts:AssumeRole"]
        Principal = { Service = "scheduler.amazonaws.com" }
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account }
          ArnEquals    = { "aws:SourceArn" = aws_scheduler_schedule_group.watchdog.arn }
        }
      },
    ]
  })
}

# The schedule, every minute, and the laptop, before it sleeps.
locals {
  policy_of_wakers = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "WakesTheWatchdog"
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = local.function_arn
      },
    ]
  }
}

resource "aws_iam_role_policy" "schedule" {
  name   = "wakes-the-watchdog"
  role   = aws_iam_role.schedule.name
  policy = jsonencode(local.policy_of_wakers)
}
