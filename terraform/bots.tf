# What a bot may do, at either site: the laptop's user and the standby's role.
locals {
  # The partitions of the table (crates/dynamodb/src/table.rs), by who writes them.
  partitions_of_bots     = ["BOARD", "STATE", "OUTBOX", "EVENT", "OPERATION#*"]
  partitions_of_watchdog = ["WATCH"]

  # What a bot does with the table: nothing that lists, empties or changes the table itself. A transaction is allowed by
  # what is in it (IAM documentation, DynamoDB: TransactWriteItems).
  actions_of_bots = [
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
  ]

  policy_of_bots = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "LeaseAndState"
        Effect   = "Allow"
        Action   = local.actions_of_bots
        Resource = aws_dynamodb_table.state.arn
        Condition = {
          "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = local.partitions_of_bots }
        }
      },
      {
        # Holds whatever else this user is ever given: a bot never writes the memory that decides about machines.
        Sid      = "NeverTheWatchdogsMemory"
        Effect   = "Deny"
        Action   = local.actions_of_bots
        Resource = aws_dynamodb_table.state.arn
        Condition = {
          "ForAnyValue:StringLike" = { "dynamodb:LeadingKeys" = local.partitions_of_watchdog }
        }
      },
      {
        # Holds whatever else it is given: machines are the watchdog's, and so are the roles they get.
        Sid    = "NeverTheMachines"
        Effect = "Deny"
        Action = [
          "ec2:RebootInstances",
          "ec2:RunInstances",
          "ec2:StartInstances",
          "ec2:StopInstances",
          "ec2:TerminateInstances",
          "iam:PassRole",
        ]
        Resource = "*"
      },
    ]
  }
}
