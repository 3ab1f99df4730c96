# The watchdog: its settings as the program reads them, its time from the policy, its schedule.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  # Any file will do where nothing is run.
  watchdog_zip      = "terraform.tf"
  laptop_health_url = "https://laptop.example.ts.net/health"
}

run "settings_for_launching" {
  command = apply

  assert {
    condition = jsondecode(aws_lambda_function.watchdog.environment[0].variables.RELAIS_CONFIG) == {
      store = "dynamodb:relais?region=eu-west-3"
      probe = { url = "https://laptop.example.ts.net/health", key_parameter = "/relais/health-key" }
      standby = {
        kind     = "launch"
        project  = "relais"
        template = "lt-0123456789abcdef0"
        types    = ["t3a.small", "t3.small"]
        subnets  = aws_subnet.standby[*].id
        market   = "on-demand"
      }
      alerts = { topic = "arn:aws:sns:eu-west-3:123456789012:relais-alerts" }
      policy = local.policy
    }
    error_message = "the watchdog refuses keys that it does not know, and does not start without those it needs"
  }

  assert {
    condition     = join(",", keys(aws_lambda_function.watchdog.environment[0].variables)) == "RELAIS_CONFIG"
    error_message = "a second variable"
  }
}

run "settings_for_starting_with_everything_asked_for" {
  command = apply

  variables {
    standby_mode      = "stopped"
    alerts_to_discord = true
  }

  assert {
    condition     = jsondecode(aws_lambda_function.watchdog.environment[0].variables.RELAIS_CONFIG).standby == { kind = "stopped", project = "relais" }
    error_message = "the watchdog refuses keys that it does not know"
  }

  assert {
    condition     = jsondecode(aws_lambda_function.watchdog.environment[0].variables.RELAIS_CONFIG).alerts.webhook_parameter == "/relais/alert-webhook"
    error_message = "Discord is not told"
  }
}

run "spot_is_asked_for" {
  command = apply
  variables {
    spot_first = true
  }

  assert {
    condition     = jsondecode(aws_lambda_function.watchdog.environment[0].variables.RELAIS_CONFIG).standby.market == "spot-first"
    error_message = "the full price is paid"
  }
}

run "time_comes_from_the_policy" {
  command = apply
  variables {
    policy_file = "tests/data/short-looks.json"
  }

  assert {
    condition     = aws_lambda_function.watchdog.timeout == 38
    error_message = "29.5 s of looking and 8 s around it"
  }
}

run "looks_longer_than_their_minute_are_refused" {
  command = plan
  variables {
    policy_file = "tests/data/long-looks.json"
  }
  expect_failures = [aws_lambda_function.watchdog]
}

run "settings_that_lambda_would_not_take_are_refused" {
  # What the runs above made is known, so the length is known before anything is changed.
  command = plan
  variables {
    policy_file = "tests/data/long-policy.json"
  }
  expect_failures = [aws_lambda_function.watchdog]
}

run "the_longest_names_fit" {
  command = apply

  variables {
    name              = "a-bot-that-has-a-very-long-name"
    instance_types    = ["m7i-flex.8xlarge", "m7i-flex.4xlarge", "m7i-flex.2xlarge", "m7i-flex.xlarge"]
    laptop_health_url = "https://${join(".", [for n in range(27) : "long-name"])}.ts.net/health"
    alerts_to_discord = true
    spot_first        = true
  }

  assert {
    condition     = length(aws_lambda_function.watchdog.environment[0].variables.RELAIS_CONFIG) + length("RELAIS_CONFIG") <= 4096
    error_message = "Lambda takes 4 KB"
  }
}

run "it_runs_as_it_is_built" {
  command = apply

  assert {
    condition     = aws_lambda_function.watchdog.runtime == "provided.al2023" && aws_lambda_function.watchdog.architectures == tolist(["x86_64"]) && aws_lambda_function.watchdog.memory_size == 128
    error_message = "another machine than it is built for, or one that the free tier does not carry"
  }

  assert {
    condition     = one(aws_lambda_function.watchdog.logging_config).log_format == "JSON" && one(aws_lambda_function.watchdog.logging_config).log_group == aws_cloudwatch_log_group.watchdog.name && aws_cloudwatch_log_group.watchdog.retention_in_days == 14
    error_message = "its log would be kept for ever, in a group that Lambda makes"
  }
}

run "a_late_look_is_dropped" {
  command = apply

  assert {
    condition     = aws_scheduler_schedule.watchdog.schedule_expression == "rate(1 minute)" && aws_scheduler_schedule.watchdog.target[0].input == "{\"reason\":\"schedule\"}"
    error_message = "the watchdog is not woken as it expects"
  }

  assert {
    condition     = one(aws_scheduler_schedule.watchdog.target[0].retry_policy).maximum_retry_attempts == 0 && aws_lambda_function_event_invoke_config.watchdog.maximum_retry_attempts == 0 && aws_lambda_function_event_invoke_config.watchdog.maximum_event_age_in_seconds == 60
    error_message = "the next minute brings a new look; an old one only costs"
  }

  assert {
    condition     = coalesce(aws_lambda_function.watchdog.reserved_concurrent_executions, -1) == -1
    error_message = "new accounts may not reserve"
  }
}
