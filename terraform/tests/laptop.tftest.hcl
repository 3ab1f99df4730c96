# What the laptop may do: its table, item by item, and waking the watchdog. What else it may not is in the gate's table of
# requests (crates/xtask/src/iam/requests.txt).
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  # Any file will do where nothing is run.
  watchdog_zip      = "terraform.tf"
  laptop_health_url = "https://laptop.example.ts.net/health"
}

run "laptop_reaches_its_table_only" {
  command = apply

  assert {
    condition = toset([
      for statement in jsondecode(aws_iam_user_policy.laptop.policy).Statement : statement.Resource if statement.Effect == "Allow"
    ]) == toset(["arn:aws:dynamodb:eu-west-3:123456789012:table/relais"])
    error_message = "a statement reaches beyond the table"
  }

  assert {
    condition     = alltrue(flatten([for statement in jsondecode(aws_iam_user_policy.laptop.policy).Statement : [for action in statement.Action : !strcontains(action, "*")]]))
    error_message = "a wildcard action"
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

run "both_sites_bots_have_the_same_rights" {
  command = apply

  assert {
    condition     = aws_iam_role_policy.standby.policy == aws_iam_user_policy.laptop.policy
    error_message = "a bot could do at one site what it cannot do at the other"
  }
}

run "no_key_is_made_here" {
  command = apply

  assert {
    condition     = output.laptop_user == "relais-laptop"
    error_message = "the user is told, so that its key can be made by hand"
  }
}
