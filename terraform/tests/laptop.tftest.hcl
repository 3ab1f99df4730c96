# What the laptop may do: its table, item by item, and never the watchdog's memory.
mock_provider "aws" {
  mock_resource "aws_dynamodb_table" {
    defaults = {
      arn = "arn:aws:dynamodb:eu-west-3:123456789012:table/relais"
    }
  }
}

run "laptop_reaches_its_table_only" {
  command = apply

  assert {
    condition     = alltrue([for statement in jsondecode(aws_iam_user_policy.laptop.policy).Statement : statement.Resource == "arn:aws:dynamodb:eu-west-3:123456789012:table/relais"])
    error_message = "a statement reaches beyond the table"
  }

  assert {
    condition     = alltrue(flatten([for statement in jsondecode(aws_iam_user_policy.laptop.policy).Statement : [for action in statement.Action : !strcontains(action, "*")]]))
    error_message = "a wildcard action"
  }

  assert {
    condition     = length([for statement in jsondecode(aws_iam_user_policy.laptop.policy).Statement : statement if statement.Effect == "Allow"]) == 1
    error_message = "the laptop is allowed one thing"
  }
}

run "laptop_can_neither_list_nor_empty_nor_change_the_table" {
  command = apply

  assert {
    condition = length(setintersection(toset(local.actions_of_bots), toset([
      "dynamodb:Scan", "dynamodb:BatchWriteItem", "dynamodb:DeleteTable", "dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive",
      "dynamodb:PartiQLDelete", "dynamodb:PartiQLUpdate", "dynamodb:PartiQLInsert", "dynamodb:PartiQLSelect",
    ]))) == 0
    error_message = "an action that no bot needs"
  }
}

run "laptop_never_writes_the_watchdogs_memory" {
  command = apply

  assert {
    condition     = length(setintersection(toset(local.partitions_of_bots), toset(local.partitions_of_watchdog))) == 0
    error_message = "the partitions overlap"
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_iam_user_policy.laptop.policy).Statement :
      statement.Effect == "Deny" && contains(statement.Action, "dynamodb:PutItem") && try(contains(statement.Condition["ForAnyValue:StringLike"]["dynamodb:LeadingKeys"], "WATCH"), false)
    ])
    error_message = "no guard holds whatever else the user is given"
  }
}

run "no_key_is_made_here" {
  command = apply

  assert {
    condition     = output.laptop_user == "relais-laptop"
    error_message = "the user is told, so that its key can be made by hand"
  }
}
